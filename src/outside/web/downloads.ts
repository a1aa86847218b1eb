import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { KnownError, systemCode } from '../../domain/errors.ts';
import type { Download, Source } from '../../engine/ports/source.ts';
import { contentRange, lengthFrom } from '../../lib/headers.ts';
import {
  dismiss,
  name,
  type Request,
  type Response,
  readText,
  refusal,
  send,
  unreachable,
} from '../../lib/http.ts';
import type { DownloadHosts } from './download-hosts.ts';

const MAX_REDIRECTS = 5;

export interface DownloadOptions {
  /** What sends the files, as messages call it. */
  readonly service: string;
  readonly hosts: DownloadHosts;
  readonly idleTimeoutMs: number;
  /** The least rate of downloads. */
  readonly minBytesPerSecond?: number;
}

/** Opens files of web servers, by the rules that say where a download may lead. */
export function createDownloads(options: DownloadOptions): Pick<Source, 'openDownload'> {
  const { service } = options;

  /** Follows redirects by our own rules; the token goes to the origin that it is meant for, and to no other. */
  async function open(
    start: URL,
    token: string | null,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<{ request: Request; response: Response }> {
    options.hosts.checkStart(start);
    let url = start;
    for (let redirects = 0; ; redirects += 1) {
      const lookup = options.hosts.lookupFor(url);
      const request: Request = {
        service,
        method: 'GET',
        url: url.href,
        isPathSecret: true,
        headers: {
          ...headers,
          // Offsets count stored bytes, so no compression on the way.
          'accept-encoding': 'identity',
          ...(token !== null && url.origin === start.origin ? { authorization: `Bearer ${token}` } : {}),
        },
        signal,
        idleTimeoutMs: options.idleTimeoutMs,
        minBytesPerSecond: options.minBytesPerSecond,
        ...(lookup === undefined ? {} : { lookup }),
      };
      const response = await send(request);
      const location = response.headers.location;
      if (response.status < 300 || response.status > 399 || location === undefined)
        return { request, response };

      dismiss(response);
      if (redirects === MAX_REDIRECTS) {
        throw new KnownError(`${name(request)} led to more than ${MAX_REDIRECTS} redirects`, {
          code: 'DOWNLOAD_REFUSED',
          retry: 'backoff',
        });
      }
      url = redirectTarget(request, location, url);
      options.hosts.checkRedirect(url);
    }
  }

  return {
    async openDownload({ url, token, fromByte, validator, mayBeJson = false, signal }) {
      const canResume = fromByte > 0 && validator !== null;
      const range = canResume ? { range: `bytes=${fromByte}-`, 'if-range': validator } : undefined;
      let { request, response } = await open(new URL(url), token, range ?? {}, signal);

      if (response.status === 416) {
        dismiss(response);
        const totalBytes = contentRange(response.headers['content-range'])?.total;
        if (totalBytes === fromByte)
          return {
            startByte: fromByte,
            totalBytes,
            isEndMarked: true,
            validator,
            chunks: nothing(),
            dismiss() {},
          };
        ({ request, response } = await open(new URL(url), token, {}, signal));
      }
      await checkIsFile(request, response, mayBeJson);
      return toDownload(request, response, range === undefined ? null : { fromByte, validator });
    },
  };
}

function redirectTarget(request: Request, location: string, from: URL): URL {
  if (URL.canParse(location, from.href)) return new URL(location, from);
  throw new KnownError(`${name(request)} redirects to something that is no address`, {
    code: 'REMOTE_ANSWER_INVALID',
    retry: 'backoff',
  });
}

async function checkIsFile(request: Request, response: Response, mayBeJson: boolean): Promise<void> {
  const { status, headers } = response;
  if (status !== 200 && status !== 206) {
    const text = await readText(request, response);
    const error = refusal(request, status, text, headers);
    if (error.code !== 'REMOTE_REJECTED' && error.code !== 'REMOTE_UNAUTHORIZED') throw error;
    // Files are not always there yet when they are announced, and tokens can be renewed.
    throw new KnownError(error.message, {
      code: 'DOWNLOAD_REFUSED',
      retry: 'backoff',
      details: error.details,
    });
  }
  const type = headers['content-type'] ?? '';
  if (/^\s*text\/html/i.test(type) || (!mayBeJson && /^\s*application\/json/i.test(type))) {
    dismiss(response);
    throw new KnownError(
      `${request.service} answered ${name(request)} with ${type} instead of the recording`,
      {
        code: 'DOWNLOAD_NOT_MEDIA',
        retry: 'backoff',
      },
    );
  }
}

/** How bodies are decoded that come encoded all the same; others cannot be read. */
const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** What was asked for, where it was not the whole. */
interface Resume {
  readonly fromByte: number;
  readonly validator: string | null;
}

function toDownload(request: Request, response: Response, resume: Resume | null): Download {
  const { headers } = response;
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  const decoder = DECODERS[encoding];
  const isEncoded = encoding !== 'identity' && encoding !== '';
  const isPart = response.status === 206;
  const range = isPart ? contentRange(headers['content-range']) : undefined;
  const problem =
    isEncoded && (decoder === undefined || isPart)
      ? `sent bytes that are encoded (${encoding})`
      : isPart && !isTheRest(range, resume?.fromByte ?? 0)
        ? 'sent other bytes than the ones that were asked for'
        : isPart && !isSame(headers, resume?.validator ?? null)
          ? 'sent a part of another file than the one that was asked for'
          : undefined;
  if (problem !== undefined) {
    response.body.destroy();
    throw new KnownError(`${name(request)} ${problem}`, { code: 'REMOTE_ANSWER_INVALID', retry: 'backoff' });
  }
  const isChunked = /chunked/i.test(headers['transfer-encoding'] ?? '');
  const lengthBytes = isChunked || isEncoded ? undefined : lengthFrom(headers['content-length']);
  const etag = headers.etag;
  // If-Range needs a strong validator. Of encoded bytes none says anything about those that were decoded.
  const isStrong = etag !== undefined && !etag.startsWith('W/');
  const validator = (isStrong ? etag : headers['last-modified']) ?? null;
  const body = isEncoded && decoder !== undefined ? decoded(response, decoder()) : response.body;
  return {
    startByte: range?.start ?? 0,
    totalBytes: range === undefined ? lengthBytes : (range.total ?? range.end),
    isEndMarked: isChunked || isEncoded || lengthBytes !== undefined,
    validator: isEncoded ? null : validator,
    chunks: chunksOf(request, body, isEncoded),
    dismiss: () => response.body.destroy(),
  };
}

/** From the byte that was asked for to the end; parts of it in an envelope (`multipart/byteranges`) name no range. */
function isTheRest(range: ReturnType<typeof contentRange>, fromByte: number): boolean {
  return range?.start === fromByte && (range.total === undefined || range.end === range.total);
}

/** Whether a part calls its file what the bytes before it were called. Some servers look at no `If-Range`. */
function isSame(headers: Response['headers'], validator: string | null): boolean {
  if (validator === null) return true;
  const said = validator.startsWith('"') ? headers.etag?.replace(/^W\//, '') : headers['last-modified'];
  return said === undefined || said === validator;
}

function decoded(response: Response, decoder: Transform): Readable {
  response.body.on('error', (error) => decoder.destroy(error));
  decoder.on('close', () => response.body.destroy());
  return response.body.pipe(decoder);
}

async function* chunksOf(request: Request, body: Readable, isEncoded: boolean): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    if (
      isEncoded &&
      !request.signal.aborted &&
      /^(Z_|ERR__?ZLIB|ERR_BROTLI|ERR__ERROR)/.test(systemCode(error) ?? '')
    ) {
      throw new KnownError(`${name(request)} sent bytes that cannot be decoded`, {
        code: 'REMOTE_ANSWER_INVALID',
        retry: 'backoff',
        cause: error,
      });
    }
    throw unreachable(request, error);
  }
}

async function* nothing(): AsyncGenerator<Buffer> {}
