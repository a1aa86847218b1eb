import { randomBytes } from 'node:crypto';
import { access, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  clearFaults,
  emptyRemotes,
  happens,
  pauseLine,
  QUICK_SETTINGS,
  resumeLine,
  UNWATCHED,
} from '../support/faults-house.ts';
import { type House, openHouse, writeVideo } from '../support/house.ts';
import { dumpLedger } from '../support/ledger.ts';

/** Slow enough to be asked to stop on its way. */
const LARGE_BYTES = 16_000_000;
const SLOW_BYTES_PER_SECOND = 4_000_000;

let house: House;

beforeAll(async () => {
  house = await openHouse({
    ...QUICK_SETTINGS,
    ...UNWATCHED,
    RETRY_BACKOFF_MAX_S: '0.2',
    RETRY_ATTEMPTS: '4',
  });
  // What is wanted of a moving recording the worker hears: nothing here waits for it to look by itself.
  await house.startWorker({ lookEveryMs: 3_600_000 });
});
afterAll(() => house.close());
afterEach(async () => {
  clearFaults(house);
  house.zoom.cdn.link.bytesPerSecond = undefined;
  await resumeLine(house);
  await emptyRemotes(house);
});

/** What an operator hears: the recording as it is now, or the refusal. */
async function act(id: string, action: string, body: object = {}) {
  const response = await house.post(`/api/recordings/${id}/${action}`, body);
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  return { status: response.status, body: (await response.json()) as any };
}

const title = () => `Lesson ${randomBytes(4).toString('hex')}`;
const sizesOf = async () => ({
  unfinished: house.b2.unfinished().length,
  files: (await house.b2.files()).length,
  videos: house.bunny.videos().length,
  staged: await house.staged(),
});
const NOTHING = { unfinished: 0, files: 0, videos: 0, staged: [] };

/** A recording that is in the middle of being fetched, archived and published. */
async function addMoving() {
  house.zoom.cdn.link.bytesPerSecond = SLOW_BYTES_PER_SECOND;
  const sent = await house.addZoom(title(), LARGE_BYTES);
  await vi.waitFor(
    async () =>
      expect(await sizesOf()).toEqual({
        unfinished: 1,
        files: 0,
        videos: 1,
        staged: [sent.id, `${sent.id}/recording`],
      }),
    { timeout: 10_000, interval: 10 },
  );
  return sent;
}

/** A recording that failed for good after it was archived, by the door that its file came in by. */
async function addFailed(source: 'manual' | 'custom', bytes = 0) {
  house.bunny.fail({ on: 'POST /library/*/videos', count: 1000, status: 400, body: '{}', delayMs: 400 });
  const name = randomBytes(16).toString('hex');
  const folder = source === 'manual' ? join(house.config.dataDir, 'incoming') : house.files;
  await mkdir(folder, { recursive: true });
  const path = await writeVideo(join(folder, `${name}.upload`), bytes);
  const body =
    source === 'manual'
      ? { ace_id: name, upload_id: name, path, size: (await stat(path)).size, title: title() }
      : { path, title: title() };
  const { id } = (await (await house.post(`/${source}-upload`, body)).json()) as { id: string };
  await house.reaches(id, 'failed');
  house.bunny.faults.clear();
  return { id, path };
}

describe('cancelling', () => {
  it('stops a moving recording as soon as somebody asks, leaves nothing behind, and lets the next one move', async () => {
    const { id } = await addMoving();
    const next = await house.addCustom(title());

    expect(await act(id, 'cancel')).toMatchObject({
      status: 200,
      body: { state: 'moving', wanted: 'cancelled' },
    });
    await house.reaches(id, 'cancelled');

    await house.reaches(next.id, 'done');
    expect(await sizesOf()).toEqual({ unfinished: 0, files: 1, videos: 1, staged: [] });
    expect(await house.recordings.progress(id)).toEqual({ facts: {}, checkpoints: {} });
    expect((await house.history(id)).filter((type) => !type.startsWith('stage.'))).toEqual([
      'recording.accepted',
      'attempt.started',
      'stop.asked',
      'attempt.interrupted',
      'withdrawal.started',
      'recording.cancelled',
    ]);
    expect(house.heard('recording.failed')).toEqual([]);
  });

  it('is done at once for one that has made nothing yet, and a second time changes nothing', async () => {
    await pauseLine(house);
    const { id, path } = await house.addCustom(title());

    expect(await act(id, 'cancel')).toMatchObject({
      status: 200,
      body: { state: 'cancelled', actions: ['retry'] },
    });
    expect(await act(id, 'cancel')).toMatchObject({ status: 200, body: { state: 'cancelled' } });

    expect(await house.history(id)).toEqual(['recording.accepted', 'recording.cancelled']);
    await access(path);
  });

  it('takes back what a failed one has archived, and a tutor’s upload, also while the line is paused', async () => {
    const { id, path } = await addFailed('manual');
    expect(await sizesOf()).toMatchObject({ files: 1 });
    await pauseLine(house);
    const waiting = await house.addCustom(title());

    expect(await act(id, 'cancel')).toMatchObject({
      status: 200,
      body: { state: 'cancelling', actions: [] },
    });
    await house.reaches(id, 'cancelled');

    expect(await sizesOf()).toEqual(NOTHING);
    await expect(access(path)).rejects.toThrow('ENOENT');
    expect((await house.recordings.get(waiting.id))?.state).toBe('waiting');
    await act(waiting.id, 'cancel');
  });

  it('leaves an admin’s own file where it is', async () => {
    const { id, path } = await addFailed('custom');

    await act(id, 'cancel');
    await house.reaches(id, 'cancelled');

    expect(await sizesOf()).toEqual(NOTHING);
    await access(path);
  });

  it('says what stays in the archive if the key may not delete', async () => {
    const { id } = await addFailed('custom');
    house.b2.fail({ on: 'POST */b2_delete_file_version', status: 401, body: '{"code":"unauthorized"}' });
    const [archived] = await house.b2.files();

    await act(id, 'cancel');
    await house.reaches(id, 'cancelled');

    const left = (await house.recordings.events(id)).find(({ type }) => type === 'archive.left');
    expect(left?.data).toMatchObject({ fileId: archived?.fileId, fileName: archived?.fileName });
    expect(await house.b2.files()).toHaveLength(1);
  });

  it('goes on until a service that is away has let go', async () => {
    const { id } = await addFailed('custom');
    house.b2.fail({ on: 'POST */b2_delete_file_version', count: 3, status: 503 });

    await act(id, 'cancel');
    await happens(house, id, 'withdrawal.failed');
    await house.reaches(id, 'cancelled');

    expect(await sizesOf()).toEqual(NOTHING);
  });

  it('of one that the website has been told of is refused', async () => {
    const { id } = await house.addCustom(title());
    await house.reaches(id, 'done');

    const { status, body } = await act(id, 'cancel');

    expect({ status, body }).toMatchObject({ status: 409, body: { code: 'WRONG_STATE' } });
    expect(body.detail).toContain('is done; possible: rename, publish-again, delete');
  });

  it('ends in a new beginning for one that a door brings again meanwhile', async () => {
    const { id, path } = await addFailed('custom');
    house.b2.fail({ on: 'POST */b2_delete_file_version', count: 2, status: 503 });
    await act(id, 'cancel');
    await happens(house, id, 'withdrawal.failed');

    await house.addCustom('Again', { path });
    await house.reaches(id, 'done');

    expect(await house.recordings.get(id)).toMatchObject({ title: 'Again' });
    expect(await house.history(id)).toContain('recording.revived');
    expect(await sizesOf()).toMatchObject({ files: 1, videos: 1 });
  });

  it('can be thought better of: retried, it begins anew', async () => {
    const { id } = await addMoving();
    await act(id, 'cancel');
    await house.reaches(id, 'cancelled');
    house.zoom.cdn.link.bytesPerSecond = undefined;

    expect(await act(id, 'retry')).toMatchObject({ status: 200 });
    await house.reaches(id, 'done');

    expect(await sizesOf()).toEqual({ unfinished: 0, files: 1, videos: 1, staged: [] });
  });
});

describe('setting aside', () => {
  it('stops a moving recording, which goes on where it was when it is retried', async () => {
    const { id } = await addMoving();

    expect(await act(id, 'set-aside')).toMatchObject({ status: 200, body: { wanted: 'set-aside' } });
    await house.reaches(id, 'set-aside');
    const { checkpoints } = await house.recordings.progress(id);
    const downloads = house.zoom.cdn.requests.length;
    house.zoom.cdn.link.bytesPerSecond = undefined;
    expect(await act(id, 'retry')).toMatchObject({ status: 200, body: { wanted: null } });
    await house.reaches(id, 'done');

    const { facts } = await house.recordings.progress(id);
    expect(facts.publish?.videoId).toBe(checkpoints.publish?.videoId);
    expect(facts.archive?.fileId).toBe(checkpoints.archive?.fileId);
    const ranges = house.zoom.cdn.requests.slice(downloads).map(({ headers }) => headers.range);
    expect(ranges).toEqual([expect.stringMatching(/^bytes=[1-9]\d+-$/)]);
  });

  it('takes one that waits out of the line', async () => {
    await pauseLine(house);
    const aside = await house.addCustom(title());
    const next = await house.addCustom(title());

    expect(await act(aside.id, 'set-aside')).toMatchObject({ status: 200, body: { state: 'set-aside' } });
    expect(await act(aside.id, 'set-aside')).toMatchObject({ status: 200, body: { state: 'set-aside' } });
    await resumeLine(house);
    await house.reaches(next.id, 'done');

    expect((await house.recordings.get(aside.id))?.state).toBe('set-aside');
    expect((await act(aside.id, 'schedule', { not_before: null })).body.detail).toContain(
      'possible: retry, cancel',
    );
  });
});

describe('retrying', () => {
  it('gives a failed one all its attempts again', async () => {
    const { id } = await addFailed('custom');

    const { body } = await act(id, 'retry');
    expect(body).toMatchObject({ state: 'waiting', failed_attempts: 0, ended_at: null });
    await house.reaches(id, 'done');
  });

  it('lets one that backs off go at once', async () => {
    house.bunny.fail({
      on: 'POST /library/*/videos',
      status: 429,
      headers: { 'retry-after': '3600' },
      body: '{}',
    });
    const { id } = await house.addCustom(title());
    await vi.waitFor(
      async () => expect((await house.recordings.get(id))?.notBeforeMs).toBeGreaterThan(0),
      5000,
    );

    expect(await act(id, 'retry')).toMatchObject({ status: 200, body: { not_before: null } });
    await house.reaches(id, 'done');
  });
});

describe('the order of the line', () => {
  it.each([
    ['while Redis remembers another order', false],
    ['after Redis has forgotten all', true],
  ])('follows what was moved to the front, last first, %s', async (_when, isWiped) => {
    await pauseLine(house);
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.push((await house.addCustom(title())).id);
    const [a, b, c, d, e] = ids as [string, string, string, string, string];

    expect(await act(d, 'move-to-front')).toMatchObject({ status: 200, body: { position: 1 } });
    expect(await act(e, 'move-to-front')).toMatchObject({ status: 200, body: { position: 1 } });
    expect(await act(e, 'move-to-front')).toMatchObject({ status: 200, body: { position: 1 } });
    const redis = new Redis(house.redis.socketPath);
    if (isWiped) await redis.flushall();
    redis.disconnect();
    // Long enough in the middle of its way for a look at who has the gate.
    const ofFirst = { 'x-bz-info-sluice_recording': e };
    house.b2.fail({ on: 'POST /b2api/*/b2_upload_file/*', where: ofFirst, status: 503, delayMs: 1000 });
    await resumeLine(house);
    await house.reaches(e, 'moving');
    expect((await dumpLedger(house.config.ledgerAddress))['gate']).toMatchObject([{ recording_id: e }]);
    for (const id of ids) await house.reaches(id, 'done');

    const ends = await Promise.all(ids.map(async (id) => (await house.recordings.get(id))?.endedAtMs ?? 0));
    const order = ids
      .map((id, at) => ({ id, endedAtMs: ends[at] ?? 0 }))
      .sort((x, y) => x.endedAtMs - y.endedAtMs);
    expect(order.map(({ id }) => id)).toEqual([e, d, a, b, c]);
  });

  it('R18 does not come to one before its time, and the time can be changed', async () => {
    await pauseLine(house);
    const { id } = await house.addCustom(title());
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString();

    expect(await act(id, 'schedule', { not_before: inAnHour })).toMatchObject({
      status: 200,
      body: { state: 'waiting', not_before: inAnHour, position: null },
    });
    expect(await act(id, 'move-to-front')).toMatchObject({ status: 409 });
    await resumeLine(house);
    const next = await house.addCustom(title());
    await house.reaches(next.id, 'done');
    expect((await house.recordings.get(id))?.state).toBe('waiting');

    expect(await act(id, 'schedule', { not_before: null })).toMatchObject({ body: { not_before: null } });
    await house.reaches(id, 'done');
  });

  it('refuses what it does not know or understand', async () => {
    expect(await act('rec_nobody', 'cancel')).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    });
    const { id } = await house.addCustom(title());
    const past = await act(id, 'schedule', { not_before: '2020-01-01T18:00:00Z' });
    expect(past).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
    expect(past.body.detail).toContain('is in the past; null lets it go as soon as its turn comes');
    expect(await act(id, 'schedule', { not_before: 'tomorrow' })).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID' },
    });
    await house.reaches(id, 'done');
  });
});
