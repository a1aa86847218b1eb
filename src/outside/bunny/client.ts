import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { KnownError } from '../../domain/errors.ts';
import type { VideoTag } from '../../domain/video-mark.ts';
import type {
  Call,
  Video as PublishedVideo,
  UploadTarget,
  VideoStatus,
} from '../../engine/ports/publisher.ts';
import { sha256 } from '../../lib/digest.ts';
import { lengthFrom } from '../../lib/headers.ts';
import { dismiss, parseJson, type Request, type Response, readText, refusal, send } from '../../lib/http.ts';
import { wallMs } from '../../lib/wall-time.ts';

const SERVICE = 'Bunny Stream';

/** How long one signature of the upload endpoint is valid; each request carries a fresh one. */
const SIGNATURE_TTL_S = 6 * 3600;

/** How long to leave an upload alone that another request still holds. */
const LOCK_PAUSE_MS = 2000;

/** What two clocks may differ by that agree: HTTP tells the time in whole seconds, and an answer takes a moment. */
const SAME_TIME_MS = 2000;

/** How many pages of 100 videos are looked through for a title. */
const MAX_PAGES = 10;

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
  /** The newest videos (at most 1000) whose title contains a text. */
  findVideos(input: Call & { search: string }): Promise<Video[]>;
  /** One page of all videos, newest first; pages count from 1. */
  listVideos(input: Call & { page: number }): Promise<{ videos: Video[]; isLast: boolean }>;
  /** How many videos the library has. */
  countVideos(call: Call): Promise<number>;
  /** Gives a video this title, and these meta tags in place of those that it had. */
  updateVideo(input: Call & { videoId: string; title: string; tags: readonly VideoTag[] }): Promise<void>;
  /** Removes a video and its file; one that is gone already is no error. */
  deleteVideo(input: Call & { videoId: string }): Promise<void>;

  /** Sets the captions (WebVTT) of a language, in place of those that were there. */
  setCaptions(
    input: Call & { videoId: string; language: string; label: string; text: Buffer },
  ): Promise<void>;
  /** Removes the captions of a language; that there are none, or no such video, is no error. */
  removeCaptions(input: Call & { videoId: string; language: string }): Promise<void>;
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
    input: Call &
      UploadTarget & {
        offset: number;
        bytes: number;
        chunks: AsyncIterable<Buffer>;
        onSent?: (sentBytes: number) => void;
      },
  ): Promise<{ offset: number }>;
}

/** A video as Bunny tells of it, without what our marks say. */
export type Video = Omit<PublishedVideo, 'ownerId' | 'hasPlainTitle' | 'madeOfBytes'>;

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

const tagShape = z.object({ property: z.string(), value: z.string() });
const captionShape = z.object({ srclang: z.string(), label: z.string().catch('') });

// What is not needed to know a video is not insisted on.
const videoShape = z.object({
  guid: z.string(),
  title: z.string().catch(''),
  status: z.number().catch(Number.NaN),
  dateUploaded: z.string().catch(''),
  metaTags: listOf(tagShape),
  captions: listOf(captionShape),
  storageSize: z.number().optional().catch(undefined),
  hasOriginal: z.boolean().optional().catch(undefined),
});

const pageShape = z.object({ itemsPerPage: z.number(), totalItems: z.number() });
const videoPageShape = pageShape.extend({ items: z.array(videoShape) });

/** A list that may be missing; entries of another shape are left out. */
function listOf<T>(shape: z.ZodType<T>) {
  return z
    .array(z.unknown())
    .catch([])
    .transform((entries) =>
      entries.flatMap((entry) => {
        const parsed = shape.safeParse(entry);
        return parsed.success ? [parsed.data] : [];
      }),
    );
}

const collectionShape = z.object({ guid: z.string(), name: z.string().nullish() });

/** The status numbers of Bunny's video API (not those of its webhooks). */
const API_STATUS: Readonly<Record<number, VideoStatus>> = {
  0: 'empty',
  1: 'processing',
  2: 'processing',
  3: 'processing',
  4: 'playable',
  5: 'failed',
  6: 'upload-failed',
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
  return sha256(signed);
}

export function createBunny(options: BunnyOptions): Bunny {
  const { libraryId, apiKey, idleTimeoutMs, now = wallMs } = options;
  /** How far our clock is ahead of Bunny's, by its last answer. */
  let aheadMs = 0;
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

  async function ask<T>(request: Request, shape: z.ZodType<T>): Promise<T> {
    const response = await send(request);
    const text = await readText(request, response);
    if (response.status < 200 || response.status > 299) throw refused(request, response, text);
    const differenceMs = now() - Date.parse(header(response, 'date') ?? '');
    aheadMs = Math.abs(differenceMs) > SAME_TIME_MS ? differenceMs : 0;
    return parseJson(request, text, shape);
  }

  /** Calls what has nothing to say but that it is done; some answer so with no words at all. */
  async function tell(request: Request): Promise<void> {
    const response = await send(request);
    const text = await readText(request, response);
    if (response.status < 200 || response.status > 299) throw refused(request, response, text);
    if (text.trim() !== '') parseJson(request, text, z.unknown());
  }

  async function page(query: Record<string, string>, signal: AbortSignal) {
    const search = new URLSearchParams({ itemsPerPage: '100', orderBy: 'date', ...query });
    const request = apiRequest('GET', `${videosUrl}?${search}`, signal);
    const { items, itemsPerPage, totalItems } = await ask(request, videoPageShape);
    return {
      videos: items.map((item) => toVideo(item, aheadMs)),
      isLast: items.length === 0 || Number(query['page']) * itemsPerPage >= totalItems,
    };
  }

  async function remove(url: string, signal: AbortSignal): Promise<void> {
    try {
      await tell(apiRequest('DELETE', url, signal));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** The headers that every request to the upload endpoint carries, HEAD and PATCH included. */
  function uploadHeaders(videoId: string): Record<string, string> {
    const expiresAtS = Math.floor((now() - aheadMs) / 1000) + SIGNATURE_TTL_S;
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
      await ask(request, z.object({ items: z.array(z.unknown()) }));
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
      const video = await ask(
        apiRequest('POST', videosUrl, signal, { title, collectionId }),
        z.object({ guid: z.string() }),
      );
      return { videoId: video.guid };
    },

    async getVideo({ videoId, signal }) {
      try {
        const request = apiRequest('GET', `${videosUrl}/${videoId}`, signal);
        return toVideo(await ask(request, videoShape), aheadMs);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },

    async findVideos({ search, signal }) {
      const found: Video[] = [];
      for (let number = 1; number <= MAX_PAGES; number += 1) {
        const { videos, isLast } = await page({ page: String(number), search }, signal);
        found.push(...videos);
        if (isLast) break;
      }
      return found;
    },

    listVideos: ({ page: number, signal }) => page({ page: String(number) }, signal),

    async countVideos({ signal }) {
      const request = apiRequest('GET', `${videosUrl}?page=1&itemsPerPage=1`, signal);
      return (await ask(request, z.object({ totalItems: z.number() }))).totalItems;
    },

    async updateVideo({ videoId, title, tags, signal }) {
      const request = apiRequest('POST', `${videosUrl}/${videoId}`, signal, { title, metaTags: tags });
      await tell(request);
    },

    deleteVideo: ({ videoId, signal }) => remove(`${videosUrl}/${videoId}`, signal),

    async setCaptions({ videoId, language, label, text, signal }) {
      const url = `${videosUrl}/${videoId}/captions/${encodeURIComponent(language)}`;
      const body = { srclang: language, label, captionsFile: text.toString('base64') };
      await tell(apiRequest('POST', url, signal, body));
    },

    removeCaptions: ({ videoId, language, signal }) =>
      remove(`${videosUrl}/${videoId}/captions/${encodeURIComponent(language)}`, signal),

    async findCollection({ name, signal }) {
      for (let page = 1; ; page += 1) {
        const query = new URLSearchParams({
          page: String(page),
          itemsPerPage: '100',
          search: name,
          orderBy: 'date',
        });
        const { items, itemsPerPage, totalItems } = await ask(
          apiRequest('GET', `${collectionsUrl}?${query}`, signal),
          pageShape.extend({ items: z.array(collectionShape) }),
        );
        const found = items.find((item) => item.name === name);
        if (found !== undefined) return { collectionId: found.guid };
        if (items.length === 0 || page * itemsPerPage >= totalItems) return undefined;
      }
    },

    async createCollection({ name, signal }) {
      const made = await ask(apiRequest('POST', collectionsUrl, signal, { name }), collectionShape);
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
      if (response.status !== 201 || location === undefined) throw refused(request, response, text);
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
        throw refused(request, response, '');
      }
      return { offset, totalBytes: lengthFrom(header(response, 'upload-length')) };
    },

    async appendToUpload({ videoId, uploadUrl, offset, bytes, chunks, onSent, signal }) {
      const request: Request = {
        service: SERVICE,
        method: 'PATCH',
        url: uploadUrl,
        headers: {
          ...uploadHeaders(videoId),
          'content-type': 'application/offset+octet-stream',
          'upload-offset': String(offset),
        },
        body: { bytes, chunks, onSent },
        signal,
        idleTimeoutMs,
        minBytesPerSecond: options.minBytesPerSecond,
      };
      const response = await send(request);
      const text = await readText(request, response);
      if (response.status < 200 || response.status > 299) throw refused(request, response, text);
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

function toVideo(video: z.infer<typeof videoShape>, aheadMs: number): Video {
  const { dateUploaded } = video;
  // Bunny writes UTC without saying so.
  const createdAtMs = Date.parse(
    /[zZ]|[+-]\d\d:\d\d$/.test(dateUploaded) ? dateUploaded : `${dateUploaded}Z`,
  );
  return {
    videoId: video.guid,
    title: video.title,
    status: API_STATUS[video.status] ?? 'unknown',
    createdAtMs: createdAtMs + aheadMs,
    tags: video.metaTags,
    storedBytes: video.storageSize,
    hasOriginal: video.hasOriginal,
    captions: video.captions.map(({ srclang, label }) => ({ language: srclang, label })),
  };
}

function isNotFound(error: unknown): boolean {
  return error instanceof KnownError && error.details['status'] === 404;
}

function header(response: Response, key: string): string | undefined {
  const value = response.headers[key];
  return Array.isArray(value) ? value[0] : value;
}

/**
 * The error for an answer that is not the expected one. What Bunny refuses once it may take the next time (a video or a
 * collection that it does not know yet, an upload that is gone and is begun anew), so no refusal is final by itself:
 * the recording's attempts decide. 409 and 423 say that an earlier request still holds the upload, or moved it on: wait
 * a little, then ask where it is.
 */
function refused(request: Request, response: Response, text: string): KnownError {
  const error = refusal(request, response.status, text, response.headers);
  if (error.code !== 'REMOTE_REJECTED') return error;
  const { message, details } = error;
  if (response.status === 409 || response.status === 423) {
    return new KnownError(message, {
      code: 'REMOTE_UNAVAILABLE',
      retry: { afterMs: LOCK_PAUSE_MS },
      details,
    });
  }
  const code = response.status < 400 ? 'REMOTE_ANSWER_INVALID' : 'REMOTE_REJECTED';
  return new KnownError(message, { code, retry: 'backoff', details });
}
