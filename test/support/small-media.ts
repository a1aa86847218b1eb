import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

async function drawn(folder: string, name: string, args: readonly string[]): Promise<Buffer> {
  const path = join(folder, name);
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', ...args, path]);
  return await readFile(path);
}

/** A picture to be drawn on films, 64 × 32. */
export const logo = (folder: string) =>
  drawn(folder, 'logo.png', ['-f', 'lavfi', '-i', 'color=red:s=64x32', '-frames:v', '1']);

/** Two seconds of sound. */
export const tone = (folder: string) =>
  drawn(folder, 'tone.m4a', ['-f', 'lavfi', '-i', 'sine=r=44100:d=2', '-c:a', 'aac']);

/** Two seconds of pictures. */
export const silentFilm = (folder: string) =>
  drawn(folder, 'silent.mp4', [
    ...['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25:d=2'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'],
  ]);

/** A minute of pictures that are large enough to take a while. */
export const longFilm = (folder: string) =>
  drawn(folder, 'long.mp4', [
    ...['-f', 'lavfi', '-i', 'testsrc2=s=1280x720:r=25:d=60'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'],
  ]);
