import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { hasCode, KnownError } from '../../domain/errors.ts';
import type { OutputMark } from '../../domain/output-keys.ts';
import type { OutputFile, OutputPlace } from '../../engine/ports/output-place.ts';
import type { Call } from '../../engine/ports/store.ts';
import { addressBelow } from '../../lib/address-below.ts';
import { inParallel } from '../../lib/all-or-none.ts';
import { type SentFile, withFile } from '../sent-file.ts';
import { createBucket } from './bucket.ts';
import { isAbsence } from './errors.ts';
import { createObjects } from './objects.ts';
import { createRequests, requireKey } from './requests.ts';
import { PART_BYTES, type S3StoreOptions } from './store.ts';
import { createUploads, type UploadRef } from './uploads.ts';

/** The most parts of a file; services take 10,000. */
const MAX_PARTS = 9000;

const PARALLEL_PARTS = 3;

/** Parts are whole multiples of it, in bytes. */
const PART_STEP_BYTES = 1024 * 1024;

/** How long is waited for an upload to be thrown away that nobody will hear of, in milliseconds. */
const ABORT_MS = 10_000;

export interface S3OutputOptions extends S3StoreOptions {
  /** As people call it. */
  readonly label?: string;
  /** The setting that names the bucket. */
  readonly setting?: string;
  /** What all keys begin with in the bucket; empty, or with a slash at its end. */
  readonly prefix: string;
  /** Where browsers find what lies below the prefix, without a slash at the end. */
  readonly url: string | undefined;
}

/** An upload in parts that goes on in another process. */
const stateShape = z.object({
  uploadId: z.string(),
  /** What tells the file from others of its key. */
  id: z.string(),
  bytes: z.number(),
  partBytes: z.number(),
});
type State = z.infer<typeof stateShape>;

/** A bucket, or a folder in one, as a place of outputs: a file goes in one request, or in parts if it is large. */
export function createS3Output(name: string, options: S3OutputOptions): OutputPlace {
  const {
    bucket: bucketName,
    prefix,
    url,
    profile,
    label = 'the media bucket',
    setting = 'MEDIA_OUT',
  } = options;
  const requests = createRequests(options);
  const bucket = createBucket(requests, { ...options, setting });
  const objects = createObjects(requests, profile);
  const uploads = createUploads(requests, options);

  function keyOf(key: string): string {
    requireKey(key);
    return `${prefix}${key}`;
  }

  async function putWhole(input: Call & OutputFile, file: SentFile): Promise<void> {
    const { signal, onSent, resume } = input;
    const noted = readState(resume?.state);
    if (noted !== undefined) await uploads.abort({ key: keyOf(input.key), uploadId: noted.uploadId, signal });
    const md5 = await file.md5(0, file.bytes, signal);
    const body = { bytes: file.bytes, chunks: file.read(0, file.bytes), onSent };
    await objects.put({ ...newObject(input, keyOf(input.key), randomUUID()), md5, body, signal });
  }

  /** Goes on with what was begun and is there still, or begins. */
  async function beginOrGoOn(input: Call & OutputFile, file: SentFile) {
    const { resume, signal } = input;
    const key = keyOf(input.key);
    const noted = readState(resume?.state);
    if (noted?.bytes === file.bytes) {
      const stored = await uploads.parts({ key, uploadId: noted.uploadId, signal });
      if (stored !== undefined) return { state: noted, stored, isDone: false };
      if ((await objects.look({ key, signal }))?.meta['sluice-id'] === noted.id)
        return { state: noted, stored: new Map(), isDone: true };
    } else if (noted !== undefined) {
      // Of other bytes: nobody else would know of it.
      await uploads.abort({ key, uploadId: noted.uploadId, signal });
    }
    const id = randomUUID();
    const { uploadId } = await uploads.begin({ ...newObject(input, key, id), signal });
    const state = { uploadId, id, bytes: file.bytes, partBytes: partBytesFor(file.bytes) };
    await resume?.save(JSON.stringify(state));
    return { state, stored: new Map<number, { bytes: number; digest: string }>(), isDone: false };
  }

  async function putInParts(input: Call & OutputFile, file: SentFile): Promise<void> {
    const { onSent } = input;
    const { state, stored, isDone } = await beginOrGoOn(input, file);
    if (isDone) return;
    const upload = { key: keyOf(input.key), uploadId: state.uploadId };
    try {
      const etags = await sendParts({ file, state, upload, stored, onSent, signal: input.signal });
      await complete({ upload, state, etags, signal: input.signal });
    } catch (error) {
      // Nobody would know of it.
      if (input.resume === undefined) {
        await uploads.abort({ ...upload, signal: AbortSignal.timeout(ABORT_MS) }).catch(() => {});
      }
      throw error;
    }
  }

  async function sendParts(input: {
    file: SentFile;
    state: State;
    upload: UploadRef;
    stored: ReadonlyMap<number, { bytes: number; digest: string }>;
    onSent: OutputFile['onSent'];
    signal: AbortSignal;
  }): Promise<string[]> {
    const { file, state, upload, stored, onSent, signal } = input;
    const count = Math.ceil(state.bytes / state.partBytes);
    const sentBytes: number[] = Array(count).fill(0);
    const etags: string[] = [];
    const report = (index: number, bytes: number) => {
      sentBytes[index] = bytes;
      onSent?.(sentBytes.reduce((total, each) => total + each, 0));
    };

    await inParallel({ limit: PARALLEL_PARTS, count, signal }, async (index, either) => {
      const start = index * state.partBytes;
      const end = Math.min(start + state.partBytes, state.bytes);
      const known = stored.get(index + 1);
      if (known?.bytes === end - start) {
        const digest = (await file.md5(start, end, either)).toString('hex');
        if (digest === known.digest) {
          etags[index] = digest;
          report(index, end - start);
          return;
        }
      }
      const chunks = file.read(start, end);
      const body = { bytes: end - start, chunks, onSent: (bytes: number) => report(index, bytes) };
      const { etag } = await uploads.putPart({ ...upload, number: index + 1, body, signal: either });
      etags[index] = etag;
    });
    return etags;
  }

  /** So it is refused where it was carried out and its answer lost: then the file itself says so. */
  async function complete(input: Call & { upload: UploadRef; state: State; etags: readonly string[] }) {
    const { upload, state, etags, signal } = input;
    try {
      await uploads.complete({ ...upload, etags, signal });
    } catch (error) {
      const isLost = isAbsence(error) || hasCode(error, 'REMOTE_UNAVAILABLE');
      if (!isLost) throw error;
      const found = await objects.look({ key: upload.key, signal });
      if (found?.meta['sluice-id'] !== state.id || found.bytes !== state.bytes) throw error;
    }
  }

  return {
    name,
    service: name,
    label,
    place: `${bucketName}${prefix === '' ? '' : `/${prefix.slice(0, -1)}`}`,

    probe: (call) => bucket.probe(call, prefix),

    async require(call) {
      if (await bucket.isThere(call)) return;
      throw new KnownError(`${profile.title} has no bucket ${bucketName} that this key can see`, {
        code: 'OUTPUT_BUCKET_MISSING',
      });
    },

    async put(input) {
      input.signal.throwIfAborted();
      requireKey(input.key);
      await bucket.require(input);
      return await withFile(input.path, async (file) => {
        await (file.bytes <= PART_BYTES ? putWhole(input, file) : putInParts(input, file));
        return { bytes: file.bytes };
      });
    },

    async abandon({ key, state, signal }) {
      const noted = readState(state);
      if (noted !== undefined) await uploads.abort({ key: keyOf(key), uploadId: noted.uploadId, signal });
    },

    async look({ key, signal }) {
      const found = await objects.look({ key: keyOf(key), signal });
      if (found === undefined) return undefined;
      const { 'sluice-recording': recordingId, 'sluice-step': step, 'sluice-fence': fence } = found.meta;
      return {
        bytes: found.bytes,
        recordingId,
        step,
        fence: fence === undefined ? undefined : Number(fence),
      };
    },

    open: ({ key, fromByte, signal }) => objects.open({ key: keyOf(key), fromByte, signal }),

    async *list({ prefix: beginning, signal }) {
      for await (const { key, bytes } of objects.list({ prefix: `${prefix}${beginning}`, signal })) {
        yield { key: key.slice(prefix.length), bytes };
      }
    },

    remove: ({ keys, signal }) => objects.removeAll({ keys: keys.map(keyOf), signal }),

    address: (key) => url && addressBelow(url, key),

    presign: ({ key, expiresS }) => requests.presign({ key: keyOf(key), expiresS }),
  };
}

/** The size of parts, in bytes: all but the last one of a file have the same, as some services want it. */
function partBytesFor(bytes: number): number {
  const least = Math.ceil(bytes / MAX_PARTS / PART_STEP_BYTES) * PART_STEP_BYTES;
  return Math.max(PART_BYTES, least);
}

function newObject({ mediaType, cacheControl, mark }: OutputFile, key: string, id: string) {
  return { key, mediaType, cacheControl, meta: { 'sluice-id': id, ...metaOf(mark) } };
}

function metaOf({ recordingId, step, fence }: OutputMark): Record<string, string> {
  return { 'sluice-recording': recordingId, 'sluice-step': step, 'sluice-fence': String(fence) };
}

/** What was noted; nothing, if it is no note of ours. */
function readState(text: string | undefined): State | undefined {
  if (text === undefined) return undefined;
  try {
    return stateShape.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
