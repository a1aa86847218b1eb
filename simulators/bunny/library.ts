import { randomUUID } from 'node:crypto';
import type { Content } from './content.ts';
import { createEncoder } from './encoder.ts';
import type { WebhookEvent } from './webhooks.ts';

export interface Caption {
  readonly srclang: string;
  readonly label: string;
  /** The caption file, decoded. */
  readonly text: string;
}

export interface Collection {
  readonly guid: string;
  readonly name: string;
}

/** A video as the library keeps it; `video-model.ts` says how it looks from outside. */
export interface Video {
  readonly guid: string;
  readonly dateUploaded: string;
  title: string;
  collectionId: string;
  thumbnailTimeMs: number | undefined;
  chapters: readonly unknown[];
  moments: readonly unknown[];
  metaTags: readonly unknown[];
  /** 0 created, 1 uploaded, 2 processing, 3 transcoding, 4 finished, 5 error, 6 upload failed. */
  status: number;
  encodeProgress: number;
  availableResolutions: string | null;
  /** The file, once all of it has arrived. */
  content: Content | undefined;
  /** Set: what Bunny says of its size, whatever it has. */
  claimedBytes: number | undefined;
  /** How many tus uploads were ever created for it. */
  uploadsCreated: number;
  /** When the API and the upload endpoint begin to know of it, by `performance.now()`. */
  knownFromMs: number;
  willFail: boolean;
  readonly captions: Map<string, Caption>;
}

/** The videos and collections of one library. */
export interface Library {
  /** In the order of creation. */
  readonly videos: ReadonlyMap<string, Video>;
  readonly collections: ReadonlyMap<string, Collection>;
  createVideo(input: { title: string; collectionId?: string; thumbnailTimeMs?: number }): Video;
  /** Gives the video its file and lets the encoding begin; `false` when it has one already or is gone. */
  attach(guid: string, content: Content): boolean;
  delete(guid: string): Promise<boolean>;
  /** Ends the video's encoding with status 5, or, before its file is there, dooms the encoding to come. */
  failEncoding(guid: string): boolean;
  /** Stops every encoding where it is, or lets all go on. */
  holdEncoding(isHeld: boolean): void;
  /** Ends the encoding in whatever status, and says of the video what is not so. */
  claim(guid: string, claim: { readonly status?: number; readonly bytes?: number }): boolean;
  /** The video, if the API knows of it by now. */
  known(guid: string): Video | undefined;
  createCollection(name: string): Collection;
  /** Its videos stay, in no collection. */
  deleteCollection(guid: string): boolean;
  close(): void;
}

/** Creates an empty library. An encoding moves one step every `encodingStepMs`. */
export function createLibrary(options: {
  readonly encodingStepMs: number;
  /** What Bunny's clock shows, in milliseconds. */
  readonly clock: () => number;
  /** How long nobody but its creator hears of a new video; default 0. */
  readonly settleMs?: () => number;
  readonly tell: (guid: string, event: WebhookEvent) => void;
}): Library {
  const { tell } = options;
  const videos = new Map<string, Video>();
  const collections = new Map<string, Collection>();
  const encoder = createEncoder({ stepMs: options.encodingStepMs, tell });

  return {
    videos,
    collections,
    createVideo({ title, collectionId = '', thumbnailTimeMs }) {
      const video: Video = {
        guid: randomUUID(),
        // Bunny's dates are UTC and do not say so.
        dateUploaded: new Date(options.clock()).toISOString().replace('Z', ''),
        title,
        collectionId,
        thumbnailTimeMs,
        chapters: [],
        moments: [],
        metaTags: [],
        status: 0,
        encodeProgress: 0,
        availableResolutions: null,
        content: undefined,
        claimedBytes: undefined,
        uploadsCreated: 0,
        knownFromMs: performance.now() + (options.settleMs?.() ?? 0),
        willFail: false,
        captions: new Map(),
      };
      videos.set(video.guid, video);
      return video;
    },
    attach(guid, content) {
      const video = videos.get(guid);
      if (video === undefined || video.content !== undefined) return false;
      video.content = content;
      encoder.start(video);
      return true;
    },
    async delete(guid) {
      const video = videos.get(guid);
      if (video === undefined) return false;
      videos.delete(guid);
      encoder.stop(video);
      await video.content?.drop();
      return true;
    },
    failEncoding(guid) {
      const video = videos.get(guid);
      if (video === undefined) return false;
      if (video.content === undefined) video.willFail = true;
      else encoder.fail(video);
      return true;
    },
    holdEncoding: (isHeld) => encoder.hold(isHeld),
    claim(guid, { status, bytes }) {
      const video = videos.get(guid);
      if (video === undefined) return false;
      if (status !== undefined) {
        encoder.stop(video);
        video.status = status;
      }
      video.claimedBytes = bytes;
      return true;
    },
    known(guid) {
      const video = videos.get(guid);
      return video !== undefined && video.knownFromMs <= performance.now() ? video : undefined;
    },
    createCollection(name) {
      const collection = { guid: randomUUID(), name };
      collections.set(collection.guid, collection);
      return collection;
    },
    deleteCollection(guid) {
      for (const video of videos.values()) if (video.collectionId === guid) video.collectionId = '';
      return collections.delete(guid);
    },
    close: () => encoder.close(),
  };
}
