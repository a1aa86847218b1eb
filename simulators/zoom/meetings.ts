import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';

/** A file of a recording as a test or a demo describes it. */
export interface FileInput {
  /** Where its bytes are on disk. Without it the file holds a few bytes of text and is thin. */
  readonly path?: string;
  /** Reports it with only the fields that CC and TIMELINE entries are sure to have: no id, size, status or type. */
  readonly thin?: boolean;
  /** Reports it among `participant_audio_files`. */
  readonly participantAudio?: boolean;
  readonly id?: string;
  /** Default `MP4`, or `TIMELINE` for an entry without a path. */
  readonly fileType?: string;
  readonly fileExtension?: string;
  readonly recordingType?: string;
  /** ISO 8601; default 90 s after the meeting's start. */
  readonly recordingStart?: string;
  /** ISO 8601; default one hour after `recordingStart`. */
  readonly recordingEnd?: string;
  /** Default `completed`. */
  readonly status?: string;
  /** The size Zoom claims, in bytes, where it shall differ from the size on disk. */
  readonly fileSize?: number;
}

/** A recorded meeting as a test or a demo describes it. */
export interface MeetingInput {
  readonly topic: string;
  readonly hostEmail?: string;
  readonly uuid?: string;
  /** The meeting number, shared by all instances of a recurring meeting. */
  readonly id?: number;
  /** ISO 8601; default 65 minutes ago. */
  readonly startTime?: string;
  /** Zoom's meeting type; default 2, a scheduled meeting. Webinars are 5, 6 and 9. */
  readonly type?: number;
  /** Whole minutes; default from the first start to the last end of the files. */
  readonly durationMin?: number;
  readonly files: readonly FileInput[];
}

/** Present, in the trash (recoverable) or gone. */
export type FileState = 'present' | 'trashed' | 'deleted';

/** A file of a recording. */
export interface MeetingFile {
  readonly id: string;
  /** Where its bytes are: a path on disk or, for entries without one, the bytes themselves. */
  readonly source: string | Buffer;
  /** The size Zoom claims. */
  readonly bytes: number;
  readonly fileType: string;
  readonly fileExtension: string;
  readonly recordingType: string;
  readonly recordingStart: string;
  readonly recordingEnd: string;
  readonly status: string;
  readonly isThin: boolean;
  readonly isParticipantAudio: boolean;
  /** Whether Zoom has it to show yet: a transcript comes later than the rest. */
  isReady: boolean;
  state: FileState;
}

/** One recorded instance of a meeting. */
export interface Meeting {
  readonly uuid: string;
  readonly id: number;
  readonly topic: string;
  readonly type: number;
  readonly hostId: string;
  readonly hostEmail: string;
  readonly startTime: string;
  readonly durationMin: number;
  readonly files: MeetingFile[];
}

/** A person with recordings. */
export interface User {
  readonly id: string;
  readonly email: string;
}

/** Everything recorded in the simulated account. */
export interface MeetingStore {
  readonly meetings: readonly Meeting[];
  readonly users: readonly User[];
  /** Takes a meeting in; its files must exist on disk. */
  add(input: MeetingInput): Promise<Meeting>;
  byUuid(uuid: string): Meeting | undefined;
  /** The latest instance of a meeting number. */
  latestById(id: number): Meeting | undefined;
  /** Moves the present files of a meeting, or one of them, to another state; says whether there were any. */
  move(meeting: Meeting, from: readonly FileState[], to: FileState, fileId?: string): boolean;
  /** The meeting's transcripts, made ready; one is written if it has none. */
  finishTranscripts(meeting: Meeting): readonly MeetingFile[];
}

/** The owner of the account, and the host where no other is named. */
const OWNER_EMAIL = 'owner@example.com';

/** Creates an empty account. */
export function createMeetingStore(): MeetingStore {
  const meetings: Meeting[] = [];
  const users: User[] = [{ id: newHostId(), email: OWNER_EMAIL }];

  function userByEmail(email: string): User {
    const known = users.find((user) => user.email === email);
    if (known) return known;
    const user = { id: newHostId(), email };
    users.push(user);
    return user;
  }

  return {
    meetings,
    users,
    async add(input) {
      const uuid = input.uuid ?? newUuid();
      if (meetings.some((meeting) => meeting.uuid === uuid))
        throw new Error(`meeting ${uuid} exists already`);
      const host = userByEmail(input.hostEmail ?? OWNER_EMAIL);
      const startTime = input.startTime ?? toIso(Date.now() - 65 * 60_000);
      const files = await Promise.all(input.files.map((file) => toFile(file, startTime)));
      const meeting: Meeting = {
        uuid,
        id: input.id ?? randomInt(80_000_000_000, 90_000_000_000),
        topic: input.topic,
        type: input.type ?? 2,
        hostId: host.id,
        hostEmail: host.email,
        startTime,
        durationMin: input.durationMin ?? durationMin(files),
        files,
      };
      meetings.push(meeting);
      return meeting;
    },
    byUuid: (uuid) => meetings.find((meeting) => meeting.uuid === uuid),
    latestById: (id) =>
      meetings
        .filter((meeting) => meeting.id === id)
        .sort((a, b) => Date.parse(a.startTime) - Date.parse(b.startTime))
        .at(-1),
    move(meeting, from, to, fileId) {
      const moved = meeting.files.filter(
        (file) => from.includes(file.state) && (fileId === undefined || file.id === fileId),
      );
      for (const file of moved) file.state = to;
      return moved.length > 0;
    },
    finishTranscripts(meeting) {
      const isTranscript = (file: MeetingFile) => file.fileType === 'TRANSCRIPT' && file.state === 'present';
      if (!meeting.files.some(isTranscript)) meeting.files.push(newTranscript(meeting));
      const transcripts = meeting.files.filter(isTranscript);
      for (const file of transcripts) file.isReady = true;
      return transcripts;
    },
  };
}

/** The files Zoom shows of a meeting: there, and finished being made. */
export function visibleFiles(meeting: Meeting): readonly MeetingFile[] {
  return meeting.files.filter((file) => file.isReady && file.state === 'present');
}

const EXTENSIONS: Readonly<Record<string, string>> = {
  CHAT: 'TXT',
  TRANSCRIPT: 'VTT',
  CC: 'VTT',
  TIMELINE: 'JSON',
  SUMMARY: 'JSON',
  TB: 'JPG',
};

const RECORDING_TYPES: Readonly<Record<string, string>> = {
  MP4: 'shared_screen_with_speaker_view',
  M4A: 'audio_only',
  CHAT: 'chat_file',
  TRANSCRIPT: 'audio_transcript',
  CC: 'closed_caption',
  TIMELINE: 'timeline',
  SUMMARY: 'summary',
  CSV: 'poll',
  TB: 'thumbnail',
};

async function toFile(input: FileInput, meetingStart: string): Promise<MeetingFile> {
  const fileType = input.fileType ?? (input.path === undefined ? 'TIMELINE' : 'MP4');
  const source = input.path ?? Buffer.from(fileType === 'TIMELINE' ? '{"timeline":[]}\n' : 'WEBVTT\n');
  const onDisk = typeof source === 'string' ? (await stat(source)).size : source.length;
  const recordingStart = input.recordingStart ?? toIso(Date.parse(meetingStart) + 90_000);
  return {
    id: input.id ?? randomUUID(),
    source,
    bytes: input.fileSize ?? onDisk,
    fileType,
    fileExtension: input.fileExtension ?? EXTENSIONS[fileType] ?? fileType,
    recordingType: input.recordingType ?? RECORDING_TYPES[fileType] ?? fileType.toLowerCase(),
    recordingStart,
    recordingEnd: input.recordingEnd ?? toIso(Date.parse(recordingStart) + 60 * 60_000),
    status: input.status ?? 'completed',
    isThin: input.thin ?? input.path === undefined,
    isParticipantAudio: input.participantAudio ?? false,
    isReady: fileType !== 'TRANSCRIPT',
    state: 'present',
  };
}

function newTranscript(meeting: Meeting): MeetingFile {
  const first = meeting.files[0];
  const source = Buffer.from('WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\nHello.\n');
  return {
    id: randomUUID(),
    source,
    bytes: source.length,
    fileType: 'TRANSCRIPT',
    fileExtension: 'VTT',
    recordingType: 'audio_transcript',
    recordingStart: first?.recordingStart ?? meeting.startTime,
    recordingEnd: first?.recordingEnd ?? meeting.startTime,
    status: 'completed',
    isThin: false,
    isParticipantAudio: false,
    isReady: true,
    state: 'present',
  };
}

function durationMin(files: readonly MeetingFile[]): number {
  if (files.length === 0) return 0;
  const firstMs = Math.min(...files.map((file) => Date.parse(file.recordingStart)));
  const lastMs = Math.max(...files.map((file) => Date.parse(file.recordingEnd)));
  return Math.round((lastMs - firstMs) / 60_000);
}

/** ISO 8601 in UTC without fractions, as Zoom writes it. */
function toIso(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** A uuid that needs encoding once only; those that need it twice are asked for by name. */
function newUuid(): string {
  for (;;) {
    const uuid = randomBytes(16).toString('base64');
    if (!uuid.startsWith('/') && !uuid.includes('//')) return uuid;
  }
}

function newHostId(): string {
  return randomBytes(16).toString('base64url').slice(0, 22);
}
