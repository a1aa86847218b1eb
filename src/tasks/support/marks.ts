import { open, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, sep } from 'node:path';
import { KnownError, machineTrouble } from '../../domain/errors.ts';

/** What reads a picture, by its first bytes. */
const READERS: readonly (readonly [reader: string, isSo: (head: Buffer) => boolean])[] = [
  ['png_pipe', (head) => head.subarray(1, 4).toString('latin1') === 'PNG'],
  ['jpeg_pipe', (head) => head.readUInt16BE(0) === 0xffd8],
  ['webp_pipe', (head) => head.subarray(8, 12).toString('latin1') === 'WEBP'],
];

/**
 * The arguments that open a picture which is drawn on films.
 *
 * @param folder That of such pictures; `undefined`: none is set up.
 * @param name Its path below that folder.
 * @throws KnownError `MARK_MISSING`
 */
export async function markArgs(folder: string | undefined, name: string): Promise<string[]> {
  if (folder === undefined) throw missing('MARKS_DIR names no folder');
  if (isAbsolute(name) || name.includes('\0')) throw missing(`"${name}" is no path below ${folder}`);
  try {
    const root = await realpath(folder);
    const path = await realpath(join(root, name));
    // Also where a link leads.
    if (!path.startsWith(root + sep)) throw missing(`"${name}" does not lie below ${folder}`);
    if (!(await stat(path)).isFile()) throw missing(`"${name}" is no file`);
    const head = await headOf(path);
    const reader = READERS.find(([, isSo]) => isSo(head))?.[0];
    if (reader === undefined) throw missing(`"${name}" is neither PNG nor JPEG nor WebP`);
    return ['-protocol_whitelist', 'file', '-f', reader, '-i', `file:${path}`];
  } catch (error) {
    if (error instanceof KnownError) throw error;
    throw machineTrouble(error) ?? missing(`"${name}" is not there, or cannot be read`);
  }
}

async function headOf(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const head = Buffer.alloc(16);
    await handle.read(head, 0, head.length, 0);
    return head;
  } finally {
    await handle.close();
  }
}

function missing(why: string): KnownError {
  return new KnownError(`The mark cannot be drawn: ${why}`, { code: 'MARK_MISSING' });
}
