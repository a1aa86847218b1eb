import { createHash } from 'node:crypto';
import { z } from 'zod';
import { KnownError } from '../../domain/errors.ts';
import { escapeMarkup } from '../../domain/markup.ts';
import type { Call, OpenedFile } from '../../engine/ports/store.ts';
import { contentRange, lengthFrom } from '../../lib/headers.ts';
import { chunksOf, type Request, type Response, type StreamedBody } from '../../lib/http.ts';
import { isAbsence } from './errors.ts';
import type { Profile } from './profiles.ts';
import { type Answer, parseAnswer, type Requests } from './requests.ts';
import { many, maybe, one } from './xml.ts';

const META = 'x-amz-meta-';

/** The most keys that one request removes. */
const MAX_REMOVED = 1000;

/** What no XML of version 1.0 can say. */
const UNSPEAKABLE = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u;

/** What is kept with a file, by names in small letters. */
export type Meta = Readonly<Record<string, string | undefined>>;

/** What a file is to be called and how it is handed out. */
export interface NewObject {
  readonly key: string;
  readonly mediaType: string;
  readonly cacheControl?: string | undefined;
  readonly meta: Meta;
}

export interface FoundObject {
  readonly bytes: number;
  readonly etag: string;
  readonly meta: Meta;
  /** Where the bucket keeps several of a key. */
  readonly versionId: string | undefined;
}

/** Files of a bucket by their keys. Every call makes one attempt. */
export interface Objects {
  /** `undefined`: there is none. */
  look(input: Call & { key: string }): Promise<FoundObject | undefined>;
  /**
   * Writes a file in one request, in place of an earlier one; the service compares its bytes with their MD5 before.
   *
   * @param isNew Nothing is to be there yet; where the service knows how, it looks itself.
   */
  put(input: Call & NewObject & { md5: Buffer; body: StreamedBody; isNew?: boolean }): Promise<void>;
  /** A small file as text; `undefined`: there is none. */
  readText(input: Call & { key: string }): Promise<string | undefined>;
  writeText(input: Call & { key: string; text: string }): Promise<void>;
  /** The etag is what `look` says, of services that list it. */
  list(
    input: Call & { prefix: string },
  ): AsyncGenerator<{ key: string; bytes: number; etag: string | undefined }>;
  /** Removes a file, or one version of it; one that is gone already is no error. */
  remove(input: Call & { key: string; versionId?: string | undefined }): Promise<void>;
  removeAll(input: Call & { keys: readonly string[] }): Promise<void>;
  /** `undefined`: there is none. The meta is of the file that is read. */
  open(input: Call & { key: string; fromByte: number }): Promise<(OpenedFile & { meta: Meta }) | undefined>;
}

const listShape = z.object({
  Contents: many(z.object({ Key: one(z.string()), Size: one(z.coerce.number()), ETag: maybe(z.string()) })),
  NextContinuationToken: maybe(z.string()),
  IsTruncated: maybe(z.string()),
  EncodingType: maybe(z.string()),
});

const removedShape = z.object({
  Error: many(z.object({ Key: maybe(z.string()), Code: maybe(z.string()), Message: maybe(z.string()) })),
});

export function createObjects(requests: Requests, profile: Profile): Objects {
  async function remove({ key, versionId, signal }: Call & { key: string; versionId?: string | undefined }) {
    try {
      await requests.ask({ method: 'DELETE', key, query: { versionId }, signal });
    } catch (error) {
      if (!isAbsence(error)) throw error;
    }
  }

  async function removeTogether(keys: readonly string[], signal: AbortSignal): Promise<void> {
    const objects = keys.map((key) => `<Object><Key>${escapeMarkup(key)}</Key></Object>`).join('');
    const body = `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Quiet>true</Quiet>${objects}</Delete>`;
    const answer = await requests.ask({
      method: 'POST',
      query: { delete: '' },
      headers: { 'content-md5': md5Text(body), 'content-type': 'application/xml' },
      body,
      signal,
    });
    const { Error: left } = parseAnswer(answer, 'DeleteResult', removedShape);
    const failed = left.find(({ Code }) => Code !== 'NoSuchKey');
    if (failed === undefined) return;
    const isForbidden = failed.Code === 'AccessDenied';
    throw new KnownError(
      `${profile.title} has not removed ${failed.Key}: ${failed.Code} ${failed.Message ?? ''}`.trim(),
      { code: isForbidden ? 'REMOTE_UNAUTHORIZED' : 'REMOTE_UNAVAILABLE', retry: 'backoff' },
    );
  }

  return {
    async look({ key, signal }) {
      try {
        const answer = await requests.ask({ method: 'HEAD', key, signal });
        const { headers } = answer;
        requireEtag(answer);
        const bytes = lengthFrom(headers['content-length']);
        if (bytes === undefined) throw noLength(answer);
        const versionId = textOf(headers['x-amz-version-id']);
        return {
          bytes,
          etag: plainEtag(headers.etag ?? ''),
          meta: metaOf(headers),
          versionId: versionId === 'null' ? undefined : versionId,
        };
      } catch (error) {
        if (isAbsence(error)) return undefined;
        throw error;
      }
    },

    async put({ body, md5, isNew = false, signal, ...object }) {
      const answer = await requests.ask({
        method: 'PUT',
        key: object.key,
        headers: {
          ...headersOf(object),
          'content-md5': md5.toString('base64'),
          'if-none-match': isNew && profile.conditional.put ? '*' : undefined,
        },
        body,
        signal,
      });
      requireEtag(answer);
    },

    async readText({ key, signal }) {
      try {
        const answer = await requests.ask({ method: 'GET', key, signal });
        requireEtag(answer);
        return answer.text;
      } catch (error) {
        if (isAbsence(error)) return undefined;
        throw error;
      }
    },

    async writeText({ key, text, signal }) {
      const headers = { 'content-md5': md5Text(text), 'content-type': 'application/json' };
      requireEtag(await requests.ask({ method: 'PUT', key, headers, body: text, signal }));
    },

    async *list({ prefix, signal }) {
      let token: string | undefined;
      do {
        const query = {
          'list-type': '2',
          prefix,
          'max-keys': '1000',
          'encoding-type': 'url',
          'continuation-token': token,
        };
        const answer = await requests.ask({ method: 'GET', query, signal });
        const page = parseAnswer(answer, 'ListBucketResult', listShape);
        for (const { Key, Size, ETag } of page.Contents) {
          const etag = ETag === undefined ? undefined : plainEtag(ETag);
          yield { key: plainKey(Key, page.EncodingType), bytes: Size, etag };
        }
        token = page.IsTruncated === 'true' ? page.NextContinuationToken : undefined;
      } while (token !== undefined);
    },

    remove,

    async removeAll({ keys, signal }) {
      const isTogether = (key: string) => profile.removesMany && !UNSPEAKABLE.test(key);
      const together = keys.filter(isTogether);
      for (let at = 0; at < together.length; at += MAX_REMOVED) {
        await removeTogether(together.slice(at, at + MAX_REMOVED), signal);
      }
      for (const key of keys) if (!isTogether(key)) await remove({ key, signal });
    },

    async open({ key, fromByte, signal }) {
      const headers = { range: fromByte === 0 ? undefined : `bytes=${fromByte}-` };
      try {
        const { request, response } = await requests.open({ method: 'GET', key, headers, signal });
        return { ...toOpened(request, response, fromByte), meta: metaOf(response.headers) };
      } catch (error) {
        if (isAbsence(error)) return undefined;
        throw error;
      }
    },
  };
}

/** The headers that a file is made with, in one request or in parts. */
export function headersOf({ mediaType, cacheControl, meta }: NewObject): Record<string, string | undefined> {
  const kept = Object.entries(meta).map(([name, value]) => [`${META}${name}`, value] as const);
  return { 'content-type': mediaType, 'cache-control': cacheControl, ...Object.fromEntries(kept) };
}

/** A key as it stands in a list, where it may be written as a form writes it. */
export function plainKey(text: string, encoding: string | undefined): string {
  if (encoding !== 'url') return text;
  return decodeURIComponent(text.replaceAll('+', ' '));
}

export function plainEtag(text: string): string {
  return text.replaceAll('"', '').toLowerCase();
}

function metaOf(headers: Response['headers']): Meta {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      name.startsWith(META) ? [[name.slice(META.length), textOf(value)]] : [],
    ),
  );
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function md5Text(text: string): string {
  return createHash('md5').update(text).digest('base64');
}

/** What lies between may answer in the place of the service, and in good order: it knows of no file. */
function requireEtag({ request, headers }: Answer): void {
  if (headers.etag !== undefined) return;
  throw new KnownError(`${request.service} answered ${request.method} without saying what it has`, {
    code: 'REMOTE_ANSWER_INVALID',
    retry: 'backoff',
  });
}

function noLength({ request }: Pick<Answer, 'request'>): KnownError {
  return new KnownError(`${request.service} does not say how long a file is`, {
    code: 'REMOTE_ANSWER_INVALID',
    retry: 'backoff',
  });
}

/** @throws KnownError `REMOTE_ANSWER_INVALID` for other bytes than the ones that were asked for. */
function toOpened(request: Request, response: Response, fromByte: number): OpenedFile {
  const { headers, status, body } = response;
  const range = status === 206 ? contentRange(headers['content-range']) : undefined;
  const totalBytes = status === 206 ? range?.total : lengthFrom(headers['content-length']);
  if (totalBytes === undefined || (status === 206 && range?.start !== fromByte)) {
    body.destroy();
    throw noLength({ request });
  }
  const chunks = chunksOf(request, response);
  return { startByte: range?.start ?? 0, totalBytes, chunks, dismiss: () => body.destroy() };
}
