import { spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startSweeping } from '../../src/errands/sweeper.ts';
import { newUploadId } from '../../src/tus/upload-paths.ts';
import { openHouse } from '../support/house.ts';
import { systemEnvironment } from '../support/processes.ts';
import { DAY_MS, openSweepWorld, publishing, type SweepWorld, writeAged } from '../support/sweep-world.ts';

let world: SweepWorld;
beforeEach(async () => {
  world = await openSweepWorld();
});
afterEach(() => world.close());

/** One leftover of each kind; `ids` in the order in which they are swept. */
async function oneOfEach() {
  const uploadId = newUploadId();
  const path = world.paths.finished(uploadId);
  const origin = await writeAged(path, 2 * DAY_MS);
  const videoId = await world.video('Algebra');
  await world.recording('done', 'done', { origin });
  const id = await world.recording('failed', 'failed', { checkpoints: { publish: publishing(videoId) } });
  await mkdir(world.spool(id));
  const fileId = await world.largeFile({ sluice_recording: id });
  world.pass(15 * DAY_MS);
  return { id, path, fileId, videoId, paths: [world.spool(id), path] };
}

const KINDS = ['spool', 'upload', 'large-file', 'video'];

describe('a sweep', () => {
  it('removes leftovers of every kind, and tells of each in the log', async () => {
    await oneOfEach();

    const { items, problems } = await world.sweep();

    expect(items.map(({ kind }) => kind)).toEqual(KINDS);
    expect(problems).toEqual([]);
    expect(world.logLines.filter(({ event }) => event === 'sweep.removed')).toMatchObject(items);
  });

  it('finds nothing any more the second time', async () => {
    await oneOfEach();
    await world.sweep();

    expect(await world.sweep()).toEqual({ items: [], problems: [] });
  });

  it('lists in a dry run what it would remove, and removes nothing', async () => {
    const { paths, fileId, videoId } = await oneOfEach();

    const dry = await world.sweep({ dryRun: true });

    for (const path of paths) await expect(access(path)).resolves.toBeUndefined();
    expect([world.unfinished(), world.videos()]).toEqual([[fileId], [videoId]]);
    expect(world.logLines.filter(({ event }) => event === 'sweep.removed')).toEqual([]);
    const { b2, bunny } = world.simulators;
    expect(b2.requests.some(({ path }) => path.endsWith('b2_cancel_large_file'))).toBe(false);
    expect(bunny.requests.some(({ method }) => method === 'DELETE')).toBe(false);
    expect((await world.sweep()).items).toEqual(dry.items);
  });

  it('passes over a service that is down and sweeps the rest', async () => {
    const { fileId } = await oneOfEach();
    world.simulators.b2.fail({ on: 'POST /b2api/*', count: 1000, status: 503 });

    const { items, problems } = await world.sweep();

    expect(items.map(({ kind }) => kind)).toEqual(['spool', 'upload', 'video']);
    expect(problems).toMatchObject([{ kind: 'large-file' }]);
    expect(problems[0]?.message).toContain('503');
    expect(world.unfinished()).toEqual([fileId]);

    world.simulators.b2.faults.clear();
    expect((await world.sweep()).items.map(({ kind }) => kind)).toEqual(['large-file']);
  });

  it('goes on behind a thing that could not be removed, and takes it the next time', async () => {
    const { fileId } = await oneOfEach();
    await world.recording('done', 'done');
    const id = (await world.ledger.recordings.newest(1))[0]?.id ?? '';
    world.pass(-15 * DAY_MS);
    await world.largeFile({ sluice_recording: id });
    world.pass(15 * DAY_MS);
    world.simulators.b2.fail({ on: 'POST /b2api/*/b2_cancel_large_file', status: 500 });

    const { items, problems } = await world.sweep();

    expect(items.map(({ kind }) => kind)).toEqual(KINDS);
    expect(problems).toMatchObject([{ kind: 'large-file', name: expect.stringContaining(fileId) }]);
    expect(world.unfinished()).toEqual([fileId]);
    expect((await world.sweep()).items).toHaveLength(1);
    expect(world.unfinished()).toEqual([]);
  });

  it('counts as removed what went although its answer was lost', async () => {
    await oneOfEach();
    world.simulators.bunny.fail({ on: 'DELETE /library/*', drop: 'after-handling' });

    expect((await world.sweep()).problems).toMatchObject([{ kind: 'video' }]);
    expect(await world.sweep()).toEqual({ items: [], problems: [] });
  });

  it('ends early when it is stopped', async () => {
    const { paths } = await oneOfEach();
    const stopped = AbortSignal.abort();

    expect(await world.sweep({ signal: stopped })).toEqual({ items: [], problems: [] });
    for (const path of paths) await expect(access(path)).resolves.toBeUndefined();
  });

  it('asks no service anything as long as the ledger is too young for leftovers', async () => {
    await world.recording('new', 'done');

    await world.sweep();

    expect([world.simulators.b2.requests, world.simulators.bunny.requests]).toEqual([[], []]);
  });
});

describe('sweeping', () => {
  it('begins at once, comes again after its time, and stops when it is told to', async () => {
    const { log, sweeper } = world;
    const sweep = vi.fn(sweeper.sweep);
    const sweeping = startSweeping({ sweeper: { sweep }, everyMs: 20, log });

    await expect.poll(() => sweep.mock.calls.length).toBeGreaterThan(2);
    await sweeping.stop();

    expect(sweep.mock.calls.every(([options]) => !options.dryRun && options.signal.aborted)).toBe(true);
  });
});

describe('the worker', () => {
  it('sweeps when it starts', async () => {
    const house = await openHouse();
    try {
      const { id } = await house.addCustom('Done');
      const first = await house.startWorker();
      await house.reaches(id, 'done');
      await first.stop();
      const path = join(house.config.dataDir, 'spool', id);
      await mkdir(path, { recursive: true });

      await house.startWorker();

      await expect.poll(() => readdir(join(house.config.dataDir, 'spool'))).toEqual([]);
    } finally {
      await house.close();
    }
  });
});

describe('the sweep command', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-command-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const tsx = createRequire(import.meta.url).resolve('tsx');
  const entry = join(import.meta.dirname, '../../src/processes/sweep-main.ts');

  async function run(args: readonly string[], settings: Readonly<Record<string, string>> = {}) {
    const env = { ...systemEnvironment(), ...settings };
    const child = spawn(process.execPath, ['--import', tsx, entry, ...args], { cwd: folder, env });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
      });
    }
    const exitCode = await new Promise((resolve) => child.once('close', resolve));
    return { exitCode, ...output };
  }

  const settingsOf = ({ config, simulators }: SweepWorld) => ({
    ...simulators.environment,
    DATA_DIR: config.dataDir,
  });

  it('shows what it would remove, removes it beside a live worker, and then finds nothing', async () => {
    const id = await world.recording('done', 'done');
    const path = world.spool(id);
    await mkdir(path);
    await writeFile(join(path, 'recording'), Buffer.alloc(1_500_000));
    const settings = settingsOf(world);

    const dry = await run(['--dry-run'], settings);
    expect(dry).toMatchObject({
      exitCode: 0,
      stdout: `download  1.5 MB  the recording is done  ${id}\n1 would be removed, 1.5 MB.\n`,
    });
    await expect(access(path)).resolves.toBeUndefined();

    const wet = await run(['--json'], settings);
    expect(wet.exitCode).toBe(0);
    expect(JSON.parse(wet.stdout)).toEqual({
      items: [{ kind: 'spool', name: id, bytes: 1_500_000, reason: 'the recording is done' }],
      problems: [],
    });
    expect(wet.stderr).toContain('"event":"sweep.removed"');
    await expect(access(path)).rejects.toThrow('ENOENT');

    expect(await run([], settings)).toMatchObject({ exitCode: 0, stdout: 'Nothing removed.\n', stderr: '' });
  });

  it.each([
    ['explains itself', ['--help'], 0, /^Removes what failures have left behind.*--dry-run/s, /^$/],
    ['refuses an option that it does not know', ['--force'], 2, /^$/, /--force/],
    ['lists the settings that are missing', [], 1, /^$/, /B2_KEY_ID: is required/],
  ] as const)('%s', async (_name, args, exitCode, stdout, stderr) => {
    const result = await run(args);

    expect(result).toMatchObject({
      exitCode,
      stdout: expect.stringMatching(stdout),
      stderr: expect.stringMatching(stderr),
    });
  });

  it('does nothing where there is no ledger, and makes none', async () => {
    const result = await run([], { ...settingsOf(world), DATA_DIR: join(folder, 'wrong') });

    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toContain('There is no ledger');
    expect(await readdir(folder)).toEqual([]);
  });
});
