import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import type { RecordingView } from '../../src/server/api/views.ts';
import { startMailServer, startWebhook } from '../support/alarm-listeners.ts';
import { zoomHeaders } from '../support/app.ts';
import { freePort } from '../support/free-port.ts';
import { type House, openHouse } from '../support/house.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

/** A house whose alarms go to a mail server and a webhook. */
async function openAlarmedHouse(settings: Record<string, string> = {}) {
  const mail = await startMailServer();
  const webhook = await startWebhook();
  open.push(mail, webhook);
  const house = await openHouse({
    ALARM_WEBHOOK_URL: webhook.url,
    ALARM_MAIL_TO: 'ops@academy.example, head@academy.example',
    ALARM_MAIL_FROM: 'Sluice <sluice@academy.example>',
    SMTP_URL: mail.url,
    ALARM_PAUSE_S: '0.1',
    PUBLIC_URL: 'https://sluice.academy.example',
    ...settings,
  });
  open.push(house);
  const told = () => webhook.bodies.map(({ text }) => text).join('\n');
  return { house, mail, webhook, told };
}

async function openAlarms(
  house: House,
): Promise<{ kind: string; title: string; recording_id: string | null }[]> {
  const response = await fetch(`${house.config.pipeline.url}/api/alarms`);
  return ((await response.json()) as { alarms: [] }).alarms;
}

/** Lets a recording fail for good: B2 refuses it. */
async function failOne(house: House, title: string): Promise<string> {
  const body = JSON.stringify({ status: 400, code: 'invalid_file_info', message: 'file info is too large' });
  house.b2.fail({ on: 'POST /b2api/*/b2_upload_file/*', count: 1, status: 400, body });
  const { id } = await house.addCustom(title);
  await house.reaches(id, 'failed');
  return id;
}

const patiently = { timeout: 10_000 };

describe('an alarm', () => {
  it('tells of a failed recording in plain words, by e-mail and webhook, and when it is over', async () => {
    const { house, mail, told } = await openAlarmedHouse();
    await house.startWorker();

    const id = await failOne(house, 'Algebra <!channel>');

    await expect.poll(() => mail.mails.length, patiently).toBe(1);
    await expect.poll(told, patiently).toContain('has failed');
    expect(mail.mails[0]).toMatchObject({
      from: 'sluice@academy.example',
      to: ['ops@academy.example', 'head@academy.example'],
    });
    for (const text of [told(), mail.mails[0]?.text]) {
      expect(text).toContain(id);
      expect(text).toContain('REMOTE_REJECTED');
      expect(text).toContain('What to do:');
      expect(text).toContain(`https://sluice.academy.example/recordings/${id}`);
      expect(text).not.toMatch(/tried again/i);
    }
    expect(told()).toContain('Algebra &lt;!channel&gt;');
    expect(await openAlarms(house)).toMatchObject([{ kind: 'recording', recording_id: id }]);

    expect((await house.post(`/api/recordings/${id}/retry`, {})).status).toBe(200);

    await expect.poll(told, patiently).toContain('RESOLVED: "Algebra');
    await expect.poll(() => mail.mails.length, patiently).toBe(2);
    expect(mail.mails[1]?.text).toContain('RESOLVED');
    expect(await openAlarms(house)).toEqual([]);
  });

  it('comes once and is resolved once, across restarts of the worker', async () => {
    const { house, told, webhook } = await openAlarmedHouse();
    const first = await house.startWorker();
    const id = await failOne(house, 'algebra');
    await expect.poll(told, patiently).toContain('has failed');
    await first.stop();

    await house.post(`/api/recordings/${id}/cancel`, {});
    const second = await house.startWorker();
    await expect.poll(told, patiently).toContain('RESOLVED');
    await second.stop();
    await house.startWorker();
    const other = await failOne(house, 'geometry');

    await expect.poll(told, patiently).toContain(other);
    expect(webhook.bodies.filter(({ text }) => text.includes('ALARM: "algebra"'))).toHaveLength(1);
    expect(webhook.bodies.filter(({ text }) => text.includes('RESOLVED: "algebra"'))).toHaveLength(1);
  });

  it('comes once also if the worker stops while it is being told', async () => {
    const { house, told, webhook } = await openAlarmedHouse({ ALARM_CAUSE_PAUSE_MIN: '0' });
    let answer = () => {};
    webhook.faults.answersAfter = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const first = await house.startWorker();
    await failOne(house, 'algebra');
    await expect.poll(told, patiently).toContain('ALARM: "algebra"');

    const stopped = first.stop();
    await sleep(100);
    answer();
    await stopped;
    await house.startWorker();
    const other = await failOne(house, 'geometry');

    await expect.poll(told, patiently).toContain(other);
    expect(webhook.bodies.filter(({ text }) => text.includes('ALARM: "algebra"'))).toHaveLength(1);
  });

  it('sums up a burst of failures in a few messages', async () => {
    const { house, webhook, told } = await openAlarmedHouse({
      ALARM_PAUSE_S: '2',
      ALARM_CAUSE_PAUSE_MIN: '0.05',
    });
    house.b2.fail({ on: 'POST /b2api/*', count: 1000, status: 400 });
    const ids: string[] = [];
    for (let n = 0; n < 15; n += 1) ids.push((await house.addCustom(`lesson-${n}`)).id);
    await house.startWorker();
    for (const id of ids) await house.reaches(id, 'failed');

    await expect.poll(async () => (await openAlarms(house)).length, patiently).toBe(15);
    await expect
      .poll(told, patiently)
      .toMatch(/ALARM: \d+ (more )?recordings have failed for (one|the same) cause\n {2}- "lesson-/);
    expect(told()).toContain('https://sluice.academy.example/recordings?state=failed');
    expect(webhook.bodies.length).toBeLessThanOrEqual(4);
  });

  it('is held back for a while if people know the cause, as long as one of them is open', async () => {
    const { house, told } = await openAlarmedHouse();
    await house.startWorker();
    const first = await failOne(house, 'algebra');
    await expect.poll(told, patiently).toContain('ALARM: "algebra" has failed');

    await failOne(house, 'geometry');
    await expect.poll(async () => (await openAlarms(house)).length, patiently).toBe(2);
    await house.post('/api/line/pause', {});
    const { id: gone, path: gonePath } = await house.addCustom('gone');
    await rm(gonePath);
    await house.post('/api/line/resume', {});
    await house.reaches(gone, 'failed');

    // Another cause is told at once, this one not yet.
    await expect.poll(told, patiently).toContain('ALARM: "gone" has failed');
    expect(told()).not.toContain('geometry');

    await house.post(`/api/recordings/${first}/cancel`, {});
    await expect.poll(told, patiently).toContain('ALARM: "geometry" has failed');
  });

  it('is sent again until somebody takes it, and holds no recording up meanwhile', async () => {
    const { house, mail, told } = await openAlarmedHouse({
      ALARM_WEBHOOK_URL: `http://127.0.0.1:${await freePort()}/x`,
    });
    mail.faults.refused = 1;
    await house.startWorker();

    const id = await failOne(house, 'algebra');
    const { id: next } = await house.addCustom('geometry');
    await house.reaches(next, 'done');

    // Five seconds after the first attempt.
    await expect.poll(() => mail.mails.length, { timeout: 15_000 }).toBe(1);
    expect(mail.mails[0]?.text).toContain(id);
    expect(told()).toBe('');
  });

  it('tells of a service that is down for long, and of its return', async () => {
    const { house, told } = await openAlarmedHouse({ ALARM_CIRCUIT_OPEN_MIN: '0.005' });
    house.b2.fail({ on: 'POST /b2api/*', count: 1000, status: 503 });
    await house.startWorker();
    const { id } = await house.addCustom('algebra');

    await expect.poll(told, patiently).toContain('ALARM: Backblaze B2 has been down');

    house.b2.faults.clear();
    await house.reaches(id, 'done');
    await expect.poll(told, patiently).toContain('RESOLVED: Backblaze B2');
  });

  it('tells of a full disk, of a line that stands still and of a website that has gone', async () => {
    const { house, told } = await openAlarmedHouse({
      DISK_RESERVE_BYTES: String(Number.MAX_SAFE_INTEGER),
      ALARM_WAITING_H: '0.0001',
    });
    await house.post('/api/line/pause', {});
    house.site.fail({ on: 'POST /*', count: 1000, status: 410 });
    const { id } = await house.addCustom('algebra');
    await house.startWorker();

    await expect
      .poll(async () => (await openAlarms(house)).map(({ kind }) => kind).sort(), patiently)
      .toEqual(['disk', 'waiting']);
    await expect.poll(told, patiently).toContain('The line is paused.');
    await house.post('/api/line/resume', {});
    await house.reaches(id, 'done');

    await expect.poll(told, patiently).toContain('RESOLVED: "algebra" has waited');
    await expect.poll(told, patiently).toContain('ALARM: The website wants to hear no more');
    house.site.faults.clear();
    await house.post('/api/site/listens', {});
    await expect.poll(told, patiently).toContain('RESOLVED: The website');
  });

  it("tells that Zoom's webhooks are refused, and when a right one has come; others at the door do not count", async () => {
    const { house, told } = await openAlarmedHouse({ ALARM_ZOOM_REFUSALS: '3' });
    await house.startWorker();
    const body = JSON.stringify({ event: 'meeting.started', payload: {} });
    const knock = (headers: Record<string, string>) =>
      fetch(house.webhookUrl, { method: 'POST', headers, body });

    for (let n = 0; n < 5; n += 1)
      expect((await knock({ 'content-type': 'application/json' })).status).toBe(401);
    for (let n = 0; n < 2; n += 1)
      expect((await knock(zoomHeaders(body, { secretToken: 'old' }))).status).toBe(401);
    await failOne(house, 'algebra');
    await expect.poll(told, patiently).toContain('algebra');
    expect(told()).not.toContain('Zoom');

    await knock(zoomHeaders(body, { secretToken: 'old' }));
    await expect.poll(told, patiently).toContain("ALARM: Zoom's webhooks are refused");

    await house.addZoom('geometry');
    await expect.poll(told, patiently).toContain("RESOLVED: Zoom's webhooks are refused");
  });

  it('keeps a dead man’s switch content only while all that has to move moves', async () => {
    const pings: string[] = [];
    const listener = createServer((request, response) => {
      pings.push(`${request.method} ${request.url}`);
      response.end('OK');
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => new Promise((resolve) => listener.close(resolve)) });
    const house = await openHouse({
      ALARM_PING_URL: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/ping-secret`,
      ALARM_PING_EVERY_S: '1',
      SILENT_AFTER_S: '3',
    });
    open.push(house);
    expect(pings).toEqual([]);
    await house.startWorker();
    await expect.poll(() => pings, patiently).toContain('GET /ping-secret');

    const redis = new Redis({ path: house.redis.socketPath });
    await redis.config('SET', 'maxmemory', '1');
    await expect
      .poll(async () => (await fetch(`${house.config.pipeline.url}/readyz`)).status, patiently)
      .toBe(503);
    await sleep(1500);
    const before = pings.length;
    await sleep(2500);
    expect(pings.length).toBe(before);

    await redis.config('SET', 'maxmemory', '0');
    redis.disconnect();
    await expect.poll(() => pings.length, patiently).toBeGreaterThan(before);
  });

  it('is shown to operators also where nobody is told', async () => {
    const house = await openHouse();
    open.push(house);
    await house.startWorker();

    const id = await failOne(house, 'algebra');

    await expect
      .poll(async () => (await openAlarms(house))[0], patiently)
      .toMatchObject({
        kind: 'recording',
        recording_id: id,
        title: '"algebra" has failed',
      });
    const view = (await (
      await fetch(`${house.config.pipeline.url}/api/recordings/${id}`)
    ).json()) as RecordingView;
    expect(view.state).toBe('failed');
  });
});
