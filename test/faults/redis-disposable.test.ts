import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KEY_PREFIX } from '../../src/queue/connection.ts';
import { hostQueue, RECORDINGS_QUEUE } from '../../src/queue/names.ts';
import {
  arrive,
  expectHome,
  happens,
  QUICK_SETTINGS,
  type Sent,
  type Source,
  sendMeeting,
  UNWATCHED,
  writeSource,
} from '../support/faults-house.ts';
import { type House, openHouse } from '../support/house.ts';

/** Long enough for a busy machine to renew it in time. */
const LEASE_MS = 2000;

describe('Redis may go at any moment', () => {
  let house: House;
  let source: Source;

  beforeEach(async () => {
    house = await openHouse({ ...QUICK_SETTINGS, ...UNWATCHED, LEASE_MS: String(LEASE_MS) });
    source = await writeSource(house, 'source', 6_000_000);
  });
  afterEach(() => house.close());

  /** A recording in the middle of its download, which stays there until the link is fast again. */
  async function inMidDownload(): Promise<Sent> {
    house.zoom.cdn.link.bytesPerSecond = 1_000_000;
    const sent = await sendMeeting(house, 'Moving', source);
    await happens(house, sent.id, 'stage.started fetch');
    return sent;
  }

  /** What the queue has in one of its lists, and that of this host, which has what lies on its disk. */
  async function queued(list: 'active' | 'wait'): Promise<string[]> {
    const redis = new Redis({ path: house.redis.socketPath });
    try {
      const queues = [RECORDINGS_QUEUE, hostQueue(RECORDINGS_QUEUE, house.config.host.id ?? '')];
      const lists = await Promise.all(
        queues.map((name) => redis.lrange(`${KEY_PREFIX}:${name}:${list}`, 0, -1)),
      );
      return lists.flat();
    } finally {
      redis.disconnect();
    }
  }

  const countWaiting = async () => (await queued('wait')).length;

  /** Whether the queue believes that a worker has it. Once the queue has lost it, that is another worker than ours. */
  const isTaken = async ({ id }: Sent) => (await queued('active')).includes(id);

  /** The largest number of recordings that were moving at once, and how often each began. */
  async function movements(): Promise<{ most: number; starts: Map<string, number> }> {
    const moving = new Set<string>();
    const starts = new Map<string, number>();
    let most = 0;
    for (const { type, recordingId } of await house.recordings.events()) {
      if (type === 'attempt.started') {
        starts.set(recordingId, (starts.get(recordingId) ?? 0) + 1);
        moving.add(recordingId);
        most = Math.max(most, moving.size);
      }
      if (/^(recording\.(done|failed)|attempt\.(failed|interrupted|postponed))$/.test(type)) {
        moving.delete(recordingId);
      }
    }
    return { most, starts };
  }

  async function sendSome(count: number): Promise<Sent[]> {
    const small = await writeSource(house, 'small');
    return await Promise.all(
      Array.from({ length: count }, (_, n) => sendMeeting(house, `Waiting ${n}`, small)),
    );
  }

  it.each([
    [
      'is emptied',
      async () => {
        const redis = new Redis({ path: house.redis.socketPath });
        await redis.flushall();
        redis.disconnect();
      },
    ],
    [
      'is killed and comes back with what it had',
      async () => {
        await house.redis.kill();
        await house.redis.start();
      },
    ],
    [
      'is away longer than a lease lasts',
      async () => {
        await house.redis.kill();
        await delay(2 * LEASE_MS);
        await house.redis.start();
      },
    ],
  ])(
    '%s in the middle of a transfer, with two workers: nothing is lost, nothing moves twice',
    async (_name, disturb) => {
      await house.startWorker();
      await house.startWorker();
      const moving = await inMidDownload();
      const waiting = await sendSome(3);
      await expect.poll(countWaiting, { timeout: 10_000 }).toBe(waiting.length);

      await disturb();
      await expect.poll(() => isTaken(moving), { timeout: 20_000, interval: 10 }).toBe(true);
      house.zoom.cdn.link.bytesPerSecond = undefined;
      for (const each of [moving, ...waiting]) await arrive(house, each);

      for (const each of [moving, ...waiting]) await expectHome(house, each);
      const { most, starts } = await movements();
      expect(most).toBe(1);
      expect([...starts.values()]).toEqual([1, 1, 1, 1]);
    },
  );

  it('is away while webhooks arrive: all are accepted at once, and all come home, one at a time', async () => {
    await house.startWorker();
    const moving = await inMidDownload();
    await house.redis.kill();
    const answered = Date.now();
    const waiting = await sendSome(6);
    const again = await Promise.all(
      waiting.map(async ({ title }) => {
        const meeting = house.zoom.meetings().find(({ topic }) => topic === title);
        if (meeting === undefined) throw new Error('no meeting');
        return await house.zoom.send(house.webhookUrl, house.zoom.recordingCompleted(meeting));
      }),
    );
    // Zoom waits 3 s for an answer, and gives an attempt without one another status.
    expect(again.map(({ status }) => status)).toEqual(waiting.map(() => 200));
    await delay(Math.max(0, answered + 2 * LEASE_MS - Date.now()));

    await house.redis.start();
    house.zoom.cdn.link.bytesPerSecond = undefined;
    for (const each of [moving, ...waiting]) await arrive(house, each);

    for (const each of [moving, ...waiting]) await expectHome(house, each);
    const { most, starts } = await movements();
    expect(most).toBe(1);
    expect([...starts.values()]).toEqual(Array.from({ length: 7 }, () => 1));
  });

  it('is away while the website is to be told: it is told once Redis is back', async () => {
    await house.startWorker();
    const moving = await inMidDownload();
    await house.redis.kill();
    house.zoom.cdn.link.bytesPerSecond = undefined;
    await house.reaches(moving.id, 'done');
    expect(house.heard('recording.published')).toEqual([]);

    await house.redis.start();
    await arrive(house, moving);
    await expectHome(house, moving);
  });
});
