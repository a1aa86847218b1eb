import { Queue } from 'bullmq';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/domain/outcome.ts';
import { connectRedis, KEY_PREFIX } from '../../src/queue/connection.ts';
import { startJobWorker } from '../../src/queue/jobs.ts';
import { createLine } from '../../src/queue/line.ts';
import { listenForProgress } from '../../src/queue/progress.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const log = pino({ level: 'silent' });

describe('a job', () => {
  const closing: (() => Promise<unknown>)[] = [];
  let redis: TestRedis;

  beforeEach(async () => {
    redis = await startRedis();
    closing.push(() => redis.stop());
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  /** Puts three jobs in line and runs them; resolves with the ids in the order in which they were run. */
  async function runAll(process: (id: string, runs: number) => Promise<Outcome>): Promise<string[]> {
    const connection = connectRedis({ url: redis.url }, log);
    closing.push(async () => connection.disconnect());
    const items = ['a', 'b', 'c'].map((id, at) => ({ id, seq: at + 1, notBeforeMs: 0 }));
    const line = createLine({
      name: 'things',
      connection,
      concurrency: 1,
      pending: async (afterSeq) => items.filter(({ seq }) => seq > afterSeq),
      log,
    });
    closing.push(() => line.stop());
    const ran: string[] = [];
    const worker = startJobWorker({
      name: 'things',
      connection,
      concurrency: 1,
      lockMs: 5000,
      process: (id) => {
        ran.push(id);
        return process(id, ran.length);
      },
      log,
    });
    closing.push(() => worker.stop(1000));
    await expect.poll(() => ran.includes('c'), { timeout: 10_000 }).toBe(true);
    return ran;
  }

  it.each<[string, unknown]>([
    ['nothing', null],
    ['no id', {}],
    ['a number for an id', { id: 7 }],
    ['a list', [{ id: 'x' }]],
  ])(
    'with %s in it, which none of us has put in line, is done with and holds nobody up',
    async (_name, data) => {
      const connection = connectRedis({ url: redis.url }, log);
      const queue = new Queue('things', { connection, prefix: KEY_PREFIX });
      closing.push(() => queue.close());
      closing.push(async () => connection.disconnect());
      await queue.add('foreign', data, { jobId: 'foreign-1' });

      expect(await runAll(async () => 'finished')).toEqual(['a', 'b', 'c']);
      await expect.poll(() => queue.getActiveCount()).toBe(0);
    },
  );

  it('tells of progress only what is progress, whatever else is written to Redis', async () => {
    const connection = connectRedis({ url: redis.url }, log);
    closing.push(async () => connection.disconnect());
    const heard: unknown[] = [];
    const listening = listenForProgress(connection, (message) => heard.push(message));
    closing.push(async () => listening.stop());
    const fetch = { doneBytes: 1, totalBytes: 2, bytesPerS: 3, leftS: 4, idleS: 5 };
    const real = { recordingId: 'rec_1', legs: { fetch }, encodings: {} };
    const foreign = [
      ...[null, 7, [], {}, { ...real, legs: null }, { ...real, legs: { fetch: null } }],
      ...[
        { ...real, legs: { '<b>': fetch } },
        { ...real, legs: { fetch: { ...fetch, doneBytes: '<b>' } } },
      ],
      { ...real, encodings: { poster: { doneS: '<b>' } } },
      { ...real, recordingId: 'x'.repeat(101) },
    ];

    await expect
      .poll(async () => {
        for (const each of foreign) await connection.publish('sluice:progress', JSON.stringify(each));
        await connection.publish('sluice:progress', '{');
        await connection.publish('sluice:progress', JSON.stringify(real));
        return heard.length;
      })
      .toBeGreaterThan(0);
    expect(new Set(heard.map((each) => JSON.stringify(each)))).toEqual(new Set([JSON.stringify(real)]));
  });

  it('that Redis forgets while it runs goes on, and one line of the log says so', async () => {
    const lines: { event?: string; level: number }[] = [];
    const connection = connectRedis({ url: redis.url }, log);
    closing.push(async () => connection.disconnect());
    const queue = new Queue('things', { connection, prefix: KEY_PREFIX });
    closing.push(() => queue.close());
    let end = (): void => {};
    let isAborted: boolean | undefined;
    const worker = startJobWorker({
      name: 'things',
      connection,
      concurrency: 1,
      lockMs: 400,
      process: async (_id, signal) => {
        await new Promise<void>((resolve) => {
          end = resolve;
        });
        isAborted = signal.aborted;
        return 'finished';
      },
      log: pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
    });
    closing.push(() => worker.stop(1000));
    await queue.add('things', { id: 'a' }, { jobId: 'a' });
    await expect.poll(() => queue.getActiveCount()).toBe(1);
    await connection.flushall();
    await expect.poll(() => lines.some(({ event }) => event === 'job.lock-lost')).toBe(true);
    // Time for several more attempts to renew it.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    end();
    await expect.poll(() => isAborted).toBe(false);
    await worker.stop(1000);

    expect(lines.filter(({ level }) => level > 30).map(({ event }) => event)).toEqual(['job.lock-lost']);
  });

  it('keeps its place in line when the ledger cannot be used', async () => {
    const busy = Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' });
    const ran = await runAll(async (_id, runs) => {
      if (runs === 1) throw busy;
      return 'finished';
    });

    expect(ran).toEqual(['a', 'a', 'b', 'c']);
  });

  it('that cannot be done for a reason of its own lets the others pass', async () => {
    const ran = await runAll(async (id) => {
      if (id === 'a') throw new Error('unreadable');
      return 'finished';
    });

    expect(ran).toEqual(['a', 'b', 'c']);
  });
});
