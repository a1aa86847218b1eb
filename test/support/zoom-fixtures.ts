import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SendOptions } from '../../simulators/zoom/webhooks.ts';
import { type House, SAMPLE, writeVideo } from './house.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/zoom');

/** One entry of an event's files; thin ones lack most of it. */
interface FixtureFile {
  id?: string;
  meeting_id?: string;
  file_type: string;
  file_extension?: string;
  file_size?: number;
  recording_type?: string;
  recording_start: string;
  recording_end: string;
  status?: string;
  download_url: string;
}

/** An event of Zoom, as it was sent once, with everything personal taken out. */
export interface Fixture {
  event: string;
  event_ts: number;
  download_token?: string;
  payload: {
    account_id: string;
    object: {
      uuid: string;
      id: number;
      topic: string;
      type: number;
      host_email: string;
      start_time: string;
      timezone: string;
      duration: number;
      recording_files: FixtureFile[];
    };
  };
}

export function readFixture(name: string): Fixture {
  return JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8'));
}

/** The same event about another meeting, so that several cases can share a house. */
export function aboutMeeting(fixture: Fixture, uuid: string): Fixture {
  const copy = structuredClone(fixture);
  copy.payload.object.uuid = uuid;
  for (const file of copy.payload.object.recording_files) {
    file.meeting_id = uuid;
    if (file.id !== undefined) file.id = `${file.id}-${uuid}`;
  }
  return copy;
}

/** What files of each type hold, as far as they are no videos. */
const TEXTS: Readonly<Record<string, string>> = {
  TRANSCRIPT: 'WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\nTutor: Hello.\n',
  CC: 'WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\nHello.\n',
  CHAT: '00:00:05\tTutor:\tHello, everybody — 你好\n',
  TIMELINE: '{"timeline":[{"ts":"00:00:01.000","users":[]}]}\n',
};

/** Gives the simulated Zoom the meetings and the bytes that a fixture speaks of. */
export async function haveRecorded(house: House, ...fixtures: Fixture[]): Promise<void> {
  for (const { payload } of fixtures) {
    const { object } = payload;
    const files = await Promise.all(
      object.recording_files.map(async (file, index) => {
        const path = join(house.files, `${object.uuid.replaceAll('/', '_')}-${file.file_type}-${index}`);
        await writeContent(path, file.file_type);
        return {
          path,
          thin: file.id === undefined,
          id: file.id,
          fileType: file.file_type,
          fileExtension: file.file_extension,
          recordingType: file.recording_type,
          recordingStart: file.recording_start,
          recordingEnd: file.recording_end,
          status: file.status,
        };
      }),
    );
    await house.zoom.addMeeting({
      uuid: object.uuid,
      id: object.id,
      topic: object.topic,
      type: object.type,
      hostEmail: object.host_email,
      startTime: object.start_time,
      durationMin: object.duration,
      files,
    });
  }
}

async function writeContent(path: string, fileType: string): Promise<void> {
  if (fileType === 'M4A') {
    // The brand in the fourth to twelfth byte tells sound from picture.
    const sample = await readFile(SAMPLE);
    sample.write('M4A ', 8, 'latin1');
    await writeFile(path, sample);
  } else if (TEXTS[fileType] === undefined) {
    await writeVideo(path, 0);
  } else {
    await writeFile(path, TEXTS[fileType]);
  }
}

/**
 * The fixture as the simulated Zoom would send it today: with addresses and a token that work, and the sizes of what
 * they lead to. Each telling has other addresses.
 */
export function retold(house: House, fixture: Fixture, eventAtMs = Date.now()): Fixture {
  const event = structuredClone(fixture);
  const { object } = event.payload;
  const { uuid } = object;
  const meeting = house.zoom.meeting({ uuid });
  if (meeting === undefined) throw new Error(`nobody has recorded ${uuid}`);
  for (const file of object.recording_files) {
    const source = meeting.files.find(({ id, fileType, isThin }) =>
      file.id === undefined ? isThin && fileType === file.file_type : id === file.id,
    );
    if (source === undefined) throw new Error(`no file ${file.id ?? file.file_type}`);
    file.download_url = source.downloadUrl;
    if (file.file_size) file.file_size = source.bytes;
  }
  event.event_ts = eventAtMs;
  if (fixture.download_token !== undefined) {
    event.download_token =
      house.zoom.recordingCompleted({ uuid }, { event_ts: eventAtMs }).download_token ?? '';
  }
  return event;
}

export interface Taken {
  readonly status: number;
  readonly accepted: readonly { id: string; state: string; duplicate: boolean }[];
  readonly ignored: unknown;
}

/** Posts an event to the house, signed. */
export async function post(house: House, event: Fixture, options?: SendOptions): Promise<Taken> {
  const { status, body } = await house.zoom.send(house.webhookUrl, event, options);
  return { status, accepted: [], ignored: undefined, ...JSON.parse(body) };
}

/** What has become of a meeting in the end, with what is different each time taken out. */
export async function outcomeOf(house: House, uuid: string) {
  const recordings = await house.recordings.ofGroup(`zoom:${uuid}`);
  for (const { id, kind } of recordings) {
    const state = await house.reaches(id, 'done', 'failed');
    if (kind === 'video' && state === 'done') await house.announced(id);
  }
  const archived = await house.b2.files();
  const videos = house.bunny.videos();
  const heard = house
    .heard('recording.published')
    .map(({ body }) => body as { data: { id: string; title: string } });

  return await Promise.all(
    recordings.map(async ({ id }) => {
      const recording = await house.recordings.get(id);
      const { facts } = await house.recordings.progress(id);
      const files = archived.filter((file) => file.fileInfo['sluice_recording'] === id);
      const video = videos.find(({ guid }) => guid === facts.publish?.videoId);
      return {
        title: recording?.title,
        kind: recording?.kind,
        state: recording?.state,
        files: files.map(({ fileName }) => withoutIds(fileName)),
        video: video?.title ?? null,
        captions: (video?.captions ?? []).map(({ srclang }) => srclang),
        heard: heard.filter(({ data }) => data.id === id).length,
      };
    }),
  );
}

/** An archive name with its day and the recording's id taken out. */
export function withoutIds(fileName: string): string {
  return fileName.replace(/\d{4}\/\d\d\/\d\d/, '<day>').replace(/[0-9a-f]{24}/, '<id>');
}
