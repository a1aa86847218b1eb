import { DEFAULT_STORE, storeOf } from './archived.ts';
import { adviceFor } from './error-catalogue.ts';
import type { ErrorSummary } from './errors.ts';
import type { PlacedFile, Playback } from './playback.ts';
import { type BunnyVideoFact, isInBunny, publisherOf, type VideoFact } from './published.ts';
import type { Facts, Recording, Stage } from './recording.ts';
import { withSnakeKeys } from './snake-keys.ts';

/*
 * The bodies of what the website is told, in the form of Standard Webhooks: `{type, timestamp, data}`. Times are ISO
 * 8601, durations milliseconds. docs/website.md describes them for the website's developers.
 */

const PLAYER = 'https://player.mediadelivery.net';

export interface Published {
  readonly recording: Recording;
  readonly facts: Pick<Facts, 'fetch'>;
  /** The files that it has in its stores. */
  readonly archives: readonly Facts['archive'][];
  readonly videos: readonly VideoFact[];
  /** `undefined`: it has no package. */
  readonly playback: Playback | undefined;
  /** The page on which it plays; `undefined`: there is none for others. */
  readonly embedUrl: string | undefined;
  readonly times: Partial<Record<Stage, { startedAtMs: number | null; doneAtMs: number | null }>>;
  /** Pull zone host of the Bunny library, if the settings name it. */
  readonly cdnHost: string | undefined;
  readonly nowMs: number;
}

/** `recording.published`: archived, and uploaded to where it is watched, which may still be encoding it. */
export function publishedBody(published: Published): string {
  const { recording, facts, archives, videos, playback, embedUrl, times, cdnHost, nowMs } = published;
  const { fetch } = facts;
  return body('recording.published', nowMs, {
    ...identity(recording),
    bytes: fetch.bytes,
    sha1: archives.find(({ sha1 }) => sha1 !== null)?.sha1 ?? null,
    media_type: fetch.mediaType,
    ...archived(archives),
    ...videoAddresses(videos, cdnHost),
    ...playbackAddresses(playback, embedUrl),
    timings: {
      accepted_at: new Date(recording.acceptedAtMs).toISOString(),
      started_at: new Date(recording.startedAtMs ?? recording.acceptedAtMs).toISOString(),
      published_at: new Date(nowMs).toISOString(),
      failed_attempts: recording.failedAttempts,
      fetch_ms: durationMs(times.fetch),
      archive_ms: durationMs(times.archive),
      publish_ms: durationMs(times.publish),
    },
  });
}

/** `recording.playable`: one of its videos can be watched; without a video its package. */
export function playableBody(input: {
  recording: Recording;
  video: VideoFact | undefined;
  playback: Playback | undefined;
  embedUrl: string | undefined;
  cdnHost: string | undefined;
  nowMs: number;
}): string {
  const { recording, video, playback, embedUrl, cdnHost, nowMs } = input;
  return body('recording.playable', nowMs, {
    ...identity(recording),
    ...videoAddresses(video === undefined ? [] : [video], cdnHost),
    ...playbackAddresses(playback, embedUrl),
  });
}

/** `recording.failed`: given up until a person looks at it. */
export function failedBody(input: { recording: Recording; error: ErrorSummary; nowMs: number }): string {
  const { recording, error, nowMs } = input;
  return body('recording.failed', nowMs, {
    ...identity(recording),
    error: { ...error, advice: adviceFor(error.code, 'failed') },
  });
}

/** `run.done`, or with an error `run.failed`: how a further run has ended, with what its steps have proved. */
export function runEndedBody(input: {
  recording: Recording;
  facts: Readonly<Record<string, object | undefined>>;
  error: ErrorSummary | undefined;
  nowMs: number;
}): string {
  const { recording, facts, error, nowMs } = input;
  return body(error === undefined ? 'run.done' : 'run.failed', nowMs, {
    ...identity(recording),
    recording_id: recording.runOf ?? null,
    reference: recording.reference ?? null,
    recipe: recording.details['recipe'],
    facts: withSnakeKeys(facts),
    ...(error === undefined ? {} : { error: { ...error, advice: adviceFor(error.code, 'failed') } }),
  });
}

/** What the clients of a job hear once it has ended, and no more: how it stands they ask by its tracking id. */
export function jobEndedBody(job: { readonly trackingId: string; readonly reference: string }): string {
  return JSON.stringify({ request_id: job.trackingId, reference_id: job.reference });
}

/** `recording.renamed`: it has another title from now on. */
export function renamedBody(input: { recording: Recording; previousTitle: string; nowMs: number }): string {
  const { recording, previousTitle, nowMs } = input;
  return body('recording.renamed', nowMs, { ...identity(recording), previous_title: previousTitle });
}

/** `recording.deleted`: an operator has deleted it; its archived file and its videos are going, or gone. */
export function deletedBody(input: {
  recording: Recording;
  archives: readonly Facts['archive'][];
  videos: readonly VideoFact[];
  nowMs: number;
}): string {
  const { recording, archives, videos, nowMs } = input;
  const inBunny = videos.find(isInBunny);
  return body('recording.deleted', nowMs, {
    ...identity(recording),
    ...archived(archives),
    bunny: inBunny ? { library_id: inBunny.libraryId, video_id: inBunny.videoId } : null,
    ...elsewhere(videos),
  });
}

function body(type: string, nowMs: number, data: object): string {
  return JSON.stringify({ type, timestamp: new Date(nowMs).toISOString(), data });
}

function identity({ id, source, aceId, title, details, metadata }: Recording) {
  return { id, source, ace_id: aceId, title, details, ...(metadata === undefined ? {} : { metadata }) };
}

/** Where a person watches a video. */
export function playUrl(video: VideoFact): string {
  return isInBunny(video) ? `${PLAYER}/play/${video.libraryId}/${video.videoId}` : video.playUrl;
}

/** Absent of what has no package. */
function playbackAddresses(playback: Playback | undefined, embedUrl: string | undefined) {
  if (playback === undefined) return {};
  const addressOf = (file: PlacedFile | undefined) => file?.address ?? null;
  const { hls, dash, poster, sprite } = playback;
  return {
    playback: {
      hls: addressOf(hls),
      dash: addressOf(dash),
      poster: addressOf(poster),
      sprite: addressOf(sprite),
      embed: embedUrl ?? null,
    },
  };
}

/** The video in Bunny, and those elsewhere where there are any. */
function videoAddresses(videos: readonly VideoFact[], cdnHost: string | undefined) {
  const inBunny = videos.find(isInBunny);
  return { bunny: inBunny === undefined ? null : bunnyAddresses(inBunny, cdnHost), ...elsewhere(videos) };
}

function bunnyAddresses(video: BunnyVideoFact, cdnHost: string | undefined) {
  const { libraryId, videoId } = video;
  return {
    library_id: libraryId,
    video_id: videoId,
    embed_url: `${PLAYER}/embed/${libraryId}/${videoId}`,
    play_url: playUrl(video),
    hls_url: cdnHost === undefined ? null : `https://${cdnHost}/${videoId}/playlist.m3u8`,
  };
}

function elsewhere(all: readonly VideoFact[]) {
  const videos = all.filter((video) => !isInBunny(video));
  if (videos.length === 0) return {};
  return {
    videos: videos.map((video) => ({
      publisher: publisherOf(video.videoId),
      video_id: video.videoId,
      play_url: playUrl(video),
    })),
  };
}

/** The file in the usual store, and those in others where there are any. */
function archived(files: readonly Facts['archive'][]) {
  const usual = files.find((file) => storeOf(file) === DEFAULT_STORE);
  const others = files.filter((file) => file !== usual);
  return {
    b2: usual ? { bucket: usual.bucket, file_id: usual.fileId, file_name: usual.fileName } : null,
    ...(others.length === 0
      ? {}
      : {
          archives: others.map((file) => ({
            store: storeOf(file),
            // Where the store itself lies is nobody's business but this server's.
            path: file.fileName,
            file_id: file.fileId,
          })),
        }),
  };
}

function durationMs(
  times: { startedAtMs: number | null; doneAtMs: number | null } | undefined,
): number | null {
  if (times?.startedAtMs == null || times.doneAtMs === null) return null;
  return times.doneAtMs - times.startedAtMs;
}
