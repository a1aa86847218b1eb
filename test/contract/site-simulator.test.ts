import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SiteSimulator, startSiteSimulator } from '../../simulators/site/simulator.ts';
import { findFlaw } from '../../simulators/site/standard-webhooks.ts';

const OTHER_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const ANNOUNCEMENT = JSON.stringify({ type: 'recording.published', data: { title: '<b>Lesson & "1"</b>' } });

let site: SiteSimulator;

beforeEach(async () => {
  site = await startSiteSimulator();
});

afterEach(() => site.close());

interface Delivery {
  readonly id?: string;
  readonly secret?: string;
  readonly atMs?: number;
  readonly body?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends an announcement signed by the npm package, as the sender's side does. */
function deliver(delivery: Delivery = {}): Promise<Response> {
  const {
    id = 'msg_1',
    secret = site.secret,
    atMs = Date.now(),
    body = ANNOUNCEMENT,
    url = site.webhookUrl,
  } = delivery;
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(atMs / 1000)),
      'webhook-signature': new Webhook(secret).sign(id, new Date(atMs), body),
      ...delivery.headers,
    },
    body,
  });
}

describe('the website', () => {
  it('believes a signed announcement and keeps it', async () => {
    const atMs = Date.now();

    const response = await deliver({ atMs });

    expect(response.status).toBe(204);
    expect(site.received()).toMatchObject([
      {
        id: 'msg_1',
        timestampS: Math.floor(atMs / 1000),
        type: 'recording.published',
        body: JSON.parse(ANNOUNCEMENT),
        isValid: true,
      },
    ]);
    expect(site.received()[0]?.receivedAtMs).toBeGreaterThanOrEqual(atMs);
  });

  it('takes announcements on any path, and every repetition of one', async () => {
    await deliver();
    await deliver({ url: `${site.url}/elsewhere` });

    expect(site.received().map(({ id, isValid }) => ({ id, isValid }))).toEqual([
      { id: 'msg_1', isValid: true },
      { id: 'msg_1', isValid: true },
    ]);
  });

  it('finds the good signature among several, as while a secret is being changed', async () => {
    const now = new Date();
    const signatures = [OTHER_SECRET, site.secret].map((secret) =>
      new Webhook(secret).sign('msg_1', now, ANNOUNCEMENT),
    );

    const response = await deliver({
      atMs: now.getTime(),
      headers: { 'webhook-signature': `v1a,AAAA ${signatures.join(' ')}` },
    });

    expect(response.status).toBe(204);
  });

  it.each<[string, () => Delivery]>([
    ['another secret', () => ({ secret: OTHER_SECRET })],
    ['a timestamp of more than five minutes ago', () => ({ atMs: Date.now() - 310_000 })],
    ['a timestamp more than five minutes ahead', () => ({ atMs: Date.now() + 310_000 })],
    ['an id that was not signed', () => ({ headers: { 'webhook-id': 'msg_2' } })],
    [
      'a timestamp that was not signed',
      () => ({ headers: { 'webhook-timestamp': String(Math.floor(Date.now() / 1000) - 9) } }),
    ],
    ['a timestamp that is no number', () => ({ headers: { 'webhook-timestamp': 'now' } })],
    ['no signature', () => ({ headers: { 'webhook-signature': '' } })],
  ])('refuses %s with 401 and keeps it as refused', async (_name, delivery) => {
    const response = await deliver(delivery());

    expect(response.status).toBe(401);
    expect(await response.json()).toHaveProperty('error');
    expect(site.received()).toMatchObject([{ isValid: false, body: JSON.parse(ANNOUNCEMENT) }]);
  });

  it('signs over the raw body, whatever its spelling', async () => {
    const spaced = '{ "type" : "recording.published" }\n';

    const fine = await deliver({ body: spaced });
    const notJson = await deliver({ body: 'hello' });

    expect([fine.status, notJson.status]).toEqual([204, 204]);
    expect(site.received()).toMatchObject([
      { type: 'recording.published' },
      { type: '', body: undefined, isValid: true },
    ]);
  });

  it('fails on request, and then has received nothing', async () => {
    site.fail({ on: 'POST /webhooks/*', status: 503, headers: { 'retry-after': '2' } });

    const failed = await deliver();
    const taken = await deliver();

    expect([failed.status, failed.headers.get('retry-after'), taken.status]).toEqual([503, '2', 204]);
    expect(site.received()).toHaveLength(1);
  });

  it('shows what it received as a page, with nothing of it taken for markup', async () => {
    await deliver();

    const response = await fetch(site.url);
    const page = await response.text();

    expect(response.headers.get('content-type')).toContain('text/html');
    expect(page).toContain('1 received');
    expect(page).toContain('&lt;b&gt;Lesson &amp; \\&quot;1\\&quot;&lt;/b&gt;');
    expect(page).not.toContain('<b>');
    expect((await fetch(`${site.url}/elsewhere`)).status).toBe(404);
  });

  it('shows and forgets what it received over its control path', async () => {
    await deliver();

    const before = await (await fetch(`${site.url}/__sim/received`)).json();
    await fetch(`${site.url}/__sim/received`, { method: 'DELETE' });

    expect(before).toMatchObject([{ id: 'msg_1', isValid: true }]);
    expect(site.received()).toEqual([]);
  });
});

it('checks signatures as in the test vector', () => {
  const input = {
    headers: {
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    },
    secret: OTHER_SECRET,
    nowMs: 1_614_265_330_000,
  };

  expect(findFlaw({ ...input, body: Buffer.from('{"test": 2432232314}') })).toBeUndefined();
  expect(findFlaw({ ...input, body: Buffer.from('{"test":2432232314}') })).toBe('no signature matches');
});
