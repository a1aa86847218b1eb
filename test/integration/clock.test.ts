import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Kysely } from 'kysely';
import Sqlite from 'libsql';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createWallClock } from '../../src/ledger/clock.ts';
import type { Database } from '../../src/ledger/database.ts';
import { createSqliteDialect } from '../../src/ledger/dialects/sqlite-dialect.ts';
import { openWholeLedger, type WholeLedger } from '../../src/outside/whole-ledger.ts';
import { zoomExtension } from '../../src/outside/zoom/tables/zoom-ledger.ts';
import { connectRedis, KEY_PREFIX } from '../../src/queue/connection.ts';
import { startJobWorker } from '../../src/queue/jobs.ts';
import { createLine } from '../../src/queue/line.ts';
import { fileRecording, openTestLedger, type TestLedger, zoomRecording } from '../support/ledger.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const HOUR_MS = 3_600_000;
const log = pino({ level: 'silent' });
const error = { code: 'REMOTE_UNAVAILABLE', message: 'no' } as const;

let ledger: TestLedger;
let sqlite: Sqlite.Database;
beforeEach(async () => {
  ledger = await openTestLedger({ leaseMs: 300 });
  sqlite = new Sqlite(ledger.address);
});
afterEach(async () => {
  sqlite.close();
  await ledger.close();
});

describe('the gate, whatever the wall clock says', () => {
  const take = (from: WholeLedger) =>
    from.gate.acquire({ recordingId: 'rec_1', holder: 'test', onLost: () => {} });

  /** A lease that nobody renews any more. */
  async function leftBehind(): Promise<void> {
    const dead = await openWholeLedger({ address: ledger.address, leaseMs: 300 });
    await take(dead);
    await dead.close();
  }

  it.each([
    ['an hour to come', HOUR_MS],
    ['a moment to come', 200],
    ['long past', -HOUR_MS],
  ])(
    'passes from a dead holder within its lease where the lease seems to end at a time %s',
    async (_when, byMs) => {
      await leftBehind();
      sqlite.exec(`update gate set expires_at_ms = ${Date.now() + byMs}`);

      expect(await take(ledger)).toBeUndefined();
      await sleep(320);

      const lease = await take(ledger);
      expect(lease).toMatchObject({ fence: 2 });
      await lease?.release();
    },
  );

  it('stays with a holder that lives, also where its lease seems long past', async () => {
    const lease = await take(ledger);
    const other = await openWholeLedger({ address: ledger.address, leaseMs: 300 });
    for (let times = 0; times < 10; times += 1) {
      sqlite.exec(`update gate set expires_at_ms = ${Date.now() - HOUR_MS}`);
      expect(await take(other)).toBeUndefined();
      await sleep(50);
    }
    await lease?.release();
    await other.close();
  });

  it('stays with a holder on another machine for as long as that renews, and passes on once it does not', async () => {
    await leftBehind();
    const seems = (steadyMs: number) =>
      sqlite.exec(`update gate set clock_id = 'elsewhere', expires_steady_ms = ${steadyMs},
        expires_at_ms = ${Date.now() + HOUR_MS + steadyMs}`);
    for (let times = 0; times < 10; times += 1) {
      seems(times);
      expect(await take(ledger)).toBeUndefined();
      await sleep(50);
    }
    await sleep(320);

    const lease = await take(ledger);
    expect(lease).toBeDefined();
    await lease?.release();
  });
});

describe('a jump of the wall clock', () => {
  /** Moved one way, it is the same as the wall clock moving the other way. */
  let steadyMs: number;
  let id: string;
  let db: Database;
  beforeEach(() => {
    steadyMs = 1_000_000;
    id = 'boot 1';
    const own = new Sqlite(ledger.address);
    db = new Kysely({ dialect: createSqliteDialect({ sqlite: own, close: () => own.close() }) });
  });
  afterEach(() => db.destroy());

  const openClock = () =>
    createWallClock({
      db,
      extensions: [zoomExtension],
      clock: {
        get id() {
          return id;
        },
        nowMs: () => steadyMs,
      },
    });

  async function withFence(work: (fence: number) => Promise<unknown>): Promise<void> {
    const lease = await ledger.gate.acquire({ recordingId: 'x', holder: 'test', onLost: () => {} });
    await work(lease?.fence ?? 0);
    await lease?.release();
  }

  /** One of each that waits for a time, and how long each still waits, in whole seconds. */
  async function waiting(forMs: number) {
    const untilMs = Date.now() + forMs;
    const retried = (await ledger.recordings.accept(fileRecording('retried'))).id;
    await withFence((fence) => ledger.moves.backOff(retried, error, untilMs, fence));
    const postponed = (await ledger.recordings.accept(fileRecording('postponed'))).id;
    await withFence((fence) => ledger.moves.postpone(postponed, error, untilMs, fence));
    const delayed = await ledger.recordings.accept({
      ...zoomRecording('delayed', 1, 'a'),
      notBeforeMs: untilMs,
    });
    const named = await ledger.recordings.accept(fileRecording('named', { notBeforeMs: untilMs }));
    const scheduled = (await ledger.recordings.accept(zoomRecording('scheduled', 1, 'b'))).id;
    await ledger.operator.schedule(scheduled, untilMs);
    const delivery = await ledger.deliveries.add({ recordingId: retried, type: 'x', body: '{}' });
    await ledger.deliveries.backOff(delivery.id, error, untilMs);
    // It was made before the clock jumped.
    sqlite.exec(`update deliveries set created_at_ms = created_at_ms - ${48 * HOUR_MS}`);
    await ledger.watches.add({ videoId: 'v', recordingId: retried, notBeforeMs: untilMs });
    return async () => {
      const left = (atMs: number | undefined) => Math.round(((atMs ?? 0) - Date.now()) / 1000);
      const of = async (recordingId: string) => left((await ledger.recordings.get(recordingId))?.notBeforeMs);
      return {
        retried: await of(retried),
        postponed: await of(postponed),
        delayed: await of(delayed.id),
        delivery: left((await ledger.deliveries.get(delivery.id))?.notBeforeMs),
        watch: left((await ledger.watches.get('v'))?.notBeforeMs),
        named: await of(named.id),
        scheduled: await of(scheduled),
      };
    };
  }

  it.each([
    ['back by an hour', -HOUR_MS],
    ['forward by a day', 24 * HOUR_MS],
    ['back by ten seconds', -10_000],
  ])('%s moves along what waits, once, and leaves what a person has named', async (_how, jumpMs) => {
    const clock = openClock();
    await clock.follow();
    const left = await waiting(100_000 - jumpMs);
    steadyMs -= jumpMs;

    expect(Math.abs((await clock.follow()) - jumpMs)).toBeLessThan(2000);
    expect(await clock.follow()).toBe(0);
    expect(await openClock().follow()).toBe(0);

    const { named, scheduled, ...others } = await left();
    for (const seconds of Object.values(others)) expect(Math.abs(seconds - 100)).toBeLessThan(4);
    for (const seconds of [named, scheduled]) expect(Math.abs(seconds - 100 + jumpMs / 1000)).toBeLessThan(4);
    expect(await clock.isSettled()).toBe(false);
  });

  it('back leaves due what was due a moment before, and had not begun yet', async () => {
    const clock = openClock();
    await clock.follow();
    const left = await waiting(HOUR_MS - 2000);
    steadyMs += HOUR_MS;

    await clock.follow();

    const { named, scheduled, ...others } = await left();
    for (const seconds of Object.values(others)) expect(seconds).toBeLessThanOrEqual(0);
    for (const seconds of [named, scheduled]) expect(seconds).toBeGreaterThan(3000);
  });

  it('forward leaves an announcement alone that was made between the jump and its being noticed', async () => {
    const clock = openClock();
    await clock.follow();
    steadyMs -= HOUR_MS;
    const { id: recordingId } = await ledger.recordings.accept(fileRecording('told'));
    const { id: fresh } = await ledger.deliveries.add({ recordingId, type: 'x', body: '{}' });
    await ledger.deliveries.backOff(fresh, error, Date.now() + 2000);

    expect(await clock.follow()).toBeGreaterThan(HOUR_MS / 2);

    expect((await ledger.deliveries.get(fresh))?.notBeforeMs).toBeLessThan(Date.now() + 3000);
  });

  it('is noticed also where it came while no worker ran', async () => {
    await openClock().follow();
    const left = await waiting(5000 + HOUR_MS);
    steadyMs += HOUR_MS;

    expect(await openClock().follow()).toBeLessThan(-HOUR_MS + 2000);
    expect(Math.abs((await left()).retried - 5)).toBeLessThan(4);
  });

  it('over a start of the machine is noticed by time that has gone backwards', async () => {
    await openClock().follow();
    sqlite.exec(`update clock set seen_at_ms = seen_at_ms + ${HOUR_MS}`);
    id = 'boot 2';

    expect(await openClock().follow()).toBeLessThan(-HOUR_MS + 5000);
  });

  it('is none where a clock is only corrected a little, or a machine was off for a day', async () => {
    const clock = openClock();
    await clock.follow();
    steadyMs += 1500;
    expect(await clock.follow()).toBe(0);
    sqlite.exec(`update clock set seen_at_ms = seen_at_ms - ${24 * HOUR_MS}`);
    id = 'boot 2';

    expect(await openClock().follow()).toBe(0);
    expect(await openClock().isSettled()).toBe(true);
  });
});

describe('Redis under a wall clock that was set back', () => {
  const closing: (() => Promise<unknown>)[] = [];
  let redis: TestRedis;
  beforeEach(async () => {
    redis = await startRedis();
    closing.push(() => redis.stop());
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  function connect() {
    const connection = connectRedis({ url: redis.url }, log);
    closing.push(async () => connection.disconnect());
    return connection;
  }

  it('does not keep a job longer than the ledger says', async () => {
    const connection = connect();
    const queue = new Queue('things', { connection, prefix: KEY_PREFIX });
    closing.push(() => queue.close());
    for (const id of ['due', 'later']) await queue.add('things', { id }, { jobId: id, delay: HOUR_MS });
    const line = createLine({
      name: 'things',
      connection,
      concurrency: 1,
      pending: async (afterSeq) =>
        [
          { id: 'due', seq: 1, notBeforeMs: 0 },
          { id: 'later', seq: 2, notBeforeMs: Date.now() + 60_000 },
        ].filter(({ seq }) => seq > afterSeq),
      log,
    });
    closing.push(() => line.stop());

    line.reconcile();

    await expect.poll(() => queue.getJobState('due')).toBe('waiting');
    await expect.poll(async () => (await queue.getJob('later'))?.delay).toBeLessThanOrEqual(60_000);
  });

  it('does not keep the job of a dead worker locked', async () => {
    const connection = connect();
    const queue = new Queue('things', { connection, prefix: KEY_PREFIX });
    closing.push(() => queue.close());
    await queue.setGlobalConcurrency(1);
    await queue.add('things', { id: 'a' }, { jobId: 'a' });
    const shared = { name: 'things', connection, concurrency: 1, lockMs: 1000, log };
    const dead = startJobWorker({ ...shared, connection: connect(), process: () => new Promise(() => {}) });
    await expect.poll(() => queue.getActiveCount()).toBe(1);
    await dead.stop(10);
    await connection.set(`${queue.toKey('a')}:lock`, 'of the dead', 'PX', HOUR_MS);
    await connection.set(queue.toKey('stalled-check'), '1', 'PX', HOUR_MS);

    const ran: string[] = [];
    const worker = startJobWorker({
      ...shared,
      async process(id) {
        ran.push(id);
        return 'finished';
      },
    });
    closing.push(() => worker.stop(1000));

    await expect.poll(() => ran, { timeout: 15_000 }).toEqual(['a']);
  });
});
