import { appendFile, copyFile, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CliOptions, runSluice, startSluice } from '../support/cli.ts';

let folder: string;
let cli: CliOptions;
let stop: (() => void) | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-logs-'));
  await mkdir(join(folder, 'logs'));
  cli = { env: { DATA_DIR: folder }, cwd: folder };
});
afterEach(async () => {
  stop?.();
  stop = undefined;
  await rm(folder, { recursive: true, force: true });
});

const pathOf = (name: string) => join(folder, 'logs', name);
const line = (time: string, more: object) =>
  `${JSON.stringify({ level: 'info', time: `2026-11-28T${time}.000Z`, app: 'worker', pid: 1, ...more })}\n`;

/** The messages of an answer for programs, in their order. */
const messagesIn = (stdout: string) =>
  stdout
    .split('\n')
    .filter(Boolean)
    .map((text) => JSON.parse(text).msg);

describe('sluice logs', () => {
  it('puts the lines of all processes in the order of time, also those that were put aside', async () => {
    await writeFile(pathOf('worker-out.log.2'), line('05:00:00', { msg: 'first' }));
    await writeFile(pathOf('worker-out.log.1'), line('05:00:01', { msg: 'second' }));
    await writeFile(pathOf('worker-out.log'), line('05:00:05', { msg: 'last' }));
    await writeFile(pathOf('pipeline-out.log'), line('05:00:02', { msg: 'third', app: 'pipeline' }));
    await writeFile(pathOf('redis-out.log'), '12:M 28 Nov 2026 05:00:04.000 * Ready\n');

    const { exitCode, stdout } = await runSluice(['logs'], { ...cli, env: { ...cli.env, TZ: 'UTC' } });

    expect(exitCode).toBe(0);
    expect(stdout.split('\n')).toEqual([
      '[2026-11-28 05:00:00] INFO (worker): first',
      '[2026-11-28 05:00:01] INFO (worker): second',
      '[2026-11-28 05:00:02] INFO (pipeline): third',
      '[2026-11-28 05:00:04] INFO (redis): 12:M 28 Nov 2026 05:00:04.000 * Ready',
      '[2026-11-28 05:00:05] INFO (worker): last',
      '',
    ]);
    const two = await runSluice(['logs', '--lines', '2', '--app', 'worker', '--json'], cli);
    expect(messagesIn(two.stdout)).toEqual(['second', 'last']);
  });

  it('shows what names a recording, from a level on, and as it was written where that is asked for', async () => {
    const wanted = line('05:00:02', { level: 'warn', recordingId: 'rec_1', msg: 'failed' });
    await writeFile(
      pathOf('worker-out.log'),
      [
        line('05:00:00', { recordingId: 'rec_2', level: 'error', msg: 'another' }),
        line('05:00:01', { recordingId: 'rec_1', msg: 'begins' }),
        wanted,
      ].join(''),
    );

    const { stdout } = await runSluice(['logs', 'rec_1', '--level', 'warn', '--json'], cli);
    expect(stdout).toBe(wanted);
    const none = await runSluice(['logs', 'rec_3'], cli);
    expect(none).toMatchObject({
      exitCode: 0,
      stdout: '',
      stderr: expect.stringContaining('No line names rec_3.'),
    });
  });

  it('keeps what a crash has left, and lets nothing move the cursor', async () => {
    await writeFile(pathOf('worker-error.log'), 'Error: gone\n    at main.js:1\n');
    await writeFile(pathOf('worker-out.log'), line('05:00:00', { msg: 'a\u001b[2Jb\u202ec' }));

    const { stdout } = await runSluice(['logs'], cli);

    expect(stdout).toMatch(
      /INFO \(worker\): a\[2Jbc\n.*ERROR \(worker\): Error: gone\n.*ERROR \(worker\): {5}at main/,
    );
  });

  it('goes on with what is written, also where a file is put aside meanwhile', async () => {
    const path = pathOf('worker-out.log');
    await writeFile(path, line('05:00:00', { msg: 'old' }) + line('05:00:01', { msg: 'before' }));
    const { child, output } = startSluice(['logs', '--follow', '--lines', '1', '--json'], cli);
    stop = () => child.kill('SIGKILL');
    const says = (messages: string[]) =>
      vi.waitFor(() => expect(messagesIn(output.stdout)).toEqual(messages), {
        timeout: 20_000,
        interval: 50,
      });
    await says(['before']);

    await appendFile(path, line('05:00:02', { msg: 'next' }));
    await says(['before', 'next']);
    await appendFile(path, line('05:00:03', { msg: 'at the end' }));
    await copyFile(path, `${path}.1`);
    await truncate(path, 0);
    await appendFile(pathOf('tus-out.log'), line('05:00:04', { msg: 'of another', app: 'tus' }));
    await says(['before', 'next', 'at the end', 'of another']);

    await appendFile(path, line('05:00:05', { msg: 'anew' }));
    await says(['before', 'next', 'at the end', 'of another', 'anew']);
  });

  it('says where they are under systemd, and reads them from there', async () => {
    await rm(join(folder, 'logs'), { recursive: true });
    const none = await runSluice(['logs'], cli);
    expect(none).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`There are no logs in ${folder}/logs.`),
    });
    expect(none.stderr).toContain("journalctl -u 'sluice*' -o cat | sluice logs --stdin");

    const { child, output } = startSluice(['logs', '--stdin', 'rec_1'], cli);
    stop = () => child.kill('SIGKILL');
    child.stdin.end(
      line('05:00:00', { msg: 'mine', recordingId: 'rec_1' }) +
        line('05:00:01', { msg: 'other' }) +
        'Started.\n',
    );
    await vi.waitFor(() => expect(output.stdout).toContain('mine {"recordingId":"rec_1"}'), {
      timeout: 20_000,
    });
    expect(output.stdout).not.toContain('other');
  });

  it.each([
    [['--level', 'loud'], 'trace, debug, info'],
    [['--app', 'worker,cook'], 'The apps are worker, pipeline, tus, redis.'],
    [['--lines', 'some'], 'is no number of lines'],
    [['--since', 'lunch'], 'is no time'],
  ])('ends %j with 2', async (args, words) => {
    const { exitCode, stderr } = await runSluice(['logs', ...args], cli);
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(words) });
  });
});
