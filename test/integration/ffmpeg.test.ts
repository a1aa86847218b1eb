import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { KnownError } from '../../src/domain/errors.ts';
import type { Ffmpeg } from '../../src/engine/ports/ffmpeg.ts';
import { createFfmpeg } from '../../src/outside/ffmpeg/driver.ts';

const WORKER = join(import.meta.dirname, '../support/ffmpeg-process.ts');
const NEVER = new AbortController().signal;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-ffmpeg-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function driver(how: Partial<Parameters<typeof createFfmpeg>[0]> = {}): Ffmpeg {
  return createFfmpeg({
    command: 'ffmpeg',
    searchPath: process.env['PATH'] ?? '',
    maxMemoryBytes: 1_000_000_000,
    stall: { idleS: 60, workingS: 600 },
    niceness: 0,
    ...how,
  });
}

const picture = (s: string) => ['-f', 'lavfi', '-i', `testsrc2=s=${s}:r=25`];

/** Runs of ffmpeg that go on and have this in their command line, by their process ids. */
async function running(word: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return pids.filter((_, at) => lines[at]?.startsWith('ffmpeg\0') && lines[at]?.includes(word));
}

async function failed(work: Promise<unknown>): Promise<KnownError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof KnownError)) throw error ?? new Error('it did not fail');
  return error;
}

describe('a run of ffmpeg', () => {
  it('says how far it is, and in the end what it has cost', async () => {
    const outTimesS: number[] = [];
    const path = join(folder, 'ten.mp4');
    const done = await driver().run({
      args: [...picture('320x180'), '-t', '10', '-c:v', 'libx264', '-preset', 'ultrafast', path],
      signal: NEVER,
      expectedS: 10,
      onProgress: (s) => outTimesS.push(s),
    });

    expect(outTimesS.at(-1)).toBeCloseTo(10, 1);
    expect(outTimesS).toEqual([...outTimesS].sort((a, b) => a - b));
    expect(done).toMatchObject({ outTimeS: outTimesS.at(-1), corruptCount: 0 });
    expect(done.cost.cpuS).toBeGreaterThan(0);
    expect(done.cost.wallS).toBeGreaterThan(0);
    expect(done.cost.peakRssBytes).toBeGreaterThan(10_000_000);
  });

  it('hands on what is written to its output', async () => {
    const chunks: Buffer[] = [];
    await driver().run({
      args: ['-f', 'lavfi', '-i', 'anullsrc=r=8000:cl=mono', '-t', '1', '-f', 's16le', 'pipe:1'],
      signal: NEVER,
      onOutput: (chunk) => chunks.push(chunk),
    });

    expect(Buffer.concat(chunks)).toHaveLength(16_000);
  });

  it('writes relative names into its folder, and sees nothing of this environment but where commands are', async () => {
    const script = join(folder, 'own-ffmpeg');
    await writeFile(script, '#!/bin/sh\nenv > env.txt\n', { mode: 0o755 });
    await driver({ command: script }).run({ args: [], signal: NEVER, folder });

    const names = (await readFile(join(folder, 'env.txt'), 'utf8')).match(/^\w+(?==)/gm);
    expect(names?.filter((name) => !['PATH', 'PWD', 'OLDPWD', 'SHLVL', '_'].includes(name))).toEqual([]);
  });

  it.each([
    { niceness: 0, own: 0, policy: 'SCHED_OTHER' },
    { niceness: 5, own: 5, policy: 'SCHED_OTHER' },
    { niceness: 19, own: 10, policy: 'SCHED_IDLE' },
  ])('gives way to all else as far as it is told ($niceness)', async ({ niceness, own, policy }) => {
    const script = join(folder, 'nice-ffmpeg');
    await writeFile(
      script,
      '#!/bin/sh\nnice > nice.txt\nchrt -p $$ > policy.txt\ncat /proc/self/autogroup > group.txt\n',
      {
        mode: 0o755,
      },
    );
    const before = getPriority();
    await driver({ command: script, niceness }).run({ args: [], signal: NEVER, folder });

    expect(Number(await readFile(join(folder, 'nice.txt'), 'utf8'))).toBe(Math.min(19, before + own));
    expect(await readFile(join(folder, 'policy.txt'), 'utf8')).toMatch(new RegExp(`policy: ${policy}$`, 'm'));
    // Not every kernel shares processors out by sessions.
    const group = await readFile(join(folder, 'group.txt'), 'utf8');
    if (group !== '') expect(group).toMatch(new RegExp(`nice ${niceness}$`, 'm'));
  });

  it('waits for its turn where another one goes on', async () => {
    const script = join(folder, 'one-by-one');
    const log = join(folder, 'one-by-one.txt');
    await writeFile(script, `#!/bin/sh\necho begins >> ${log}\nsleep 0.1\necho ends >> ${log}\n`, {
      mode: 0o755,
    });
    const one = driver({ command: script });
    await Promise.all([1, 2, 3].map(() => one.run({ args: [], signal: NEVER })));

    expect(await readFile(log, 'utf8')).toBe('begins\nends\n'.repeat(3));
  });

  it('goes on beside another one where it is small', async () => {
    const one = driver();
    const stop = new AbortController();
    const endless = one.run({ args: ['-re', ...picture('64x36'), '-f', 'null', '-'], signal: stop.signal });
    const small = ['-frames:v', '1', '-f', 'null', '-'];

    await one.run({ args: [...picture('64x36'), ...small], signal: NEVER, isSmall: true });

    stop.abort();
    await expect(endless).rejects.toThrow();
  });

  it('is ended where its input says nothing', async () => {
    const fifo = join(folder, 'mute.mp4');
    execFileSync('mkfifo', [fifo]);
    const stall = { idleS: 1, workingS: 600 };
    const error = await failed(
      driver({ stall, lookEveryMs: 100 }).run({
        args: ['-i', `file:${fifo}`, '-f', 'null', '-'],
        signal: NEVER,
      }),
    );

    expect(error).toMatchObject({ code: 'FFMPEG_STALLED', retry: 'backoff' });
    expect(await running('mute.mp4')).toEqual([]);
  });

  it('is ended where it works and makes nothing more', async () => {
    const stall = { idleS: 600, workingS: 2 };
    const error = await failed(
      driver({ stall, lookEveryMs: 100 }).run({
        args: [...picture('1280x720'), '-vf', 'select=0', '-f', 'null', '/dev/null'],
        signal: NEVER,
      }),
    );

    expect(error).toMatchObject({ code: 'FFMPEG_STALLED' });
    expect((error.details['cost'] as { cpuS: number }).cpuS).toBeGreaterThan(0);
  });

  it('goes on as long as it works, however long its input keeps it waiting for the first picture', async () => {
    const stall = { idleS: 1, workingS: 600 };
    const done = await driver({ stall, lookEveryMs: 100 }).run({
      args: [...picture('1920x1080'), '-t', '60', '-vf', "select='gte(t,59)'", '-f', 'null', '-'],
      signal: NEVER,
    });

    expect(done.outTimeS).toBeGreaterThan(59);
  });

  it('is gone with all that it has started once it is cancelled, and what stopped it is told', async () => {
    const script = join(folder, 'with-child');
    await writeFile(
      script,
      '#!/bin/sh\nffmpeg -nostdin -v error -re -f lavfi -i color=s=66x66 -f null - & wait\n',
      {
        mode: 0o755,
      },
    );
    const cancel = new AbortController();
    const run = driver({ command: script }).run({ args: [], signal: cancel.signal });
    await vi.waitFor(async () => expect(await running('s=66x66')).toHaveLength(1), { timeout: 10_000 });
    cancel.abort(new Error('nobody wants it any more'));

    await expect(run).rejects.toThrow('nobody wants it any more');
    await vi.waitFor(async () => expect(await running('s=66x66')).toEqual([]), { timeout: 10_000 });
  });

  it('is not even begun where it was cancelled before', async () => {
    const path = join(folder, 'never.txt');
    const script = join(folder, 'touch-it');
    await writeFile(script, `#!/bin/sh\ntouch ${path}\n`, { mode: 0o755 });
    await expect(
      driver({ command: script }).run({ args: [], signal: AbortSignal.abort(new Error('gone')) }),
    ).rejects.toThrow('gone');
    await expect(readFile(path)).rejects.toThrow('ENOENT');
  });

  it('dies with the worker that drives it', async () => {
    const worker = fork(WORKER, { execArgv: ['--import', 'tsx'] });
    await once(worker, 'message');
    const pids = await running('s=64x64');
    expect(pids).toHaveLength(1);
    worker.kill('SIGKILL');

    await vi.waitFor(async () => expect(await running('s=64x64')).toEqual([]), { timeout: 10_000 });
  });

  it('is ended where it takes more memory than it may', async () => {
    const error = await failed(
      driver({ maxMemoryBytes: 100_000_000, lookEveryMs: 20 }).run({
        args: [...picture('1920x1080'), '-c:v', 'libx264', '-preset', 'slow', '-f', 'null', '-'],
        signal: NEVER,
      }),
    );

    expect(error).toMatchObject({ code: 'FFMPEG_MEMORY', retry: 'never' });
    expect((error.details['cost'] as { peakRssBytes: number }).peakRssBytes).toBeGreaterThan(100_000_000);
  });

  it('has failed where it ends well with less than was to come', async () => {
    const whole = join(folder, 'faststart.mp4');
    await driver().run({
      args: [
        ...picture('320x180'),
        '-t',
        '6',
        '-c:v',
        'libx264',
        '-preset',
        'ultrafast',
        '-g',
        '25',
        '-movflags',
        '+faststart',
        whole,
      ],
      signal: NEVER,
    });
    await truncate(whole, 60_000);
    const run = driver().run({
      args: [...(await driver().input(whole)), '-c', 'copy', '-f', 'null', '-'],
      signal: NEVER,
      expectedS: 6,
    });

    expect(await failed(run)).toMatchObject({
      code: 'OUTPUT_TOO_SHORT',
      retry: 'never',
      message: expect.stringMatching(/^Only [\d.]+ s of 6 s/),
    });
  });

  it('says in its own last words why it failed', async () => {
    const run = driver().run({
      args: [...picture('320x180'), '-c:v', 'no-such', '-f', 'null', '-'],
      signal: NEVER,
    });
    expect(await failed(run)).toMatchObject({
      code: 'FFMPEG_FAILED',
      message: expect.stringContaining('no-such'),
    });
  });

  it.each([
    ['a program that is not there', 'no-such-ffmpeg'],
    ['a file that is no program', '/etc/hostname'],
  ])('says so of %s', async (_what, command) => {
    const run = driver({ command }).run({ args: ['-version'], signal: NEVER });
    expect(await failed(run)).toMatchObject({ code: 'TOOL_MISSING', retry: 'backoff' });
  });
});

describe('an input', () => {
  const reads = async (path: string) =>
    await driver().run({ args: [...(await driver().input(path)), '-f', 'null', '-'], signal: NEVER });

  it('is read as what it is, whatever its name says', async () => {
    const path = join(folder, 'really-matroska.mp4');
    await driver().run({ args: [...picture('64x64'), '-t', '1', '-f', 'matroska', path], signal: NEVER });

    expect(await driver().input(path)).toContain('matroska');
    expect((await reads(path)).outTimeS).toBeCloseTo(1, 1);
  });

  it('that is a playlist is refused, whatever its name says', async () => {
    const path = join(folder, 'playlist.mp4');
    await writeFile(path, `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${join(folder, 'ten.mp4')}\n`);

    expect(await failed(driver().input(path))).toMatchObject({ code: 'NOT_MEDIA' });
  });

  it('that begins like nothing known is not read as a list of files either', async () => {
    const path = join(folder, 'hidden.mp4');
    await writeFile(path, `ffconcat version 1.0\nfile ${join(folder, 'ten.mp4')}\n\0\x01\x02`);

    expect(await failed(reads(path))).toMatchObject({ code: 'MEDIA_BROKEN' });
  });

  it('that has only the beginning of a film is broken', async () => {
    const path = join(folder, 'stump.mp4');
    await driver().run({ args: [...picture('64x64'), '-t', '3', '-c:v', 'libx264', path], signal: NEVER });
    await truncate(path, 2000);

    expect(await failed(reads(path))).toMatchObject({ code: 'MEDIA_BROKEN', retry: 'never' });
  });
});

describe('the encoders of this machine', () => {
  it('are tried, for not all that are built in work', async () => {
    const names = ['libx264', 'aac', 'no-such-encoder', 'h264_nvenc'];
    const states = await driver().encoders(names, NEVER);

    expect(Object.fromEntries(states)).toMatchObject({
      libx264: 'works',
      aac: 'works',
      'no-such-encoder': 'unknown',
    });
    // Built in or not: a card for it is in no machine of ours.
    expect(states.get('h264_nvenc')).not.toBe('works');
  });
});
