import { wallMs } from '../../lib/wall-time.ts';
import { isRaw, listIn, millisecondsIn, type Raw, readMeeting, textIn, type ZoomMeeting } from './meeting.ts';

/** The events that bring recordings; Zoom makes transcripts later than the rest. */
export const RECORDING_EVENTS: readonly string[] = ['recording.completed', 'recording.transcript_completed'];

/** The events that say that files were removed from Zoom, or are back. */
export const REMOVAL_EVENTS: readonly string[] = ['trashed', 'deleted', 'recovered'].flatMap((what) => [
  `recording.${what}`,
  `recording.batch_${what}`,
]);

/** A meeting whose files can be had, and by what. */
export interface ZoomAnnouncement {
  /** The event, or whatever else brought the news. */
  readonly type: string;
  readonly atMs: number;
  /** Opens the download addresses for a day; a secret. */
  readonly downloadToken: string | null;
  readonly meeting: ZoomMeeting;
}

/** An event further in the future than this says nothing about its time, in milliseconds. */
const MOST_AHEAD_MS = 24 * 3_600_000;

/**
 * Reads an event that brings recordings, or says why there is no meeting in it. Whatever else is missing or odd is gone on
 * without.
 *
 * @param receivedAtMs Stands in for a time that the event does not have
 */
export function readRecordingEvent(
  event: unknown,
  receivedAtMs = wallMs(),
): { announcement: ZoomAnnouncement; problem?: undefined } | { problem: string } {
  const { payload, object } = partsOf(event);
  const meeting = readMeeting(object);
  if (!isRaw(event) || meeting === undefined) return { problem: 'it names no meeting' };
  const token = event['download_token'];
  const isOdd = token !== undefined && token !== null && typeof token !== 'string';
  const odd = [...(meeting.odd ?? []), ...(isOdd ? ['download_token is no text'] : [])];
  return {
    announcement: {
      type: textIn(event['event']) ?? '',
      atMs: eventTime(event, receivedAtMs),
      downloadToken: isOdd ? null : textIn(token),
      meeting: {
        ...meeting,
        accountId: textIn(payload['account_id']) ?? meeting.accountId,
        ...(odd.length === 0 ? {} : { odd }),
      },
    },
  };
}

/** When Zoom sent an event. What cannot be its time would make it the newest, or the oldest, for ever. */
function eventTime(event: Raw, receivedAtMs: number): number {
  const atMs = millisecondsIn(event['event_ts']);
  return atMs === null || atMs > receivedAtMs + MOST_AHEAD_MS ? receivedAtMs : atMs;
}

function partsOf(event: unknown): { payload: Raw; object: unknown } {
  const payload = isRaw(event) && isRaw(event['payload']) ? event['payload'] : {};
  return { payload, object: payload['object'] };
}

/** Files that somebody has removed from Zoom, or brought back. */
export interface ZoomRemovalEvent {
  readonly accountId: string | null;
  readonly what: 'trashed' | 'deleted' | 'recovered';
  readonly atMs: number;
  /** Who has done it. */
  readonly operator: string | null;
  /** Without ids of files: all of the meeting. */
  readonly meetings: readonly { readonly uuid: string; readonly fileIds: readonly string[] }[];
}

/**
 * Reads an event about files that were removed or are back, or says why there is no meeting in it.
 *
 * @param receivedAtMs Stands in for a time that the event does not have
 */
export function readRemovalEvent(
  event: unknown,
  receivedAtMs = wallMs(),
): { removal: ZoomRemovalEvent; problem?: undefined } | { problem: string } {
  const { payload, object } = partsOf(event);
  const what = isRaw(event) ? /(trashed|deleted|recovered)$/.exec(String(event['event']))?.[1] : undefined;
  const named = isRaw(object) ? removedMeetings(object) : [];
  if (!isRaw(event) || !isRaw(object) || !isRemoval(what) || named.length === 0) {
    return { problem: 'it names no meeting' };
  }
  return {
    removal: {
      accountId: textIn(payload['account_id']) ?? textIn(object['account_id']),
      what,
      atMs: eventTime(event, receivedAtMs),
      operator: textIn(payload['operator']),
      meetings: named.flatMap(({ uuid, fileIds }) => (fileIds === undefined ? [] : [{ uuid, fileIds }])),
    },
  };
}

function isRemoval(what: string | undefined): what is ZoomRemovalEvent['what'] {
  return what === 'trashed' || what === 'deleted' || what === 'recovered';
}

/** The meetings of an event, of which there are three forms; without `fileIds` where only nameless files are meant. */
function removedMeetings(object: Raw): { uuid: string; fileIds: string[] | undefined }[] {
  const several = listIn(object['meetings']).flatMap((entry) => {
    const uuid = isRaw(entry) ? textIn(entry['meeting_uuid']) : null;
    if (!isRaw(entry) || uuid === null) return [];
    return [{ uuid, fileIds: idsIn(listIn(entry['recording_file_ids'])) }];
  });
  const whole = listIn(object['meeting_uuids']).flatMap((entry) => {
    const uuid = textIn(entry);
    return uuid === null ? [] : [{ uuid, fileIds: [] }];
  });
  const uuid = textIn(object['uuid']);
  const files = [...listIn(object['recording_files']), ...listIn(object['participant_audio_files'])];
  const ids = files.map((file) => (isRaw(file) ? file['id'] : file));
  const one = uuid === null ? [] : [{ uuid, fileIds: idsIn(ids) }];
  return [...several, ...whole, ...one];
}

/** None of none: all of the meeting is meant. None of some: they have no names, and nothing here goes by them. */
function idsIn(entries: readonly unknown[]): string[] | undefined {
  const ids = entries.map(textIn).filter((id) => id !== null);
  return entries.length > 0 && ids.length === 0 ? undefined : ids;
}
