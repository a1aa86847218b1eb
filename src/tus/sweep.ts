import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Locker } from '@tus/server';
import type { Logger } from 'pino';
import { pause } from '../lib/abort.ts';
import { removeAll, statIfThere } from '../lib/files.ts';
import { readSidecar } from './sidecar.ts';
import { isUploadId, type UploadPaths } from './upload-paths.ts';

const SWEEP_EVERY_MS = 3_600_000;

export interface SweepOptions {
  readonly paths: UploadPaths;
  readonly expiresAfterMs: number;
  readonly locker: Locker;
  /** Called for each upload that is complete and was not finished. */
  readonly onComplete: (id: string) => void;
  /** Whether ages can be believed: after a jump of the clock nothing is removed for being old. */
  readonly isClockSettled: () => Promise<boolean>;
  readonly log: Logger;
}

/** Removes what nobody will come back for, and finds what was left half finished. */
export interface Sweep {
  /** Sweeps now and then every hour. */
  start(): void;
  /** Sweeps once. */
  run(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Removes unfinished uploads whose last byte is older than the expiry, the memory of finished ones and what was refused
 * after the same time, and leftovers of interrupted writes at once. A complete upload is never removed.
 */
export function createSweep(options: SweepOptions): Sweep {
  const { paths, expiresAfterMs, locker, onComplete, isClockSettled, log } = options;
  const stopping = new AbortController();
  let work: Promise<void> | undefined;

  let areAgesBelieved = true;

  const isExpired = (atMs: number) => areAgesBelieved && Date.now() - atMs > expiresAfterMs;
  /** Only this process writes here: what is older than it was left by one that is dead. */
  const isOfDeadProcess = (atMs: number) => atMs < performance.timeOrigin;

  async function sweepUpload(id: string): Promise<void> {
    const data = await statIfThere(paths.data(id));
    const sidecar = await readSidecar(paths.sidecar(id));
    if (data !== undefined && data.size === sidecar?.size) return onComplete(id);
    if (data !== undefined && !isExpired(data.mtimeMs)) return;

    const lock = locker.newLock(id);
    await lock.lock(stopping.signal, () => {});
    try {
      await removeIfForgotten(id);
    } finally {
      await lock.unlock();
    }
  }

  /** Looks again, now that no request can be writing. */
  async function removeIfForgotten(id: string): Promise<void> {
    const data = await statIfThere(paths.data(id));
    const sidecar = await readSidecar(paths.sidecar(id));
    if (data === undefined) {
      const isForgotten = sidecar?.finishedAtMs === undefined || isExpired(sidecar.finishedAtMs);
      if (isForgotten) await removeAll(paths.sidecar(id));
      return;
    }
    if (data.size === sidecar?.size || !isExpired(data.mtimeMs)) return;

    await removeAll(paths.data(id));
    await removeAll(paths.sidecar(id));
    log.info({ event: 'upload.expired', uploadId: id, bytes: data.size }, 'unfinished upload removed');
  }

  async function sweepLeftovers(folder: string, suffix: string): Promise<void> {
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      // One that is being written may get its name at this moment, and then is no leftover.
      const file = name.endsWith(suffix) ? await lstat(path).catch(() => undefined) : undefined;
      if (file === undefined) continue;
      if (isOfDeadProcess(file.mtimeMs) || isExpired(file.mtimeMs)) await removeAll(path);
    }
  }

  async function sweepRefused(): Promise<void> {
    const names = await readdir(paths.refused);
    for (const id of idsIn(names)) {
      const kept = (await statIfThere(paths.refusedNote(id))) ?? (await statIfThere(paths.refusedFile(id)));
      if (kept !== undefined && !isExpired(kept.mtimeMs)) continue;
      await removeAll(paths.refusedFile(id));
      await removeAll(paths.refusedNote(id));
      log.info({ event: 'upload.refused-removed', uploadId: id }, 'refused upload removed');
    }
  }

  async function run(): Promise<void> {
    areAgesBelieved = await isClockSettled();
    if (!areAgesBelieved)
      log.warn({ event: 'sweep.put-off' }, 'the clock was set lately, nothing expires now');
    for (const id of idsIn(await readdir(paths.uploads))) {
      stopping.signal.throwIfAborted();
      await sweepUpload(id).catch((err: unknown) => {
        log.error({ event: 'sweep.failed', uploadId: id, err }, 'upload could not be swept');
      });
    }
    await sweepLeftovers(paths.uploads, '.tmp');
    await sweepLeftovers(paths.incoming, '.tmp');
    await sweepLeftovers(paths.refused, '.tmp');
    await sweepRefused();
  }

  async function runEveryHour(): Promise<void> {
    while (!stopping.signal.aborted) {
      await run().catch((err: unknown) => log.error({ event: 'sweep.failed', err }, 'sweep failed'));
      await pause(SWEEP_EVERY_MS, stopping.signal);
    }
  }

  return {
    start() {
      // Fails only because it is stopped.
      work ??= runEveryHour().catch(() => {});
    },
    run,
    async stop() {
      stopping.abort();
      await work;
    },
  };
}

/** The uploads that file names belong to, each once. */
function idsIn(names: readonly string[]): Set<string> {
  return new Set(names.map((name) => name.replace(/\.(json|upload)$/, '')).filter(isUploadId));
}
