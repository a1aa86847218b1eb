import { z } from 'zod';
import { zoomFileKey } from './ids.ts';

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
}

// No `min`: it looks at the length of whatever comes, and an object may have one that cannot be compared.
const lenientText = z
  .string()
  .nullable()
  .catch(null)
  .transform((text) => text?.trim() || null);

const fileShape = z.object({
  id: lenientText.default(null),
  file_type: z.string().catch('').default(''),
  file_extension: lenientText.default(null),
  recording_type: lenientText.default(null),
  recording_start: lenientText.default(null),
  recording_end: lenientText.default(null),
  file_size: z.int().nonnegative().nullable().catch(null).default(null),
  status: lenientText.default(null),
  download_url: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .catch(null)
    .default(null),
});

const meetingShape = z.object({
  // The meeting number does not fit 32 bits; as text it fits everywhere.
  id: z.union([z.number(), z.string()]).transform(String),
  uuid: z.string().refine((text) => text !== '', { error: 'must not be empty' }),
  account_id: lenientText.default(null),
  topic: z.string().default(''),
  host_email: lenientText.default(null),
  start_time: lenientText.default(null),
  timezone: lenientText.default(null),
  duration: z.number().nonnegative().nullable().catch(null).default(null),
  // One odd entry must not cost the others.
  recording_files: z.array(z.unknown()).default([]),
  participant_audio_files: z.array(z.unknown()).default([]),
});

/** A meeting in Zoom's words as one in ours. */
export const zoomMeetingShape = meetingShape.transform(
  (meeting): ZoomMeeting => ({
    accountId: meeting.account_id,
    uuid: meeting.uuid,
    number: meeting.id,
    topic: meeting.topic,
    hostEmail: meeting.host_email,
    startTime: meeting.start_time,
    timezone: meeting.timezone,
    durationMin: meeting.duration,
    files: [
      ...meeting.recording_files.flatMap((file) => toFile(file, false)),
      ...meeting.participant_audio_files.flatMap((file) => toFile(file, true)),
    ],
  }),
);

function toFile(raw: unknown, isParticipantAudio: boolean): ZoomFile[] {
  const parsed = fileShape.safeParse(raw);
  if (!parsed.success) return [];
  const file = parsed.data;
  const fileType = file.file_type.trim().toUpperCase();
  // An entry that says nothing at all is none.
  if (fileType === '' && file.recording_type === null && file.id === null) return [];
  return [
    {
      id: file.id,
      fileType,
      extension: file.file_extension?.toLowerCase() ?? null,
      recordingType: file.recording_type ?? (fileType.toLowerCase() || 'unknown'),
      startedAt: file.recording_start,
      endedAt: file.recording_end,
      bytes: file.file_size,
      isProcessing: file.status?.toLowerCase() === 'processing',
      isParticipantAudio,
      downloadUrl: file.download_url,
    },
  ];
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
