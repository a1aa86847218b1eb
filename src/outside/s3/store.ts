import { createHash, randomUUID } from 'node:crypto';
import { KnownError } from '../../domain/errors.ts';
import type { Call, FileRef, Mark, NewFile, Store, StoredFile } from '../../engine/ports/store.ts';
import { createBegunUploads } from './begun.ts';
import { createBucket } from './bucket.ts';
import { isAbsence } from './errors.ts';
import { createObjects, type FoundObject, type Meta } from './objects.ts';
import { createRequests, requireKey, type S3Options } from './requests.ts';
import { createUploads } from './uploads.ts';

/** The size of parts, in bytes: one that is lost with a kill is sent anew. */
export const PART_BYTES = 16 * 1024 * 1024;

/** The least that services of this kind take. */
const MIN_PART_BYTES = 5 * 1024 * 1024;

export interface S3StoreOptions extends S3Options {
  /** Makes the bucket where there is none. */
  readonly isMade: boolean;
  /** Whether the tag of a part is the MD5 of its bytes; it is not where the bucket encrypts with keys of its own. */
  readonly comparesEtags: boolean;
}

/**
 * A bucket of a service that speaks S3 as a store. Marks lie in the files' metadata, and what is begun in notes of the bucket,
 * below `.sluice/`. It has one file of a name; somebody else's of that name is left as it is.
 */
export function createS3Store(options: S3StoreOptions): Store {
  const { bucket: place, profile } = options;
  const requests = createRequests(options);
  const bucket = createBucket(requests, { ...options, setting: 'S3_BUCKET' });
  const objects = createObjects(requests, profile);
  const uploads = createUploads(requests, options);
  const begun = createBegunUploads(objects, uploads);

  /**
   * Whether a file of this name would be a new one.
   *
   * @throws KnownError `REMOTE_REJECTED` if one is there that is not this recording's
   */
  async function isNew({ name, recordingId, signal }: Call & { name: string; recordingId: string }) {
    const found = await objects.look({ key: name, signal });
    if (found === undefined) return true;
    if (found.meta['sluice-recording'] === recordingId) return false;
    throw new KnownError(`${place}/${name} is there already, and is not ours`, {
      code: 'REMOTE_REJECTED',
      retry: 'backoff',
    });
  }

  /** The finished file, if the name has this one. */
  async function finished({ id, name, signal }: FileRef & Call): Promise<FoundObject | undefined> {
    const found = await objects.look({ key: name, signal });
    return found !== undefined && idOf(found) === id ? found : undefined;
  }

  async function requireBegun({ name, id, signal }: FileRef & Call) {
    const file = await begun.get({ id, name, signal });
    if (file !== undefined) return file;
    throw new KnownError(`${profile.title} has no such unfinished file of ${name}`, {
      code: 'REMOTE_REJECTED',
      retry: 'backoff',
    });
  }

  return {
    name: 's3',
    label: 'S3',
    place,
    partDigest: 'md5',

    async limits(call) {
      await bucket.require(call);
      return { partBytes: PART_BYTES, minPartBytes: MIN_PART_BYTES };
    },

    probe: (call) => bucket.probe(call, ''),

    async find({ name, signal }) {
      const found = await objects.look({ key: name, signal });
      return found === undefined ? [] : [toStored(name, found)];
    },

    async look({ file, signal }) {
      const found = await finished({ ...file, signal });
      if (found !== undefined) return toStored(file.name, found);
      const open = await begun.get({ ...file, signal });
      if (open === undefined) return undefined;
      const parts = await uploads.parts({ key: open.name, uploadId: open.uploadId, signal });
      if (parts === undefined) return undefined;
      const bytes = [...parts.values()].reduce((total, part) => total + part.bytes, 0);
      return { ...file, bytes, sha1: undefined, mark: markOf(open), isFinished: false };
    },

    async put({ signal, bytes, chunks, onSent, ...file }) {
      requireKey(file.name);
      const whole = await collect(chunks, bytes);
      const mayReplace = !(await isNew({ name: file.name, recordingId: file.mark.recordingId, signal }));
      const id = randomUUID();
      const sha1 = createHash('sha1').update(whole).digest('hex');
      await objects.put({
        key: file.name,
        mediaType: file.mediaType,
        meta: { ...metaOf(file, id), 'sluice-sha1': sha1 },
        md5: createHash('md5').update(whole).digest(),
        body: { bytes, chunks: piecesOf(whole), onSent },
        isNew: !mayReplace,
        signal,
      });
      return { id, sha1 };
    },

    async begin({ signal, ...file }) {
      requireKey(file.name);
      const { id } = await begun.begin({ ...file, signal }, (note) => metaOf(file, note.id));
      return { id };
    },

    async putPart({ file, number, bytes, chunks, onSent, signal }) {
      const { name: key, uploadId } = await requireBegun({ ...file, signal });
      const body = { bytes, chunks, onSent };
      const { etag } = await uploads.putPart({ key, uploadId, number, body, signal });
      return { digest: etag };
    },

    async parts({ file, signal }) {
      const open = await begun.get({ ...file, signal });
      return open && (await uploads.parts({ key: open.name, uploadId: open.uploadId, signal }));
    },

    async finish({ file, parts, signal }) {
      const open = await begun.get({ ...file, signal });
      if (open === undefined) {
        if ((await finished({ ...file, signal })) !== undefined) return;
        throw await requireBegun({ ...file, signal });
      }
      const { name: key, uploadId, recordingId } = open;
      const mayReplace = !(await isNew({ name: key, recordingId, signal }));
      const etags = parts.map(({ digest }) => digest);
      try {
        await uploads.complete({ key, uploadId, etags, isNew: !mayReplace, signal });
      } catch (error) {
        // So it is refused where an earlier one was carried out and its answer lost.
        if (!isAbsence(error) || (await finished({ ...file, signal })) === undefined) throw error;
      }
      await begun.done({ ...file, signal });
    },

    abandon: ({ file, signal }) => begun.abandon({ ...file, signal }),

    async unfinished({ prefix, signal }) {
      const open = await begun.all({ prefix, signal });
      return open.map(({ id, name, startedAtMs, ...mark }) => ({
        id,
        name,
        startedAtMs,
        mark: markOf(mark),
      }));
    },

    async remove({ file, signal }) {
      const found = await finished({ ...file, signal });
      if (found === undefined) return 'removed';
      try {
        await objects.remove({ key: file.name, versionId: found.versionId, signal });
        return 'removed';
      } catch (error) {
        if (error instanceof KnownError && error.details['s3Code'] === 'AccessDenied') return 'not-allowed';
        throw error;
      }
    },

    async open({ file, fromByte, signal }) {
      const opened = await objects.open({ key: file.name, fromByte, signal });
      if (opened !== undefined && opened.meta['sluice-id'] === file.id) return opened;
      opened?.dismiss();
      throw new KnownError(`${profile.title} no longer has the file ${file.name}`, {
        code: 'ARCHIVED_FILE_GONE',
      });
    },
  };
}

function metaOf({ mark, modifiedAtMs }: NewFile, id: string): Record<string, string> {
  return {
    'sluice-id': id,
    'sluice-recording': mark.recordingId,
    ...(mark.content === undefined ? {} : { 'sluice-content': mark.content }),
    // As rclone has it, in seconds.
    mtime: String(modifiedAtMs / 1000),
  };
}

function markOf(kept: { readonly recordingId: string; readonly content?: string | undefined }): Mark {
  return { recordingId: kept.recordingId, content: kept.content };
}

function markIn(meta: Meta): Mark | undefined {
  const recordingId = meta['sluice-recording'];
  return recordingId === undefined ? undefined : { recordingId, content: meta['sluice-content'] };
}

function toStored(name: string, found: FoundObject): StoredFile {
  const { bytes, meta } = found;
  return { id: idOf(found), name, bytes, sha1: meta['sluice-sha1'], mark: markIn(meta), isFinished: true };
}

/** Of one that is not ours there is none but what the service says of its bytes. */
function idOf({ meta, etag }: FoundObject): string {
  return meta['sluice-id'] ?? `etag-${etag}`;
}

/** The bytes of a file that is small enough for one request: their digest is to be known before. */
async function collect(chunks: AsyncIterable<Buffer>, bytes: number): Promise<Buffer> {
  const whole = Buffer.allocUnsafe(bytes);
  let at = 0;
  for await (const chunk of chunks) {
    if (at + chunk.length <= bytes) chunk.copy(whole, at);
    at += chunk.length;
    if (at > bytes) break;
  }
  if (at === bytes) return whole;
  throw new KnownError(`The file was to have ${bytes} bytes, and ${at > bytes ? 'more' : at} came`, {
    code: 'SOURCE_CHANGED',
  });
}

/** In pieces, so that it is seen how many have left. */
async function* piecesOf(whole: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < whole.length; at += 256 * 1024) yield whole.subarray(at, at + 256 * 1024);
}
