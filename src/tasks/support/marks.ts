import { open, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join, sep } from 'node:path';
import { z } from 'zod';
import { KnownError, machineTrouble } from '../../domain/errors.ts';
import { type InputAddress, readInput, shownInput } from '../../domain/input.ts';
import { MARK_POSITIONS } from '../../domain/media/overlay.ts';
import { writeAll } from '../../lib/files.ts';
import type { Tools } from './tools.ts';

/** What reads a picture, by its first bytes. */
const READERS: readonly (readonly [reader: string, isSo: (head: Buffer) => boolean])[] = [
  ['png_pipe', (head) => head.subarray(1, 4).toString('latin1') === 'PNG'],
  ['jpeg_pipe', (head) => head.readUInt16BE(0) === 0xffd8],
  ['webp_pipe', (head) => head.subarray(8, 12).toString('latin1') === 'WEBP'],
];

/** More than a picture of any sense has, in bytes. */
const MOST_BYTES = 20_000_000;

/** What the parameters of a step say of the picture that is drawn on its film. */
export const markParams = {
  mark: z
    .string()
    .min(1)
    .max(2000)
    .describe(
      'The picture: a PNG, JPEG or WebP, by its path below MARKS_DIR or as an input, s3://bucket/key',
    ),
  position: z.enum(MARK_POSITIONS).default('top-left'),
  share: z.number().min(0.01).max(1).default(0.125).describe('Of the width of the film that it takes'),
};

/** The same of a step that draws none unless it is told to. */
export const drawnMark = z.strictObject(markParams).optional();

export type DrawnMark = NonNullable<z.output<typeof drawnMark>>;

export type MarkTools = Pick<Tools, 'inputs'> & { readonly settings: Pick<Tools['settings'], 'marksDir'> };

/**
 * The arguments that open a picture which is drawn on films.
 *
 * @param name Its path below the folder of such pictures, or the address of an input.
 * @param to Where one that lies elsewhere is brought.
 * @throws KnownError `MARK_MISSING`; of an input whatever says that it cannot be brought now
 */
export async function markArgs(
  { inputs, settings }: MarkTools,
  name: string,
  to: { readonly folder: string; readonly signal: AbortSignal },
): Promise<string[]> {
  if (!isAddress(name)) return await ofFolder(settings.marksDir, name);
  const address = readInput(name);
  const shown = shownInput(address);
  const local = await inputs.localPath(address);
  if (local !== undefined && (await stat(local)).size > MOST_BYTES) throw tooLarge(shown);
  const path = local ?? join(to.folder, 'mark');
  if (local === undefined) await download(inputs, address, { path, signal: to.signal });
  return argsOf(path, shown, await headOf(path));
}

/** No path that people give a picture begins so. */
function isAddress(name: string): boolean {
  return /^(s3:\/\/|https?:\/\/|media-in:)/.test(name);
}

async function download(
  inputs: Tools['inputs'],
  address: InputAddress,
  { path, signal }: { readonly path: string; readonly signal: AbortSignal },
): Promise<void> {
  const handle = await open(path, 'w', 0o600);
  try {
    const opened = await inputs.open({ address, fromByte: 0, validator: null, signal });
    let at = 0;
    for await (const chunk of opened.chunks) {
      if (at + chunk.length > MOST_BYTES) throw tooLarge(shownInput(address));
      await writeAll(handle, chunk, at);
      at += chunk.length;
    }
  } finally {
    await handle.close();
  }
}

function tooLarge(shown: string): KnownError {
  return missing(`"${shown}" has more than ${MOST_BYTES / 1e6} MB`);
}

async function ofFolder(folder: string | undefined, name: string): Promise<string[]> {
  if (folder === undefined) throw missing('MARKS_DIR names no folder');
  if (isAbsolute(name) || name.includes('\0')) throw missing(`"${name}" is no path below ${folder}`);
  try {
    const root = await realpath(folder);
    const path = await realpath(join(root, name));
    // Also where a link leads.
    if (!path.startsWith(root + sep)) throw missing(`"${name}" does not lie below ${folder}`);
    if (!(await stat(path)).isFile()) throw missing(`"${name}" is no file`);
    return argsOf(path, name, await headOf(path));
  } catch (error) {
    if (error instanceof KnownError) throw error;
    throw machineTrouble(error) ?? missing(`"${name}" is not there, or cannot be read`);
  }
}

function argsOf(path: string, name: string, head: Buffer): string[] {
  const reader = READERS.find(([, isSo]) => isSo(head))?.[0];
  if (reader === undefined) throw missing(`"${name}" is neither PNG nor JPEG nor WebP`);
  return ['-protocol_whitelist', 'file', '-f', reader, '-i', `file:${path}`];
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
