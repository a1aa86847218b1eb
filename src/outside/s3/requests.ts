import { AwsV4Signer } from 'aws4fetch';
import type { z } from 'zod';
import { KnownError } from '../../domain/errors.ts';
import type { Call } from '../../engine/ports/store.ts';
import { sha256 } from '../../lib/digest.ts';
import { type Request, type Response, readText, type StreamedBody, send } from '../../lib/http.ts';
import { codeIn, describeRefusal } from './errors.ts';
import type { Profile } from './profiles.ts';
import { readXml } from './xml.ts';

/** Clocks that differ by less are the same: the time of an answer is told in whole seconds, and it was under way. */
const SAME_TIME_MS = 60_000;

/** The longest key, in bytes. */
const MAX_KEY_BYTES = 1024;

/** How long a link may be good, in seconds: a week. */
const MAX_EXPIRES_S = 7 * 86_400;

export interface S3Options {
  /** Without a slash at the end. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly keyId: string;
  readonly secretKey: string;
  readonly profile: Profile;
  /** Whether the bucket stands in the path or before the host. */
  readonly addressing: 'path' | 'host';
  readonly idleTimeoutMs: number;
  /** The least rate of bytes. */
  readonly minBytesPerSecond?: number;
}

/** What is asked of the bucket, or of a file in it. */
export interface Ask extends Call {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Absent: the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string | StreamedBody;
}

/** An answer that was a success, read to its end. */
export interface Answer {
  readonly request: Request;
  readonly status: number;
  readonly headers: Response['headers'];
  readonly text: string;
  readonly sentDigest: string | undefined;
}

/** Signed requests to one bucket (AWS Signature Version 4), each sent once. */
export interface Requests {
  /** @throws KnownError what the answer says, also where it says it within a success */
  ask(input: Ask): Promise<Answer>;
  /** An answer whose body is to be read as it comes. @throws KnownError likewise */
  open(input: Ask): Promise<{ request: Request; response: Response }>;
  /** A link to a file that whoever has it can fetch, for so many seconds. */
  presign(input: { key: string; expiresS: number }): Promise<string>;
  /** How far our clock is ahead of the service's, by its last answer. */
  aheadMs(): number;
}

export function createRequests(options: S3Options): Requests {
  const { keyId, secretKey, region, profile } = options;
  const base = bucketAddress(options);
  /** Keys that signatures are made with, for a day each. */
  const cache = new Map<string, ArrayBuffer>();
  let aheadMs = 0;

  function sign(input: {
    method: string;
    url: string;
    headers?: Record<string, string>;
    signQuery?: boolean;
  }) {
    const now = new Date(Date.now() - aheadMs).toISOString();
    const datetime = now.replace(/[:-]|\.\d{3}/g, '');
    const credentials = { accessKeyId: keyId, secretAccessKey: secretKey, service: 's3', region };
    return new AwsV4Signer({ ...input, ...credentials, datetime, cache }).sign();
  }

  async function signedRequest({
    method,
    key,
    query = {},
    headers = {},
    body,
    signal,
  }: Ask): Promise<Request> {
    const url = new URL(key === undefined ? base : `${base}/${encodeKey(key)}`);
    for (const [name, value] of present(query)) url.searchParams.set(name, value);
    // As it is signed a space is %20, and as a form has it a plus.
    url.search = url.search.replaceAll('+', '%20');
    const digest = typeof body === 'string' ? sha256(body) : body === undefined ? sha256('') : undefined;
    const signed = await sign({
      method,
      url: url.href,
      headers: {
        ...Object.fromEntries(present(headers)),
        'x-amz-content-sha256': digest ?? 'UNSIGNED-PAYLOAD',
      },
    });
    return {
      service: profile.title,
      method,
      url: url.href,
      headers: { ...Object.fromEntries(signed.headers), 'accept-encoding': 'identity' },
      ...(body === undefined ? {} : { body }),
      signal,
      idleTimeoutMs: options.idleTimeoutMs,
      minBytesPerSecond: options.minBytesPerSecond,
    };
  }

  /** Notes how the clocks differ; tells whether a refusal was for that. */
  function readClock({ headers, status }: Response, code: string | undefined): boolean {
    const differenceMs = Date.now() - Date.parse(headers.date ?? '');
    if (Number.isNaN(differenceMs)) return false;
    const knownMs = aheadMs;
    aheadMs = Math.abs(differenceMs) > SAME_TIME_MS ? differenceMs : 0;
    const isNews = Math.abs(aheadMs - knownMs) > SAME_TIME_MS;
    // An answer to HEAD has no words.
    return isNews && status === 403 && (code === undefined || code === 'RequestTimeTooSkewed');
  }

  async function open(input: Ask): Promise<{ request: Request; response: Response }> {
    for (let isRepeated = false; ; isRepeated = true) {
      const request = await signedRequest(input);
      const response = await send(request);
      if (response.status >= 200 && response.status < 300) {
        readClock(response, undefined);
        return { request, response };
      }
      const text = await readText(request, response);
      const isClock = readClock(response, codeIn(text));
      // What was streamed is gone.
      if (isClock && !isRepeated && typeof input.body !== 'object') continue;
      const error = describeRefusal(request, response, text);
      if (!isClock) throw error;
      throw new KnownError(`${error.message}; the clocks differ, which is known now`, {
        code: 'REMOTE_UNAVAILABLE',
        retry: 'backoff',
        details: error.details,
      });
    }
  }

  return {
    open,

    async ask(input) {
      const { request, response } = await open(input);
      const text = await readText(request, response);
      // Some begin an answer before they know how it ends.
      if (codeIn(text) !== undefined) throw describeRefusal(request, response, text);
      const { status, headers, sentDigest } = response;
      return { request, status, headers, text, sentDigest };
    },

    async presign({ key, expiresS }) {
      const url = new URL(`${base}/${encodeKey(key)}`);
      url.searchParams.set('X-Amz-Expires', String(Math.min(expiresS, MAX_EXPIRES_S)));
      const signed = await sign({ method: 'GET', url: url.href, signQuery: true });
      return signed.url.href;
    },

    aheadMs: () => aheadMs,
  };
}

/** Reads an answer. @throws KnownError `REMOTE_ANSWER_INVALID` */
export function parseAnswer<T>({ request, text }: Answer, root: string, shape: z.ZodType<T>): T {
  const read = readXml(text);
  const parsed = shape.safeParse(read?.value === '' ? {} : read?.value);
  if (read?.name === root && parsed.success) return parsed.data;
  throw new KnownError(`${request.service} answered ${request.method} with something that is no ${root}`, {
    code: 'REMOTE_ANSWER_INVALID',
    retry: 'backoff',
    cause: parsed.error,
  });
}

/** @throws KnownError `REMOTE_REJECTED` for a key that no file can have, or that would lead elsewhere */
export function requireKey(key: string): void {
  const isOdd = key.split('/').some((segment) => ['', '.', '..'].includes(segment));
  if (!isOdd && !key.includes('\0') && Buffer.byteLength(key) <= MAX_KEY_BYTES) return;
  throw new KnownError(`${JSON.stringify(key)} cannot be the name of a file in a bucket`, {
    code: 'REMOTE_REJECTED',
  });
}

function bucketAddress({ endpoint, bucket, addressing }: S3Options): string {
  if (addressing === 'path') return `${endpoint}/${bucket}`;
  const url = new URL(endpoint);
  return `${url.protocol}//${bucket}.${url.host}`;
}

function encodeKey(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/');
}

function present(values: Readonly<Record<string, string | undefined>>): [string, string][] {
  return Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
}
