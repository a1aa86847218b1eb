import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordingsOf } from '../../../src/server/zoom-event.ts';

const FIXTURES = join(import.meta.dirname, '../../fixtures/zoom');

function fixture(name: string) {
  return JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8'));
}

function found(event: unknown) {
  const result = recordingsOf(event);
  if (result.problem !== undefined) throw new Error(result.problem);
  return result.recordings;
}

describe('recordingsOf', () => {
  it('takes from an event all that fetching and the website need', () => {
    const event = fixture('single-view');

    expect(found(event)).toEqual([
      {
        source: 'zoom',
        naturalKey: 'zoom:00000000-0000-4000-8000-000000000001',
        aceId: null,
        title: 'Algebra, group 2',
        origin: {
          kind: 'zoom',
          downloadUrl: event.payload.object.recording_files[0].download_url,
          downloadToken: event.download_token,
          bytes: event.payload.object.recording_files[0].file_size,
          eventAtMs: 1_767_607_860_000,
        },
        details: {
          account_id: 'exampleAccountId000000',
          meeting_id: '85512345678',
          meeting_uuid: 'exampleUuid0000000000A==',
          topic: 'Algebra, group 2',
          host_email: 'tutor@example.com',
          start_time: '2026-01-05T09:00:00Z',
          recording_id: '00000000-0000-4000-8000-000000000001',
          recording_type: 'shared_screen_with_speaker_view',
          recording_start: '2026-01-05T09:01:30Z',
          recording_end: '2026-01-05T10:00:42Z',
        },
      },
    ]);
  });

  it.each([
    ['five-views', 5],
    ['three-segments-two-views', 6],
    ['thin-entries', 1],
    ['file-processing', 1],
    ['unknown-recording-type', 1],
    ['uuid-with-slashes', 1],
    ['webinar', 1],
    ['zero-duration', 1],
  ])('finds in %s %i videos, each with a key of its own', (name, count) => {
    const recordings = found(fixture(name));

    expect(recordings).toHaveLength(count);
    expect(new Set(recordings.map(({ naturalKey }) => naturalKey)).size).toBe(count);
  });

  it('says in the title what each of several videos shows', () => {
    expect(found(fixture('five-views')).map(({ title }) => title)).toContain(
      'Algebra, group 2 (shared screen with gallery view)',
    );
  });

  it.each([
    ['one odd entry', { recording_files: ['odd', null, 7, {}] }, 0],
    ['no entries', { recording_files: undefined }, 0],
    ['an empty topic', { topic: '' }, 1],
    ['a meeting number as text', { id: '85512345678' }, 1],
    ['unknown fields', { brand_new: { deep: true } }, 1],
  ])('puts up with %s', (_name, change, count) => {
    const event = fixture('single-view');
    Object.assign(event.payload.object, change);

    expect(found(event)).toHaveLength(count);
  });

  it('keeps the good entries beside an odd one', () => {
    const event = fixture('single-view');
    event.payload.object.recording_files.unshift({ file_type: 'MP4', download_url: 'no address' }, null);

    expect(found(event)).toHaveLength(1);
  });

  it('gives videos without an id a key by meeting, start and view', () => {
    const event = fixture('five-views');
    for (const file of event.payload.object.recording_files) delete file.id;

    const keys = found(event).map(({ naturalKey }) => naturalKey);

    expect(new Set(keys).size).toBe(5);
    expect(found(event).map(({ naturalKey }) => naturalKey)).toEqual(keys);
  });

  it.each([
    ['no payload', (event: Record<string, unknown>) => ({ ...event, payload: undefined })],
    ['no meeting', (event: Record<string, unknown>) => ({ ...event, payload: {} })],
    ['no time', (event: Record<string, unknown>) => ({ ...event, event_ts: undefined })],
    ['a list', () => []],
    ['nothing', () => null],
  ])('says what is wrong with an event that has %s', (_name, change) => {
    expect(recordingsOf(change(fixture('single-view'))).problem).toEqual(expect.any(String));
  });
});
