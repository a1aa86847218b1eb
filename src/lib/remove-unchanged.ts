import { constants, type PathLike } from 'node:fs';
import { type FileHandle, lstat, open, realpath, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isMachineTrouble, KnownError, orMachineTrouble, systemCode } from '../domain/errors.ts';
import { pathBytes, pathText } from './byte-path.ts';
import { checkUnchanged, type KnownFile } from './local-file.ts';

/** What a removal has found: the file, nothing any more, or something else than what was handed over. */
export type Removal =
  | { readonly kind: 'removed' | 'gone' }
  | { readonly kind: 'left'; readonly cause: KnownError };

/**
 * Removes a file that was handed over, and nothing else: not another one of its name, not a folder, and not one of that
 * name in a folder that somebody has put, or linked, in the place of its own. Its folder is held open, must still lie
 * where it did, and the file is looked at and removed inside it.
 */
export async function removeUnchanged(known: KnownFile): Promise<Removal> {
  let folder: FileHandle | undefined;
  let file: FileHandle | undefined;
  try {
    folder = await open(
      pathBytes(dirname(known.path)),
      constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
    );
    const inside = pathBytes(await pathInside(folder, known.path));
    file = await open(inside, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    await checkUnchanged(file, known);
    await requireSame(file, inside);
    // Not a removal of whatever is there: of a folder in its place nothing goes.
    await unlink(inside);
    return { kind: 'removed' };
  } catch (error) {
    if (error instanceof KnownError && !isMachineTrouble(error)) return { kind: 'left', cause: error };
    const code = systemCode(error);
    if (code === 'ENOENT') return { kind: 'gone' };
    // A link in the place of the file or of its folder, a file in the place of the folder, a socket in that of the file.
    if (code === 'ELOOP' || code === 'ENOTDIR' || code === 'ENXIO') {
      return { kind: 'left', cause: notIt('something else is in its place now', error) };
    }
    // That nobody may write there stays so, however often it is tried.
    if (code === 'EROFS') return { kind: 'left', cause: notIt('it lies on a read-only disk', error) };
    throw orMachineTrouble(error);
  } finally {
    await file?.close();
    await folder?.close();
  }
}

/**
 * A path that leads to the file by way of the open folder, whatever happens to the folder's name meanwhile. Where the
 * system has none the file's own, if no part of it is a link.
 */
async function pathInside(folder: FileHandle, path: string): Promise<string> {
  const held = `/proc/self/fd/${folder.fd}`;
  const heldAt = await realPathOf(held).catch(() => undefined);
  if ((heldAt ?? (await realPathOf(dirname(path)))) !== dirname(path)) {
    throw notIt('its folder was moved, or a link leads elsewhere');
  }
  return heldAt === undefined ? path : join(held, basename(path));
}

async function realPathOf(path: string): Promise<string> {
  return pathText(await realpath(pathBytes(path), { encoding: 'buffer' }));
}

/** Makes sure that the name still belongs to the file that was looked at. */
async function requireSame(file: FileHandle, path: PathLike): Promise<void> {
  const [looked, named] = [await file.stat({ bigint: true }), await lstat(path, { bigint: true })];
  if (looked.dev !== named.dev || looked.ino !== named.ino) throw notIt('another file is in its place now');
}

function notIt(how: string, cause?: unknown): KnownError {
  return new KnownError(`The file that was handed over is not what it was: ${how}`, {
    code: 'SOURCE_CHANGED',
    cause,
  });
}
