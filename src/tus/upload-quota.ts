import { readdir } from 'node:fs/promises';
import type { Locker } from '@tus/server';
import type { Logger } from 'pino';
import { removeAll, statIfThere } from '../lib/files.ts';
import { UploadRefused } from './refusal.ts';
import { readSidecar } from './sidecar.ts';
import { isUploadId, type UploadPaths } from './upload-paths.ts';

/** After so long without a byte an upload makes room for another one of the same recording. */
const RESTING_AFTER_MS = 600_000;

/** The same for one that never had a byte: on a bad line the answer to its creation may have been lost. */
const EMPTY_RESTING_AFTER_MS = 10_000;

const RATE_WINDOW_MS = 60_000;

export interface UploadLimits {
  /** Unfinished uploads in all. */
  readonly maxOpen: number;
  readonly maxOpenPerAceId: number;
  readonly maxOpenPerAddress: number;
  /** Creations within a minute, of one recording and from one address. */
  readonly maxNewPerMinute: number;
}

export interface UploadQuotaOptions {
  readonly limits: UploadLimits;
  readonly paths: UploadPaths;
  readonly locker: Locker;
  readonly log: Logger;
}

/** Who begins an upload. */
export interface Beginner {
  readonly id: string;
  readonly aceId: string;
  /** `undefined` where it cannot be told, and then it is not counted. */
  readonly address: string | undefined;
}

/** Keeps one recording, one address and all together from beginning more uploads than they end. */
export interface UploadQuota {
  /** Begins an upload unless that were one too many. One at a time. @throws UploadRefused 429 */
  begin<T>(beginner: Beginner, create: () => Promise<T>): Promise<T>;
}

interface OpenUpload {
  readonly id: string;
  readonly aceId: string | undefined;
  readonly bytes: number;
  readonly lastByteAtMs: number;
}

/**
 * What is open is what lies in the folder, so that neither a crash nor an expiry makes the count wrong. Only whose
 * address began an upload is not on the disk, and is forgotten with the process.
 */
export function createUploadQuota({ limits, paths, locker, log }: UploadQuotaOptions): UploadQuota {
  const addresses = new Map<string, string>();
  const beginnings = new Map<string, number[]>();
  let last: Promise<unknown> = Promise.resolve();

  async function openUploads(): Promise<OpenUpload[]> {
    const open: OpenUpload[] = [];
    for (const id of (await readdir(paths.uploads)).filter(isUploadId)) {
      const data = await statIfThere(paths.data(id));
      const sidecar = await readSidecar(paths.sidecar(id));
      if (data === undefined || sidecar === undefined || data.size >= sidecar.size) continue;
      const aceId = sidecar.metadata['ace_id'] ?? undefined;
      open.push({ id, aceId, bytes: data.size, lastByteAtMs: data.mtimeMs });
    }
    return open;
  }

  function countBeginning(key: string): void {
    const now = performance.now();
    const isRecent = (atMs: number) => now - atMs < RATE_WINDOW_MS;
    const recent = (beginnings.get(key) ?? []).filter(isRecent);
    if (recent.length >= limits.maxNewPerMinute) {
      throw tooMany(`${recent.length} uploads have been begun within a minute.`);
    }
    // To the end, so that the keys of long ago come first.
    beginnings.delete(key);
    beginnings.set(key, [...recent, now]);
    for (const [other, times] of beginnings) {
      if (times.some(isRecent)) break;
      beginnings.delete(other);
    }
  }

  async function requireQuota(beginner: Beginner): Promise<void> {
    const { aceId, address } = beginner;
    const open = await openUploads();
    const ids = new Set(open.map(({ id }) => id));
    for (const id of addresses.keys()) if (!ids.has(id)) addresses.delete(id);

    const ofRecording = open.filter((upload) => upload.aceId === aceId);
    const isOneTooMany = ofRecording.length >= limits.maxOpenPerAceId;
    const hasMadeRoom = isOneTooMany && (await dropResting(ofRecording));
    if (isOneTooMany && !hasMadeRoom) {
      throw tooMany(`${ofRecording.length} uploads of this recording are under way.`);
    }
    const ofAddress = open.filter(({ id }) => address !== undefined && addresses.get(id) === address);
    if (ofAddress.length >= limits.maxOpenPerAddress) {
      throw tooMany(`${ofAddress.length} uploads from this address are not finished.`);
    }
    if (open.length - (hasMadeRoom ? 1 : 0) >= limits.maxOpen) {
      log.warn({ event: 'upload.too-many', open: open.length }, 'too many unfinished uploads');
      throw tooMany(`${open.length} uploads are not finished.`);
    }
  }

  /** Removes the smallest upload that rests: a tutor whose browser has forgotten three beginnings may begin again. */
  async function dropResting(uploads: readonly OpenUpload[]): Promise<boolean> {
    const [smallest] = uploads
      .filter(({ lastByteAtMs, bytes }) => isResting(lastByteAtMs, bytes))
      .sort((a, b) => a.bytes - b.bytes);
    if (smallest === undefined) return false;
    const { id, bytes } = smallest;
    const lock = locker.newLock(id);
    await lock.lock(new AbortController().signal, () => {});
    try {
      const data = await statIfThere(paths.data(id));
      if (data === undefined || !isResting(data.mtimeMs, data.size)) return false;
      await removeAll(paths.data(id));
      await removeAll(paths.sidecar(id));
    } finally {
      await lock.unlock();
    }
    log.info({ event: 'upload.gave-way', uploadId: id, bytes }, 'resting upload made room for a new one');
    return true;
  }

  return {
    begin(beginner, create) {
      const turn = last.then(async () => {
        countBeginning(`ace:${beginner.aceId}`);
        if (beginner.address !== undefined) countBeginning(`address:${beginner.address}`);
        await requireQuota(beginner);
        const created = await create();
        if (beginner.address !== undefined) addresses.set(beginner.id, beginner.address);
        return created;
      });
      last = turn.catch(() => {});
      return turn;
    },
  };
}

function isResting(lastByteAtMs: number, bytes: number): boolean {
  return Date.now() - lastByteAtMs > (bytes === 0 ? EMPTY_RESTING_AFTER_MS : RESTING_AFTER_MS);
}

function tooMany(sentence: string): UploadRefused {
  return new UploadRefused(429, 'UPLOAD_LIMIT_REACHED', sentence);
}
