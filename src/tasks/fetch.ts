import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { archivedFiles, storeOf } from '../domain/archived.ts';
import { type Checkpoints, checkpointSchemas } from '../domain/checkpoints.ts';
import { KnownError, orMachineTrouble } from '../domain/errors.ts';
import { filenameOf, readInput } from '../domain/input.ts';
import type { TaskShape } from '../domain/recipe.ts';
import { type Facts, liesElsewhere, type Origin, type Recording } from '../domain/recording.ts';
import { offeredBytes } from '../engine/bytes.ts';
import { held } from '../engine/held.ts';
import type { Inputs } from '../engine/ports/inputs.ts';
import type { Download, Source, SourceFile } from '../engine/ports/source.ts';
import type { Store } from '../engine/ports/store.ts';
import type { Task, TaskContext } from '../engine/task.ts';
import type { Recordings } from '../ledger/recordings.ts';
import { isWholeMp4 } from '../lib/container.ts';
import { crashPoint } from '../lib/crash-point.ts';
import type { Disk } from '../lib/disk.ts';
import { lengthOf, removeAll } from '../lib/files.ts';
import { openUnchanged } from '../lib/local-file.ts';
import { type Claim, type MediaGate, STRICT_MEDIA_GATE } from '../lib/media-gate.ts';
import { type MediaType, SNIFFED_BYTES } from '../lib/media-type.ts';
import { removeUnchanged } from '../lib/remove-unchanged.ts';
import { wallMs } from '../lib/wall-time.ts';
import { bytesPassed } from '../lib/young-garbage.ts';
import { requireCompanion } from './support/companion-content.ts';
import {
  contentIdOfFile,
  type InputOrigin,
  type LocalOrigin,
  localInput,
  openFetched,
  openLocal,
} from './support/fetched.ts';
import { proofsOf } from './support/proofs.ts';
import type { Spool } from './support/spool.ts';
import type { Tools } from './support/tools.ts';

/** How much is gathered before it is written, in bytes: fewer and larger steps cost less, for the readers too. */
const WRITE_STEP_BYTES = 1024 * 1024;

/** How much of what is on the disk is fetched once more and compared, in bytes, before a download goes on behind it. */
const OVERLAP_BYTES = 64 * 1024;

/** How much a download of unknown length may grow, in bytes, before the disk is looked at again. */
const ROOM_STEP_BYTES = 64 * 1024 * 1024;

/**
 * How often a download has to come in one and the same length before that is believed over what the event says, and over
 * what Zoom's API says today; the latter only if that took so many milliseconds, for Zoom may still be copying the file.
 */
const TIMES_AGAINST_EVENT = 3;
const TIMES_AGAINST_API = 6;
const MIN_AGAINST_API_MS = 10 * 60_000;

/** How often, if nobody says a length and the end of the download is not marked. */
const TIMES_UNMARKED = 2;

/** What a slow download has brought is written at least so often, in milliseconds, so that the readers get on. */
const WRITE_EVERY_MS = 1000;

export const shape = {
  name: 'fetch',
  label: 'Fetch',
  lane: 'upload',
  makes: ['file'],
  reports: 'bytes',
  isAgain: true,
} as const satisfies TaskShape;

type FetchContext = TaskContext<unknown, Checkpoints['fetch']>;

type ZoomOrigin = Extract<Origin, { kind: 'zoom' }>;

export const makeTask = (tools: Tools) =>
  createFetchTask({ ...tools, ...tools.settings.fetch, recordings: tools.ledger.recordings });

/**
 * Brings the bytes to the local disk, and proves what they are: length and media type. As soon as the first of them
 * have told what they are, the stages beside it may read; where they do not tell, once the whole has.
 *
 * Safe to repeat: a download goes on after the bytes that are on the disk, provided that the server still has the same
 * file, and otherwise starts over, under another content id; a file of this server is only read, and one that is published again comes from the archive. What the server says of
 * that is not believed alone: the last bytes on the disk are fetched again and compared.
 *
 * How long the recording is, the world of today decides; the size in the event is a hint. Where the two differ Zoom's API
 * is asked, and a length of which nobody is sure is kept from the readers until the whole has come and is believed.
 */
export function createFetchTask({
  zoom,
  inputs,
  stores,
  recordings,
  spool,
  disk,
  promisedBytes = async () => 0,
  media: gate = STRICT_MEDIA_GATE,
  host,
  patienceMs = 0,
  backoff = { minMs: 30_000, maxMs: 3_600_000 },
}: {
  zoom: Source;
  inputs: Pick<Inputs, 'open' | 'localPath' | 'serviceOf'>;
  /** Where what is published again is brought from. */
  stores: ReadonlyMap<string, Store>;
  recordings: Pick<Recordings, 'progress'>;
  spool: Spool;
  disk: Disk;
  /** What others will still write to the disk, in bytes. */
  promisedBytes?: () => Promise<number>;
  /** Says what is audio or video, as it does at the doors. */
  media?: MediaGate;
  /** Where it runs; unset: there is one host alone. */
  host?: string | undefined;
  /** How long after Zoom's event a file that is not there yet costs no attempt. */
  patienceMs?: number;
  /** The shortest and the longest pause of that patience. */
  backoff?: { readonly minMs: number; readonly maxMs: number };
}): Task<unknown, Facts['fetch'], Checkpoints['fetch']> {
  return {
    ...shape,
    checkpoint: checkpointSchemas.fetch,
    leavesUnrecorded: true,
    serviceFor: ({ recording, facts }) => {
      const { origin, isFromArchive, isReopened } = recording;
      const mayBeHome = isFromArchive || isReopened || liesElsewhere(recording, host);
      const chosen = mayBeHome ? chosenFrom(facts) : undefined;
      if (isFromArchive || chosen !== undefined) return chosen?.store.name;
      if (origin.kind === 'archived') return origin.store;
      if (origin.kind === 'input') return inputs.serviceOf(readInput(origin.address));
      return origin.kind === 'zoom' ? 'zoom' : undefined;
    },
    run: (context) => {
      const { origin, isFromArchive, isReopened } = context.recording;
      // What was home is there; its source may have it no longer.
      const isSourceGone = isReopened === true || liesElsewhere(context.recording, host);
      const isHome = isSourceGone && chosenFrom(archivesOf(context)) !== undefined;
      if (isFromArchive || isHome || origin.kind === 'archived') return fromArchive(context);
      if (origin.kind === 'input') return fromInput(context, origin);
      return origin.kind === 'zoom' ? patiently(context, origin) : takeLocal(context, origin);
    },
    reopen: ({ recording, fact }) => openFetched(recording, fact, { host, spool }),
    async withdraw({ recording }) {
      const { id, source, origin, isFromArchive } = recording;
      await spool.remove(id);
      // Its own file went when it was home; what lies on another host is swept there.
      if (isFromArchive || liesElsewhere(recording, host)) return;
      // A tutor's upload is ours, unlike a file that an admin has named; one that has changed since is not that upload.
      if (source !== 'manual' || origin.kind !== 'file' || origin.keep) return;
      await removeUnchanged(origin);
    },
  };

  /**
   * Zoom announces files that it does not have yet, for hours now and then, and answers as if they were deleted: at first
   * that costs no attempt, with pauses of half the time that has passed.
   */
  async function patiently(context: FetchContext, origin: ZoomOrigin): Promise<Facts['fetch']> {
    try {
      return await download(context, wayToZoom(context, origin));
    } catch (error) {
      const ageMs = ageOf(origin);
      // One that has a time already costs no attempt.
      if (!isAddressStale(error) || typeof error.retry === 'object') throw error;
      if (origin.removed !== undefined) throw removedFromZoom(origin.removed, error);
      if (ageMs >= patienceMs) throw error;
      throw new KnownError(`${error.message}; Zoom may not have it yet`, {
        code: error.code,
        retry: { waitMs: patientPauseMs(ageMs) },
        cause: error,
        details: error.details,
      });
    }
  }

  /** Half of the time that has passed. */
  function patientPauseMs(ageMs: number): number {
    return Math.min(Math.max(ageMs / 2, backoff.minMs), backoff.maxMs);
  }

  function wayToZoom(context: FetchContext, origin: ZoomOrigin): Way {
    const { recording, signal } = context;
    return {
      announcedBytes: origin.bytes,
      filename: nameWithZoom(recording),
      open: (fromByte) => openDownload(context, origin, fromByte),
      bytesToday: async () =>
        (await zoom.freshAddress({ ...fileReference(recording), signal }))?.bytes ?? null,
    };
  }

  /** Brings what somebody has named by its address; of this machine it is read where it lies, and stays there. */
  async function fromInput(context: FetchContext, origin: InputOrigin): Promise<Facts['fetch']> {
    const { checkpoint, signal } = context;
    const address = readInput(origin.address);
    if (origin.file !== undefined) {
      const path = await inputs.localPath(address);
      if (path !== undefined) return await takeLocal(context, localInput(origin, path));
      throw new KnownError('MEDIA_IN was a folder when this was asked for, and is none now', {
        code: 'SOURCE_GONE',
      });
    }
    return await download(context, {
      announcedBytes: origin.bytes,
      filename: filenameOf(address),
      async open(fromByte) {
        const validator = (fromByte > 0 ? checkpoint?.validator : origin.validator) ?? null;
        const opened = await inputs.open({ address, fromByte, validator, signal });
        const { totalBytes } = opened;
        if (origin.bytes === null || totalBytes === undefined || totalBytes === origin.bytes) return opened;
        opened.dismiss();
        throw new KnownError(
          `It had ${origin.bytes} bytes when it was asked for, and has ${totalBytes} now`,
          {
            code: 'SOURCE_CHANGED',
          },
        );
      },
      bytesToday: async () => null,
    });
  }

  async function download(context: FetchContext, way: Way): Promise<Facts['fetch']> {
    const { recording, checkpoint, signal } = context;
    const path = await spool.pathFor(recording.id);
    const onDisk = (await lengthOf(path)) ?? 0;
    // Bytes that nobody can vouch for any more are not built upon.
    const isTrusted = checkpoint !== undefined && onDisk <= (checkpoint.totalBytes ?? onDisk);
    const fromByte = isTrusted ? onDisk : 0;

    // The size in the event may be wrong; that of the download is looked at once it is known.
    await requireRoom(Math.max(0, (checkpoint?.totalBytes ?? fromByte + 1) - fromByte));
    const opened = await openWhereItStopped(context, way, path, fromByte);
    const { startByte, validator } = opened;
    let next: Checkpoints['fetch'];
    let handle: FileHandle | undefined;
    let said: Lengths;
    try {
      said = await lengthsOf(context, way, opened);
      await requireRoom(Math.max(0, (opened.totalBytes ?? said.event ?? 0) - startByte));
      const totalBytes = opened.totalBytes ?? null;
      const isContinued = startByte > 0 && checkpoint !== undefined;
      const known = opened.isDistrusted ? null : validator;
      const contentId = isContinued ? checkpoint.contentId : contentIdOf(known, totalBytes);
      next = { validator, totalBytes, contentId, ...(checkpoint?.seen ? { seen: checkpoint.seen } : {}) };
      // Bytes of another file are gone before the record calls what is on the disk by a new name.
      handle = await open(path, startByte === 0 ? 'w+' : 'r+', 0o600);
      await context.saveCheckpoint(next);
      crashPoint('fetch:after-checkpoint');
    } catch (error) {
      opened.dismiss();
      await handle?.close();
      throw error;
    }

    const look = mediaLook(gate, handle, { filename: way.filename });
    const spooled = createSpooled(context, { path, handle, contentId: next.contentId, look });
    try {
      if (isSure(said)) spooled.expect(said.download ?? 0);
      const bytes = await writeChunks(spooled, opened, next.totalBytes, requireRoom, signal);
      if (next.totalBytes !== null && bytes !== next.totalBytes) {
        // Bytes beyond the announced end have nothing to do with the recording.
        if (bytes > next.totalBytes) await removeAll(path);
        throw lengthDiffers(`The download ended after ${bytes} of ${next.totalBytes} bytes`, said, bytes);
      }
      if (bytes === 0 && recording.kind !== 'companion')
        throw lengthDiffers('The download is empty', said, 0);
      if (!isSure(said)) {
        await spooled.inspect();
        await believe(context, next, handle, { bytes, said, isEndMarked: opened.isEndMarked });
        spooled.expect(bytes);
        await spooled.reached(bytes);
      }
      await handle.sync();
      crashPoint('fetch:before-fact');
      const { mime: mediaType, extension } = spooled.media();
      return { path, bytes, contentId: next.contentId, mediaType, extension };
    } catch (error) {
      await spooled.abandon(error);
      throw error;
    }
  }

  /**
   * Opens the download behind the bytes on the disk, if those that it sends before them are the same; else at its
   * beginning, distrusting what the server calls its bytes.
   */
  async function openWhereItStopped(
    context: FetchContext,
    way: Way,
    path: string,
    fromByte: number,
  ): Promise<Download & { isDistrusted: boolean; bytesToday?: number | null }> {
    const { checkpoint, log, signal } = context;
    const isComplete = fromByte > 0 && fromByte === checkpoint?.totalBytes;
    const overlapBytes = isComplete ? 0 : Math.min(OVERLAP_BYTES, Math.floor(fromByte / 2));
    const askedByte = fromByte - overlapBytes;
    const why = await openRest().catch((error) => {
      if (askedByte === 0 || !isOtherFile(error)) throw error;
      return String(error.message);
    });
    if (typeof why !== 'string') return why;
    log.warn({ event: 'download.starts-over', fromByte, why }, 'what is on the disk is not gone on with');
    return { ...(await way.open(0)), isDistrusted: true };

    async function openRest() {
      const opened = await way.open(askedByte);
      if (opened.startByte === 0) return { ...opened, isDistrusted: false };
      const isSameLength = (checkpoint?.totalBytes ?? opened.totalBytes) === opened.totalBytes;
      const chunks = isSameLength ? await behindOverlap(path, opened, fromByte, signal) : undefined;
      if (chunks !== undefined) return { ...opened, startByte: fromByte, chunks, isDistrusted: false };
      opened.dismiss();
      return isSameLength ? 'its last bytes are others there' : 'it has another length there';
    }
  }

  /** What is said of the recording's length; Zoom's API is only asked if the download and the event do not agree. */
  async function lengthsOf(
    { signal, log }: FetchContext,
    way: Way,
    opened: Download & { bytesToday?: number | null },
  ): Promise<Lengths> {
    const said = { download: opened.totalBytes ?? null, event: way.announcedBytes };
    if (said.download !== null && said.download === (said.event ?? said.download))
      return { ...said, api: null };
    if (opened.bytesToday !== undefined) return { ...said, api: opened.bytesToday };
    const api = await way.bytesToday().catch((error) => {
      if (signal.aborted || !(error instanceof KnownError)) throw error;
      log.warn({ event: 'zoom.not-asked', err: error }, 'the length of today is not known');
      return null;
    });
    return { ...said, api };
  }

  /**
   * Decides whether a whole download is the recording though nobody was sure of its length.
   *
   * @throws KnownError `DOWNLOAD_LENGTH_DIFFERS`
   */
  async function believe(
    context: FetchContext,
    checkpoint: Checkpoints['fetch'],
    handle: FileHandle,
    { bytes, said, isEndMarked }: { bytes: number; said: Lengths; isEndMarked: boolean },
  ): Promise<void> {
    const others = [said.event, said.api].filter((length) => length !== null);
    if (others.includes(bytes) || (others.length === 0 && isEndMarked)) return;
    if (said.api === null && (await isWholeMp4(handle, bytes))) return;

    const before = checkpoint.seen?.bytes === bytes ? checkpoint.seen : undefined;
    const seen = {
      bytes,
      times: (before?.times ?? 0) + 1,
      firstAtMs: before?.firstAtMs ?? wallMs(),
    };
    await context.saveCheckpoint({ ...checkpoint, seen });
    const isSettled =
      said.api !== null
        ? seen.times >= TIMES_AGAINST_API && wallMs() - seen.firstAtMs >= MIN_AGAINST_API_MS
        : seen.times >= (others.length > 0 ? TIMES_AGAINST_EVENT : TIMES_UNMARKED);
    if (isSettled) {
      await context.note('download.believed', { bytes, event: said.event, api: said.api, times: seen.times });
      return;
    }
    throw lengthDiffers(
      others.length === 0
        ? `The download ended after ${bytes} bytes, and nothing says whether that is all`
        : `Zoom announced ${[...new Set(others)].join(' and ')} bytes and offers ${bytes}`,
      said,
      bytes,
    );
  }

  /** What needs no room may finish on a full disk, which frees some. */
  async function requireRoom(bytes: number): Promise<void> {
    if (bytes > 0) await disk.requireBytes(bytes + (await promisedBytes()));
  }

  /**
   * Opens the address that the webhook gave or, once that no longer works, the one that Zoom's API names. To ask is a side
   * question: whatever goes wrong with it, the answer to the first is the one that counts.
   */
  async function openDownload(
    { recording, checkpoint, signal, log }: FetchContext,
    origin: ZoomOrigin,
    fromByte: number,
  ): Promise<Download & { bytesToday?: number | null }> {
    const range = {
      fromByte,
      validator: checkpoint?.validator ?? null,
      mayBeJson: mayBeJson(recording),
      signal,
    };
    try {
      return await zoom.openDownload({ url: origin.downloadUrl, token: origin.downloadToken, ...range });
    } catch (error) {
      if (!isAddressStale(error)) throw error;
      const isPatient = ageOf(origin) < patienceMs;
      const fresh = await zoom.freshAddress({ ...fileReference(recording), signal }).catch((other) => {
        if (signal.aborted || !(other instanceof KnownError)) throw other;
        log.warn({ event: 'zoom.not-asked', err: other }, 'Zoom was not asked for another address');
        if (isPatient || !isMomentary(other)) throw error;
        throw untilAsked(error, other, patientPauseMs(ageOf(origin)));
      });
      if (fresh === undefined) throw error;
      const { bytes: bytesToday, ...address } = fresh;
      try {
        return { ...(await zoom.openDownload({ ...address, ...range })), bytesToday };
      } catch (other) {
        if (signal.aborted || !(other instanceof KnownError) || isOtherFile(other)) throw other;
        if (!isPatient && isMomentary(other)) throw other;
        log.info({ event: 'zoom.fresh-address-failed', err: other }, 'nor does another address work');
        throw error;
      }
    }
  }

  /** The file that is brought back: of several that in the usual store, else one in a store that is set up. */
  function chosenFrom(facts: Readonly<Record<string, unknown>>) {
    for (const { fileId: id, fileName: name, sha1, ...where } of archivedFiles(facts)) {
      const store = stores.get(storeOf(where));
      if (store !== undefined) return { store, file: { id, name }, sha1 };
    }
    return undefined;
  }

  /** Of this recording, or of the one that this is a further run of. */
  async function archivedFile(context: FetchContext) {
    const { origin } = context.recording;
    const facts =
      origin.kind === 'archived'
        ? (await recordings.progress(origin.recordingId)).facts
        : archivesOf(context);
    const chosen = chosenFrom(facts);
    if (chosen !== undefined) return chosen;
    throw held('The recording is archived in no store that is set up', 'STORE_MISSING');
  }

  /** Brings the archived file back, for a recording that is published again, and for a further run. */
  async function fromArchive(context: FetchContext): Promise<Facts['fetch']> {
    const { recording, checkpoint, signal } = context;
    const { origin } = recording;
    const { store, file, sha1 } = await archivedFile(context);
    const contentId = `archive:${file.id}`;
    const path = await spool.pathFor(recording.id);
    const onDisk = checkpoint?.contentId === contentId ? ((await lengthOf(path)) ?? 0) : 0;
    // A byte that is there already is asked for as well: of nothing at all no server says the length.
    const opened = await store.open({ file, fromByte: Math.max(0, onDisk - 1), signal });
    const { totalBytes } = opened;
    let handle: FileHandle | undefined;
    try {
      await requireRoom(totalBytes - opened.startByte);
      handle = await open(path, opened.startByte === 0 ? 'w+' : 'r+', 0o600);
      await context.saveCheckpoint({ validator: null, totalBytes, contentId });
      crashPoint('fetch:after-checkpoint');
    } catch (error) {
      opened.dismiss();
      await handle?.close();
      throw error;
    }
    const known = origin.kind === 'file' ? origin.media : undefined;
    const look = known ? async () => known : mediaLook(gate, handle, { filename: file.name });
    const spooled = createSpooled(context, { path, handle, contentId, look });
    try {
      spooled.expect(totalBytes);
      const bytes = await writeChunks(spooled, opened, totalBytes, requireRoom, signal);
      const isSame = bytes === totalBytes && (sha1 === null || (await sha1OfFile(path)) === sha1);
      if (!isSame) {
        if (bytes >= totalBytes) await removeAll(path);
        throw new KnownError('The archive sent other bytes than were put there', {
          code: 'TRANSFER_CORRUPT',
          retry: 'backoff',
        });
      }
      await handle.sync();
      crashPoint('fetch:before-fact');
      const { mime: mediaType, extension } = spooled.media();
      return { path, bytes, contentId, mediaType, extension };
    } catch (error) {
      await spooled.abandon(error);
      throw error;
    }
  }

  async function takeLocal(context: FetchContext, origin: LocalOrigin): Promise<Facts['fetch']> {
    const { path, bytes, modifiedAtMs } = origin;
    const handle = await openUnchanged(origin);
    let media: MediaType;
    try {
      media = origin.media ?? (await gate.typeOf(handle, { filename: path })) ?? throwNoMedia('never');
    } finally {
      await handle.close();
    }
    const { mime: mediaType, extension } = media;
    const fact = { path, bytes, contentId: contentIdOfFile(bytes, modifiedAtMs), mediaType, extension };
    context.make('file', await openLocal(origin, fact));
    context.progress(bytes, bytes, 'found');
    return fact;
  }
}

function archivesOf(context: FetchContext): Readonly<Record<string, unknown>> {
  return { ...proofsOf(context, 'archive').map(({ fact }) => fact) };
}

async function sha1OfFile(path: string): Promise<string> {
  const hash = createHash('sha1');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

/** How a download is opened, and what is said of it beforehand. */
interface Way {
  readonly announcedBytes: number | null;
  /** By which an operator may allow it. */
  readonly filename: string | undefined;
  open(fromByte: number): Promise<Download & { bytesToday?: number | null }>;
  /** What the source says of its length just now; `null`: nothing. */
  bytesToday(): Promise<number | null>;
}

/** Who says what of the recording's length, in bytes; `null` where nobody does, or was not asked. */
interface Lengths {
  readonly download: number | null;
  readonly event: number | null;
  readonly api: number | null;
}

/** Whether the download says its length, and nobody another one, or the API of today the same. */
function isSure({ download, event, api }: Lengths): boolean {
  return download !== null && (download === (event ?? download) || download === api);
}

function lengthDiffers(message: string, said: Lengths, bytes: number): KnownError {
  return new KnownError(message, {
    code: 'DOWNLOAD_LENGTH_DIFFERS',
    retry: 'backoff',
    details: { bytes, totalBytes: said.download, announcedBytes: said.event, apiBytes: said.api },
  });
}

/** What the server calls the bytes; where it calls them nothing, or may be mistaken, no other bytes are the same. */
function contentIdOf(validator: string | null, totalBytes: number | null): string {
  return validator === null ? randomUUID() : `${totalBytes ?? 'unknown'}:${validator}`;
}

/**
 * What a download brings behind the bytes on the disk, if what it brings before that is the same as there; `undefined` if
 * it is not.
 */
async function behindOverlap(
  path: string,
  { startByte, chunks }: Download,
  fromByte: number,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer> | undefined> {
  if (startByte === fromByte) return chunks;
  const there = Buffer.alloc(fromByte - startByte);
  const handle = await open(path, 'r');
  try {
    const { bytesRead } = await handle.read(there, 0, there.length, startByte);
    if (bytesRead < there.length) return undefined;
  } finally {
    await handle.close();
  }
  const iterator = chunks[Symbol.asyncIterator]();
  let at = 0;
  while (at < there.length) {
    signal.throwIfAborted();
    const { done, value } = await iterator.next();
    if (done) return undefined;
    const here = value.subarray(0, there.length - at);
    if (!here.equals(there.subarray(at, at + here.length))) return undefined;
    at += here.length;
    if (here.length < value.length) return rest(value.subarray(here.length), iterator);
  }
  return rest(undefined, iterator);
}

async function* rest(first: Buffer | undefined, others: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    if (first !== undefined) yield first;
    for (;;) {
      const { done, value } = await others.next();
      if (done) return;
      yield value;
    }
  } finally {
    await others.return?.();
  }
}

/** What may hold JSON is told from a refusal by its content; all else that comes as JSON is one. */
function mayBeJson({ kind, details }: Recording): boolean {
  if (kind !== 'companion') return false;
  const isJsonKind = ['chat', 'timeline', 'summary', 'poll'].includes(String(details['companion']));
  return isJsonKind || details['file_extension'] === 'json';
}

function ageOf({ eventAtMs }: ZoomOrigin): number {
  return Math.max(0, wallMs() - eventAtMs);
}

/** The error of a part that does not belong to what is on the disk. */
function isOtherFile(error: unknown): error is KnownError {
  return error instanceof KnownError && error.code === 'REMOTE_ANSWER_INVALID';
}

/** Whether Zoom could not be asked just now, which says nothing about the file. */
function isMomentary({ code }: KnownError): boolean {
  return ['REMOTE_UNAVAILABLE', 'REMOTE_THROTTLED', 'TRANSFER_STALLED'].includes(code);
}

/** A file that is not at its old address, while nobody can say where it is today: unsure, so it costs no attempt. */
function untilAsked(error: KnownError, other: KnownError, pauseMs: number): KnownError {
  const afterMs = typeof other.retry === 'object' && 'afterMs' in other.retry ? other.retry.afterMs : 0;
  return new KnownError(`${error.message}; Zoom could not be asked for another address: ${other.message}`, {
    code: error.code,
    retry: { waitMs: Math.max(afterMs, pauseMs) },
    cause: other,
    details: error.details,
  });
}

/** What Zoom's API needs to find a file by. */
function fileReference({ details }: Recording): SourceFile {
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
 * The file in the spool while it grows; offered to the readers once its length is known and its first bytes have told what
 * it is. What a companion is only all of its bytes can tell, and they are few.
 */
interface Spooled {
  /** So many bytes it will have. */
  expect(totalBytes: number): void;
  /** Writes behind what is there. */
  append(buffers: Buffer[], position: number): Promise<void>;
  /** Looks at what it is, now that all of it is there. */
  inspect(): Promise<void>;
  /** So many bytes are on the disk; the first that tell what they are must be audio or video, at last all of them. */
  reached(bytes: number): Promise<void>;
  media(): MediaType;
  abandon(error: unknown): Promise<void>;
}

function createSpooled(
  context: FetchContext,
  file: { path: string; handle: FileHandle; contentId: string; look: MediaLook },
): Spooled {
  const { recording, signal } = context;
  const { path, handle, contentId, look } = file;
  const isCompanion = recording.kind === 'companion';
  let hasLooked = false;
  let totalBytes: number | undefined;
  let media: MediaType | undefined;
  let offered: ReturnType<typeof offeredBytes> | undefined;

  /** Looks at what there is, as far as that may tell something new. */
  async function inspect(isWhole: boolean): Promise<void> {
    if (media !== undefined || (hasLooked && !isWhole)) return;
    hasLooked = true;
    try {
      media = isCompanion ? await requireCompanion(recording, path) : await look(isWhole);
    } catch (error) {
      if (error instanceof KnownError) await removeAll(path);
      throw error;
    }
  }

  return {
    expect(bytes) {
      totalBytes = bytes;
    },

    async append(buffers, position) {
      await writeAll(handle, buffers, position).catch((error) => {
        throw orMachineTrouble(error);
      });
    },

    inspect: () => inspect(true),

    async reached(bytes) {
      const isWhole = bytes === totalBytes;
      const isTelling = isWhole || (!isCompanion && bytes >= SNIFFED_BYTES);
      if (isTelling && !signal.aborted) await inspect(isWhole);
      if (offered === undefined && media !== undefined && totalBytes !== undefined) {
        const { mime: mediaType, extension } = media;
        offered = offeredBytes(handle, { bytes: totalBytes, contentId, mediaType, extension, path }, bytes);
        context.make('file', offered);
      }
      const grownBytes = Math.min(bytes, totalBytes ?? bytes);
      offered?.grow(grownBytes);
      const { bytes: toldBytes } = recording;
      const likelyBytes = toldBytes !== null && toldBytes >= grownBytes ? toldBytes : 0;
      context.progress(grownBytes, totalBytes ?? likelyBytes);
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
  { startByte, chunks }: Pick<Download, 'startByte' | 'chunks'>,
  totalBytes: number | null,
  requireRoom: (bytes: number) => Promise<void>,
  signal: AbortSignal,
): Promise<number> {
  let atByte = startByte;
  let gathered: Buffer[] = [];
  let gatheredBytes = 0;
  let writtenAtMs = performance.now();
  let roomUntilByte = startByte;

  async function flush(): Promise<void> {
    await spooled.append(gathered, atByte);
    crashPoint('fetch:mid-download');
    atByte += gatheredBytes;
    gathered = [];
    bytesPassed(gatheredBytes);
    gatheredBytes = 0;
    writtenAtMs = performance.now();
    await spooled.reached(atByte);
  }

  /** Nobody has said how much room it needs. */
  async function keepRoom(): Promise<void> {
    if (totalBytes !== null || atByte + gatheredBytes <= roomUntilByte) return;
    await requireRoom(ROOM_STEP_BYTES);
    roomUntilByte = atByte + gatheredBytes + ROOM_STEP_BYTES / 2;
  }

  /** The first bytes say what it is, and whoever reads them is waiting. */
  function isDue(): boolean {
    const isFirst = atByte === 0 && gatheredBytes >= SNIFFED_BYTES;
    return isFirst || gatheredBytes >= WRITE_STEP_BYTES || performance.now() - writtenAtMs >= WRITE_EVERY_MS;
  }

  await spooled.reached(atByte);
  try {
    for await (const chunk of chunks) {
      signal.throwIfAborted();
      gathered.push(chunk);
      gatheredBytes += chunk.length;
      await keepRoom();
      if (isDue()) await flush();
      if (atByte > (totalBytes ?? atByte)) break;
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

/**
 * Says what a file is, of which some or all bytes are there; `undefined` if only all of them can tell.
 *
 * @throws KnownError `DOWNLOAD_NOT_MEDIA` or `NOT_MEDIA`
 */
type MediaLook = (isWhole: boolean) => Promise<MediaType | undefined>;

/** The look of the doors at what is downloaded; a page is none, whatever an operator allows. */
function mediaLook(gate: MediaGate, handle: FileHandle, claim: Claim): MediaLook {
  return async (isWhole) => {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(SNIFFED_BYTES), 0, SNIFFED_BYTES, 0);
    const firstBytes = buffer.subarray(0, bytesRead);
    if (/^\s*<(!doctype|html)/i.test(firstBytes.subarray(0, 200).toString('latin1'))) {
      throw new KnownError('A web page came instead of the recording', {
        code: 'DOWNLOAD_NOT_MEDIA',
        retry: 'backoff',
      });
    }
    const first = await gate.look(firstBytes, claim);
    if (first.kind === 'media') return first.media;
    if (!isWhole) return first.kind === 'other' ? throwNoMedia('backoff') : undefined;
    return (await gate.typeOf(handle, claim)) ?? throwNoMedia('backoff');
  };
}

/** The name by which an operator may allow a file of Zoom's. */
function nameWithZoom({ details }: Recording): string | undefined {
  const extension = details['file_extension'];
  return typeof extension === 'string' ? `recording.${extension}` : undefined;
}

/** A download may have been damaged on its way; a file of this server will not change. */
function throwNoMedia(retry: 'backoff' | 'never'): never {
  throw new KnownError('The file is neither audio nor video', { code: 'NOT_MEDIA', retry });
}
