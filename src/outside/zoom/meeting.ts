import { zoomFileKey } from '../../domain/ids.ts';

/** One file of a recorded meeting; `null` where Zoom does not say. Auxiliary entries of an event say very little. */
export interface ZoomFile {
  readonly id: string | null;
  /** In capitals, such as `MP4` or `TRANSCRIPT`; empty where Zoom does not know yet. */
  readonly fileType: string;
  /** In small letters and without a dot, such as `vtt`. */
  readonly extension: string | null;
  /** What it shows or holds, such as `gallery_view`: an open set. The file type in small letters where Zoom is silent. */
  readonly recordingType: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** 0 counts as unknown: Zoom writes it for what it has not counted yet. */
  readonly bytes: number | null;
  readonly isProcessing: boolean;
  readonly isParticipantAudio: boolean;
  readonly downloadUrl: string | null;
}

/** A recorded meeting or webinar, as events and the REST interface tell of it. */
export interface ZoomMeeting {
  readonly accountId: string | null;
  readonly uuid: string;
  /** The meeting number, which all instances of a recurring meeting share. */
  readonly number: string;
  readonly topic: string;
  readonly hostEmail: string | null;
  /** When it was to start; its recording may begin later. */
  readonly startTime: string | null;
  readonly timezone: string | null;
  /** Whole minutes, now and then 0 for no reason (Zoom, known issues). */
  readonly durationMin: number | null;
  readonly files: readonly ZoomFile[];
  /** What is not as it should be, and was gone on without. */
  readonly odd?: readonly string[];
}

/** What Zoom has sent, one level deep; nothing of it is believed before it is looked at. */
export type Raw = Readonly<Record<string, unknown>>;

export function isRaw(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Text that says something; a number is read as its digits, and anything else as not said. What no ledger gives back as
 * it was, halves of characters and U+0000, becomes U+FFFD here: what is known by it has to be found again.
 */
export function textIn(value: unknown): string | null {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\uFFFD').trim() || null : null;
}

/** A time as Zoom writes it. Of a number the digits tell seconds from milliseconds. */
function timeIn(value: unknown): string | null {
  const ms = millisecondsIn(value);
  return ms === null ? textIn(value) : new Date(ms).toISOString();
}

/** Unix milliseconds, also where they are seconds, or either is in quotes; `null` for what can be no time of Zoom's. */
export function millisecondsIn(value: unknown): number | null {
  const number = typeof value === 'string' && /^\s*\d{9,16}(\.\d+)?\s*$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !(number >= 1e9 && number < 1e14)) return null;
  return Math.trunc(number < 1e11 ? number * 1000 : number);
}

/** A whole number of bytes that can be one, also in quotes; 0 is kept, for some files are empty. */
function bytesIn(value: unknown): number | null {
  const number = typeof value === 'string' && /^\s*\d{1,16}\s*$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(number) && Number(number) >= 0 ? Number(number) : null;
}

/** Minutes, also in quotes. */
function minutesIn(value: unknown): number | null {
  const number = typeof value === 'string' && /^\s*\d{1,9}(\.\d+)?\s*$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? number : null;
}

function addressIn(value: unknown): string | null {
  const text = textIn(value);
  if (text === null || !URL.canParse(text)) return null;
  return /^https?:$/.test(new URL(text).protocol) ? text : null;
}

/** The entries of a list. One entry that is not in a list is read as the only one; `null` is none. */
export function listIn(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isRaw(value) ? [value] : [];
}

/**
 * A meeting in Zoom's words as one in ours. Nothing of it has to be there but what tells it from others: its UUID or,
 * for want of that, its number or the id of a file. `undefined` if it is no meeting.
 */
export function readMeeting(value: unknown): ZoomMeeting | undefined {
  if (!isRaw(value)) return undefined;
  const views = listIn(value['recording_files']);
  const sounds = listIn(value['participant_audio_files']);
  const files = [...views.map((file) => toFile(file, false)), ...sounds.map((file) => toFile(file, true))];

  const number = textIn(value['id'])?.replace(/(?<=\d)[\s-](?=\d)/g, '') ?? '';
  // Each file names its meeting too; all instances of a recurring one share its number.
  const named = textIn(value['uuid']) ?? views.map(uuidOfFile).find((uuid) => uuid !== null);
  const uuid = named ?? (number || (files.find(({ id }) => id !== null)?.id ?? null));
  if (uuid === null) return undefined;

  const isNoList = (list: unknown) => list !== undefined && list !== null && typeof list !== 'object';
  const odd = [
    ...(named === undefined ? ['the meeting has no UUID'] : []),
    ...['recording_files', 'participant_audio_files']
      .filter((name) => isNoList(value[name]))
      .map((name) => `${name} is no list`),
  ];
  return {
    accountId: textIn(value['account_id']),
    uuid,
    number,
    topic: textIn(value['topic']) ?? '',
    hostEmail: textIn(value['host_email']),
    startTime: timeIn(value['start_time']),
    timezone: textIn(value['timezone']),
    durationMin: minutesIn(value['duration']),
    files,
    ...(odd.length === 0 ? {} : { odd }),
  };
}

function uuidOfFile(file: unknown): string | null {
  const uuid = isRaw(file) ? textIn(file['meeting_id']) : null;
  return uuid === null || /^[\d\s-]+$/.test(uuid) ? null : uuid;
}

/** An entry that says nothing is a file of which nothing is known, so that people hear of it. */
function toFile(value: unknown, isParticipantAudio: boolean): ZoomFile {
  const file = isRaw(value) ? value : {};
  const fileType = textIn(file['file_type'])?.toUpperCase() ?? '';
  return {
    id: textIn(file['id']),
    fileType,
    extension: textIn(file['file_extension'])?.toLowerCase().replace(/^\.+/, '') || null,
    recordingType: textIn(file['recording_type']) ?? (fileType.toLowerCase() || 'unknown'),
    startedAt: timeIn(file['recording_start']),
    endedAt: timeIn(file['recording_end']),
    bytes: bytesIn(file['file_size']),
    isProcessing: textIn(file['status'])?.toLowerCase() === 'processing',
    isParticipantAudio,
    downloadUrl: addressIn(file['download_url']),
  };
}

/** The natural key of a meeting's file. */
export function keyOf(meeting: Pick<ZoomMeeting, 'uuid'>, file: ZoomFile): string {
  return zoomFileKey({
    id: file.id ?? undefined,
    meetingUuid: meeting.uuid,
    startedAt: file.startedAt ?? undefined,
    type: file.recordingType,
  });
}

/** What the recordings that come from one meeting have in common. */
export function meetingGroup(uuid: string): string {
  return `zoom:${uuid}`;
}

/** What people know a meeting by, as it is kept and shown. */
export function aboutMeeting({ uuid, number, topic, hostEmail, startTime }: ZoomMeeting) {
  return {
    meeting_uuid: uuid,
    meeting_id: number,
    topic,
    host_email: hostEmail,
    start_time: startTime,
  };
}
