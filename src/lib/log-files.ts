import { appendFile, copyFile, open, readdir, rename, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { systemCode } from '../domain/errors.ts';
import { repeat } from './abort.ts';

/** How often the files are looked at, in milliseconds. */
const LOOK_EVERY_MS = 10_000;

/**
 * Keeps log files small that others write: the process manager has them open, and holds what a process writes as well as
 * what its crash leaves. A file that has grown too large is copied aside and emptied in place, so that whoever appends to
 * it goes on; `NAME.1` is the newest of those that are kept. A line that is written at that very moment may be lost.
 *
 * @param options.apps Whose files these are: `APP-out.log` and `APP-error.log`. Of one file only one process may take care.
 * @param options.maxBytes 0: they are left alone.
 */
export function startLogKeeping(options: {
  readonly folder: string;
  readonly apps: readonly string[];
  readonly maxBytes: number;
  readonly keepFiles: number;
  readonly everyMs?: number;
  readonly log: Logger;
}): { stop(): Promise<void> } {
  const { folder, apps, maxBytes, keepFiles, everyMs = LOOK_EVERY_MS, log } = options;
  const stopping = new AbortController();
  const names = apps.flatMap((app) => [`${app}-out.log`, `${app}-error.log`]);

  async function look(): Promise<void> {
    for (const name of names) {
      const path = join(folder, name);
      try {
        // Not there: somebody else takes the lines, a terminal or systemd.
        const size = await stat(path).then(
          (found) => found.size,
          () => 0,
        );
        if (size > maxBytes) await putAside(path, keepFiles);
      } catch (error) {
        log.warn({ event: 'log.not-put-aside', name, err: error }, 'a log file stays large');
      }
    }
  }

  const keeping = maxBytes === 0 ? Promise.resolve() : repeat(look, everyMs, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await keeping;
    },
  };
}

async function putAside(path: string, keepFiles: number): Promise<void> {
  await dropOld(path, keepFiles);
  for (let n = keepFiles - 1; n >= 1; n -= 1) {
    await rename(`${path}.${n}`, `${path}.${n + 1}`).catch(ignoreAbsent);
  }
  if (keepFiles > 0) {
    try {
      await copyFile(path, `${path}.1`);
      await copyRest(path, `${path}.1`);
    } catch {
      // A full disk: then the log is what has to go.
      await rm(`${path}.1`, { force: true });
    }
  }
  await truncate(path, 0);
}

/** What is above the number that is kept, also of a time when more were. */
async function dropOld(path: string, keepFiles: number): Promise<void> {
  const folder = join(path, '..');
  const name = path.slice(folder.length + 1);
  for (const each of await readdir(folder)) {
    const number = each.startsWith(`${name}.`) ? each.slice(name.length + 1) : '';
    if (/^\d+$/.test(number) && Number(number) >= keepFiles) await rm(join(folder, each), { force: true });
  }
}

/** Adds what was written while the file was copied. */
async function copyRest(path: string, copy: string): Promise<void> {
  const { size } = await stat(copy);
  const file = await open(path, 'r');
  try {
    const restBytes = (await file.stat()).size - size;
    if (restBytes <= 0) return;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(restBytes), 0, restBytes, size);
    await appendFile(copy, buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

function ignoreAbsent(error: unknown): void {
  if (systemCode(error) !== 'ENOENT') throw error;
}
