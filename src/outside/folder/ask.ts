import type { FileHandle } from 'node:fs/promises';
import { KnownError, machineTrouble, systemCode } from '../../domain/errors.ts';
import { untilAborted, withinTime } from '../../lib/abort.ts';

/** How soon a folder without room is tried again, in milliseconds. */
const FULL_PAUSE_MS = 30_000;

const NO_ROOM: readonly string[] = ['ENOSPC', 'EDQUOT'];

/** What a file system says of a name that it can never have. */
const NO_NAME: readonly string[] = ['ENAMETOOLONG', 'EILSEQ', 'EINVAL'];

/** Asks one thing of the file system of a folder. */
export type Ask = <T>(signal: AbortSignal, what: () => Promise<T>) => Promise<T>;

/**
 * Asks of the file system of a folder that may be full, read-only, taken away, or silent for ever, as a network drive is
 * whose server is gone. What it says becomes a KnownError. It is waited for no longer than `idleTimeoutMs`; as long as it
 * owes an answer nothing else is asked, for every question that hangs takes one of this process's few threads.
 */
export function createAsk({
  folder,
  idleTimeoutMs,
}: {
  readonly folder: string;
  readonly idleTimeoutMs: number;
}): Ask {
  let owed = 0;
  const silent = () => folderUnusable(`${folder} does not answer`);

  return async (signal, what) => {
    signal.throwIfAborted();
    if (owed > 0) throw silent();
    const asked = what();
    // Whoever gave up waiting hears of it no more.
    asked.catch(() => {});
    try {
      const isAnswered = await untilAborted(withinTime(asked, idleTimeoutMs), signal);
      if (isAnswered) return await asked;
    } catch (error) {
      throw troubleOf(folder, error);
    }
    owed += 1;
    asked
      .catch(() => {})
      .finally(() => {
        owed -= 1;
      });
    throw silent();
  };
}

/** Opens a file by `ask`; one that opens only after nobody waits for it any more is closed. */
export async function askToOpen<T extends FileHandle | undefined>(
  ask: Ask,
  signal: AbortSignal,
  open: () => Promise<T>,
): Promise<T> {
  let opening: Promise<T> | undefined;
  try {
    return await ask(signal, () => {
      opening = open();
      return opening;
    });
  } catch (error) {
    opening?.then((handle) => handle?.close()).catch(() => {});
    throw error;
  }
}

/** What stands in for something that is not there; any other error stays one. */
export function unlessMissing<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return instead;
    throw error;
  };
}

/** What an error says of the folder rather than of what was being done; an error of ours stays what it is. */
function troubleOf(folder: string, error: unknown): unknown {
  const code = systemCode(error);
  if (error instanceof KnownError || code === undefined) return error;
  const words = error instanceof Error ? error.message : code;
  if (NO_ROOM.includes(code)) return folderFull(`${folder} has no room (${words})`, error);
  if (NO_NAME.includes(code) || code === 'EFBIG') {
    const what = code === 'EFBIG' ? 'a file of this size' : 'this name';
    return new KnownError(`The file system of ${folder} does not take ${what} (${words})`, {
      code: 'REMOTE_REJECTED',
      cause: error,
    });
  }
  if (code === 'EXDEV') {
    return folderUnusable(
      `${folder} is to be one file system, and has another mounted in it (${words})`,
      error,
    );
  }
  const ofMachine = machineTrouble(error);
  // A broken or read-only disk is the folder's; no more files or memory are this machine's.
  if (ofMachine !== undefined && code !== 'EIO' && code !== 'EROFS') return ofMachine;
  return folderUnusable(`${folder} cannot be used (${words})`, error);
}

export function folderFull(message: string, cause?: unknown): KnownError {
  return new KnownError(message, { code: 'FOLDER_FULL', retry: { waitMs: FULL_PAUSE_MS }, cause });
}

export function folderUnusable(message: string, cause?: unknown): KnownError {
  return new KnownError(message, { code: 'FOLDER_UNUSABLE', retry: 'backoff', cause });
}
