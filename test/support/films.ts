import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { realFfmpeg } from './media-bench.ts';

const ffmpeg = realFfmpeg();

/** Makes a small film (or sound) for a test; gives back its path. */
export async function makeFilm(folder: string, name: string, args: readonly string[]): Promise<string> {
  const path = join(folder, name);
  await ffmpeg.run({ args: [...args, path], signal: new AbortController().signal });
  return path;
}

/** An ffmpeg that does nothing before there is a file at `gate`; gives back its path. */
export async function writeHeldFfmpeg(path: string, gate: string): Promise<string> {
  await writeFile(path, `#!/bin/sh\nwhile [ ! -e '${gate}' ]; do sleep 0.05; done\nexec ffmpeg "$@"\n`);
  await chmod(path, 0o755);
  return path;
}

/** A moving picture of a size, with numbers in it. */
export const picture = (size = '640x360', rate: number | string = 25, source = 'testsrc2') => [
  ...['-f', 'lavfi', '-i', `${source}=s=${size}:r=${rate}`],
];

/** A tone in a number of channels. */
export const tone = (rate = 48_000, layout = 'stereo') => [
  ...[
    '-f',
    'lavfi',
    '-i',
    `aevalsrc=sin(440*2*PI*t)${'|sin(440*2*PI*t)'.repeat(channelsOf(layout) - 1)}:s=${rate}:c=${layout}`,
  ],
];

function channelsOf(layout: string): number {
  return { mono: 1, stereo: 2, '5.1': 6 }[layout] ?? 2;
}

/** Quick, and good enough to be worked on. */
export const quickH264 = (pixelFormat: string) => [
  ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', pixelFormat],
];
export const QUICK_H264 = quickH264('yuv420p');
