import { z } from 'zod';
import { KnownError } from '../../domain/errors.ts';
import type { Call, StoredPart } from '../../engine/ports/store.ts';
import type { StreamedBody } from '../../lib/http.ts';
import { isAbsence } from './errors.ts';
import { headersOf, type NewObject, plainEtag, plainKey } from './objects.ts';
import type { Profile } from './profiles.ts';
import { parseAnswer, type Requests } from './requests.ts';
import { many, maybe, one } from './xml.ts';

/** An upload in parts that was begun: its key, and the id that the service gave it. */
export interface UploadRef {
  readonly key: string;
  readonly uploadId: string;
}

/** Uploads in parts. Every call makes one attempt. */
export interface Uploads {
  begin(input: Call & NewObject): Promise<{ readonly uploadId: string }>;
  /**
   * Sends one part, and compares its MD5 with what the service says that it has; a repeat replaces the part.
   *
   * @returns its entity tag: the MD5 in hex, but in a bucket that encrypts with keys of its own
   */
  putPart(
    input: Call & UploadRef & { number: number; body: StreamedBody },
  ): Promise<{ readonly etag: string }>;
  /** The parts that have arrived, by number; `undefined` if there is no such upload. */
  parts(input: Call & UploadRef): Promise<ReadonlyMap<number, StoredPart> | undefined>;
  /**
   * Makes the parts 1 to n a file. A repeat is refused, even where the first one was carried out.
   *
   * @param isNew Nothing is to be there yet; where the service knows how, it looks itself.
   */
  complete(input: Call & UploadRef & { etags: readonly string[]; isNew?: boolean }): Promise<void>;
  /** Throws it away; one that is gone already is no error. */
  abort(input: Call & UploadRef): Promise<void>;
  /** Those whose keys begin so, oldest first, where the service lists them; some never do. */
  list(input: Call & { prefix: string }): Promise<(UploadRef & { readonly startedAtMs: number })[]>;
}

const begunShape = z.object({ UploadId: one(z.string()) });
const partsShape = z.object({
  Part: many(
    z.object({
      PartNumber: one(z.coerce.number()),
      ETag: one(z.string()),
      Size: one(z.coerce.number()),
    }),
  ),
  IsTruncated: maybe(z.string()),
  NextPartNumberMarker: maybe(z.string()),
});
const uploadsShape = z.object({
  Upload: many(z.object({ Key: one(z.string()), UploadId: one(z.string()), Initiated: maybe(z.string()) })),
  EncodingType: maybe(z.string()),
  IsTruncated: maybe(z.string()),
  NextKeyMarker: maybe(z.string()),
  NextUploadIdMarker: maybe(z.string()),
});

/** @param comparesEtags Whether the tag of a part is the MD5 of its bytes. */
export function createUploads(
  requests: Requests,
  { profile, comparesEtags }: { readonly profile: Profile; readonly comparesEtags: boolean },
): Uploads {
  return {
    async begin({ signal, ...object }) {
      const headers = headersOf(object);
      const answer = await requests.ask({
        method: 'POST',
        key: object.key,
        query: { uploads: '' },
        headers,
        signal,
      });
      const { UploadId: uploadId } = parseAnswer(answer, 'InitiateMultipartUploadResult', begunShape);
      return { uploadId };
    },

    async putPart({ key, uploadId, number, body, signal }) {
      const query = { partNumber: String(number), uploadId };
      const answer = await requests.ask({
        method: 'PUT',
        key,
        query,
        body: { ...body, digest: 'md5' },
        signal,
      });
      const etag = plainEtag(answer.headers.etag ?? '');
      if (etag === '' || (comparesEtags && etag !== answer.sentDigest)) {
        throw new KnownError(`${profile.title} stored other bytes than were sent to it`, {
          code: 'TRANSFER_CORRUPT',
          retry: 'backoff',
        });
      }
      return { etag };
    },

    async parts({ key, uploadId, signal }) {
      const parts = new Map<number, StoredPart>();
      let marker: string | undefined;
      try {
        do {
          const query = { uploadId, 'max-parts': '1000', 'part-number-marker': marker };
          const answer = await requests.ask({ method: 'GET', key, query, signal });
          const page = parseAnswer(answer, 'ListPartsResult', partsShape);
          for (const { PartNumber, ETag, Size } of page.Part) {
            parts.set(PartNumber, { bytes: Size, digest: plainEtag(ETag) });
          }
          marker = page.IsTruncated === 'true' ? page.NextPartNumberMarker : undefined;
        } while (marker !== undefined);
      } catch (error) {
        if (isAbsence(error)) return undefined;
        throw error;
      }
      return parts;
    },

    async complete({ key, uploadId, etags, isNew = false, signal }) {
      const parts = etags.map(
        (etag, index) => `<Part><PartNumber>${index + 1}</PartNumber><ETag>"${etag}"</ETag></Part>`,
      );
      const answer = await requests.ask({
        method: 'POST',
        key,
        query: { uploadId },
        headers: {
          'content-type': 'application/xml',
          'if-none-match': isNew && profile.conditional.complete ? '*' : undefined,
        },
        body: `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join('')}</CompleteMultipartUpload>`,
        signal,
      });
      parseAnswer(answer, 'CompleteMultipartUploadResult', z.unknown());
    },

    async abort({ key, uploadId, signal }) {
      try {
        await requests.ask({ method: 'DELETE', key, query: { uploadId }, signal });
      } catch (error) {
        if (!isAbsence(error)) throw error;
      }
    },

    async list({ prefix, signal }) {
      const found: (UploadRef & { startedAtMs: number })[] = [];
      let after: { key: string | undefined; id: string | undefined } | undefined;
      do {
        const query = {
          uploads: '',
          prefix,
          'encoding-type': 'url',
          'key-marker': after?.key,
          'upload-id-marker': after?.id,
        };
        const answer = await requests.ask({ method: 'GET', query, signal });
        const page = parseAnswer(answer, 'ListMultipartUploadsResult', uploadsShape);
        for (const { Key, UploadId, Initiated } of page.Upload) {
          const startedAtMs = Date.parse(Initiated ?? '') + requests.aheadMs();
          found.push({ key: plainKey(Key, page.EncodingType), uploadId: UploadId, startedAtMs });
        }
        const isMore = page.IsTruncated === 'true' && page.NextKeyMarker !== undefined;
        after = isMore
          ? { key: plainKey(page.NextKeyMarker ?? '', page.EncodingType), id: page.NextUploadIdMarker }
          : undefined;
      } while (after !== undefined);
      return found.sort((one, other) => one.startedAtMs - other.startedAtMs);
    },
  };
}
