import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf, type House, openHouse } from '../support/house.ts';
import { fileRecording } from '../support/ledger.ts';

const UPLOAD = 'POST /b2api/*/b2_upload_file/*';

/** The header by which an upload says whose it is. */
const RECORDING = 'x-bz-info-sluice_recording';

describe('the line', () => {
  let house: House;

  beforeEach(async () => {
    house = await openHouse();
  });
  afterEach(() => house.close());

  /** Ids in the order in which attempts began, and the largest number of attempts under way at once. */
  async function movements(): Promise<{ order: string[]; most: number }> {
    const order: string[] = [];
    const moving = new Set<string>();
    let most = 0;
    for (const { type, recordingId } of await house.recordings.events()) {
      if (type === 'attempt.started') {
        order.push(recordingId);
        moving.add(recordingId);
        most = Math.max(most, moving.size);
      }
      if (['recording.done', 'recording.failed', 'attempt.failed', 'attempt.interrupted'].includes(type)) {
        moving.delete(recordingId);
      }
    }
    return { order, most };
  }

  it('R16 R17 works ten recordings accepted at once strictly one after another, in their order', async () => {
    await house.startWorker();
    await house.startWorker();
    const ids: string[] = [];
    for (let n = 1; n <= 10; n += 1) ids.push((await house.addCustom(`Lesson ${n}`)).id);
    for (const id of ids) await house.reaches(id, 'done');

    expect(await movements()).toEqual({ order: ids, most: 1 });
  });

  it('R5 loses none of the recordings delivered at the same moment, and moves none beside another', async () => {
    await house.startWorker();
    const added = await Promise.all(Array.from({ length: 8 }, (_, n) => house.addZoom(`Meeting ${n}`)));
    for (const { id } of added) await house.reaches(id, 'done');

    const { order, most } = await movements();
    expect(most).toBe(1);
    expect([...order].sort()).toEqual(added.map(({ id }) => id).sort());
    expect(await house.b2.files()).toHaveLength(8);
  });

  it('R18 holds a scheduled recording until its time, and lets the others pass', async () => {
    await house.startWorker();
    const notBeforeMs = Date.now() + 1500;
    const later = await house.addCustom('Later', { not_before: new Date(notBeforeMs).toISOString() });
    const now = await house.addCustom('Now');
    await house.reaches(later.id, 'done');

    expect((await movements()).order).toEqual([now.id, later.id]);
    expect((await house.recordings.get(later.id))?.startedAtMs).toBeGreaterThanOrEqual(notBeforeMs);
  });

  it('R28 R29 R30 tries a failing stage again later, resumes with that stage, and lets the others pass meanwhile', async () => {
    const stuck = await house.addZoom('Stuck');
    const other = await house.addZoom('Other');
    house.b2.fail({ on: UPLOAD, where: { [RECORDING]: stuck.id }, status: 503, count: 12 });
    await house.startWorker();
    await house.reaches(stuck.id, 'done');
    await house.reaches(other.id, 'done');

    const history = await house.history(stuck.id);
    expect(history.filter((type) => type === 'stage.started fetch')).toHaveLength(1);
    expect(history.filter((type) => type === 'stage.started archive').length).toBeGreaterThan(1);
    expect(history).toContain('attempt.failed');
    const { order } = await movements();
    expect(order.indexOf(other.id)).toBeLessThan(order.lastIndexOf(stuck.id));
  });

  it('R34 gives up after the last attempt, and says so apart from what waits', async () => {
    await house.close();
    house = await openHouse({ RETRY_ATTEMPTS: '2' });
    const waiting = await house.addCustom('Waiting', { not_before: '2999-01-01T00:00:00Z' });
    const failing = await house.addCustom('Failing');
    house.b2.fail({ on: UPLOAD, where: { [RECORDING]: failing.id }, status: 503, count: 1000 });
    await house.startWorker();
    await house.reaches(failing.id, 'failed');

    expect(await house.recordings.get(failing.id)).toMatchObject({
      state: 'failed',
      failedAttempts: 2,
      lastError: { code: 'REMOTE_UNAVAILABLE' },
    });
    expect((await house.recordings.get(waiting.id))?.state).toBe('waiting');
  });

  it('R19 R30 gives the running recording back when the worker stops, at no cost, and goes on from its bytes', async () => {
    house.zoom.cdn.link.bytesPerSecond = 4_000_000;
    const { id, path } = await house.addZoom('Interrupted', 8_000_000);
    const first = await house.startWorker();
    await expect
      .poll(() => house.recordings.progress(id).then((at) => at.checkpoints.fetch), { timeout: 10_000 })
      .toBeDefined();
    await expect.poll(() => downloadedBytes(house), { timeout: 10_000 }).toBeGreaterThan(2_000_000);
    await first.stop();

    expect(await house.recordings.get(id)).toMatchObject({ state: 'waiting', failedAttempts: 0 });
    expect(await house.history(id)).toContain('attempt.interrupted');

    house.zoom.cdn.link.bytesPerSecond = undefined;
    await house.startWorker();
    await house.reaches(id, 'done');
    const ranges = house.zoom.cdn.requests.map((request) => request.headers.range);
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d+-$/)]);
    expect(await house.b2.files()).toMatchObject([{ wholeSha1: await digestOf(path, 'sha1') }]);
  });

  it('finds everything again after Redis was wiped, in the old order', async () => {
    const ids = [];
    for (const title of ['A', 'B', 'C']) ids.push((await house.addCustom(title)).id);
    const redis = new Redis({ path: house.redis.socketPath });
    const queue = new Queue(house.lineOfFiles, { connection: redis, prefix: 'sluice' });
    await expect.poll(() => queue.getWaitingCount()).toBe(3);
    await redis.flushall();
    await queue.close();
    redis.disconnect();

    await house.startWorker();
    for (const id of ids) await house.reaches(id, 'done');
    expect((await movements()).order).toEqual(ids);
  });

  it('puts what comes after Redis was wiped behind what was there before, at once', async () => {
    const ids = [];
    const redis = new Redis({ path: house.redis.socketPath });
    const queue = new Queue(house.lineOfFiles, { connection: redis, prefix: 'sluice' });
    for (const title of ['A', 'B', 'C']) ids.push((await house.addCustom(title)).id);
    await expect.poll(() => queue.getWaitingCount()).toBe(3);
    await redis.flushall();

    ids.push((await house.addCustom('D')).id);

    await expect.poll(() => queue.getWaitingCount()).toBe(4);
    expect((await queue.getWaiting()).map(({ id }) => id)).toEqual(ids);
    await queue.close();
    redis.disconnect();
  });

  it('puts hundreds of recordings back in line, however few it reads at once', async () => {
    const later = { notBeforeMs: Date.parse('2999-01-01') };
    const keys = Array.from({ length: 250 }, (_, n) => `key-${n}`);
    for (const key of keys) await house.recordings.accept(fileRecording(key, later));
    const redis = new Redis({ path: house.redis.socketPath });
    const queue = new Queue(house.lineOfFiles, { connection: redis, prefix: 'sluice' });
    await house.startWorker();
    await expect.poll(() => queue.getDelayedCount(), { timeout: 5000 }).toBe(keys.length);

    await redis.flushall();
    await expect.poll(() => queue.getDelayedCount(), { timeout: 5000 }).toBe(keys.length);
    await queue.close();
    redis.disconnect();
  });

  it('accepts while Redis is away, and works it off once Redis is back', async () => {
    await house.startWorker();
    await house.redis.kill();
    const { id } = await house.addCustom('Patient');
    expect((await house.recordings.get(id))?.state).toBe('waiting');

    await house.redis.start();
    await house.reaches(id, 'done');
    expect(await house.b2.files()).toHaveLength(1);
  });

  it('keeps no secret in Redis', async () => {
    const { id } = await house.addZoom('Secret');
    const redis = new Redis({ path: house.redis.socketPath });
    await expect.poll(() => redis.exists(`sluice:recordings:${id}`)).toBe(1);
    const job = await redis.hgetall(`sluice:recordings:${id}`);
    redis.disconnect();

    expect(JSON.parse(job['data'] ?? '')).toEqual({ id });
    const recording = await house.recordings.get(id);
    const token = recording?.origin.kind === 'zoom' ? recording.origin.downloadToken : null;
    expect(token).toBeTruthy();
    expect(JSON.stringify(job)).not.toContain(token);
  });

  it('delivers an announcement later when the website is down, without holding up the line', async () => {
    house.site.fail({ on: 'POST /*', status: 503, count: 2 });
    await house.startWorker();
    const first = await house.addCustom('First');
    const second = await house.addCustom('Second');
    await house.reaches(second.id, 'done');
    await house.announced(first.id, second.id);

    expect(new Set(house.heard('recording.published').map((each) => each.id)).size).toBe(2);
    expect((await house.deliveries.ofRecording(first.id))[0]).toMatchObject({ state: 'delivered' });
  });
});

async function downloadedBytes(house: House): Promise<number> {
  const path = (await house.staged()).find((name) => name.endsWith('recording'));
  return path === undefined ? 0 : (await stat(join(house.config.dataDir, 'spool', path))).size;
}
