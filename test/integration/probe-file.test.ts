import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { probeFile } from '../../src/processes/probe-file.ts';
import { runSluice } from '../support/cli.ts';
import { SAMPLE } from '../support/house.ts';
import { film, TONE } from '../support/media-world.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-probe-file-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const program = (command: string) => ({ command, searchPath: process.env['PATH'] ?? '' });
const media = {
  allowed: [],
  ffprobe: program('ffprobe'),
  ffmpeg: {
    ...program('ffmpeg'),
    maxMemoryBytes: 1_000_000_000,
    niceness: 0,
    atOnce: 1,
    stall: { idleS: 60, workingS: 600 },
  },
};
const probe = (path: string) => probeFile({ media }, path, new AbortController().signal);

async function make(name: string, ...args: string[]): Promise<string> {
  const path = join(folder, name);
  await promisify(execFile)('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args, path]);
  return path;
}

describe('a look into a file', () => {
  it('says what matters of a film that can be copied', async () => {
    const path = await make(
      'film.mp4',
      ...film('320x180', 4, TONE(4)),
      '-crf',
      '40',
      '-movflags',
      'faststart',
      '-ac',
      '2',
    );

    expect(await probe(path)).toMatchObject({
      container: expect.stringContaining('mp4'),
      durationS: 4,
      bytes: expect.any(Number),
      streams: 2,
      isFaststart: true,
      video: { codec: 'h264', widthPx: 320, heightPx: 180, turnedDegrees: 0, framesPerS: 25, longestGopS: 2 },
      audio: { codec: 'aac', channels: 2, canBeCopied: true },
      whyNotCopied: null,
      whyRefused: null,
    });
  });

  it('says why one cannot, and that players wait for its end', async () => {
    const path = await make('rare.mp4', ...film('160x90', 12), '-g', '9999');

    expect(await probe(path)).toMatchObject({
      isFaststart: false,
      audio: null,
      video: { longestGopS: 12 },
      whyNotCopied: 'its keyframes are up to 12.0 s apart',
    });
  });

  it('says what nothing would be made of', async () => {
    const path = await make('quick.mkv', '-f', 'lavfi', '-i', 'testsrc2=s=64x64:r=240:d=1');

    expect(await probe(path)).toMatchObject({
      isFaststart: null,
      whyNotCopied: 'nobody has looked at its packets',
      whyRefused: expect.stringContaining('240 pictures per second, and 120 are the most'),
    });
  });

  it.each([
    ['text.mp4', 'no film', /NOT_MEDIA|MEDIA_BROKEN/],
    ['empty.mp4', '', /FILE_EMPTY/],
  ])('refuses %s', async (name, text, code) => {
    const path = join(folder, name);
    await writeFile(path, text);

    await expect(probe(path)).rejects.toMatchObject({ code: expect.stringMatching(code) });
  });

  it('is what the command prints', async () => {
    const options = { cwd: folder, env: { PATH: process.env['PATH'] ?? '' } };
    const plain = await runSluice(['probe', SAMPLE], options);
    const json = await runSluice(['probe', SAMPLE, '--json'], options);

    expect(plain.stdout).toMatch(/^container +mov,mp4/);
    expect(plain.stdout).toMatch(/\nGOP +\d+\.\d{3} s at the most\n/);
    expect(json.json).toMatchObject({
      duration_s: 8,
      video: { codec: 'h264', longest_gop_s: expect.any(Number) },
    });
  });
});
