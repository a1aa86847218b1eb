import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { startTus } from '../../src/processes/tus.ts';
import { startWebhook } from '../support/alarm-listeners.ts';
import { freePort } from '../support/free-port.ts';
import { type House, openHouse } from '../support/house.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

const soon = { timeout: 15_000, interval: 100 };

/** A house in which silence counts after a second, with somebody who hears of alarms. */
async function openWatchedHouse(settings: Record<string, string> = {}) {
  const webhook = await startWebhook();
  open.push(webhook);
  const house = await openHouse({
    SILENT_AFTER_S: '1.2',
    STANDSTILL_MIN: '0.03',
    ALARM_WEBHOOK_URL: webhook.url,
    ALARM_PAUSE_S: '0.1',
    TUS_PORT: String(await freePort()),
    ...settings,
  });
  open.push(house);
  const told = (text: string) => webhook.bodies.filter((body) => body.text.includes(text)).length;
  return { house, told };
}

async function get(house: House, path: string) {
  const response = await fetch(`${house.config.pipeline.url}${path}`);
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  const body: any = path === '/metrics' ? text : JSON.parse(text);
  return { status: response.status, body };
}

/** Each process watches for itself: what one has told by an alarm, another may see a moment later. */
async function isReady(house: House, status: 200 | 503): Promise<void> {
  await expect.poll(async () => (await get(house, '/readyz')).status, soon).toBe(status);
}

/** What every surface says at this moment. */
async function surfaces(house: House) {
  const ready = await get(house, '/readyz');
  const status = await get(house, '/api/status');
  const metrics = new Map(
    String((await get(house, '/metrics')).body)
      .split('\n')
      .filter((line) => line.startsWith('sluice_'))
      .map((line) => line.split(' ') as [string, string]),
  );
  const alarms = (await get(house, '/api/alarms')).body.alarms.map(({ kind }: { kind: string }) => kind);
  return {
    ready: ready.status,
    reasons: ready.body.reasons as string[],
    body: ready.body,
    troubles: status.body.troubles.map(({ title }: { title: string }) => title) as string[],
    metric: (name: string) => Number(metrics.get(`sluice_${name}`)),
    alarms: alarms as string[],
  };
}

describe('an installation whose worker', () => {
  it('lives is ready, and says nothing is wrong', async () => {
    const { house } = await openWatchedHouse();
    await house.startWorker();

    await isReady(house, 200);
    const { reasons, troubles, metric, alarms, body } = await surfaces(house);
    expect({ reasons, troubles, alarms }).toEqual({ reasons: [], troubles: [], alarms: [] });
    expect(body).toMatchObject({ worker: 'ok', redis: 'ok', ledger: 'ok', tus: 'unheard' });
    expect([metric('process_up{app="worker"}'), metric('redis_up'), metric('ledger_writable')]).toEqual([
      1, 1, 1,
    ]);
  });

  it('was never started is not ready, and says so at once', async () => {
    const { house } = await openWatchedHouse();

    const { ready, reasons, metric } = await surfaces(house);

    expect([ready, reasons]).toEqual([503, ['The worker has not been heard of yet.']]);
    expect(metric('process_up{app="worker"}')).toBe(0);
  });

  it('dies says so everywhere; the alarm comes from the pipeline, once, and ends when it is back', async () => {
    const { house, told } = await openWatchedHouse();
    const worker = await house.startWorker();
    await isReady(house, 200);
    await worker.stop();

    await expect.poll(() => told('ALARM: The worker has not been heard of'), soon).toBe(1);
    await isReady(house, 503);
    const { ready, reasons, troubles, metric, alarms } = await surfaces(house);
    expect(ready).toBe(503);
    expect(reasons.join()).toContain('The worker has not been heard of for');
    expect(troubles.join()).toContain('The worker has not been heard of for');
    expect(metric('process_up{app="worker"}')).toBe(0);
    expect(metric('heartbeat_age_seconds{app="worker"}')).toBeGreaterThan(1);
    expect(alarms).toEqual(['process']);

    await house.startWorker();
    await expect.poll(() => told('RESOLVED: The worker has not been heard of'), soon).toBe(1);
    await isReady(house, 200);
    expect(told('ALARM: The worker has not been heard of')).toBe(1);
  });
});

it('an upload server that falls silent is noticed, and its return', async () => {
  const { house, told } = await openWatchedHouse();
  await house.startWorker();
  const tus = await startTus(house.config, pino({ level: 'silent' }));
  await expect
    .poll(async () => (await surfaces(house)).body, soon)
    .toMatchObject({ tus: 'ok', status: 'ok' });
  await tus.stop();

  await expect.poll(() => told('ALARM: The upload server (tus) has not been heard of'), soon).toBe(1);
  await expect
    .poll(async () => (await surfaces(house)).reasons.join(), soon)
    .toContain('The upload server (tus) has not been heard of for');

  const again = await startTus(house.config, pino({ level: 'silent' }));
  open.push({ close: again.stop });
  await expect.poll(() => told('RESOLVED: The upload server (tus) has not been heard of'), soon).toBe(1);
});

it('a full Redis is no Redis that is well: nothing moves, and everybody is told', async () => {
  const { house, told } = await openWatchedHouse();
  await house.startWorker();
  await isReady(house, 200);
  const redis = new Redis({ path: house.redis.socketPath });
  open.push({ close: async () => redis.disconnect() });
  await redis.config('SET', 'maxmemory', '1');
  const { id } = await house.addCustom('algebra');

  await expect.poll(() => told('ALARM: Redis is full and takes no writes'), soon).toBe(1);
  const { ready, reasons, metric, body } = await surfaces(house);
  expect([ready, reasons[0]]).toEqual([503, 'Redis is full and takes no writes.']);
  expect([body.redis, metric('redis_up'), metric('redis_connected')]).toEqual(['refusing', 0, 1]);

  await redis.config('SET', 'maxmemory', '0');
  await house.reaches(id, 'done');
  await expect.poll(() => told('RESOLVED: Redis is full'), soon).toBe(1);
  await isReady(house, 200);
});

it('announcements that were given up are told of, until they are sent again', async () => {
  const { house, told } = await openWatchedHouse({ SITE_RETRY_SCHEDULE_S: '1' });
  await house.startWorker();
  house.site.fail({ on: 'POST /*', count: 1000, status: 500 });
  const { id } = await house.addCustom('algebra');
  await house.reaches(id, 'done');

  // That it is published, and that it is playable.
  await expect.poll(async () => (await surfaces(house)).metric('deliveries{state="failed"}'), soon).toBe(2);
  await expect.poll(() => told('to the website w'), soon).toBe(1);
  const before = await surfaces(house);
  expect([before.troubles, before.alarms]).toEqual([
    ['2 announcements to the website were given up'],
    ['announcements'],
  ]);
  const { body: status } = await get(house, '/api/status');
  expect(status.given_up).toBe(2);
  expect(status.services.at(-1)).toMatchObject({ service: 'site', state: 'failing' });

  house.site.faults.clear();
  const { deliveries } = (await get(house, '/api/deliveries/given-up')).body;
  expect(deliveries).toMatchObject([
    { recording_id: id, state: 'failed' },
    { recording_id: id, state: 'failed' },
  ]);
  for (const delivery of deliveries) await house.post(`/api/deliveries/${delivery.id}/replay`, {});

  await expect.poll(() => told('RESOLVED: '), soon).toBe(1);
  await expect.poll(async () => (await surfaces(house)).troubles, soon).toEqual([]);
});

describe('a line that stands still', () => {
  it('with a recording that moves and gets no further is told of, until it goes on', async () => {
    const { house, told } = await openWatchedHouse({ TRANSFER_IDLE_TIMEOUT_S: '12' });
    await house.startWorker();
    house.b2.fail({ on: 'POST /*b2_upload_file*', count: 1, stall: true });
    const { id } = await house.addCustom('algebra');

    await expect.poll(() => told('"algebra" has got no further'), soon).toBe(1);
    await isReady(house, 503);
    const { ready, reasons, metric } = await surfaces(house);
    expect([ready, reasons]).toEqual([503, ['The line stands still.']]);
    expect(metric('standstill')).toBe(1);
    expect(metric('progress_age_seconds')).toBeGreaterThan(1);

    await house.reaches(id, 'done');
    await expect.poll(() => told('RESOLVED: "algebra" has got no further'), soon).toBe(1);
  });

  it('though a turn is due is told of, unless an operator has paused it', async () => {
    const { house, told } = await openWatchedHouse();
    await house.startWorker();
    const connection = new Redis({ path: house.redis.socketPath, maxRetriesPerRequest: null });
    const queue = new Queue('recordings', { connection, prefix: 'sluice' });
    open.push({
      close: async () => {
        await queue.close();
        connection.disconnect();
      },
    });
    await queue.pause();
    await house.post('/api/line/pause', {});
    const { id } = await house.addCustom('algebra');
    await expect
      .poll(async () => (await surfaces(house)).metric('oldest_due_seconds'), soon)
      .toBeGreaterThan(4);
    expect((await surfaces(house)).troubles).toEqual([]);

    await house.post('/api/line/resume', {});
    await expect.poll(() => told('"algebra" has been due for'), soon).toBe(1);
    await isReady(house, 503);

    await queue.resume();
    await house.reaches(id, 'done');
    await expect.poll(() => told('RESOLVED: "algebra" has been due'), soon).toBe(1);
  });
});
