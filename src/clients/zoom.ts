import { KnownError } from '../domain/errors.ts';
import type { ZoomAccount } from '../domain/zoom-account.ts';
import type { DownloadHosts } from './download-hosts.ts';
import { contentRange, lengthFrom } from './headers.ts';
import { dismiss, name, type Request, type Response, readText, refusal, send, unreachable } from './http.ts';
import type { FreshAddress, ZoomApiOptions, ZoomFileReference } from './zoom-api.ts';
import { apiOf, createZoomApis } from './zoom-apis.ts';

const SERVICE = 'Zoom';
const MAX_REDIRECTS = 5;

/** Zoom, reduced to what fetching needs. Every call makes one attempt. */
export interface Zoom {
  /**
   * Asks Zoom's API whether it is well, by what belongs to no recording: a refusal shows that it is. Without credentials
   * for the API nothing is asked.
   *
   * @throws KnownError if it cannot be reached, or answers with a server error.
   */
  probe(input: { signal: AbortSignal }): Promise<void>;

  /**
   * Opens a recording for download, from the byte on that is still missing if the server allows it.
   *
   * @throws KnownError `DOWNLOAD_NOT_MEDIA` for a web page in place of the file, which is how Zoom answers an expired
   * token and a deleted recording; `DOWNLOAD_REFUSED`, `DOWNLOAD_HOST_REFUSED`, and what every request throws.
   */
  openDownload(input: {
    url: string;
    token: string | null;
    fromByte: number;
    /** What the bytes before `fromByte` were called, so that bytes of another file are not added to them. */
    validator: string | null;
    /** JSON is what the file holds, and no refusal. */
    mayBeJson?: boolean;
    signal: AbortSignal;
  }): Promise<Download>;

  /**
   * Asks the API for a recording file's address of today; `undefined` if there are no credentials for that, or Zoom no
   * longer has the file.
   */
  freshAddress(input: ZoomFileReference & { signal: AbortSignal }): Promise<FreshAddress | undefined>;
}

export interface Download {
  /** Where `chunks` begin: `fromByte`, or 0 if the server starts over. */
  readonly startByte: number;
  /** The length of the whole file, where the server says it. */
  readonly totalBytes: number | undefined;
  /** ETag or Last-Modified, for the next resume. */
  readonly validator: string | null;
  /** Nothing, if all bytes were there already. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Lets go of it without reading. */
  dismiss(): void;
}

export interface ZoomOptions extends Omit<ZoomApiOptions, 'credentials'> {
  readonly hosts: DownloadHosts;
  /** The least rate of downloads. */
  readonly minBytesPerSecond?: number;
  /** Of each account that Zoom may be asked about; one without an id stands for every account. */
  readonly accounts: readonly Pick<ZoomAccount, 'id' | 'credentials'>[];
}

export function createZoom(options: ZoomOptions): Zoom {
  const apis = createZoomApis(options);

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
        service: SERVICE,
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
    async probe({ signal }) {
      if (apis.length === 0) return;
      const request: Request = {
        service: SERVICE,
        method: 'GET',
        url: `${options.apiUrl}/users/me`,
        signal,
        idleTimeoutMs: options.idleTimeoutMs,
      };
      const response = await send(request);
      const text = await readText(request, response);
      const error = refusal(request, response.status, text, response.headers);
      if (response.status >= 500 || response.status === 408 || response.status === 429) throw error;
    },

    freshAddress: async (input) => await apiOf(apis, input.accountId ?? null)?.findFile(input),

    async openDownload({ url, token, fromByte, validator, mayBeJson = false, signal }) {
      const canResume = fromByte > 0 && validator !== null;
      const range = canResume ? { range: `bytes=${fromByte}-`, 'if-range': validator } : undefined;
      let { request, response } = await open(new URL(url), token, range ?? {}, signal);

      if (response.status === 416) {
        dismiss(response);
        const totalBytes = contentRange(response.headers['content-range'])?.total;
        if (totalBytes === fromByte)
          return { startByte: fromByte, totalBytes, validator, chunks: nothing(), dismiss() {} };
        ({ request, response } = await open(new URL(url), token, {}, signal));
      }
      await checkIsFile(request, response, mayBeJson);
      return toDownload(request, response, fromByte);
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
    // Zoom's files are often not there yet when it announces them, and tokens can be renewed.
    throw new KnownError(error.message, {
      code: 'DOWNLOAD_REFUSED',
      retry: 'backoff',
      details: error.details,
    });
  }
  const type = headers['content-type'] ?? '';
  if (/^\s*text\/html/i.test(type) || (!mayBeJson && /^\s*application\/json/i.test(type))) {
    dismiss(response);
    throw new KnownError(`Zoom answered ${name(request)} with ${type} instead of the recording`, {
      code: 'DOWNLOAD_NOT_MEDIA',
      retry: 'backoff',
    });
  }
}

function toDownload(request: Request, response: Response, fromByte: number): Download {
  const { headers } = response;
  const range = response.status === 206 ? contentRange(headers['content-range']) : undefined;
  if (response.status === 206 && range?.start !== fromByte) {
    response.body.destroy();
    throw new KnownError(`${name(request)} sent other bytes than the ones that were asked for`, {
      code: 'REMOTE_ANSWER_INVALID',
      retry: 'backoff',
    });
  }
  const etag = headers.etag;
  // If-Range needs a strong validator.
  const isStrong = etag !== undefined && !etag.startsWith('W/');
  return {
    startByte: range?.start ?? 0,
    totalBytes: range === undefined ? lengthFrom(headers['content-length']) : range.total,
    validator: (isStrong ? etag : headers['last-modified']) ?? null,
    chunks: chunksOf(request, response),
    dismiss: () => response.body.destroy(),
  };
}

async function* chunksOf(request: Request, response: Response): AsyncGenerator<Buffer> {
  try {
    yield* response.body;
  } catch (error) {
    throw unreachable(request, error);
  }
}

async function* nothing(): AsyncGenerator<Buffer> {}
