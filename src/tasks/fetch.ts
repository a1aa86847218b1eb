import { randomUUID } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { Download, Zoom } from '../clients/zoom.ts';
import type { ZoomFileReference } from '../clients/zoom-api.ts';
import { KnownError, systemCode } from '../domain/errors.ts';
import type { Checkpoints, Facts, Origin, Recording } from '../domain/recording.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { type Disk, diskFull } from '../lib/disk.ts';
import { lengthOf, removeAll } from '../lib/files.ts';
import { openUnchanged } from '../lib/local-file.ts';
import { type MediaType, mediaTypeOf, SNIFFED_BYTES } from '../lib/media-type.ts';
import { removeUnchanged } from '../lib/remove-unchanged.ts';
import { bytesPassed } from '../lib/young-garbage.ts';
import { requireCompanion } from './companion-content.ts';
import { type LocalOrigin, offeredSource, openLocal } from './source.ts';
import type { Spool } from './spool.ts';
import type { Task, TaskContext } from './task.ts';

/** How much is gathered before it is written, in bytes: fewer and larger steps cost less, for the readers too. */
const WRITE_STEP_BYTES = 1024 * 1024;

/** What a slow download has brought is written at least so often, in milliseconds, so that the readers get on. */
const WRITE_EVERY_MS = 1000;

type ZoomOrigin = Extract<Origin, { kind: 'zoom' }>;

/**
 * Brings the bytes to the local disk, and proves what they are: length and media type. As soon as the first of them
 * have told what they are, the stages beside it may read.
 *
 * Safe to repeat: a download goes on after the bytes that are on the disk, provided that the server still has the same
 * file, and otherwise starts over, under another content id; a file of this server is only read.
 */
export function createFetchTask({
  zoom,
  spool,
  disk,
  promisedBytes = async () => 0,
  patienceMs = 0,
  backoff = { minMs: 30_000, maxMs: 3_600_000 },
}: {
  zoom: Zoom;
  spool: Spool;
  disk: Disk;
  /** What others will still write to the disk, in bytes. */
  promisedBytes?: () => Promise<number>;
  /** How long after Zoom's event a file that is not there yet costs no attempt. */
  patienceMs?: number;
  /** The shortest and the longest pause of that patience. */
  backoff?: { readonly minMs: number; readonly maxMs: number };
}): Task<'fetch'> {
  return {
    stage: 'fetch',
    serviceFor: ({ origin }) => (origin.kind === 'zoom' ? 'zoom' : undefined),
    run: (context) => {
      const { origin } = context.recording;
      return origin.kind === 'zoom' ? patiently(context, origin) : takeLocal(context, origin);
    },
    async withdraw({ recording: { id, source, origin } }) {
      await spool.remove(id);
      // A tutor's upload is ours, unlike a file that an admin has named; one that has changed since is not that upload.
      if (source !== 'manual' || origin.kind !== 'file' || origin.keep) return;
      await removeUnchanged(origin);
    },
  };

  /**
   * Zoom announces files that it does not have yet, for hours now and then, and answers as if they were deleted: at first
   * that costs no attempt, with pauses of half the time that has passed.
   */
  async function patiently(context: TaskContext<'fetch'>, origin: ZoomOrigin): Promise<Facts['fetch']> {
    try {
      return await download(context, origin);
    } catch (error) {
      const ageMs = Math.max(0, Date.now() - origin.eventAtMs);
      if (!isAddressStale(error)) throw error;
      if (origin.removed !== undefined) throw removedFromZoom(origin.removed, error);
      if (ageMs >= patienceMs) throw error;
      throw new KnownError(`${error.message}; Zoom may not have it yet`, {
        code: error.code,
        retry: { waitMs: Math.min(Math.max(ageMs / 2, backoff.minMs), backoff.maxMs) },
        cause: error,
        details: error.details,
      });
    }
  }

  async function download(context: TaskContext<'fetch'>, origin: ZoomOrigin): Promise<Facts['fetch']> {
    const { recording, checkpoint, signal } = context;
    const path = await spool.pathFor(recording.id);
    const onDisk = (await lengthOf(path)) ?? 0;
    // Bytes that nobody can vouch for any more are not built upon.
    const fromByte = checkpoint === undefined || onDisk > checkpoint.totalBytes ? 0 : onDisk;

    await requireRoom((checkpoint?.totalBytes ?? origin.bytes ?? 0) - fromByte);
    const opened = await openDownload(context, origin, fromByte);
    let next: Checkpoints['fetch'];
    let handle: FileHandle;
    try {
      const totalBytes = lengthOfDownload(opened, origin);
      await requireRoom(totalBytes - opened.startByte);
      const { validator } = opened;
      const isContinued = opened.startByte > 0 && checkpoint !== undefined;
      const contentId = isContinued ? checkpoint.contentId : contentIdOf(validator, totalBytes);
      next = { validator, totalBytes, contentId };
      await context.saveCheckpoint(next);
      crashPoint('fetch:after-checkpoint');
      handle = await open(path, opened.startByte === 0 ? 'w+' : 'r+', 0o600);
    } catch (error) {
      opened.dismiss();
      throw error;
    }

    const spooled = createSpooled(context, path, handle, next, signal);
    try {
      const bytes = await writeChunks(spooled, opened, next.totalBytes, signal);
      if (bytes !== next.totalBytes || bytes === 0) {
        // Bytes beyond the announced end have nothing to do with the recording.
        if (bytes > next.totalBytes) await removeAll(path);
        throw new KnownError(`The download ended after ${bytes} of ${next.totalBytes} bytes`, {
          code: 'DOWNLOAD_LENGTH_DIFFERS',
          retry: 'backoff',
          details: { bytes, totalBytes: next.totalBytes, announcedBytes: origin.bytes },
        });
      }
      await handle.sync();
    } catch (error) {
      await spooled.abandon(error);
      throw error;
    }
    crashPoint('fetch:before-fact');
    const { mime: mediaType, extension } = spooled.media();
    return { path, bytes: next.totalBytes, contentId: next.contentId, mediaType, extension };
  }

  /** What needs no room may finish on a full disk, which frees some. */
  async function requireRoom(bytes: number): Promise<void> {
    if (bytes > 0) await disk.requireBytes(bytes + (await promisedBytes()));
  }

  /** Opens the address that the webhook gave or, once that no longer works, the one that Zoom's API names. */
  async function openDownload(
    { recording, checkpoint, signal }: TaskContext<'fetch'>,
    origin: ZoomOrigin,
    fromByte: number,
  ): Promise<Download> {
    const { kind, details } = recording;
    const mayBeJson = kind === 'companion' && details['file_extension'] === 'json';
    const range = { fromByte, validator: checkpoint?.validator ?? null, mayBeJson, signal };
    try {
      return await zoom.openDownload({ url: origin.downloadUrl, token: origin.downloadToken, ...range });
    } catch (error) {
      if (!isAddressStale(error)) throw error;
      const fresh = await zoom.freshAddress({ ...fileReference(recording), signal });
      if (fresh === undefined) throw error;
      return await zoom.openDownload({ ...fresh, ...range });
    }
  }

  async function takeLocal(context: TaskContext<'fetch'>, origin: LocalOrigin): Promise<Facts['fetch']> {
    const { path, bytes, modifiedAtMs } = origin;
    const handle = await openUnchanged(origin);
    let media: MediaType;
    try {
      media = await requireMedia(handle);
    } finally {
      await handle.close();
    }
    const { mime: mediaType, extension } = media;
    const fact = { path, bytes, contentId: `${bytes}:${modifiedAtMs}`, mediaType, extension };
    context.offer(await openLocal(origin, fact));
    context.progress(bytes, bytes);
    return fact;
  }
}

/** What the server calls the bytes; where it calls them nothing, or may be mistaken, no other bytes are the same. */
function contentIdOf(validator: string | null, totalBytes: number): string {
  return validator === null ? randomUUID() : `${totalBytes}:${validator}`;
}

/** How long the recording is, by the download and by the webhook, which must agree where both say it. */
function lengthOfDownload(opened: Download, origin: ZoomOrigin): number {
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

/** What Zoom's API needs to find a file by. */
function fileReference({ details }: Recording): ZoomFileReference {
  const text = (name: string) => {
    const value = details[name];
    return typeof value === 'string' ? value : null;
  };
  return {
    accountId: text('account_id'),
    meetingUuid: text('meeting_uuid') ?? '',
    fileId: text('recording_id'),
    fileType: text('file_type'),
    startedAt: text('recording_start'),
  };
}

/** The error of a file that is not there, once it is known what has become of it. */
function removedFromZoom(removed: 'trashed' | 'deleted', cause: KnownError): KnownError {
  const how = removed === 'trashed' ? "moved it to Zoom's trash" : 'deleted it from Zoom';
  return new KnownError(`Somebody has ${how} before it was here`, {
    code: removed === 'trashed' ? 'ZOOM_TRASHED' : 'ZOOM_DELETED',
    cause,
    details: cause.details,
  });
}

/** Zoom answers an expired token and a deleted file alike. */
function isAddressStale(error: unknown): error is KnownError {
  return error instanceof KnownError && ['DOWNLOAD_NOT_MEDIA', 'DOWNLOAD_REFUSED'].includes(error.code);
}

/**
 * The file in the spool while it grows; offered to the readers once its first bytes have told what it is. What a
 * companion is only all of its bytes can tell, and they are few.
 */
interface Spooled {
  /** Writes behind what is there. */
  append(buffers: Buffer[], position: number): Promise<void>;
  /** So many bytes are on the disk; the first that tell what they are must be audio or video. */
  reached(bytes: number): Promise<void>;
  media(): MediaType;
  abandon(error: unknown): Promise<void>;
}

function createSpooled(
  context: TaskContext<'fetch'>,
  path: string,
  handle: FileHandle,
  { totalBytes, contentId }: Checkpoints['fetch'],
  signal: AbortSignal,
): Spooled {
  const { recording } = context;
  const isCompanion = recording.kind === 'companion';
  const neededBytes = isCompanion ? totalBytes : SNIFFED_BYTES;
  let media: MediaType | undefined;
  let offered: ReturnType<typeof offeredSource> | undefined;
  return {
    async append(buffers, position) {
      await writeAll(handle, buffers, position).catch((error) => {
        throw systemCode(error) === 'ENOSPC' ? diskFull(error) : error;
      });
    },

    async reached(bytes) {
      if (offered === undefined && bytes >= Math.min(neededBytes, totalBytes) && !signal.aborted) {
        media = isCompanion
          ? await requireKind(recording, path)
          : await requireMedia(handle, () => removeAll(path));
        const { mime: mediaType, extension } = media;
        offered = offeredSource(handle, { bytes: totalBytes, contentId, mediaType, extension }, bytes);
        context.offer(offered);
      }
      offered?.grow(Math.min(bytes, totalBytes));
      context.progress(Math.min(bytes, totalBytes), totalBytes);
    },

    media() {
      if (media === undefined) throw new Error('nothing was spooled');
      return media;
    },

    async abandon(error) {
      if (offered === undefined) await handle.close();
      else offered.fail(error);
    },
  };
}

/** Appends the chunks in large writes; returns the length of the file. */
async function writeChunks(
  spooled: Spooled,
  { startByte, chunks }: Download,
  totalBytes: number,
  signal: AbortSignal,
): Promise<number> {
  let atByte = startByte;
  let gathered: Buffer[] = [];
  let gatheredBytes = 0;
  let writtenAtMs = Date.now();

  async function flush(): Promise<void> {
    await spooled.append(gathered, atByte);
    crashPoint('fetch:mid-download');
    atByte += gatheredBytes;
    gathered = [];
    bytesPassed(gatheredBytes);
    gatheredBytes = 0;
    writtenAtMs = Date.now();
    await spooled.reached(atByte);
  }

  /** The first bytes say what it is, and whoever reads them is waiting. */
  function isDue(): boolean {
    const isFirst = atByte === 0 && gatheredBytes >= SNIFFED_BYTES;
    return isFirst || gatheredBytes >= WRITE_STEP_BYTES || Date.now() - writtenAtMs >= WRITE_EVERY_MS;
  }

  await spooled.reached(atByte);
  try {
    for await (const chunk of chunks) {
      signal.throwIfAborted();
      gathered.push(chunk);
      gatheredBytes += chunk.length;
      if (isDue()) await flush();
      if (atByte > totalBytes) break;
    }
  } finally {
    // What has arrived before a break is worth keeping.
    await flush();
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

/** What a companion is; if it is not what it should be, it is thrown away. */
async function requireKind(recording: Recording, path: string): Promise<MediaType> {
  try {
    return await requireCompanion(recording, path);
  } catch (error) {
    await removeAll(path);
    throw error;
  }
}

/** The media type by magic bytes. A download that is something else (a login page, say) is thrown away. */
async function requireMedia(handle: FileHandle, discard?: () => Promise<void>): Promise<MediaType> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(SNIFFED_BYTES), 0, SNIFFED_BYTES, 0);
  const firstBytes = buffer.subarray(0, bytesRead);
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
