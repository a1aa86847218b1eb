import { appendFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  arrive,
  attemptEnds,
  clearFaults,
  emptyRemotes,
  expectHome,
  happens,
  QUICK_SETTINGS,
  type Source,
  sendMeeting,
  UNWATCHED,
  writeSource,
} from '../support/faults-house.ts';
import { type House, openHouse } from '../support/house.ts';

const LARGE_BYTES = 16_000_000;
const B2 = 'POST /b2api/v3/';

let house: House;
let worker: Awaited<ReturnType<House['startWorker']>>;
let large: Source;

beforeAll(async () => {
  house = await openHouse({ ...QUICK_SETTINGS, ...UNWATCHED, CIRCUIT_THRESHOLD: '2' });
  large = await writeSource(house, 'large', LARGE_BYTES);
});
beforeEach(async () => {
  worker = await house.startWorker();
});
afterEach(async () => {
  await worker.stop();
  clearFaults(house);
  house.zoom.cdn.link.bytesPerSecond = undefined;
  await emptyRemotes(house);
});
afterAll(() => house.close());

/** The events of a recording with their stage, in their order. */
const historyOf = (id: string) => house.history(id);
const downloads = () => house.zoom.cdn.requests.filter(({ method }) => method === 'GET');

describe('reading and both uploads of a recording', () => {
  it('run at the same time, over the same bytes', async () => {
    house.zoom.cdn.link.bytesPerSecond = 8_000_000;
    const sent = await sendMeeting(house, 'At once', large);

    // Two parts are in B2, and patches in Bunny, before the download has ended.
    await vi.waitFor(
      async () => {
        const parts = house.b2.requests.filter(
          ({ path, status }) => /upload_part\//.test(path) && status === 200,
        );
        const patches = house.bunny.requests.filter(
          ({ method, status }) => method === 'PATCH' && status === 204,
        );
        expect(parts.length).toBeGreaterThan(1);
        expect(patches.length).toBeGreaterThan(4);
      },
      { timeout: 20_000, interval: 10 },
    );
    expect(await historyOf(sent.id)).not.toContain('stage.done fetch');

    house.zoom.cdn.link.bytesPerSecond = undefined;
    await arrive(house, sent);
    await expectHome(house, sent);
  });

  it('look for a video of theirs, in both ways at once, before the first byte has come', async () => {
    house.zoom.cdn.fail({ on: 'GET *', stall: true, count: 1000 });
    house.bunny.fail({ on: 'GET /library/*', stall: true, count: 1000 });
    const sent = await sendMeeting(house, 'Early', large);
    const asked = async () => (await (await fetch(`${house.bunny.url}/__sim/open`)).json()) as unknown;
    await vi.waitFor(async () => expect(await asked()).toEqual({ open: 2 }), {
      timeout: 20_000,
      interval: 10,
    });

    clearFaults(house);
    await arrive(house, sent);
    await expectHome(house, sent);
  });

  it('wait for a download that is slower than a service may be silent', async () => {
    // A pause of its own length before the last bytes, longer than TRANSFER_IDLE_TIMEOUT_S would allow a service.
    house.zoom.cdn.link.bytesPerSecond = 400_000;
    const small = await writeSource(house, 'slow', 900_000);
    const sent = await sendMeeting(house, 'Slow', small);
    await arrive(house, sent);

    expect(await historyOf(sent.id)).not.toContain('attempt.failed');
    await expectHome(house, sent);
  });

  it('stop when one of them is refused, and go on where each of them was', async () => {
    house.zoom.cdn.link.bytesPerSecond = 20_000_000;
    house.b2.fail({
      on: `${B2}b2_upload_part/*`,
      skip: 1,
      count: 13,
      status: 400,
      body: '{"status":400,"code":"bad_request","message":"Sha1 did not match data received"}',
    });
    const before = { downloads: downloads().length, patches: house.bunny.requests.length };
    const sent = await sendMeeting(house, 'Refused', large);
    await arrive(house, sent);

    await expectHome(house, sent);
    const patched = house.bunny.requests
      .slice(before.patches)
      .filter(({ method }) => method === 'PATCH')
      .reduce((sum, { requestBytes }) => sum + requestBytes, 0);
    // What is under way when it stops is sent again, and no more than that.
    expect(patched).toBeLessThan(large.bytes + 3 * 1_048_576);
    const fetched = downloads()
      .slice(before.downloads)
      .reduce((sum, { answerBytes }) => sum + answerBytes, 0);
    expect(fetched).toBeLessThan(large.bytes + 8_000_000);
  });

  it('but for the one whose service is down: the others go on, and only that one is left for later', async () => {
    house.b2.fail({ on: `${B2}b2_start_large_file`, status: 503, count: 1000 });
    const sent = await sendMeeting(house, 'Down', large);
    await happens(house, sent.id, 'stage.done publish');
    const fetchedTimes = downloads().length;
    expect((await house.recordings.progress(sent.id)).facts).toMatchObject({ fetch: {}, publish: {} });

    clearFaults(house);
    await arrive(house, sent);

    expect(downloads()).toHaveLength(fetchedTimes);
    await expectHome(house, sent);
  });
});

describe('a recording that turns out wrong at its end', () => {
  it('leaves neither a half-made file in B2 nor a video in Bunny when the download ends too early', async () => {
    house.zoom.cdn.fail({ on: 'GET /cmr/*', endAfterBytes: 12_000_000 });
    house.zoom.cdn.fail({ on: 'GET /cmr/*', status: 503, count: 1000 });
    const sent = await sendMeeting(house, 'Short', large);
    await vi.waitFor(
      async () => {
        const failed = (await house.recordings.events(sent.id)).map(({ data }) => data['code']);
        expect(failed).toContain('DOWNLOAD_LENGTH_DIFFERS');
      },
      { timeout: 20_000 },
    );
    await vi.waitFor(() => {
      expect([house.b2.unfinished(), house.bunny.videos()]).toEqual([[], []]);
    });
    expect(await house.b2.files()).toEqual([]);

    clearFaults(house);
    await arrive(house, sent);
    await expectHome(house, sent);
  });

  it('is withdrawn when a local file is changed while it is sent', async () => {
    house.b2.link.bytesPerSecond = 8_000_000;
    const { path } = await writeSource(house, 'changing', LARGE_BYTES);
    const { id } = await house.addCustom('Changing', { path });
    await vi.waitFor(
      () => expect(house.b2.requests.some(({ path: at }) => /b2_get_upload_part_url/.test(at))).toBe(true),
      { timeout: 20_000, interval: 5 },
    );
    await happens(house, id, 'stage.started archive');
    await appendFile(path, 'more');
    house.b2.link.bytesPerSecond = undefined;
    await house.reaches(id, 'failed');

    expect((await house.recordings.get(id))?.lastError?.code).toBe('SOURCE_CHANGED');
    expect([await house.b2.files(), house.b2.unfinished(), house.bunny.videos()]).toEqual([[], [], []]);
  });

  it('is sent anew from the first byte when another file comes under its address', async () => {
    house.zoom.cdn.link.bytesPerSecond = 20_000_000;
    const { path } = await writeSource(house, 'replaced', LARGE_BYTES);
    house.zoom.cdn.fail({ on: 'GET /cmr/*', cutAfterBytes: 9_000_000 });
    house.zoom.cdn.fail({ on: 'GET /cmr/*', status: 503, count: 1000 });
    const { id } = await sendMeeting(house, 'Replaced', { path, bytes: 0, sha1: '', sha256: '' });
    await attemptEnds(house, id);

    const other = await writeSource(house, 'replaced', LARGE_BYTES);
    clearFaults(house);
    await arrive(house, { id });

    await expectHome(house, { ...other, id, title: 'Replaced' });
    expect(house.bunny.videos()).toHaveLength(1);
  });
});
