import { expect, it } from 'vitest';
import { readRecordingEvent } from '../../../src/domain/zoom-event.ts';

it.each([
  [1234, 1234],
  [1e300, null],
  [2 ** 53, null],
  [1.5, null],
  [-1, null],
  ['1234', null],
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

it('reads what has a length that cannot be compared as not said', () => {
  const odd = { length: { toString: null } };
  const object = { id: 1, uuid: 'u', recording_files: [{ id: 'f', recording_start: odd, file_type: odd }] };
  const event = { event: 'recording.completed', event_ts: 1, payload: { object } };

  expect(readRecordingEvent(event).problem).toBeUndefined();
  expect(
    readRecordingEvent({ ...event, download_token: odd, payload: { object: { ...object, uuid: odd } } }),
  ).toHaveProperty('problem');
});
