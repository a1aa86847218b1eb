import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import {
  chmod,
  link,
  lstat,
  mkdir,
  open,
  readFile,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  statfs,
} from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { z } from 'zod';
import { KnownError, orMachineTrouble, systemCode } from '../../domain/errors.ts';
import { makeFolder, syncFolder, writeWhole } from '../../lib/files.ts';
import { type Ask, folderFull, folderUnusable, unlessMissing } from './ask.ts';

/** The folder in the root that belongs to the store itself. */
const OWN = '.sluice';

/** The longest part of a path that file systems take, and the longest path, in bytes. */
const MAX_SEGMENT_BYTES = 255;
const MAX_PATH_BYTES = 4095;

/** Who may read what is kept, unless it is said otherwise: this user, and the group. */
const FOLDER_MODE = 0o750;

/** How much is written to see whether the folder takes it, in bytes. */
const PROBE_BYTES = 4096;

const markerShape = z.object({ id: z.string().min(1) });
const memoryShape = z.record(z.string(), z.string());

export interface RootOptions {
  /** An absolute path. */
  readonly path: string;
  /** A file elsewhere that remembers which folder it was. */
  readonly memoryPath: string;
  /** What stays free for everything else on its disk, in bytes. */
  readonly reserveBytes: number;
  readonly ask: Ask;
  /** Who may enter the folders that are made in it. */
  readonly folderMode?: number;
}

/**
 * The folder that files are kept in. It is known by a marker inside it, which it gets the first time, and which is
 * remembered elsewhere: where a drive is not mounted its empty mount point has none, and is not written to.
 */
export interface Root {
  /** Where the store keeps what is its own. */
  ownPath(...names: string[]): string;
  /** @throws KnownError `FOLDER_UNUSABLE` if it is not there, or not the one that it was */
  require(signal: AbortSignal): Promise<void>;
  /** @throws KnownError `FOLDER_FULL` */
  requireRoom(bytes: number, signal: AbortSignal): Promise<void>;
  /** Writes a little and takes it away again. */
  probe(signal: AbortSignal): Promise<void>;
  /**
   * The path of a file of this name.
   *
   * @throws KnownError `REMOTE_REJECTED` for a name that leads elsewhere or that no file system takes
   */
  pathOf(name: string): string;
  /** The same, for what is there: no link on the way leads out of the root. */
  pathInside(name: string, signal: AbortSignal): Promise<string>;
  /** The same, its folders made so that they survive a power cut. */
  makeRoom(name: string, signal: AbortSignal): Promise<string>;
  /** Removes the folders of a name that are empty now. */
  prune(name: string, signal: AbortSignal): Promise<void>;
}

export function createRoot(options: RootOptions): Root {
  const { path, memoryPath, reserveBytes, ask, folderMode = FOLDER_MODE } = options;
  const root = resolve(path);
  let knownId: string | undefined;
  const ownPath = (...names: string[]) => join(root, OWN, ...names);
  const markerPath = ownPath('store.json');

  /** The markers' ids by the paths of their folders. */
  async function memory(): Promise<Record<string, string>> {
    const text = await readFile(memoryPath, 'utf8').catch((error) => {
      if (systemCode(error) === 'ENOENT') return '{}';
      throw orMachineTrouble(error);
    });
    try {
      return memoryShape.parse(JSON.parse(text));
    } catch (error) {
      throw folderUnusable(`${memoryPath} cannot be read; remove it once ${root} is the right folder`, error);
    }
  }

  async function remember(id: string): Promise<void> {
    const remembered = await memory();
    if (remembered[root] !== id) {
      const own = `${memoryPath}.${randomUUID()}`;
      try {
        await makeFolder(dirname(memoryPath));
        await writeWhole(own, `${JSON.stringify({ ...remembered, [root]: id })}\n`);
        await rename(own, memoryPath);
      } catch (error) {
        throw orMachineTrouble(error);
      }
    }
    knownId = id;
  }

  /** The id in the marker, or `undefined` if there is none. */
  async function markerId(signal: AbortSignal): Promise<string | undefined> {
    const text = await ask(signal, () => readFile(markerPath, 'utf8').catch(unlessMissing(undefined)));
    if (text === undefined) return undefined;
    try {
      return markerShape.parse(JSON.parse(text)).id;
    } catch (error) {
      throw folderUnusable(`${markerPath} cannot be read`, error);
    }
  }

  /** Makes a new folder the store's; of two that do so at once both have the same. */
  async function begin(signal: AbortSignal): Promise<void> {
    await ask(signal, async () => {
      await makeFolder(root);
      await makeFolder(ownPath('unfinished'));
      await makeFolder(ownPath('marks'));
      const own = ownPath(`store-${randomUUID()}`);
      await writeWhole(own, `${JSON.stringify({ id: randomUUID() })}\n`);
      try {
        await placeNew(own, markerPath);
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw error;
      } finally {
        await rm(own, { force: true });
      }
      await syncFolder(ownPath());
      await syncFolder(root);
    });
  }

  async function require(signal: AbortSignal): Promise<void> {
    knownId ??= (await memory())[root];
    let id = await markerId(signal);
    if (id === undefined && knownId === undefined) {
      await begin(signal);
      id = await markerId(signal);
    }
    if (id === undefined) {
      throw folderUnusable(
        `${root} is not mounted, or no longer the folder that it was: it has no ${OWN}/store.json`,
      );
    }
    if (knownId !== undefined && id !== knownId) {
      throw folderUnusable(`${root} is another folder than before; if that is meant, remove ${memoryPath}`);
    }
    if (knownId === undefined) await remember(id);
  }

  /** A folder on the way: a link may lead elsewhere, as long as that is inside. */
  async function isInside(folder: string, signal: AbortSignal): Promise<boolean> {
    const found = await ask(signal, () => lstat(folder).catch(unlessMissing(undefined)));
    if (found === undefined) return false;
    if (found.isDirectory()) return true;
    if (!found.isSymbolicLink()) throw inTheWay(folder);
    const [realRoot, real] = await ask(signal, () => Promise.all([realpath(root), realpath(folder)]));
    if (real.startsWith(`${realRoot}${sep}`)) return true;
    throw new KnownError(`${folder} is a link that leads out of ${root}`, {
      code: 'REMOTE_REJECTED',
      retry: 'backoff',
    });
  }

  /** The folders of a name below the root, outermost first. */
  function foldersOf(name: string): string[] {
    const segments = name.split('/').slice(0, -1);
    return segments.map((_, index) => join(root, ...segments.slice(0, index + 1)));
  }

  function pathOf(name: string): string {
    const segments = name.split('/');
    const isOdd = (segment: string) =>
      segment === '' ||
      segment === '.' ||
      segment === '..' ||
      segment.includes('\0') ||
      Buffer.byteLength(segment) > MAX_SEGMENT_BYTES;
    const path = join(root, ...segments);
    const isTooLong = Buffer.byteLength(path) > MAX_PATH_BYTES;
    if (segments.some(isOdd) || isTooLong || segments[0]?.toLowerCase() === OWN) {
      throw new KnownError(`${JSON.stringify(name)} cannot be the name of a file in ${root}`, {
        code: 'REMOTE_REJECTED',
      });
    }
    return path;
  }

  return {
    ownPath,
    require,

    async requireRoom(bytes, signal) {
      const { bavail, bsize, files, ffree } = await ask(signal, () => statfs(root));
      const freeBytes = Math.max(0, bavail * bsize - reserveBytes);
      if (files > 0 && ffree === 0) throw folderFull(`${root} has no inode for another file`);
      if (bytes > freeBytes) {
        throw folderFull(`${root} has ${freeBytes} bytes free above the reserve, and ${bytes} are needed`);
      }
    },

    async probe(signal) {
      const probePath = ownPath('unfinished', `.probe-${randomUUID()}`);
      try {
        await ask(signal, async () => {
          const file = await open(probePath, 'wx', 0o600);
          try {
            await file.writeFile(Buffer.alloc(PROBE_BYTES));
            await file.sync();
          } finally {
            await file.close();
          }
          await rm(probePath, { force: true });
        });
      } catch (error) {
        // Of a folder that does not answer it may never end.
        rm(probePath, { force: true }).catch(() => {});
        throw error;
      }
    },

    pathOf,

    async pathInside(name, signal) {
      const path = pathOf(name);
      for (const folder of foldersOf(name)) if (!(await isInside(folder, signal))) break;
      return path;
    },

    async makeRoom(name, signal) {
      const path = pathOf(name);
      for (const folder of foldersOf(name)) {
        if (await isInside(folder, signal)) continue;
        await ask(signal, async () => {
          try {
            await mkdir(folder, { mode: folderMode });
            await openTo(folder, folderMode);
          } catch (error) {
            if (systemCode(error) !== 'EEXIST') throw error;
          }
          await syncFolder(dirname(folder));
        });
      }
      return path;
    },

    async prune(name, signal) {
      for (const folder of foldersOf(name).reverse()) {
        const isGone = await ask(signal, () =>
          rmdir(folder).then(
            () => true,
            () => false,
          ),
        );
        if (!isGone) return;
      }
    },
  };
}

/**
 * Lets others than this user in, whatever the process keeps to itself otherwise; what the folder above hands down to it
 * stays. Some file systems know no such rights.
 */
export async function openTo(path: string, mode: number): Promise<void> {
  const found = await stat(path);
  await chmod(path, (found.mode & 0o7777) | mode).catch((error) => {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(systemCode(error) ?? '')) throw error;
  });
}

/**
 * Gives a file a second name where nothing is yet; on a file system without hard links its only one.
 *
 * @throws `EEXIST`
 */
export async function placeNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(systemCode(error) ?? ''))
      throw error;
    // Fails where something is there, as the link would have.
    const held = await open(to, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
    await held.close();
    await rename(from, to);
  }
}

export function inTheWay(path: string): KnownError {
  return new KnownError(`${path} is there already, and is not ours`, {
    code: 'REMOTE_REJECTED',
    retry: 'backoff',
  });
}
