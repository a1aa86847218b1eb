import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { judgeFolder } from '../../../scripts/chaos/folder-verdict.ts';
import { findOverlaps, inFirstLane } from '../../../scripts/chaos/one-at-a-time.ts';
import { judgeRuns } from '../../../scripts/chaos/runs-verdict.ts';
import type { EventType, RecordingEvent } from '../../../src/ledger/events.ts';

const sha1Of = (text: string) => createHash('sha1').update(text).digest('hex');

describe('what the chaos run says of the folder', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chaos-verdict-'));
    await mkdir(join(folder, '.sluice/marks'), { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }

  const mark = (id: string, name: string, recordingId = 'rec_1') =>
    write(`.sluice/marks/${id}.json`, JSON.stringify({ id, name, recordingId }));

  /** As the ledger knows it: `f1`, at `a/lesson.mp4`. */
  function judged({ isKeptTwice = true, state = 'done' } = {}) {
    const known = {
      sent: { isKeptTwice, file: { sha1: sha1Of('lesson') } },
      recording: { id: 'rec_1', state },
      progress: { facts: { nas: { fileId: 'f1', fileName: 'a/lesson.mp4' } } },
    };
    return judgeFolder(folder, [known as never]);
  }

  it('is content with the file that the ledger names, and its mark', async () => {
    await write('a/lesson.mp4', 'lesson');
    await mark('f1', 'a/lesson.mp4');

    expect(await judged()).toEqual([]);
  });

  it('leaves out the beginning of a file that a kill has cut short', async () => {
    await write('a/lesson.mp4', 'lesson');
    await mark('f1', 'a/lesson.mp4');
    await write('.sluice/unfinished/f2/file', '');

    expect(await judged()).toEqual([]);
  });

  it.each<[string, string, () => Promise<unknown>, Parameters<typeof judged>[0]?]>([
    ['a file that is not there', 'lost', async () => undefined],
    [
      'other bytes',
      'wrong',
      async () => [await write('a/lesson.mp4', 'no one'), await mark('f1', 'a/lesson.mp4')],
    ],
    [
      'another file than the ledger names',
      'wrong',
      async () => [await write('a/lesson.mp4', 'lesson'), await mark('f9', 'a/lesson.mp4')],
    ],
    [
      'two files',
      'doubled',
      async () => [
        await write('a/lesson.mp4', 'lesson'),
        await mark('f1', 'a/lesson.mp4'),
        await write('b/lesson.mp4', 'lesson'),
        await mark('f2', 'b/lesson.mp4'),
      ],
    ],
    [
      'a mark without its file',
      'left',
      async () => [
        await write('a/lesson.mp4', 'lesson'),
        await mark('f1', 'a/lesson.mp4'),
        await mark('f2', 'b/lesson.mp4'),
      ],
    ],
    [
      'a file without a mark',
      'left',
      async () => [
        await write('a/lesson.mp4', 'lesson'),
        await mark('f1', 'a/lesson.mp4'),
        await write('b/lesson.mp4', 'lesson'),
      ],
    ],
    [
      'an unfinished file',
      'left',
      async () => [
        await write('a/lesson.mp4', 'lesson'),
        await mark('f1', 'a/lesson.mp4'),
        await write('.sluice/unfinished/f2/about.json', '{}'),
      ],
    ],
    [
      'a mark that was half written',
      'left',
      async () => [
        await write('a/lesson.mp4', 'lesson'),
        await mark('f1', 'a/lesson.mp4'),
        await write('.sluice/marks/f2.json.1.tmp', '{"id'),
      ],
    ],
    [
      'the file of one that was cancelled',
      'left',
      async () => [await write('a/lesson.mp4', 'lesson'), await mark('f1', 'a/lesson.mp4')],
      { state: 'cancelled' },
    ],
    [
      'the file of one that was not to have one',
      'left',
      async () => [await write('a/lesson.mp4', 'lesson'), await mark('f1', 'a/lesson.mp4')],
      { isKeptTwice: false },
    ],
  ])('finds %s %s', async (_what, kind, arrange, how) => {
    await arrange();

    expect((await judged(how)).map((finding) => finding.kind)).toEqual([kind]);
  });
});

describe('what the chaos run says of further runs', () => {
  const asked = {
    of: { file: { sha1: 'abc' } },
    recordingId: 'rec_1',
    id: 'rec_run' as string | undefined,
    answer: '202',
  };
  const run = { id: 'rec_run', runOf: 'rec_1', state: 'done', lastError: null };

  async function kindsOf(given: {
    asked?: object;
    run?: object;
    sha1?: string;
    events?: readonly (readonly [EventType, object])[];
  }) {
    const {
      sha1 = 'abc',
      events = [
        ['stage.done', { stage: 'digest' }],
        ['recording.done', {}],
      ],
    } = given;
    const ledger = {
      recordings: {
        progress: async () => ({ facts: { digest: { sha1 } }, checkpoints: {} }),
        events: async () => events.map(([type, data]) => ({ type, data })),
      },
    };
    const { findings } = await judgeRuns({
      recordings: [{ ...run, ...given.run }] as never,
      ledger: ledger as never,
      asked: [{ ...asked, ...given.asked }] as never,
      performed: { cancelledIds: new Set(['rec_cancelled']) },
    });
    return findings.map(({ kind }) => kind);
  }

  it('is content with one that was done once, and with one that was cancelled', async () => {
    expect(await kindsOf({})).toEqual([]);
    const cancelled = { id: 'rec_cancelled' };
    expect(await kindsOf({ asked: cancelled, run: { ...cancelled, state: 'cancelled' } })).toEqual([]);
  });

  it('finds what failed, was cancelled by nobody, was read wrong, done twice, or not asked for', async () => {
    expect(await kindsOf({ run: { state: 'failed' } })).toEqual(['lost']);
    expect(await kindsOf({ run: { state: 'cancelled' } })).toEqual(['lost']);
    expect(await kindsOf({ sha1: 'def' })).toEqual(['wrong']);
    expect(await kindsOf({ events: [['recording.done', {}]] })).toEqual(['doubled']);
    expect(await kindsOf({ asked: { id: undefined } })).toEqual(['lost', 'doubled']);
  });
});

describe('one at a time', () => {
  const events = (...list: readonly (readonly [string, EventType, object?])[]): RecordingEvent[] =>
    list.map(([recordingId, type, data = {}], seq) => ({
      seq,
      recordingId,
      type,
      data: data as Record<string, unknown>,
      atMs: seq * 1000,
    }));

  it('is judged of the first lane only', () => {
    const history = events(
      ['run', 'attempt.started'],
      ['run', 'lane.changed', { lane: 'media' }],
      ['run', 'attempt.started'],
      ['one', 'attempt.started'],
      ['run', 'stage.done', { stage: 'digest' }],
      ['run', 'lane.changed', { lane: 'upload' }],
      ['one', 'stage.done', { stage: 'fetch' }],
      ['one', 'recording.done'],
      ['run', 'attempt.started'],
      ['run', 'recording.done'],
    );

    expect([...findOverlaps(inFirstLane(history), [])]).toEqual([]);
  });

  it('finds one that has come back to the first lane and moves beside another', () => {
    const history = events(
      ['run', 'attempt.started'],
      ['run', 'lane.changed', { lane: 'media' }],
      ['run', 'attempt.started'],
      ['run', 'lane.changed', { lane: 'upload' }],
      ['one', 'attempt.started'],
      ['run', 'attempt.started'],
    );

    expect([...findOverlaps(inFirstLane(history), [])]).toMatchObject([{ kind: 'doubled' }]);
  });
});
