import { describe, expect, it } from 'vitest';
import {
  readRecordingEvent,
  readRemovalEvent,
  type ZoomAnnouncement,
} from '../../../../src/outside/zoom/event.ts';
import type { ZoomMeeting } from '../../../../src/outside/zoom/meeting.ts';
import { planMeeting } from '../../../../src/outside/zoom/plan.ts';

it.each([
  [1234, 1234],
  [1e300, null],
  [2 ** 53, null],
  [1.5, null],
  [-1, null],
  ['1234', 1234],
  ['12 MB', null],
  [null, null],
  [0, 0],
])('reads a file size of %s as %s', (size, bytes) => {
  const object = { id: 1, uuid: 'u', recording_files: [{ id: 'f', file_size: size }] };
  const { announcement } = readRecordingEvent({
    event: 'recording.completed',
    event_ts: 1,
    payload: { object },
  }) as unknown as {
    announcement: { meeting: { files: { bytes: number | null }[] } };
  };

  expect(announcement.meeting.files.map((file) => file.bytes)).toEqual([bytes]);
});

const FILE = { id: 'f', file_type: 'MP4', download_url: 'https://zoom.us/rec/f' };

function read(object: unknown, more: object = {}, receivedAtMs?: number) {
  const event = { event: 'recording.completed', event_ts: 1_772_445_000_000, payload: { object }, ...more };
  return readRecordingEvent(event, receivedAtMs);
}

function announced(...input: Parameters<typeof read>) {
  const { announcement, problem } = read(...input) as ReturnType<typeof read> & { announcement: never };
  if (problem !== undefined) throw new Error(problem);
  return announcement as ZoomAnnouncement;
}

it.each(['\udfff', 'a\ud800b', '\ud800\udfff\udfff', '\udc00\ud800', 'a\0b'])(
  'reads an id with half a character or none in it (%j) as text that a ledger gives back as it is',
  (id) => {
    const { meeting } = announced({ uuid: `m${id}`, recording_files: [{ ...FILE, id }] });
    const read = [meeting.uuid, ...meeting.files.map((file) => file.id ?? '')];

    expect(read.map((text) => Buffer.from(text, 'utf8').toString('utf8'))).toEqual(read);
    expect(read.join('')).not.toContain('\0');
  },
);

const ODD = [null, '', '  ', 0, -1, 1.5, 1e300, true, [], {}, [null], { length: { toString: null } }, 'x'];

it.each([
  'id',
  'account_id',
  'topic',
  'host_email',
  'start_time',
  'timezone',
  'duration',
  'participant_audio_files',
  'type',
  'unheard_of',
])('takes a meeting whatever its %s is', (field) => {
  for (const value of [undefined, ...ODD]) {
    const { meeting } = announced({ uuid: 'u', recording_files: [FILE], [field]: value });
    expect(meeting.uuid).toBe('u');
    expect(meeting.files[0]).toMatchObject({ id: 'f', downloadUrl: FILE.download_url });
    expect(planOf(meeting)).toContain('video');
  }
});

it.each([
  'id',
  'recording_type',
  'recording_start',
  'recording_end',
  'file_size',
  'file_extension',
  'status',
])('takes a file whatever its %s is', (field) => {
  for (const value of [undefined, ...ODD]) {
    const { meeting } = announced({ uuid: 'u', recording_files: [{ ...FILE, [field]: value }] });
    expect(planOf(meeting)).toEqual(['video']);
  }
});

it.each([
  ['file_type in small letters', { file_type: 'mp4' }],
  ['no file_type, and a view', { file_type: null, recording_type: 'active_speaker' }],
  ['no file_type, and an extension', { file_type: '', file_extension: '.MP4' }],
  ['an address with blanks around it', { download_url: ` ${FILE.download_url} ` }],
])('knows a video by %s', (_name, more) => {
  const { meeting } = announced({ uuid: 'u', recording_files: [{ ...FILE, ...more }] });

  expect(planOf(meeting)).toEqual(['video']);
});

it.each([
  ['null', null, 0],
  ['missing', undefined, 0],
  ['text', 'none', 0],
  ['an entry that is not in a list', FILE, 1],
  ['a list with nothing in it', [], 0],
  ['a list of which one entry is none', [null, FILE], 2],
])('reads files that are %s', (_name, files, count) => {
  const { meeting } = announced({ uuid: 'u', recording_files: files });

  expect(meeting.files).toHaveLength(count);
  expect(meeting.odd).toEqual(files === 'none' ? ['recording_files is no list'] : undefined);
});

it('notes an entry that says nothing, rather than dropping it', () => {
  const { meeting } = announced({ uuid: 'u', recording_files: [null, {}, FILE] });

  expect(planOf(meeting)).toEqual(['video', 'unknown-kind', 'listed-twice']);
});

it('takes a file that is named twice once, and the entry that can be fetched', () => {
  const files = [{ ...FILE, download_url: null }, FILE, { ...FILE, status: 'processing' }];
  const { meeting } = announced({ uuid: 'u', recording_files: files });

  expect(planOf(meeting)).toEqual(['video', 'listed-twice', 'listed-twice']);
});

it.each([
  ['what its files name', { id: 1, recording_files: [{ ...FILE, meeting_id: 'abc==' }] }, 'abc=='],
  ['its number', { id: 812_345, recording_files: [{ ...FILE, meeting_id: '812345' }] }, '812345'],
  ['its number in groups', { uuid: '', id: '812 345' }, '812345'],
  ['the id of a file', { uuid: null, recording_files: [FILE] }, 'f'],
])('tells a meeting without a UUID from others by %s', (_name, object, uuid) => {
  expect(announced(object).meeting.uuid).toBe(uuid);
});

it.each([null, 'x', [], 7, {}, { topic: 'Algebra', recording_files: [] }])(
  'says that there is no meeting in %j',
  (object) => {
    expect(read(object).problem).toBe('it names no meeting');
  },
);

it.each([
  ['', null],
  [null, null],
  [undefined, null],
  [7, null],
  [{}, null],
  ['abc', 'abc'],
])('reads the token %j as %j', (download_token, token) => {
  expect(announced({ uuid: 'u' }, { download_token }).downloadToken).toBe(token);
});

it.each([
  [1_772_445_000_000, 1_772_445_000_000],
  ['1772445000000', 1_772_445_000_000],
  [1_772_445_000, 1_772_445_000_000],
  [undefined, 1_772_445_001_000],
  [null, 1_772_445_001_000],
  [0, 1_772_445_001_000],
  [1, 1_772_445_001_000],
  ['yesterday', 1_772_445_001_000],
  [1e300, 1_772_445_001_000],
  [4_000_000_000_000, 1_772_445_001_000],
])('reads the time %j as %j', (event_ts, atMs) => {
  expect(announced({ uuid: 'u' }, { event_ts }, 1_772_445_001_000).atMs).toBe(atMs);
});

describe('an event about files that were removed', () => {
  const removed = (object: unknown, more: object = {}) =>
    readRemovalEvent({ event: 'recording.trashed', event_ts: 1, payload: { object }, ...more }, 5);

  it.each([
    ['all of a meeting', { uuid: 'u' }, [{ uuid: 'u', fileIds: [] }]],
    ['files that are null', { uuid: 'u', recording_files: null }, [{ uuid: 'u', fileIds: [] }]],
    ['one file', { uuid: 'u', recording_files: [{ id: 'f' }, null, {}] }, [{ uuid: 'u', fileIds: ['f'] }]],
    ['files without names only', { uuid: 'u', recording_files: [{}, { id: '' }] }, []],
    [
      'many meetings, one of them odd',
      { meetings: [null, { meeting_uuid: 'u', recording_file_ids: null }, { meeting_uuid: 7 }] },
      [
        { uuid: 'u', fileIds: [] },
        { uuid: '7', fileIds: [] },
      ],
    ],
    ['UUIDs, one of them odd', { meeting_uuids: ['u', null, {}] }, [{ uuid: 'u', fileIds: [] }]],
  ])('is read that names %s', (_name, object, meetings) => {
    expect(removed(object)).toMatchObject({ removal: { what: 'trashed', atMs: 5, meetings } });
  });

  it.each([null, [], {}, { uuid: '' }, { meetings: null }])('is left that names %j', (object) => {
    expect(removed(object).problem).toBe('it names no meeting');
  });
});

/** What becomes of the files of a meeting: taken as what, or left for what reason. */
function planOf(meeting: ZoomMeeting): string[] {
  const announcement = { type: '', atMs: 0, downloadToken: null, meeting };
  const defaults = { views: [], companions: [], language: 'en', delayMs: 0 };
  const { choices } = planMeeting({ announcement, rules: [], defaults, known: [], nowMs: 0 });
  return choices.map((choice) =>
    choice.recording === undefined ? choice.reason : (choice.recording.kind ?? ''),
  );
}
