import type { Dirent } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { assetTypeOf, type LibraryFile } from '../../domain/asset.ts';
import { KnownError, orMachineTrouble, systemCode } from '../../domain/errors.ts';
import { pathBytes, pathText } from '../../lib/byte-path.ts';

/** How many files are looked at together. */
const AT_ONCE = 32;

/**
 * All files below a folder whose names say that they could be assets, in no order; one that is empty is not there yet. Links are
 * not followed: what they may lead to lies below the folder by itself. What begins with a dot is somebody's own.
 *
 * @throws KnownError `FILE_NOT_FOUND` where the folder itself cannot be read; folders below it that cannot are left out
 */
export async function* walkLibrary(root: string, signal: AbortSignal): AsyncGenerator<LibraryFile> {
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal.throwIfAborted();
    let paths: string[] = [];
    try {
      // By their bytes: not all names are text.
      const entries = await opendir(pathBytes(join(root, folder)), { encoding: 'buffer' as BufferEncoding });
      for await (const entry of entries as AsyncIterable<Dirent<string | Buffer>>) {
        const name = typeof entry.name === 'string' ? entry.name : pathText(entry.name);
        const path = folder === '' ? name : `${folder}/${name}`;
        if (name.startsWith('.')) continue;
        if (entry.isDirectory()) folders.push(path);
        if (!entry.isFile() || assetTypeOf(name) === undefined) continue;
        paths.push(path);
        if (paths.length < AT_ONCE) continue;
        yield* await filesAt(root, paths);
        paths = [];
      }
    } catch (error) {
      signal.throwIfAborted();
      if (folder === '') throw unreadable(root, error);
      if (orMachineTrouble(error) !== error) throw orMachineTrouble(error);
      if (systemCode(error) === undefined) throw error;
    }
    yield* await filesAt(root, paths);
  }
}

/** Those of these that are there, and have something in them. */
async function filesAt(root: string, paths: readonly string[]): Promise<LibraryFile[]> {
  const found = await Promise.all(
    paths.map(async (path): Promise<LibraryFile[]> => {
      const stat = await lstat(pathBytes(join(root, path)), { bigint: true }).catch(() => undefined);
      if (stat === undefined || !stat.isFile() || stat.size === 0n) return [];
      return [{ path, bytes: Number(stat.size), modifiedAtMs: Number(stat.mtimeMs) }];
    }),
  );
  return found.flat();
}

function unreadable(root: string, error: unknown): unknown {
  const code = systemCode(error);
  if (code === undefined || orMachineTrouble(error) !== error) return orMachineTrouble(error);
  return new KnownError(`MEDIA_IN, ${root}, cannot be read (${code})`, {
    code: code === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_NOT_READABLE',
    cause: error,
  });
}
