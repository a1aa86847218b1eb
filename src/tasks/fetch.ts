import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import type { Download, Zoom } from '../clients/zoom.ts';
import { KnownError, systemCode } from '../domain/errors.ts';
import type { Facts, Origin } from '../domain/recording.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { type Disk, diskFull } from '../lib/disk.ts';
import { lengthOf, readRange, removeAll, sha1OfRange } from '../lib/files.ts';
import { firstBytesOf, type MediaType, mediaTypeOf } from '../lib/media-type.ts';
import type { Spool } from './spool.ts';
import type { Task, TaskContext } from './task.ts';

/** How much is gathered before it is written, in bytes. */
const WRITE_STEP_BYTES = 1024 * 1024;

/**
 * Brings the bytes to the local disk, and proves what they are: length, SHA-1, media type.
 *
 * Safe to repeat: a download goes on after the bytes that are on the disk, provided that the server still has the same
 * file, and otherwise starts over; a file of this server is only read.
 */
export function createFetchTask({
  zoom,
  spool,
  disk,
  promisedBytes = async () => 0,
}: {
  zoom: Zoom;
  spool: Spool;
  disk: Disk;
  /** What others will still write to the disk, in bytes. */
  promisedBytes?: () => Promise<number>;
}): Task<'fetch'> {
  return {
    stage: 'fetch',
    serviceFor: ({ origin }) => (origin.kind === 'zoom' ? 'zoom' : undefined),
    run: (context) => {
      const { origin } = context.recording;
      return origin.kind === 'zoom' ? download(context, origin) : takeLocal(context, origin);
    },
    isStillTrue: async ({ path, bytes }) => (await lengthOf(path)) === bytes,
  };

  async function download(
    context: TaskContext<'fetch'>,
    origin: Extract<Origin, { kind: 'zoom' }>,
  ): Promise<Facts['fetch']> {
    const { recording, checkpoint, signal } = context;
    const path = await spool.pathFor(recording.id);
    const onDisk = (await lengthOf(path)) ?? 0;
    // Bytes that nobody can vouch for any more are not built upon.
    const fromByte = checkpoint === undefined || onDisk > checkpoint.totalBytes ? 0 : onDisk;

    await requireRoom((checkpoint?.totalBytes ?? origin.bytes ?? 0) - fromByte);
    const known = await hashOf(path, fromByte, signal);
    const opened = await openDownload(context, origin, fromByte);
    let totalBytes: number;
    try {
      totalBytes = lengthOfDownload(opened, origin);
      await requireRoom(totalBytes - opened.startByte);
      await context.saveCheckpoint({ validator: opened.validator, totalBytes });
      crashPoint('fetch:after-checkpoint');
    } catch (error) {
      opened.dismiss();
      throw error;
    }

    const hash = opened.startByte === fromByte ? known : createHash('sha1');
    const bytes = await writeChunks(context, path, opened.startByte, opened.chunks, totalBytes, hash);
    if (bytes !== totalBytes || bytes === 0) {
      // Bytes beyond the announced end have nothing to do with the recording.
      if (bytes > totalBytes) await removeAll(path);
      throw new KnownError(`The download ended after ${bytes} of ${totalBytes} bytes`, {
        code: 'DOWNLOAD_LENGTH_DIFFERS',
        retry: 'backoff',
        details: { bytes, totalBytes, announcedBytes: origin.bytes },
      });
    }
    const media = await requireMedia(path, () => removeAll(path));
    crashPoint('fetch:before-fact');
    return { path, bytes, sha1: hash.digest('hex'), mediaType: media.mime, extension: media.extension };
  }

  /** What needs no room may finish on a full disk, which frees some. */
  async function requireRoom(bytes: number): Promise<void> {
    if (bytes > 0) await disk.requireBytes(bytes + (await promisedBytes()));
  }

  /** Opens the address that the webhook gave or, once that no longer works, the one that Zoom's API names. */
  async function openDownload(
    { recording, checkpoint, signal }: TaskContext<'fetch'>,
    origin: Extract<Origin, { kind: 'zoom' }>,
    fromByte: number,
  ): Promise<Download> {
    const range = { fromByte, validator: checkpoint?.validator ?? null, signal };
    try {
      return await zoom.openDownload({ url: origin.downloadUrl, token: origin.downloadToken, ...range });
    } catch (error) {
      const { meeting_uuid: meetingUuid, recording_id: fileId } = recording.details;
      if (!isAddressStale(error) || typeof meetingUuid !== 'string' || typeof fileId !== 'string')
        throw error;
      const fresh = await zoom.freshAddress({ meetingUuid, fileId, signal });
      if (fresh === undefined) throw error;
      return await zoom.openDownload({ ...fresh, ...range });
    }
  }

  async function takeLocal(
    context: TaskContext<'fetch'>,
    origin: Extract<Origin, { kind: 'file' }>,
  ): Promise<Facts['fetch']> {
    const { path, bytes } = origin;
    await checkUnchanged(origin);
    const media = await requireMedia(path);
    const sha1 = await sha1OfRange(path, 0, bytes, context.signal);
    await checkUnchanged(origin);
    context.progress(bytes, bytes);
    return { path, bytes, sha1, mediaType: media.mime, extension: media.extension };
  }
}

/** The state of a SHA-1 after the first bytes of a file. */
async function hashOf(path: string, bytes: number, signal: AbortSignal): Promise<Hash> {
  const hash = createHash('sha1');
  for await (const chunk of readRange(path, 0, bytes)) {
    signal.throwIfAborted();
    hash.update(chunk);
  }
  return hash;
}

/** How long the recording is, by the download and by the webhook, which must agree where both say it. */
function lengthOfDownload(opened: Download, origin: Extract<Origin, { kind: 'zoom' }>): number {
  const totalBytes = opened.totalBytes ?? origin.bytes;
  if (totalBytes === null) {
    throw new KnownError('Neither Zoom nor the download says how long the recording is', {
      code: 'REMOTE_ANSWER_INVALID',
      retry: 'backoff',
    });
  }
  if (origin.bytes !== null && totalBytes !== origin.bytes) {
    throw new KnownError(`Zoom announced ${origin.bytes} bytes and offers ${totalBytes}`, {
      code: 'DOWNLOAD_LENGTH_DIFFERS',
      retry: 'backoff',
      details: { announcedBytes: origin.bytes, totalBytes },
    });
  }
  return totalBytes;
}

/** Zoom answers an expired token and a deleted file alike. */
function isAddressStale(error: unknown): boolean {
  return error instanceof KnownError && ['DOWNLOAD_NOT_MEDIA', 'DOWNLOAD_REFUSED'].includes(error.code);
}

/** Appends the chunks in large writes and hashes each byte on its way; returns the length of the file. */
async function writeChunks(
  { signal, progress }: TaskContext<'fetch'>,
  path: string,
  startByte: number,
  chunks: AsyncIterable<Buffer>,
  totalBytes: number,
  hash: Hash,
): Promise<number> {
  const file = await open(path, startByte === 0 ? 'w' : 'r+', 0o600);
  let atByte = startByte;
  let gathered: Buffer[] = [];
  let gatheredBytes = 0;

  async function flush(): Promise<void> {
    await writeAll(file, gathered, atByte).catch((error) => {
      throw systemCode(error) === 'ENOSPC' ? diskFull(error) : error;
    });
    crashPoint('fetch:mid-download');
    atByte += gatheredBytes;
    gathered = [];
    gatheredBytes = 0;
    progress(atByte, totalBytes);
  }

  try {
    try {
      for await (const chunk of chunks) {
        signal.throwIfAborted();
        hash.update(chunk);
        gathered.push(chunk);
        gatheredBytes += chunk.length;
        if (gatheredBytes >= WRITE_STEP_BYTES) await flush();
        if (atByte > totalBytes) break;
      }
    } finally {
      // What has arrived before a break is worth keeping.
      await flush();
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return atByte;
}

async function writeAll(file: FileHandle, buffers: Buffer[], position: number): Promise<void> {
  let at = position;
  let left = buffers;
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left, at);
    at += bytesWritten;
    let skip = bytesWritten;
    while (left[0] !== undefined && skip >= left[0].length) {
      skip -= left[0].length;
      left = left.slice(1);
    }
    if (left[0] !== undefined && skip > 0) left = [left[0].subarray(skip), ...left.slice(1)];
  }
}

/** The media type by magic bytes. A download that is something else (a login page, say) is thrown away. */
async function requireMedia(path: string, discard?: () => Promise<void>): Promise<MediaType> {
  const firstBytes = await firstBytesOf(path);
  const media = await mediaTypeOf(firstBytes);
  if (media !== undefined) return media;

  await discard?.();
  const isPage = /^\s*<(!doctype|html)/i.test(firstBytes.subarray(0, 200).toString('latin1'));
  if (isPage) {
    throw new KnownError('Zoom sent a web page instead of the recording', {
      code: 'DOWNLOAD_NOT_MEDIA',
      retry: 'backoff',
    });
  }
  throw new KnownError('The file is neither audio nor video', {
    code: 'NOT_MEDIA',
    // A download may have been damaged on its way; a file of this server will not change.
    retry: discard ? 'backoff' : 'never',
  });
}

async function checkUnchanged({
  path,
  bytes,
  modifiedAtMs,
}: Extract<Origin, { kind: 'file' }>): Promise<void> {
  let found: Awaited<ReturnType<typeof stat>>;
  try {
    found = await stat(path);
  } catch (error) {
    throw new KnownError(`The file is gone or cannot be read (${systemCode(error)})`, {
      code: 'SOURCE_GONE',
      retry: systemCode(error) === 'ENOENT' ? 'never' : 'backoff',
      cause: error,
    });
  }
  if (found.size !== bytes || Math.trunc(found.mtimeMs) !== modifiedAtMs) {
    throw new KnownError(`The file had ${bytes} bytes when it was handed over and has ${found.size} now`, {
      code: 'SOURCE_CHANGED',
    });
  }
}
