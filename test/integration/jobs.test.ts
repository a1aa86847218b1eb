import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectRedis } from '../../src/queue/connection.ts';
import { type Outcome, startJobWorker } from '../../src/queue/jobs.ts';
import { createLine } from '../../src/queue/line.ts';
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
