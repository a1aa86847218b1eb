import type { Caption, Video } from './library.ts';

/** A video as a test looks at it. */
export interface SimulatedVideo {
  readonly guid: string;
  readonly title: string;
  /** The status of the API: 0 created, 1 uploaded, 2 processing, 3 transcoding, 4 finished, 5 error, 6 upload failed. */
  readonly status: number;
  /** Bytes of its file, or what has arrived of its unfinished tus upload. */
  readonly bytes: number;
  /** SHA-256 of its file in lowercase hex, once all of it has arrived. */
  readonly sha256: string | undefined;
  /** UTC without a zone, as in the API. */
  readonly dateUploaded: string;
  /** Empty when it is in no collection. */
  readonly collectionId: string;
  /** How many tus uploads were created for it, 1 unless something was begun anew. */
  readonly uploadsCreated: number;
  readonly captions: readonly Caption[];
  readonly metaTags: readonly unknown[];
}

/** `receivedBytes` is what has arrived of the video's unfinished upload. */
export function toSimulatedVideo(video: Video, receivedBytes: number): SimulatedVideo {
  const { guid, title, status, content, dateUploaded, collectionId, uploadsCreated, metaTags } = video;
  return {
    guid,
    title,
    status,
    bytes: content?.bytes ?? receivedBytes,
    sha256: content?.sha256(),
    dateUploaded,
    collectionId,
    uploadsCreated,
    captions: [...video.captions.values()],
    metaTags,
  };
}
