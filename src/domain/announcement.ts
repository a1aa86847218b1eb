import type { Facts, Recording, Stage } from './recording.ts';

export interface Announced {
  readonly recording: Recording;
  readonly facts: Pick<Facts, 'fetch' | 'archive' | 'publish'>;
  readonly times: Partial<Record<Stage, { startedAtMs: number | null; doneAtMs: number | null }>>;
  /** Pull zone host of the Bunny library, if the settings name it. */
  readonly cdnHost: string | undefined;
  readonly nowMs: number;
}

/**
 * The body of `recording.published`, in the form of Standard Webhooks: `{type, timestamp, data}`. Times are ISO 8601,
 * durations milliseconds. docs/website.md describes it for the website's developers.
 */
export function publishedBody({ recording, facts, times, cdnHost, nowMs }: Announced): string {
  const { fetch, archive, publish } = facts;
  const { libraryId, videoId } = publish;
  const player = 'https://player.mediadelivery.net';
  return JSON.stringify({
    type: 'recording.published',
    timestamp: new Date(nowMs).toISOString(),
    data: {
      id: recording.id,
      source: recording.source,
      ace_id: recording.aceId,
      title: recording.title,
      bytes: fetch.bytes,
      sha1: fetch.sha1,
      media_type: fetch.mediaType,
      details: recording.details,
      b2: { bucket: archive.bucket, file_id: archive.fileId, file_name: archive.fileName },
      bunny: {
        library_id: libraryId,
        video_id: videoId,
        embed_url: `${player}/embed/${libraryId}/${videoId}`,
        play_url: `${player}/play/${libraryId}/${videoId}`,
        hls_url: cdnHost === undefined ? null : `https://${cdnHost}/${videoId}/playlist.m3u8`,
      },
      timings: {
        accepted_at: new Date(recording.acceptedAtMs).toISOString(),
        started_at: new Date(recording.startedAtMs ?? recording.acceptedAtMs).toISOString(),
        published_at: new Date(nowMs).toISOString(),
        failed_attempts: recording.failedAttempts,
        fetch_ms: durationMs(times.fetch),
        archive_ms: durationMs(times.archive),
        publish_ms: durationMs(times.publish),
      },
    },
  });
}

function durationMs(
  times: { startedAtMs: number | null; doneAtMs: number | null } | undefined,
): number | null {
  if (times?.startedAtMs == null || times.doneAtMs === null) return null;
  return times.doneAtMs - times.startedAtMs;
}
