import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type SiteSimulator, startSiteSimulator } from '../../simulators/site/simulator.ts';
import type { Site } from '../../src/engine/ports/site.ts';
import { createSite } from '../../src/outside/website/client.ts';
import { BODY_FAULTS, TRANSPORT_FAULTS } from '../support/transport-faults.ts';

const WEBHOOK = 'POST /webhooks/sluice';
const { signal } = new AbortController();
const announcement = {
  id: 'msg_1',
  body: '{"type":"recording.published","data":{"title":"Übung 自"}}',
  signal,
};

/** The website has 20 s to answer, which no test waits for. */
const FAULTS = [...TRANSPORT_FAULTS, ...BODY_FAULTS].filter(([, fault]) => fault.stall !== true);

let simulator: SiteSimulator;
let site: Site;

beforeEach(async () => {
  simulator = await startSiteSimulator();
  site = createSite({ webhookUrl: simulator.webhookUrl, webhookSecret: simulator.secret });
});

afterEach(() => simulator.close());

describe('an announcement', () => {
  it('is believed by the website, and has the bytes and the id that it was given', async () => {
    await site.announce(announcement);

    expect(simulator.received()).toEqual([
      {
        id: 'msg_1',
        timestampS: expect.any(Number),
        type: 'recording.published',
        body: JSON.parse(announcement.body),
        receivedAtMs: expect.any(Number),
        isValid: true,
      },
    ]);
  });

  it('keeps its id when it is sent again, under the time of the new attempt', async () => {
    const beforeS = Math.floor(Date.now() / 1000);
    await site.announce(announcement);
    await site.announce(announcement);

    const received = simulator.received();
    expect(received.map(({ id }) => id)).toEqual(['msg_1', 'msg_1']);
    for (const { timestampS, isValid } of received) {
      expect(timestampS).toBeGreaterThanOrEqual(beforeS);
      expect(isValid).toBe(true);
    }
  });

  it('is not believed under another secret, which somebody may put right', async () => {
    const secret = `whsec_${Buffer.alloc(32, 'other').toString('base64')}`;
    const stranger = createSite({ webhookUrl: simulator.webhookUrl, webhookSecret: secret });

    await expect(stranger.announce(announcement)).rejects.toMatchObject({
      code: 'REMOTE_UNAUTHORIZED',
      retry: 'backoff',
    });
  });

  it.each([200, 201, 202, 204])('that is answered with %i has been heard', async (status) => {
    simulator.fail({ on: WEBHOOK, status });

    await expect(site.announce(announcement)).resolves.toBeUndefined();
  });

  it('that is answered with 410 is never sent again', async () => {
    simulator.fail({ on: WEBHOOK, status: 410 });

    await expect(site.announce(announcement)).rejects.toMatchObject({ retry: 'never' });
  });

  it.each([400, 401, 403, 404, 405, 413, 422])(
    'that is answered with %i is sent again later',
    async (status) => {
      simulator.fail({ on: WEBHOOK, status });

      await expect(site.announce(announcement)).rejects.toMatchObject({
        retry: 'backoff',
        details: { status },
      });
    },
  );

  it.each([301, 302, 307, 308])('that is answered with %i does not go elsewhere', async (status) => {
    simulator.fail({ on: WEBHOOK, status, headers: { location: `${simulator.url}/elsewhere` } });

    await expect(site.announce(announcement)).rejects.toMatchObject({ retry: 'backoff' });

    expect(simulator.requests.map(({ path }) => path)).toEqual(['/webhooks/sluice']);
  });

  it.each(FAULTS)('that meets %s', async (_name, fault, code, retry) => {
    simulator.fail({ on: WEBHOOK, ...fault });

    await expect(site.announce(announcement)).rejects.toMatchObject({ code, retry });
  });

  it('ends with the reason of its signal', async () => {
    const stopping = new AbortController();
    simulator.fail({ on: WEBHOOK, stall: true });

    const announcing = site.announce({ ...announcement, signal: stopping.signal });
    await vi.waitFor(() => expect(simulator.received()).toHaveLength(1));
    stopping.abort(new Error('shutdown'));

    await expect(announcing).rejects.toThrow('shutdown');
  });

  it('does not show its secret in a message', async () => {
    simulator.fail({ on: WEBHOOK, status: 500, body: 'oops' });

    const error: unknown = await site.announce(announcement).catch((caught) => caught);

    expect(String(error)).toContain('oops');
    expect(String(error)).not.toContain(simulator.secret);
  });
});

describe('a probe', () => {
  const body = '{"type":"sluice.test"}';

  it('bears no signature, and gives back what the website answers to that', async () => {
    expect(await site.probe({ body, signal })).toBe(401);

    expect(simulator.received()).toMatchObject([{ id: '', type: 'sluice.test', isValid: false }]);
    simulator.fail({ on: WEBHOOK, status: 404 });
    expect(await site.probe({ body, signal })).toBe(404);
  });

  it('fails where nobody answers', async () => {
    await simulator.close();

    await expect(site.probe({ body, signal })).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
  });
});
