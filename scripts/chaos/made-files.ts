import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { promisify } from 'node:util';

const [JPEG_BEGIN, JPEG_END] = [0xffd8, 0xffd9];

/** The size of a JPEG that is whole; `undefined`: it is none. */
export function pictureSize(
  content: Buffer,
): { readonly widthPx: number; readonly heightPx: number } | undefined {
  const isWhole =
    content.length > 4 &&
    content.readUInt16BE(0) === JPEG_BEGIN &&
    content.readUInt16BE(content.length - 2) === JPEG_END;
  if (!isWhole) return undefined;
  // Segments, each with its length behind its marker, until the one that begins a frame.
  for (let at = 2; at + 9 < content.length; ) {
    const marker = content.readUInt16BE(at);
    const isFrame = marker >= 0xffc0 && marker <= 0xffc2;
    if (isFrame) return { widthPx: content.readUInt16BE(at + 7), heightPx: content.readUInt16BE(at + 5) };
    if (marker >> 8 !== 0xff) return undefined;
    at += 2 + content.readUInt16BE(at + 2);
  }
  return undefined;
}

/** How long a film is by ffprobe; `undefined`: it is none. */
export async function filmSeconds(content: Buffer): Promise<number | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-film-'));
  try {
    const path = join(folder, 'film');
    await writeFile(path, content);
    const entries = ['-show_entries', 'format=duration', '-of', 'csv=p=0'];
    const { stdout } = await promisify(execFile)('ffprobe', ['-v', 'error', ...entries, path]);
    const seconds = Number(stdout.trim());
    return seconds > 0 ? seconds : undefined;
  } catch {
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * All that a package of HLS names, from its manifest on.
 *
 * @returns the keys of what is there and what is not, and how long its first rendition is by what it says
 */
export function packageOf(
  manifest: string,
  files: ReadonlyMap<string, Buffer>,
): { readonly keys: readonly string[]; readonly missing: readonly string[]; readonly seconds: number } {
  const [keys, missing]: [string[], string[]] = [[], []];
  const lengths: number[] = [];
  const open = [manifest];
  const seen = new Set(open);
  for (let key = open.shift(); key !== undefined; key = open.shift()) {
    const content = files.get(key);
    if (content === undefined || content.length === 0) {
      missing.push(key);
      continue;
    }
    keys.push(key);
    if (!key.endsWith('.m3u8')) continue;
    const text = content.toString('utf8');
    const segments = [...text.matchAll(/^#EXTINF:([\d.]+)/gm)].map(([, seconds]) => Number(seconds));
    if (segments.length > 0) lengths.push(segments.reduce((sum, each) => sum + each, 0));
    const named = [...text.matchAll(/URI="([^"]+)"|^([^#\s].*)$/gm)].map(
      ([, uri, line]) => uri ?? line ?? '',
    );
    for (const name of named) {
      const next = posix.join(posix.dirname(key), name.trim());
      if (!seen.has(next)) open.push(next);
      seen.add(next);
    }
  }
  return { keys, missing, seconds: lengths[0] ?? 0 };
}
