import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Manifest, Parser } from 'm3u8-parser';
import { parse } from 'mpd-parser';

const run = promisify(execFile);

/** A playlist as a stranger reads it, and what it complains of. */
export function readPlaylist(text: string): Manifest & { readonly complaints: readonly string[] } {
  const parser = new Parser();
  const complaints: string[] = [];
  for (const type of ['warn', 'error'] as const) parser.on(type, ({ message }) => complaints.push(message));
  parser.push(text);
  parser.end();
  return { ...parser.manifest, complaints };
}

/** The same of an MPD. */
export function readMpd(text: string) {
  const complaints: string[] = [];
  const manifest = parse(text, {
    manifestUri: 'http://127.0.0.1/manifest.mpd',
    eventHandler: ({ type, message }) => type !== 'info' && complaints.push(message),
  });
  return { ...manifest, complaints };
}

/** What is really in a segment: its first and last moment by the times of its packets, in seconds. */
export interface RealSegment {
  readonly startS: number;
  readonly endS: number;
  readonly bytes: number;
  readonly startsWithKeyframe: boolean;
}

/** @param initPath Of the header of its track; `undefined`: it has none, and the times of its pictures count. */
export async function realSegment(initPath: string | undefined, path: string): Promise<RealSegment> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-segment-'));
  try {
    const whole = join(folder, 'whole.mp4');
    const bytes = await readFile(path);
    const header = initPath === undefined ? Buffer.alloc(0) : await readFile(initPath);
    await writeFile(whole, Buffer.concat([header, bytes]));
    const of = initPath === undefined ? ['-select_streams', 'v'] : [];
    const entries = [...of, '-show_entries', 'packet=pts_time,duration_time,flags'];
    const packets = (await probe(whole, entries))['packets'] as {
      pts_time: string;
      duration_time: string;
      flags: string;
    }[];
    // Of the first one of sound it does not say how long it is: as long as the others.
    const usualS = Number(packets.find((packet) => packet.duration_time !== undefined)?.duration_time);
    return {
      startS: Math.min(...packets.map(({ pts_time: pts }) => Number(pts))),
      endS: Math.max(
        ...packets.map((packet) => Number(packet.pts_time) + (Number(packet.duration_time) || usualS)),
      ),
      bytes: bytes.length,
      startsWithKeyframe: packets[0]?.flags.startsWith('K') === true,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What ffprobe says of a file. */
export async function probe(path: string, how: readonly string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-of', 'json', ...how, path], { maxBuffer: 1e8 });
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** A whole rendition as one file, for what cannot read packages. */
export async function joined(paths: readonly string[], to: string): Promise<string> {
  await writeFile(to, Buffer.concat(await Promise.all(paths.map((path) => readFile(path)))));
  return to;
}
