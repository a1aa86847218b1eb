import { z } from 'zod';
import { zoomFileKey } from '../domain/ids.ts';
import { cleanTitle } from '../domain/names.ts';
import type { NewRecording } from '../domain/recording.ts';

/** A recording file that can be brought home. Auxiliary entries of an event may lack most of this (Zoom, events). */
const videoFileShape = z.object({
  id: z.string().optional(),
  recording_start: z.string().optional(),
  recording_end: z.string().optional(),
  file_type: z.string().regex(/^mp4$/i),
  file_size: z.number().optional(),
  recording_type: z.string().default('unknown'),
  download_url: z.url(),
});

type VideoFile = z.infer<typeof videoFileShape>;

export const zoomEventShape = z.object({
  event: z.string(),
  event_ts: z.number().optional(),
  payload: z.record(z.string(), z.unknown()).default({}),
});

const completedShape = z.object({
  event_ts: z.number(),
  download_token: z.string().optional(),
  payload: z.object({
    account_id: z.string().optional(),
    object: z.object({
      // The meeting number does not fit 32 bits; as text it fits everywhere.
      id: z.union([z.number(), z.string()]).transform(String),
      uuid: z.string().min(1),
      topic: z.string().default(''),
      host_email: z.string().optional(),
      start_time: z.string().optional(),
      // One odd entry must not cost the others.
      recording_files: z.array(z.unknown()).default([]),
    }),
  }),
});

/** The recordings that a `recording.completed` event announces: one per video file. */
export function recordingsOf(
  event: unknown,
): { recordings: NewRecording[]; problem?: undefined } | { problem: string } {
  const parsed = completedShape.safeParse(event);
  if (!parsed.success) return { problem: z.prettifyError(parsed.error) };

  const { event_ts: eventAtMs, download_token: downloadToken = null, payload } = parsed.data;
  const meeting = payload.object;
  const files = meeting.recording_files.flatMap((file) => {
    const video = videoFileShape.safeParse(file);
    return video.success ? [video.data] : [];
  });
  const recordings = files.map(
    (file): NewRecording => ({
      source: 'zoom',
      naturalKey: zoomFileKey({
        id: file.id,
        meetingUuid: meeting.uuid,
        startedAt: file.recording_start,
        type: file.recording_type,
      }),
      aceId: null,
      title: titleOf(meeting.topic, file, files),
      origin: {
        kind: 'zoom',
        downloadUrl: file.download_url,
        downloadToken,
        // Zoom writes 0 for what it has not counted yet.
        bytes: file.file_size || null,
        eventAtMs,
      },
      details: {
        account_id: payload.account_id ?? null,
        meeting_id: meeting.id,
        meeting_uuid: meeting.uuid,
        topic: meeting.topic,
        host_email: meeting.host_email ?? null,
        start_time: meeting.start_time ?? null,
        recording_id: file.id ?? null,
        recording_type: file.recording_type,
        recording_start: file.recording_start ?? null,
        recording_end: file.recording_end ?? null,
      },
    }),
  );
  return { recordings };
}

/** The meeting's topic; with several videos of one meeting also what each of them shows. */
function titleOf(topic: string, file: VideoFile, files: readonly VideoFile[]): string {
  const title = cleanTitle(topic) || 'Zoom recording';
  return files.length === 1 ? title : `${title} (${file.recording_type.replaceAll('_', ' ')})`;
}
