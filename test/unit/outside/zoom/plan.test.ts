import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRecordingEvent } from '../../../../src/outside/zoom/event.ts';
import { DEFAULT_VIEWS } from '../../../../src/outside/zoom/files.ts';
import { type KnownFile, planMeeting, type ZoomDefaults } from '../../../../src/outside/zoom/plan.ts';
import type { ZoomRule } from '../../../../src/outside/zoom/rules.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/zoom');

function fixture(name: string) {
  return JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8'));
}

const DEFAULTS: ZoomDefaults = {
  views: DEFAULT_VIEWS,
  companions: ['transcript', 'chat'],
  language: 'en',
  delayMs: 0,
};

function plan(
  event: unknown,
  more: { rules?: ZoomRule[]; known?: KnownFile[]; defaults?: Partial<ZoomDefaults>; nowMs?: number } = {},
) {
  const read = readRecordingEvent(event);
  if (read.problem !== undefined) throw new Error(read.problem);
  const { rules = [], known = [], defaults = {}, nowMs = 0 } = more;
  return planMeeting({
    announcement: read.announcement,
    rules,
    known,
    defaults: { ...DEFAULTS, ...defaults },
    nowMs,
  }).choices;
}

function found(event: unknown, more: Parameters<typeof plan>[1] = {}) {
  return plan(event, more).flatMap(({ recording }) => recording ?? []);
}

const every = { defaults: { views: 'all' } } as const;

function rule(action: ZoomRule['action'], more: Partial<ZoomRule> = {}): ZoomRule {
  return { name: 'test', conditions: {}, timezone: null, action, ...more };
}

describe('planMeeting', () => {
  it('takes from an event all that fetching and the website need', () => {
    const event = fixture('single-view');

    expect(found(event)).toEqual([
      {
        source: 'zoom',
        kind: 'video',
        naturalKey: 'zoom:00000000-0000-4000-8000-000000000001',
        groupKey: 'zoom:exampleUuid0000000000A==',
        aceId: null,
        title: 'Algebra, group 2',
        origin: {
          kind: 'zoom',
          downloadUrl: event.payload.object.recording_files[0].download_url,
          downloadToken: event.download_token,
          bytes: event.payload.object.recording_files[0].file_size,
          eventAtMs: 1_767_607_860_000,
          archiveDay: '2026-01-05',
        },
        placement: { folder: null, collection: null, language: 'en' },
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
          file_type: 'MP4',
          file_extension: 'mp4',
          part: 1,
          parts: 1,
          rule: null,
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
    const recordings = found(fixture(name), every).filter(({ kind }) => kind === 'video');

    expect(recordings).toHaveLength(count);
    expect(new Set(recordings.map(({ naturalKey }) => naturalKey)).size).toBe(count);
  });

  it('says in the title what each of several videos shows', () => {
    expect(found(fixture('five-views'), every).map(({ title }) => title)).toContain(
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
    // The sound is not a view.
    event.payload.object.recording_files = event.payload.object.recording_files.filter(
      ({ file_type }: { file_type: string }) => file_type === 'MP4',
    );

    const keys = found(event, every).map(({ naturalKey }) => naturalKey);

    expect(new Set(keys).size).toBe(5);
    expect(found(event, every).map(({ naturalKey }) => naturalKey)).toEqual(keys);
  });

  it.each([
    ['no payload', (event: Record<string, unknown>) => ({ ...event, payload: undefined })],
    ['no meeting', (event: Record<string, unknown>) => ({ ...event, payload: {} })],
    ['a list', () => []],
    ['nothing', () => null],
  ])('says what is wrong with an event that has %s', (_name, change) => {
    expect(readRecordingEvent(change(fixture('single-view'))).problem).toEqual(expect.any(String));
  });
});

describe('the view of a segment', () => {
  const viewOf = (views: readonly string[], ...types: string[]) => {
    const event = fixture('single-view');
    const [file] = event.payload.object.recording_files;
    event.payload.object.recording_files = types.map((recording_type, index) => ({
      ...file,
      id: `f${index}`,
      recording_type,
    }));
    return found(event, { defaults: { views } }).map(({ details }) => details['recording_type']);
  };

  it.each([
    [
      'the first one wanted',
      ['gallery_view', 'active_speaker'],
      ['active_speaker', 'gallery_view'],
      'gallery_view',
    ],
    [
      'another one wanted',
      ['gallery_view', 'active_speaker'],
      ['shared_screen', 'active_speaker'],
      'active_speaker',
    ],
    ['whatever there is', ['gallery_view'], ['holographic_view'], 'holographic_view'],
    [
      'a known one rather than an unknown one',
      ['gallery_view'],
      ['holographic_view', 'host_video'],
      'host_video',
    ],
    [
      'the one without captions in its picture',
      ['gallery_view'],
      ['gallery_view(CC)', 'gallery_view'],
      'gallery_view',
    ],
    [
      'the one that was named with captions',
      ['gallery_view(CC)'],
      ['gallery_view', 'gallery_view(CC)'],
      'gallery_view(CC)',
    ],
    [
      'one with captions, if that is the one',
      ['gallery_view'],
      ['active_speaker', 'gallery_view(CC)'],
      'gallery_view(CC)',
    ],
  ])('is %s', (_name, views, types, expected) => {
    expect(viewOf(views, ...types)).toEqual([expected]);
  });

  it('is told apart from another segment also where Zoom cuts each view a little differently', () => {
    const event = fixture('three-segments-two-views');
    for (const file of event.payload.object.recording_files) {
      const isGallery = file.recording_type.includes('gallery');
      file.recording_start = new Date(
        Date.parse(file.recording_start) + (isGallery ? 3000 : 0),
      ).toISOString();
    }

    expect(found(event).map(({ details }) => details['part'])).toEqual([1, 2, 3]);
  });

  it('in an event of its own knows its number from what came before', () => {
    const event = fixture('three-segments-two-views');
    const { object } = event.payload;
    const [first] = object.recording_files;
    const known: KnownFile = {
      naturalKey: 'zoom:before',
      kind: 'video',
      isAudio: false,
      hasFailed: false,
      startedAt: first.recording_start,
      endedAt: first.recording_end,
    };
    object.recording_files = object.recording_files.slice(2);

    expect(found(event, { known: [known] }).map(({ title }) => title)).toEqual([
      'Algebra, group 2 (part 2 of 3)',
      'Algebra, group 2 (part 3 of 3)',
    ]);
  });
});

describe('a rule', () => {
  it('that ignores leaves every file, and says which rule it was', () => {
    const choices = plan(fixture('five-views'), { rules: [rule('ignore', { name: 'Staff' })] });

    expect(new Set(choices.map((choice) => choice.recording === undefined && choice.reason))).toEqual(
      new Set(['rule']),
    );
    expect(choices[0]?.why).toContain('Staff');
  });

  it('places what it lets through', () => {
    const rules = [
      rule(
        {
          title: '{topic}, {date} {time}',
          collection: 'Algebra {year}',
          folder: 'algebra/{year}/{host}',
          aceId: 'lesson-{meeting_id}-{date}',
          language: 'de',
        },
        { timezone: 'America/New_York' },
      ),
    ];
    const [part] = found(fixture('three-segments-two-views'), { rules });

    expect(part).toMatchObject({
      title: 'Algebra, group 2, 2026-01-05 04:01 (part 1 of 3)',
      aceId: 'lesson-85512345678-2026-01-05-part-1',
      placement: { folder: 'algebra/2026/tutor-example-com', collection: 'Algebra 2026', language: 'de' },
      details: { rule: 'test' },
    });
  });

  it.each([
    ['the host', { host: ['*@example.com'] }, true],
    ['another host', { host: ['*@staff.example.com'] }, false],
    ['the meeting', { meetingId: ['1', '85512345678'] }, true],
    ['another meeting', { meetingId: ['1'] }, false],
    ['the topic, whatever its case', { topic: ['ALGEBRA*'] }, true],
    ['the weekday', { weekday: [1] }, true],
    ['another weekday', { weekday: [0, 2] }, false],
    ['the time', { time: { fromMinute: 540, toMinute: 600 } }, true],
    ['a time over midnight', { time: { fromMinute: 1380, toMinute: 545 } }, true],
    ['another time', { time: { fromMinute: 600, toMinute: 660 } }, false],
    ['the length', { minSeconds: 3000, maxSeconds: 4000 }, true],
    ['a longer one', { minSeconds: 4000 }, false],
    ['all of it', { host: ['tutor@*'], weekday: [1] }, true],
    ['half of it', { host: ['tutor@*'], weekday: [2] }, false],
  ])('that names %s applies or not', (_name, conditions, applies) => {
    expect(found(fixture('single-view'), { rules: [rule('ignore', { conditions })] })).toHaveLength(
      applies ? 0 : 1,
    );
  });

  it('is the first that applies', () => {
    const rules = [
      rule('ignore', { conditions: { topic: ['Geometry*'] } }),
      rule({ title: 'First' }),
      rule({ title: 'Second' }),
    ];

    expect(found(fixture('single-view'), { rules }).map(({ title }) => title)).toEqual(['First']);
  });

  it('B8 leaves a segment that is too short, and its companions', () => {
    const choices = plan(fixture('three-segments-two-views'), { rules: [rule({ minSeconds: 1000 })] });

    expect(
      choices.filter((choice) => choice.recording === undefined && choice.reason === 'too-short').length,
    ).toBeGreaterThan(0);
    expect(choices.flatMap(({ recording }) => recording?.details['part'] ?? [])).not.toHaveLength(0);
  });

  it('lets a meeting wait, if the settings say so', () => {
    expect(found(fixture('single-view'), { defaults: { delayMs: 300_000 }, nowMs: 1000 })).toMatchObject([
      { notBeforeMs: 301_000 },
    ]);
  });
});
