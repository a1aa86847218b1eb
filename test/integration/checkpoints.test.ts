import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AnyTask } from '../../src/engine/task.ts';
import { makeTask as makePackage } from '../../src/tasks/package.ts';
import { makeTask as makePackageCaptions } from '../../src/tasks/package-captions.ts';
import {
  arrive,
  attemptEnds,
  clearFaults,
  expectBeside,
  expectHome,
  QUICK_SETTINGS,
  type Sent,
  sendMeeting,
  sendTranscript,
  UNWATCHED,
  writeSource,
} from '../support/faults-house.ts';
import { type House, openHouse } from '../support/house.ts';

const TASKS = join(import.meta.dirname, '../../src/tasks');
const LARGE_BYTES = 11_000_000;
const ALWAYS = { status: 503, count: 1_000_000 };

/** What is half way, and what has to be true once it is home. */
interface HalfWay {
  readonly id: string;
  readonly isHome: () => Promise<void>;
}

let house: House;
let worker: Awaited<ReturnType<House['startWorker']>>;

beforeEach(async () => {
  house = await openHouse({
    ...QUICK_SETTINGS,
    ...UNWATCHED,
    RETRY_BACKOFF_MIN_S: '3600',
    RETRY_BACKOFF_MAX_S: '3600',
    CIRCUIT_THRESHOLD: '1000',
    ALARM_PAUSE_S: '0.1',
  });
  worker = await house.startWorker();
});
afterEach(() => house.close());

async function video(title: string, bytes: number): Promise<Sent> {
  return await sendMeeting(house, title, await writeSource(house, title, bytes));
}

async function largeVideo(title: string): Promise<HalfWay> {
  const sent = await video(title, LARGE_BYTES);
  return {
    id: sent.id,
    async isHome() {
      await arrive(house, sent);
      await expectHome(house, sent);
    },
  };
}

async function transcript(): Promise<HalfWay> {
  const sent = await video('Shown', 0);
  await arrive(house, sent);
  const companion = await sendTranscript(house, sent);
  return { id: companion.id, isHome: () => expectBeside(house, companion, sent) };
}

/** How a step of each task that resumes comes to be half way. */
const CASES: Readonly<Record<string, () => Promise<HalfWay>>> = {
  async archive() {
    house.b2.fail({ on: 'POST /b2api/v3/b2_upload_part/*', skip: 1, ...ALWAYS });
    return await largeVideo('Archived');
  },
  async captions() {
    house.bunny.fail({ on: 'POST /library/*/captions/*', ...ALWAYS });
    return await transcript();
  },
  async fetch() {
    house.zoom.cdn.fail({ on: 'GET /cmr/*', cutAfterBytes: 6_000_000 });
    house.zoom.cdn.fail({ on: 'GET /cmr/*', ...ALWAYS });
    return await largeVideo('Fetched');
  },
  async publish() {
    house.bunny.fail({ on: 'PATCH /tusupload/*', skip: 2, ...ALWAYS });
    return await largeVideo('Published');
  },
};

/** Tasks that only remember where their outputs lie: how their checkpoints are read is tried alone. */
const READ_ALONE: Readonly<Record<string, Pick<AnyTask, 'checkpoint'>>> = {
  package: makePackage({} as Parameters<typeof makePackage>[0]),
  'package-captions': makePackageCaptions({} as Parameters<typeof makePackageCaptions>[0]),
};

function withLedger<T>(use: (sqlite: Sqlite.Database) => T): T {
  const sqlite = new Sqlite(house.config.ledgerAddress);
  try {
    return use(sqlite);
  } finally {
    sqlite.close();
  }
}

function checkpointOf(id: string, stage: string): string | null {
  const query = 'select checkpoint from stages where recording_id = ? and stage = ?';
  const row = withLedger((sqlite) => sqlite.prepare(query).get(id, stage)) as
    | { checkpoint: string }
    | undefined;
  return row?.checkpoint ?? null;
}

function writeCheckpoint(id: string, stage: string, text: string): void {
  const change = 'update stages set checkpoint = ? where recording_id = ? and stage = ?';
  withLedger((sqlite) => sqlite.prepare(change).run(text, id, stage));
}

async function get(path: string) {
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  return (await (await fetch(`${house.config.pipeline.url}${path}`)).json()) as any;
}

const alarmOf = async (id: string) =>
  (await get('/api/alarms')).alarms.find(
    (alarm: { recording_id: string; resolved_at: string | null }) => alarm.recording_id === id,
  );

/** Has a step rest half way, with no worker. */
async function stopHalfWay(task: string): Promise<HalfWay> {
  const halfWay = await CASES[task]?.();
  if (halfWay === undefined) throw new Error(`nothing brings ${task} half way`);
  await attemptEnds(house, halfWay.id);
  await worker.stop();
  clearFaults(house);
  return halfWay;
}

/** What waits for a time goes on at once. */
const goOn = (id: string) => house.post(`/api/recordings/${id}/retry`, {});

/** Lets a worker try it at once, and waits until it is held. */
async function triedAndHeld(id: string): Promise<void> {
  await goOn(id);
  worker = await house.startWorker();
  await expect
    .poll(async () => (await house.recordings.get(id))?.lastError?.code, { timeout: 20_000 })
    .toBe('CHECKPOINT_UNREADABLE');
}

const madeElsewhere = () => ({
  unfinished: house.b2.unfinished().map(({ fileId }) => fileId),
  videos: house.bunny.videos().map(({ guid, uploadsCreated }) => [guid, uploadsCreated]),
});

describe('a checkpoint that cannot be read', () => {
  it('is tried for every task that saves one', async () => {
    const files = (await readdir(TASKS)).filter((name) => name.endsWith('.ts'));
    const texts = await Promise.all(files.map((name) => readFile(join(TASKS, name), 'utf8')));
    const saving = files.filter((_, index) => texts[index]?.includes('.saveCheckpoint('));

    expect([...Object.keys(CASES), ...Object.keys(READ_ALONE)].sort()).toEqual(
      saving.map((name) => name.replace('.ts', '')).sort(),
    );
  });

  it.each(Object.entries(READ_ALONE))('of %s is refused by its schema', (_task, { checkpoint }) => {
    expect(checkpoint?.safeParse({ written: 'by nobody' }).success).toBe(false);
  });

  it.each([
    ...Object.keys(CASES).map((task) => [task, '{"written":"by nobody"}'] as const),
    ['fetch', 'not even JSON'] as const,
  ])(
    'holds a step of %s (%s) until it is put right, and nothing is dropped or made twice',
    async (task, garbage) => {
      const { id, isHome } = await stopHalfWay(task);
      const right = checkpointOf(id, task) ?? '';
      writeCheckpoint(id, task, garbage);
      const made = madeElsewhere();

      await triedAndHeld(id);

      const held = await get(`/api/recordings/${id}`);
      expect(held).toMatchObject({ state: 'waiting', failed_attempts: 0 });
      expect(held.last_error.message).toContain(`What the step "${task}" would resume from cannot be read`);
      expect(held.last_error.advice).toContain('to give up what the step has made, cancel the recording');
      await expect
        .poll(() => alarmOf(id), { timeout: 10_000 })
        .toMatchObject({
          title: expect.stringMatching(/waits until somebody has seen to it$/),
          detail: expect.stringContaining('cannot be read'),
          advice: expect.stringContaining('cancel the recording'),
        });
      expect(checkpointOf(id, task)).toBe(garbage);
      expect(madeElsewhere()).toEqual(made);

      writeCheckpoint(id, task, right);
      expect((await goOn(id)).status).toBe(200);
      await isHome();
      await expect.poll(() => alarmOf(id), { timeout: 10_000 }).toBeUndefined();
    },
  );

  it('keeps a cancelled recording from nothing: what it has made goes as far as it is known otherwise', async () => {
    const { id } = await stopHalfWay('publish');
    expect(house.bunny.videos()).toHaveLength(1);
    writeCheckpoint(id, 'publish', '{"written":"by nobody"}');
    await triedAndHeld(id);

    await house.post(`/api/recordings/${id}/cancel`, {});
    await house.reaches(id, 'cancelled');

    expect(house.bunny.videos()).toEqual([]);
    expect(await house.b2.files()).toEqual([]);
    const undone = (await house.recordings.events(id)).filter(({ type }) => type === 'stage.undone');
    expect(undone.map(({ data }) => data)).toContainEqual({
      stage: 'publish',
      reason: 'taken back, as far as it was known: its checkpoint was unreadable',
    });
  });
});
