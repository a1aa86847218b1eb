import { createHash } from 'node:crypto';
import { type Meeting, type MeetingFile, visibleFiles } from './meetings.ts';

/** One entry of `recording_files` or `participant_audio_files`, in Zoom's words; thin entries lack half of it. */
export interface ZoomRecordingFile {
  readonly id?: string;
  readonly meeting_id?: string;
  readonly recording_start: string;
  readonly recording_end: string;
  readonly file_type: string;
  readonly file_extension: string;
  readonly file_size?: number;
  readonly file_name?: string;
  readonly play_url?: string;
  readonly download_url: string;
  readonly status?: string;
  readonly recording_type?: string;
}

/** A recorded meeting in Zoom's words, the shape that events and the REST interface share. `duration` is minutes. */
export interface ZoomRecording {
  readonly uuid: string;
  readonly id: number;
  readonly account_id: string;
  readonly host_id: string;
  readonly topic: string;
  readonly type: number;
  readonly start_time: string;
  readonly timezone: string;
  readonly duration: number;
  readonly total_size: number;
  readonly recording_count: number;
  readonly share_url: string;
  readonly password: string;
  readonly recording_play_passcode: string;
  readonly auto_delete: boolean;
  readonly recording_files: readonly ZoomRecordingFile[];
  readonly participant_audio_files?: readonly ZoomRecordingFile[];
}

/** What a meeting is told with. */
export interface RecordingContext {
  readonly accountId: string;
  readonly webUrl: string;
  /** Makes the download URL of a file. */
  readonly downloadUrl: (meeting: Meeting, file: MeetingFile) => string;
}

/** Tells a meeting in Zoom's words, with all files it shows or with those given. */
export function toRecordingObject(
  meeting: Meeting,
  context: RecordingContext,
  files: readonly MeetingFile[] = visibleFiles(meeting),
): ZoomRecording {
  const views = files.filter((file) => !file.isParticipantAudio);
  const participants = files.filter((file) => file.isParticipantAudio);
  const toEntry = (file: MeetingFile) => toFileEntry(meeting, file, context);
  return {
    uuid: meeting.uuid,
    id: meeting.id,
    account_id: context.accountId,
    host_id: meeting.hostId,
    topic: meeting.topic,
    type: meeting.type,
    start_time: meeting.startTime,
    timezone: 'Europe/London',
    duration: meeting.durationMin,
    share_url: `${context.webUrl}/rec/share/${shareCode(meeting)}`,
    total_size: files.reduce((sum, file) => sum + file.bytes, 0),
    recording_count: views.length,
    password: 'example-pass',
    recording_play_passcode: 'example-play-passcode',
    auto_delete: false,
    recording_files: views.map(toEntry),
    ...(participants.length === 0 ? {} : { participant_audio_files: participants.map(toEntry) }),
  };
}

/** What a share link ends in: nobody can tell the meeting from it. */
function shareCode({ uuid }: Meeting): string {
  return createHash('sha256').update(`share ${uuid}`).digest('base64url');
}

function toFileEntry(meeting: Meeting, file: MeetingFile, context: RecordingContext): ZoomRecordingFile {
  const download_url = context.downloadUrl(meeting, file);
  const span = { recording_start: file.recordingStart, recording_end: file.recordingEnd };
  const format = { file_type: file.fileType, file_extension: file.fileExtension };
  if (file.isThin) return { meeting_id: meeting.uuid, ...span, ...format, download_url };

  const play_url = `${context.webUrl}/rec/play/${file.id}`;
  const rest = { file_size: file.bytes, play_url, download_url, status: file.status };
  if (file.isParticipantAudio) {
    return { id: file.id, ...span, ...format, file_name: `Audio only - ${meeting.topic}`, ...rest };
  }
  return {
    id: file.id,
    meeting_id: meeting.uuid,
    ...span,
    ...format,
    ...rest,
    recording_type: file.recordingType,
  };
}
