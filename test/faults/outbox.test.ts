import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import {
  happens,
  idsHeard,
  QUICK_SETTINGS,
  type Sent,
  sendMeeting,
  UNWATCHED,
  writeSource,
} from '../support/faults-house.ts';
import { type House, openHouse } from '../support/house.ts';
import { isWhole, theseOf } from '../support/whole-tables.ts';

const WEBHOOK = 'POST /webhooks/sluice';
const POLL = { timeout: 20_000, interval: 10 };

let house: House;

afterEach(() => house.close());

async function open(settings: Readonly<Record<string, string>> = {}): Promise<void> {
  house = await openHouse({ ...QUICK_SETTINGS, ...settings });
  await house.startWorker();
}

async function send(title: string): Promise<Sent> {
  return await sendMeeting(house, title, await writeSource(house, title));
}

/** The one delivery of this type of a recording. */
async function deliveryOf(recordingId: string, type = 'recording.published') {
  const found = (await house.deliveries.ofRecording(recordingId)).filter((each) => each.type === type);
  expect(found).toHaveLength(1);
  const [delivery] = found;
  if (delivery === undefined) throw new Error('no delivery');
  return delivery;
}

const requests = () => house.site.requests.filter(({ method }) => method === 'POST');

describe('an announcement that does not get through', () => {
  it('is sent again with its id and its body, under a fresh signature each time', async () => {
    await open({ ...UNWATCHED, SITE_RETRY_SCHEDULE_S: '1,1,1,1' });
    house.site.fail({ on: WEBHOOK, drop: 'after-handling', count: 2 });
    const { id } = await send('Again');
    await house.reaches(id, 'done');
    await house.announced(id);

    const heard = house.heard('recording.published');
    expect(heard).toHaveLength(3);
    expect(new Set(heard.map((each) => each.id)).size).toBe(1);
    expect(new Set(heard.map((each) => JSON.stringify(each.body))).size).toBe(1);
    const signed = requests().map(({ headers }) => headers['webhook-signature']);
    const stamped = requests().map(({ headers }) => headers['webhook-timestamp']);
    expect(new Set(signed).size).toBe(3);
    expect(new Set(stamped).size).toBe(3);
    expect(await deliveryOf(id)).toMatchObject({ state: 'delivered', attempts: 3 });
  });

  it('is sent again when the website says nothing for 20 s, while others are delivered', async () => {
    await open(UNWATCHED);
    house.site.fail({ on: WEBHOOK, stall: true });
    const silent = await send('Silent');
    await expect.poll(() => house.heard('recording.published').length, POLL).toBe(1);
    const others = await Promise.all(['One', 'Two', 'Three'].map(send));
    await house.announced(...others.map(({ id }) => id));
    expect(await deliveryOf(silent.id)).toMatchObject({ state: 'pending', attempts: 0 });
    // The end of the 20 s is waited for among the long tests.
    if (!isWhole) return;

    await house.announced(silent.id);
    expect(await deliveryOf(silent.id)).toMatchObject({ state: 'delivered', attempts: 2 });
    for (const { id } of [silent, ...others]) expect(idsHeard(house, id).size).toBe(1);
  });

  it('is given up after its last attempt, and sent with its id and body when an operator replays it', async () => {
    await open({ ...UNWATCHED, SITE_RETRY_SCHEDULE_S: '0,0' });
    house.site.fail({ on: WEBHOOK, status: 500, count: 3 });
    const { id } = await send('Replayed');
    await house.reaches(id, 'done');
    await house.announced(id);
    const given = await deliveryOf(id);
    expect(given).toMatchObject({ state: 'failed', attempts: 3 });
    expect(house.heard('recording.published')).toEqual([]);

    const replay = await house.post(`/api/deliveries/${given.id}/replay`, {});
    expect(replay.status).toBe(200);
    await expect.poll(async () => (await deliveryOf(id)).state, POLL).toBe('delivered');

    expect(house.heard('recording.published')).toMatchObject([
      { id: given.id, body: JSON.parse(given.body) },
    ]);
  });

  it('can be replayed even when it was heard, with the same id', async () => {
    await open(UNWATCHED);
    const { id } = await send('Twice');
    await house.reaches(id, 'done');
    await house.announced(id);
    const { id: deliveryId } = await deliveryOf(id);

    await house.post(`/api/deliveries/${deliveryId}/replay`, {});
    await expect.poll(() => house.heard('recording.published').length, POLL).toBe(2);

    expect([...idsHeard(house, id)]).toEqual([deliveryId]);
    const unknown = await house.post('/api/deliveries/msg_unknown/replay', {});
    expect(unknown.status).toBe(404);
  });
});

describe('a website that answers 410', () => {
  it('is sent nothing more until an operator says that it listens again, and then everything', async () => {
    await open(UNWATCHED);
    house.site.fail({ on: WEBHOOK, status: 410 });
    const first = await send('First');
    await house.reaches(first.id, 'done');
    await expect.poll(() => requests().length, POLL).toBe(1);
    await expect.poll(async () => (await deliveryOf(first.id)).lastError?.code, POLL).toBe('SITE_GONE');

    const second = await send('Second');
    await house.reaches(second.id, 'done');
    await expect.poll(async () => (await deliveryOf(second.id)).lastError?.code, POLL).toBe('SITE_GONE');
    expect(requests()).toHaveLength(1);
    expect(await deliveryOf(second.id)).toMatchObject({ state: 'pending', attempts: 0 });

    const listens = await house.post('/api/site/listens', {});
    expect(listens.status).toBe(200);
    await house.announced(first.id, second.id);
    expect(house.heard('recording.published')).toHaveLength(2);
  });

  it('is forgotten once the settings name another address', async () => {
    await open(UNWATCHED);
    const { switches } = (await house.startWorker()).ledger;
    await switches.set('site.gone', `${house.site.url}/former`);
    const { id } = await send('Moved');
    await house.reaches(id, 'done');
    await house.announced(id);

    expect(house.heard('recording.published')).toHaveLength(1);
  });
});

describe('a video that Bunny encodes', () => {
  /** Says that something has happened to a video, as Bunny does. */
  async function sayBunny(
    videoId: string,
    status: number,
    key = house.bunny.readOnlyApiKey,
  ): Promise<number> {
    const body = JSON.stringify({ VideoLibraryId: 4321, VideoGuid: videoId, Status: status });
    const response = await fetch(`${house.config.pipeline.url}/bunny-webhook`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-bunnystream-signature-version': 'v1',
        'x-bunnystream-signature-algorithm': 'hmac-sha256',
        'x-bunnystream-signature': createHmac('sha256', key).update(body).digest('hex'),
      },
      body,
    });
    return response.status;
  }

  async function publish(title: string): Promise<{ id: string; videoId: string }> {
    const { id } = await send(title);
    await house.reaches(id, 'done');
    const { facts } = await house.recordings.progress(id);
    return { id, videoId: facts.publish?.videoId ?? '' };
  }

  /** Every look at this video that Bunny has answered. */
  const looks = (videoId: string) =>
    house.bunny.requests.filter(({ method, path }) => method === 'GET' && path.endsWith(videoId)).length;

  const FAR = { PLAYABLE_POLL_MIN_S: '3600', PLAYABLE_POLL_MAX_S: '3600' };

  it('is announced as playable by looking alone, whatever happens to the looks, once', async () => {
    await open();
    house.bunny.holdEncoding(true);
    const { id, videoId } = await publish('Looked at');
    const bunny = 'GET /library/*/videos/*';
    house.bunny.fail({ on: bunny, status: 503 });
    house.bunny.fail({ on: bunny, drop: 'before-handling' });
    house.bunny.fail({ on: bunny, status: 200, body: '{"unexpected":[]}' });
    await expect.poll(() => house.bunny.faults.struck, POLL).toBe(3);
    expect(house.heard('recording.playable')).toEqual([]);

    house.bunny.holdEncoding(false);
    await happens(house, id, 'video.playable');
    await expect.poll(() => house.heard('recording.playable').length, POLL).toBe(1);
    expect(house.heard('recording.playable')[0]?.body).toMatchObject({
      data: { id, bunny: { video_id: videoId } },
    });
    expect(house.heard('recording.failed')).toEqual([]);
  });

  it('is announced as playable at once when Bunny says so', async () => {
    await open(FAR);
    const { id, videoId } = await publish('Sooner');
    await expect.poll(() => house.bunny.videos()[0]?.status, POLL).toBe(4);

    expect(await sayBunny(videoId, 3)).toBe(200);
    await happens(house, id, 'video.playable');
    await expect.poll(() => house.heard('recording.playable').length, POLL).toBe(1);

    expect(await sayBunny(videoId, 3)).toBe(200);
    expect((await house.deliveries.ofRecording(id)).map(({ type }) => type)).toEqual([
      'recording.published',
      'recording.playable',
    ]);
  });

  it('is announced as playable all the same, once, if Bunny has said so before anybody watched it', async () => {
    await open();
    house.b2.fail({ on: 'POST /b2api/*', status: 503, count: 1000 });
    const { id } = await send('Early');
    await expect.poll(() => house.bunny.videos()[0]?.status, POLL).toBe(4);
    const [video] = house.bunny.videos();
    expect(await sayBunny(video?.guid ?? '', 3)).toBe(200);
    expect(await sayBunny('11111111-2222-4333-8444-555555555555', 3)).toBe(200);

    house.b2.faults.clear();
    await house.reaches(id, 'done');

    await expect.poll(() => house.heard('recording.playable').length, POLL).toBe(1);
    expect((await house.deliveries.ofRecording(id)).map(({ type }) => type)).toEqual([
      'recording.published',
      'recording.playable',
    ]);
  });

  it('is not announced on the word of a webhook while Bunny’s API says otherwise', async () => {
    await open(FAR);
    house.bunny.holdEncoding(true);
    const { id, videoId } = await publish('Replayed');

    // 3 and 4 mean finished and playable in a webhook; 5 means failed.
    for (const status of [3, 4, 5]) {
      const before = looks(videoId);
      // Said until it brings about a look: one that is under way does not count.
      const sayAndLook = async () => {
        expect(await sayBunny(videoId, status)).toBe(200);
        return looks(videoId);
      };
      await expect.poll(sayAndLook, POLL).toBeGreaterThan(before);
    }
    expect((await house.deliveries.ofRecording(id)).map(({ type }) => type)).toEqual(['recording.published']);
    expect(await house.history(id)).not.toContain('video.playable');
  });

  it('is not even looked at for a webhook with a wrong signature', async () => {
    await open(FAR);
    const { id, videoId } = await publish('Forged');
    await expect.poll(() => house.bunny.videos()[0]?.status, POLL).toBe(4);
    const before = looks(videoId);

    expect(await sayBunny(videoId, 3, 'not the key')).toBe(401);
    // A look that the forged webhook had brought about would come before this one.
    expect(await sayBunny(videoId, 3)).toBe(200);
    await happens(house, id, 'video.playable');
    expect(looks(videoId)).toBe(before + 1);
  });

  const GET = 'GET /library/*/videos/*';
  const failures = () => house.heard('recording.failed').length;

  const ALL_DOUBTS = [
    ['a 404', { status: 404, body: '{"success":false}', count: 1 }],
    ['a few 404', { status: 404, body: '{"success":false}', count: 3 }],
    ['a status that nobody knows', { status: 200, body: '{"guid":"x","title":"x","status":11}', count: 6 }],
    ['a 403', { status: 403, count: 2 }],
    ['a web page', { status: 200, body: '<!doctype html>', count: 2 }],
  ] as const;
  const DOUBTS = theseOf(ALL_DOUBTS, ['a few 404', 'a web page']);

  it.each(DOUBTS)('is announced as playable in spite of %s meanwhile', async (_name, fault) => {
    await open();
    house.bunny.holdEncoding(true);
    const { id } = await publish('Doubted');
    house.bunny.fail({ on: GET, ...fault });
    await expect.poll(() => house.bunny.faults.struck, POLL).toBe(fault.count);
    house.bunny.holdEncoding(false);

    await happens(house, id, 'video.playable');
    expect(failures()).toBe(0);
  });

  it('is announced as failed once Bunny has not known it for a while, and as playable when it is back', async () => {
    await open();
    house.bunny.holdEncoding(true);
    const { id } = await publish('Gone and back');
    house.bunny.fail({ on: GET, status: 404, body: '{}', count: 1000 });
    await happens(house, id, 'video.failed');
    house.bunny.faults.clear();
    house.bunny.holdEncoding(false);

    await happens(house, id, 'video.playable');
    await expect.poll(() => house.heard('recording.playable').length, POLL).toBe(1);
    expect(failures()).toBe(1);
  });

  it.each([
    ['by itself', {}, false],
    [
      'by a webhook, long after it was last looked at',
      { PLAYABLE_RECHECK_DAYS: '0', PLAYABLE_TIMEOUT_H: '0.0001' },
      true,
    ],
  ])(
    'that has failed is announced as playable if it becomes so: found %s',
    async (_name, settings, isSaid) => {
      await open(settings);
      house.bunny.holdEncoding(true);
      const { id, videoId } = await publish('Failed first');
      house.bunny.claim(videoId, { status: 5 });
      await happens(house, id, 'video.failed');
      if (isSaid) {
        await expect.poll(async () => (await house.watches.get(videoId))?.state, POLL).toBe('given-up');
      }
      house.bunny.claim(videoId, { status: 4 });
      if (isSaid) expect(await sayBunny(videoId, 3)).toBe(200);

      await happens(house, id, 'video.playable');
      expect((await house.recordings.get(id))?.state).toBe('done');
      expect(failures()).toBe(1);
    },
  );

  it('is announced as failed when Bunny cannot encode it', async () => {
    await open();
    house.bunny.holdEncoding(true);
    const { id, videoId } = await publish('Broken');
    house.bunny.failEncoding(videoId);
    house.bunny.holdEncoding(false);

    await happens(house, id, 'video.failed');
    await expect.poll(() => house.heard('recording.failed').length, POLL).toBe(1);
    expect(house.heard('recording.failed')[0]?.body).toMatchObject({
      data: { id, error: { code: 'PUBLISH_FAILED' } },
    });
    expect(house.heard('recording.playable')).toEqual([]);
  });
});
