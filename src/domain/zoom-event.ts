import { z } from 'zod';
import { type ZoomMeeting, zoomMeetingShape } from './zoom-meeting.ts';

/** The events that bring recordings; Zoom makes transcripts later than the rest. */
export const RECORDING_EVENTS: readonly string[] = ['recording.completed', 'recording.transcript_completed'];

/** What every event has. */
export const zoomEventShape = z.object({
  event: z.string(),
  event_ts: z.number().optional(),
  payload: z.record(z.string(), z.unknown()).default({}),
});

/** A meeting whose files can be had, and by what. */
export interface ZoomAnnouncement {
  /** The event, or whatever else brought the news. */
  readonly type: string;
  readonly atMs: number;
  /** Opens the download addresses for a day; a secret. */
  readonly downloadToken: string | null;
  readonly meeting: ZoomMeeting;
}

const recordingEventShape = z.object({
  event: z.string(),
  event_ts: z.number(),
  download_token: z.string().min(1).nullish(),
  payload: z.object({ account_id: z.string().nullish(), object: zoomMeetingShape }),
});

/** Reads an event that brings recordings, or says what is wrong with it. */
export function readRecordingEvent(
  event: unknown,
): { announcement: ZoomAnnouncement; problem?: undefined } | { problem: string } {
  const parsed = recordingEventShape.safeParse(event);
  if (!parsed.success) return { problem: z.prettifyError(parsed.error) };
  const { event: type, event_ts: atMs, download_token: downloadToken = null, payload } = parsed.data;
  const accountId = payload.account_id ?? payload.object.accountId;
  return { announcement: { type, atMs, downloadToken, meeting: { ...payload.object, accountId } } };
}
