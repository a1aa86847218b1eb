import { z } from 'zod';
import { type ZoomMeeting, zoomMeetingShape } from './zoom-meeting.ts';

/** The events that bring recordings; Zoom makes transcripts later than the rest. */
export const RECORDING_EVENTS: readonly string[] = ['recording.completed', 'recording.transcript_completed'];

/** The events that say that files were removed from Zoom, or are back. */
export const REMOVAL_EVENTS: readonly string[] = ['trashed', 'deleted', 'recovered'].flatMap((what) => [
  `recording.${what}`,
  `recording.batch_${what}`,
]);

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
  download_token: z
    .string()
    .refine((text) => text !== '', { error: 'must not be empty' })
    .nullish(),
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

/** Files that somebody has removed from Zoom, or brought back. */
export interface ZoomRemovalEvent {
  readonly accountId: string | null;
  readonly what: 'trashed' | 'deleted' | 'recovered';
  /** Who has done it. */
  readonly operator: string | null;
  /** Without ids of files: all of the meeting. */
  readonly meetings: readonly { readonly uuid: string; readonly fileIds: readonly string[] }[];
}

const ids = z
  .array(z.object({ id: z.string() }).catch({ id: '' }))
  .default([])
  .transform((files) => files.map(({ id }) => id).filter(Boolean));

const removedShape = z.union([
  z
    .object({
      meetings: z.array(
        z.object({ meeting_uuid: z.string(), recording_file_ids: z.array(z.string()).default([]) }),
      ),
    })
    .transform(({ meetings }) =>
      meetings.map(({ meeting_uuid: uuid, recording_file_ids: fileIds }) => ({ uuid, fileIds })),
    ),
  z
    .object({ meeting_uuids: z.array(z.string()) })
    .transform(({ meeting_uuids: uuids }) => uuids.map((uuid) => ({ uuid, fileIds: [] }))),
  z
    .object({
      uuid: z.string().refine((text) => text !== ''),
      recording_files: ids,
      participant_audio_files: ids,
    })
    .transform(({ uuid, recording_files, participant_audio_files }) => [
      { uuid, fileIds: [...recording_files, ...participant_audio_files] },
    ]),
]);

const removalEventShape = z.object({
  event: z.string().regex(/^recording\.(batch_)?(trashed|deleted|recovered)$/),
  payload: z.object({
    account_id: z.string().nullish(),
    operator: z.string().nullish().catch(null),
    object: removedShape,
  }),
});

/** Reads an event about files that were removed or are back, or says what is wrong with it. */
export function readRemovalEvent(
  event: unknown,
): { removal: ZoomRemovalEvent; problem?: undefined } | { problem: string } {
  const parsed = removalEventShape.safeParse(event);
  if (!parsed.success) return { problem: z.prettifyError(parsed.error) };
  const { event: type, payload } = parsed.data;
  const what = type.replace(/^recording\.(batch_)?/, '') as ZoomRemovalEvent['what'];
  const { account_id: accountId = null, operator = null, object: meetings } = payload;
  return { removal: { accountId, what, operator, meetings } };
}
