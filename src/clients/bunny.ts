import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import { lengthFrom } from './headers.ts';
import { dismiss, type Request, type Response, readText, refusal, send, sendForJson } from './http.ts';

const SERVICE = 'Bunny Stream';

/** How long one signature of the upload endpoint is valid; each request carries a fresh one. */
const SIGNATURE_TTL_S = 6 * 3600;

/** How long to leave an upload alone that another request still holds. */
const LOCK_PAUSE_MS = 2000;

/** How far Bunny's clock may be behind ours where a video is judged by its age, in milliseconds. */
export const BUNNY_CLOCK_SKEW_MS = 5 * 60_000;

/** Bunny Stream, reduced to what publishing needs. Every call makes one attempt. */
export interface Bunny {
  /**
   * Asks Bunny whether it is well by what belongs to no recording: the list of videos, and requests to the API and to the
   * upload endpoint that it is to refuse. Leaves nothing.
   *
   * @throws KnownError what a recording would meet as well.
   */
  probe(call: Call): Promise<void>;

  /** Registers an empty video. Not idempotent: record that it was asked for, then the id. */
  createVideo(input: Call & { title: string; collectionId?: string }): Promise<{ videoId: string }>;
  /** The video, or `undefined` if Bunny does not know the id. */
  getVideo(input: Call & { videoId: string }): Promise<Video | undefined>;
  /** The newest videos (at most 100) whose title contains the given one. */
  findVideos(input: Call & { title: string }): Promise<Video[]>;
  /** One page of all videos, newest first; pages count from 1. */
  listVideos(input: Call & { page: number }): Promise<{ videos: Video[]; isLast: boolean }>;
  /** How many videos the library has. */
  countVideos(call: Call): Promise<number>;
  /** Removes a video and its file; one that is gone already is no error. */
  deleteVideo(input: Call & { videoId: string }): Promise<void>;

  /** Sets the captions (WebVTT) of a language, in place of those that were there. */
  setCaptions(
    input: Call & { videoId: string; language: string; label: string; text: Buffer },
  ): Promise<void>;
  /** The collection of exactly this name. */
  findCollection(input: Call & { name: string }): Promise<{ collectionId: string } | undefined>;
  /** Makes a collection. Not idempotent: look for it first. */
  createCollection(input: Call & { name: string }): Promise<{ collectionId: string }>;

  /** Begins a resumable upload into an empty video. */
  createUpload(
    input: Call & { videoId: string; bytes: number; title: string; mediaType: string },
  ): Promise<{ uploadUrl: string }>;
  /** How far an upload has come, or `undefined` if Bunny no longer has it. */
  uploadOffset(
    input: Call & UploadTarget,
  ): Promise<{ offset: number; totalBytes: number | undefined } | undefined>;
  /** Sends the next bytes of an upload. What arrives of a broken request counts. */
  appendToUpload(
    input: Call & UploadTarget & { offset: number; bytes: number; chunks: AsyncIterable<Buffer> },
  ): Promise<{ offset: number }>;
}

export interface Call {
  readonly signal: AbortSignal;
}

export interface UploadTarget {
  readonly videoId: string;
  readonly uploadUrl: string;
}

/** Where a video stands, in our words; Bunny numbers it differently in its API and in its webhooks. */
export type VideoStatus = 'empty' | 'processing' | 'playable' | 'failed';

export interface Video {
  readonly videoId: string;
  readonly title: string;
  readonly status: VideoStatus;
  readonly createdAtMs: number;
}

export interface BunnyOptions {
  readonly apiUrl: string;
  readonly tusUrl: string;
  readonly libraryId: string;
  readonly apiKey: string;
  readonly idleTimeoutMs: number;
  /** The least rate of uploads. */
  readonly minBytesPerSecond?: number;
  readonly now?: () => number;
}

const videoShape = z.object({
  guid: z.string(),
  title: z.string().nullish(),
  status: z.number(),
  dateUploaded: z.string().default(''),
});

const collectionShape = z.object({ guid: z.string(), name: z.string().nullish() });

/** The status numbers of Bunny's video API (not those of its webhooks). */
const API_STATUS: Readonly<Record<number, VideoStatus>> = {
  0: 'empty',
  1: 'processing',
  2: 'processing',
  3: 'processing',
  4: 'playable',
  5: 'failed',
  6: 'failed',
  7: 'processing',
  8: 'playable',
};

/** The upload endpoint's signature: SHA-256, not an HMAC, of four values joined (Bunny, TUS resumable uploads). */
export function uploadSignature(input: {
  libraryId: string;
  apiKey: string;
  expiresAtS: number;
  videoId: string;
}): string {
  const signed = `${input.libraryId}${input.apiKey}${input.expiresAtS}${input.videoId}`;
  return createHash('sha256').update(signed).digest('hex');
}

export function createBunny(options: BunnyOptions): Bunny {
  const { libraryId, apiKey, idleTimeoutMs, now = Date.now } = options;
  const videosUrl = `${options.apiUrl}/library/${libraryId}/videos`;
  const collectionsUrl = `${options.apiUrl}/library/${libraryId}/collections`;

  function apiRequest(method: string, url: string, signal: AbortSignal, json?: object): Request {
    return {
      service: SERVICE,
      method,
      url,
      headers: { AccessKey: apiKey, accept: 'application/json', 'content-type': 'application/json' },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      signal,
      idleTimeoutMs,
    };
  }

  /** The headers that every request to the upload endpoint carries, HEAD and PATCH included. */
  function uploadHeaders(videoId: string): Record<string, string> {
    const expiresAtS = Math.floor(now() / 1000) + SIGNATURE_TTL_S;
    return {
      'tus-resumable': '1.0.0',
      AuthorizationSignature: uploadSignature({ libraryId, apiKey, expiresAtS, videoId }),
      AuthorizationExpire: String(expiresAtS),
      VideoId: videoId,
      LibraryId: libraryId,
    };
  }

  /** Sends a request that is to be refused, since what it names is not there; any such answer shows that Bunny is well. */
  async function sendRefusable(request: Request): Promise<void> {
    const response = await send(request);
    const text = await readText(request, response);
    const error = refusal(request, response.status, text, response.headers);
    if (response.status >= 500 || response.status === 408 || response.status === 429) throw error;
  }

  return {
    async probe({ signal }) {
      const request = apiRequest('GET', `${videosUrl}?page=1&itemsPerPage=1`, signal);
      await sendForJson(request, z.object({ items: z.array(z.unknown()) }));
      // A video without a title.
      await sendRefusable(apiRequest('POST', videosUrl, signal, {}));
      const videoId = randomUUID();
      const url = `${options.tusUrl}/${videoId}`;
      const shared = { service: SERVICE, headers: uploadHeaders(videoId), signal, idleTimeoutMs };
      await sendRefusable({ ...shared, method: 'HEAD', url });
      const appending = { 'content-type': 'application/offset+octet-stream', 'upload-offset': '0' };
      await sendRefusable({
        ...shared,
        method: 'PATCH',
        url,
        headers: { ...shared.headers, ...appending },
        body: '?',
      });
    },

    async createVideo({ title, collectionId, signal }) {
      const video = await sendForJson(
        apiRequest('POST', videosUrl, signal, { title, collectionId }),
        z.object({ guid: z.string() }),
      );
      return { videoId: video.guid };
    },

    async getVideo({ videoId, signal }) {
      try {
        return toVideo(await sendForJson(apiRequest('GET', `${videosUrl}/${videoId}`, signal), videoShape));
      } catch (error) {
        if (error instanceof KnownError && error.details['status'] === 404) return undefined;
        throw error;
      }
    },

    async findVideos({ title, signal }) {
      const query = new URLSearchParams({ page: '1', itemsPerPage: '100', orderBy: 'date', search: title });
      const { items } = await sendForJson(
        apiRequest('GET', `${videosUrl}?${query}`, signal),
        z.object({ items: z.array(videoShape) }),
      );
      return items.map(toVideo);
    },

    async listVideos({ page, signal }) {
      const query = new URLSearchParams({ page: String(page), itemsPerPage: '100', orderBy: 'date' });
      const { items, itemsPerPage, totalItems } = await sendForJson(
        apiRequest('GET', `${videosUrl}?${query}`, signal),
        z.object({ items: z.array(videoShape), itemsPerPage: z.number(), totalItems: z.number() }),
      );
      const isLast = items.length === 0 || page * itemsPerPage >= totalItems;
      return { videos: items.map(toVideo), isLast };
    },

    async countVideos({ signal }) {
      const request = apiRequest('GET', `${videosUrl}?page=1&itemsPerPage=1`, signal);
      return (await sendForJson(request, z.object({ totalItems: z.number() }))).totalItems;
    },

    async deleteVideo({ videoId, signal }) {
      try {
        await sendForJson(apiRequest('DELETE', `${videosUrl}/${videoId}`, signal), z.object({}));
      } catch (error) {
        if (!(error instanceof KnownError) || error.details['status'] !== 404) throw error;
      }
    },

    async setCaptions({ videoId, language, label, text, signal }) {
      const url = `${videosUrl}/${videoId}/captions/${encodeURIComponent(language)}`;
      const body = { srclang: language, label, captionsFile: text.toString('base64') };
      await sendForJson(apiRequest('POST', url, signal, body), z.object({}));
    },

    async findCollection({ name, signal }) {
      for (let page = 1; ; page += 1) {
        const query = new URLSearchParams({
          page: String(page),
          itemsPerPage: '100',
          search: name,
          orderBy: 'date',
        });
        const { items, itemsPerPage, totalItems } = await sendForJson(
          apiRequest('GET', `${collectionsUrl}?${query}`, signal),
          z.object({ items: z.array(collectionShape), itemsPerPage: z.number(), totalItems: z.number() }),
        );
        const found = items.find((item) => item.name === name);
        if (found !== undefined) return { collectionId: found.guid };
        if (items.length === 0 || page * itemsPerPage >= totalItems) return undefined;
      }
    },

    async createCollection({ name, signal }) {
      const made = await sendForJson(apiRequest('POST', collectionsUrl, signal, { name }), collectionShape);
      return { collectionId: made.guid };
    },

    async createUpload({ videoId, bytes, title, mediaType, signal }) {
      const metadata = Object.entries({ filetype: mediaType, title })
        .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
        .join(',');
      const request: Request = {
        service: SERVICE,
        method: 'POST',
        url: options.tusUrl,
        headers: {
          ...uploadHeaders(videoId),
          'upload-length': String(bytes),
          'upload-metadata': metadata,
        },
        signal,
        idleTimeoutMs,
      };
      const response = await send(request);
      const text = await readText(request, response);
      const location = response.headers.location;
      if (response.status !== 201 || location === undefined) throw uploadError(request, response, text);
      return { uploadUrl: new URL(location, options.tusUrl).href };
    },

    async uploadOffset({ videoId, uploadUrl, signal }) {
      const request: Request = {
        service: SERVICE,
        method: 'HEAD',
        url: uploadUrl,
        headers: uploadHeaders(videoId),
        signal,
        idleTimeoutMs,
      };
      const response = await send(request);
      dismiss(response);
      if (response.status === 404 || response.status === 410) return undefined;
      const offset = lengthFrom(header(response, 'upload-offset'));
      if (response.status < 200 || response.status > 299 || offset === undefined) {
        throw uploadError(request, response, '');
      }
      return { offset, totalBytes: lengthFrom(header(response, 'upload-length')) };
    },

    async appendToUpload({ videoId, uploadUrl, offset, bytes, chunks, signal }) {
      const request: Request = {
        service: SERVICE,
        method: 'PATCH',
        url: uploadUrl,
        headers: {
          ...uploadHeaders(videoId),
          'content-type': 'application/offset+octet-stream',
          'upload-offset': String(offset),
        },
        body: { bytes, chunks },
        signal,
        idleTimeoutMs,
        minBytesPerSecond: options.minBytesPerSecond,
      };
      const response = await send(request);
      const text = await readText(request, response);
      if (response.status < 200 || response.status > 299) throw uploadError(request, response, text);
      const newOffset = lengthFrom(header(response, 'upload-offset'));
      if (newOffset === undefined || newOffset <= offset || newOffset > offset + bytes) {
        throw new KnownError(
          `${SERVICE} took ${bytes} bytes at offset ${offset} and says it is at ${newOffset ?? 'none'}`,
          {
            code: 'REMOTE_ANSWER_INVALID',
            retry: 'backoff',
          },
        );
      }
      return { offset: newOffset };
    },
  };
}

function toVideo(video: z.infer<typeof videoShape>): Video {
  return {
    videoId: video.guid,
    title: video.title ?? '',
    status: API_STATUS[video.status] ?? 'processing',
    // Bunny writes UTC without saying so.
    createdAtMs: Date.parse(
      /[zZ]|[+-]\d\d:\d\d$/.test(video.dateUploaded) ? video.dateUploaded : `${video.dateUploaded}Z`,
    ),
  };
}

function header(response: Response, key: string): string | undefined {
  const value = response.headers[key];
  return Array.isArray(value) ? value[0] : value;
}

/**
 * An upload or a video that is gone (404, 410) is begun anew by whoever looks again. 409 and 423 say that an earlier
 * request still holds the upload, or moved it on: wait a little, then ask where it is.
 */
function uploadError(request: Request, response: Response, text: string): KnownError {
  const error = refusal(request, response.status, text, response.headers);
  if (response.status === 409 || response.status === 423) {
    return new KnownError(error.message, {
      code: 'REMOTE_UNAVAILABLE',
      retry: { afterMs: LOCK_PAUSE_MS },
      details: error.details,
    });
  }
  if (response.status === 404 || response.status === 410) {
    return new KnownError(error.message, {
      code: 'REMOTE_REJECTED',
      retry: 'backoff',
      details: error.details,
    });
  }
  if (response.status >= 200 && response.status < 400) {
    return new KnownError(error.message, {
      code: 'REMOTE_ANSWER_INVALID',
      retry: 'backoff',
      details: error.details,
    });
  }
  return error;
}
