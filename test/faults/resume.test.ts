import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { LoggedRequest } from '../../simulators/shared/simulator.ts';
import {
  arrive,
  attemptEnds,
  clearFaults,
  describeSource,
  emptyRemotes,
  expectHome,
  pauseLine,
  QUICK_SETTINGS,
  resumeLine,
  type Source,
  sendMeeting,
  UNWATCHED,
  writeSource,
} from '../support/faults-house.ts';
import { buildCrashCopy, startCrashWorker } from '../support/faults-worker.ts';
import { type House, openHouse, writeVideo } from '../support/house.ts';
import { isWhole, theseOf } from '../support/whole-tables.ts';

const MIB = 1024 * 1024;
const PART_BYTES = 5_000_000;
const PATCH_BYTES = MIB;
const LARGE_BYTES = 16_000_000;
/** B2 gets the digest of what it was sent behind the bytes. */
const DIGEST_BYTES = 40;

const B2 = 'POST /b2api/v3/';
const VIDEOS = 'POST /library/*/videos';

let house: House;
let large: Source;
let small: Source;

beforeAll(async () => {
  await buildCrashCopy();
  house = await openHouse({ ...QUICK_SETTINGS, ...UNWATCHED });
  small = await writeSource(house, 'small');
  large = await writeSource(house, 'large', LARGE_BYTES);
});
afterAll(() => house.close());

afterEach(async () => {
  clearFaults(house);
  await emptyRemotes(house);
  house.zoom.cdn.link.bytesPerSecond = undefined;
});

/** Begins to note the requests that a simulator hears from now on, of those whose `METHOD path` fits. */
function listen(requests: readonly LoggedRequest[], pattern: RegExp): () => LoggedRequest[] {
  const before = requests.length;
  return () => requests.slice(before).filter(({ method, path }) => pattern.test(`${method} ${path}`));
}

const requestBytes = (requests: readonly LoggedRequest[]) =>
  requests.reduce((sum, request) => sum + request.requestBytes, 0);

describe('a download that is interrupted', () => {
  it('goes on after the bytes that are on the disk', async () => {
    await using _worker = await employ();
    house.zoom.cdn.link.bytesPerSecond = 40_000_000;
    house.zoom.cdn.fail({ on: 'GET /cmr/*', cutAfterBytes: 9_000_000 });
    const heard = listen(house.zoom.cdn.requests, /^GET \/cmr/);

    const sent = await sendMeeting(house, 'Append', large);
    await arrive(house, sent);

    const [first, second, ...others] = heard();
    expect(others).toEqual([]);
    expect(first?.status).toBe(200);
    expect(second?.status).toBe(206);
    const resumedAt = Number(/^bytes=(\d+)-$/.exec(second?.headers.range ?? '')?.[1]);
    expect(resumedAt).toBeGreaterThan(9_000_000 - MIB);
    expect(second?.answerBytes).toBe(large.bytes - resumedAt);
    await expectHome(house, sent);
  });

  it('starts over when the file is another one meanwhile', async () => {
    await using _worker = await employ();
    const { path } = await writeSource(house, 'changing', 8_000_000);
    house.zoom.cdn.fail({ on: 'GET /cmr/*', cutAfterBytes: 3_000_000 });
    house.zoom.cdn.fail({ on: 'GET /cmr/*', status: 503, count: 1000 });
    const heard = listen(house.zoom.cdn.requests, /^GET \/cmr/);
    const { id } = await sendMeeting(house, 'Changed', await describeSource(path));
    await attemptEnds(house, id);

    await writeVideo(path, 8_000_000);
    const changed = await describeSource(path);
    clearFaults(house);
    await arrive(house, { id });

    expect(heard().at(-1)).toMatchObject({ status: 200, answerBytes: changed.bytes });
    expect(heard().at(-1)?.headers.range).toMatch(/^bytes=\d+-$/);
    await expectHome(house, { id, title: 'Changed', ...changed });
  });

  it('fetches nothing when all bytes are there already and only the record of that is missing', async () => {
    const heard = listen(house.zoom.cdn.requests, /^GET \/cmr/);
    const marker = join(house.files, 'complete.died');
    const doomed = startCrashWorker(house, { crashAt: 'fetch:before-fact', marker });
    const sent = await sendMeeting(house, 'Complete', small);
    expect(await doomed.ended, doomed.output()).toBe('SIGKILL');

    await using _worker = await employ();
    await arrive(house, sent);

    expect(heard().map(({ status, answerBytes }) => [status, answerBytes])).toEqual([
      [200, small.bytes],
      [416, 0],
    ]);
    await expectHome(house, sent);
  });
});

describe('the address of a download', () => {
  it('C30 is asked of the API once the token of the webhook has expired, and its fresh token is used', async () => {
    await using _worker = await employ();
    await pauseLine(house);
    const sent = await sendMeeting(house, 'Expired', small);
    house.zoom.expireTokens('download');
    const heard = listen(house.zoom.requests, /^GET/);
    await resumeLine(house);
    await arrive(house, sent);

    expect(heard().map(({ path, status }) => [path.split('/').slice(0, 3).join('/'), status])).toEqual([
      ['/rec/webhook_download', 200],
      ['/v2/meetings', 200],
      ['/rec/download', 302],
    ]);
    const [stale, , fresh] = heard().map(({ headers }) => headers.authorization);
    expect(fresh).not.toBe(stale);
    expect(house.zoom.leaks).toBe(0);
    await expectHome(house, sent);
  });

  it('C30 is asked anew in the middle of a download, which then goes on where it was', async () => {
    await using _worker = await employ();
    house.zoom.cdn.link.bytesPerSecond = 40_000_000;
    house.zoom.cdn.fail({ on: 'GET /cmr/*', cutAfterBytes: 9_000_000 });
    house.zoom.fail({ on: 'GET /rec/webhook_download/*', status: 401, skip: 1, count: 1000 });
    const heard = listen(house.zoom.cdn.requests, /^GET \/cmr/);

    const sent = await sendMeeting(house, 'Expiring', large);
    await arrive(house, sent);

    expect(heard().map(({ status }) => status)).toEqual([200, 206]);
    await expectHome(house, sent);
  });

  it('C31 may show a web page in place of the video for a while, under any name', async () => {
    await using _worker = await employ();
    const page = '<!doctype html><html><title>Sign in</title>'.padEnd(small.bytes, ' ');
    house.zoom.cdn.fail({
      on: 'GET /cmr/*',
      status: 200,
      headers: { 'content-type': 'video/mp4' },
      body: page,
    });
    house.zoom.cdn.fail({
      on: 'GET /cmr/*',
      status: 200,
      headers: { 'content-type': 'text/html' },
      body: page,
    });

    const sent = await sendMeeting(house, 'Page', small);
    await arrive(house, sent);

    await expectHome(house, sent);
  });
});

describe('a large file that is interrupted in B2', () => {
  const UPLOAD_PART = /b2_upload_part\//;

  it('sends no more than one part twice when a connection breaks', async () => {
    await using _worker = await employ();
    house.b2.fail({ on: `${B2}b2_upload_part/*`, drop: 'during-body', cutAfterBytes: 3_000_000, skip: 1 });
    const heard = listen(house.b2.requests, UPLOAD_PART);

    const sent = await sendMeeting(house, 'Broken part', large);
    await arrive(house, sent);

    expect(requestBytes(heard())).toBeLessThanOrEqual(large.bytes + PART_BYTES + 5 * DIGEST_BYTES);
    expect(partNumbers(heard())).toEqual(['1', '2', '3', '4']);
    await expectHome(house, sent);
  });

  it('sends no part that B2 has again when another worker takes over', async () => {
    const heard = listen(house.b2.requests, UPLOAD_PART);
    const marker = join(house.files, 'parts.died');
    const doomed = startCrashWorker(house, { crashAt: 'archive:after-part:3', marker });
    const sent = await sendMeeting(house, 'Parts', large);
    expect(await doomed.ended, doomed.output()).toBe('SIGKILL');

    await using _worker = await employ();
    await arrive(house, sent);

    expect(partNumbers(heard())).toEqual(['1', '2', '3', '4']);
    await expectHome(house, sent);
  });

  it('C24 asks for another upload URL after each 503, and never uses one again that failed', async () => {
    await using _worker = await employ();
    house.b2.fail({ on: `${B2}b2_upload_part/*`, status: 503, skip: 1, count: 4 });
    const heard = listen(house.b2.requests, UPLOAD_PART);

    const sent = await sendMeeting(house, 'Busy', large);
    await arrive(house, sent);

    const failed = heard()
      .filter(({ status }) => status === 503)
      .map(({ path }) => path);
    expect(new Set(failed).size).toBe(4);
    const lastFailureAt = heard().findLastIndex(({ status }) => status === 503);
    expect(
      heard()
        .slice(lastFailureAt + 1)
        .filter(({ path }) => failed.includes(path)),
    ).toEqual([]);
    await expectHome(house, sent);
  });

  it('is found again by its name and info when its id was never heard', async () => {
    await using _worker = await employ();
    house.b2.fail({ on: `${B2}b2_start_large_file`, drop: 'after-handling' });
    const starts = listen(house.b2.requests, /b2_start_large_file$/);

    const sent = await sendMeeting(house, 'Lost id', large);
    await arrive(house, sent);

    expect(starts()).toHaveLength(1);
    await expectHome(house, sent);
  });

  it('C25 C26 is thrown away and begun anew when B2 never finishes it', async () => {
    await using _worker = await employ();
    house.b2.fail({ on: `${B2}b2_finish_large_file`, status: 503, count: 3 });
    const starts = listen(house.b2.requests, /b2_start_large_file$/);
    const cancels = listen(house.b2.requests, /b2_cancel_large_file$/);

    const sent = await sendMeeting(house, 'Never finished', large);
    await arrive(house, sent);

    expect([starts().length, cancels().length]).toEqual([2, 1]);
    await expectHome(house, sent);
  });

  it('is not finished twice when the answer to that was lost', async () => {
    await using _worker = await employ();
    house.b2.fail({ on: `${B2}b2_finish_large_file`, drop: 'after-handling' });
    const finishes = listen(house.b2.requests, /b2_finish_large_file$/);

    const sent = await sendMeeting(house, 'Finished', large);
    await arrive(house, sent);

    expect(finishes()).toHaveLength(1);
    await expectHome(house, sent);
  });

  /** The numbers of the parts that B2 took, one for each time. */
  function partNumbers(requests: readonly LoggedRequest[]): unknown[] {
    return requests
      .filter(({ status }) => status === 200)
      .map(({ headers }) => headers['x-bz-part-number'])
      .sort();
  }
});

describe('an upload to Bunny that is interrupted', () => {
  const PATCH = /^PATCH \/tusupload/;

  it('sends no more than one patch twice, and goes on where Bunny is', async () => {
    await using _worker = await employ();
    house.bunny.fail({ on: 'PATCH /tusupload/*', drop: 'during-body', cutAfterBytes: 700_000, skip: 3 });
    house.bunny.fail({ on: 'PATCH /tusupload/*', drop: 'after-handling', skip: 2 });
    const heard = listen(house.bunny.requests, PATCH);

    const sent = await sendMeeting(house, 'Broken patch', large);
    await arrive(house, sent);

    expect(requestBytes(heard())).toBeLessThanOrEqual(large.bytes + PATCH_BYTES);
    expect(house.bunny.videos()).toMatchObject([{ uploadsCreated: 1 }]);
    await expectHome(house, sent);
  });

  it.runIf(isWhole)('goes on in the same upload when another worker takes over', async () => {
    const heard = listen(house.bunny.requests, PATCH);
    const marker = join(house.files, 'patches.died');
    const doomed = startCrashWorker(house, { crashAt: 'publish:after-patch:6', marker });
    const sent = await sendMeeting(house, 'Patches', large);
    expect(await doomed.ended, doomed.output()).toBe('SIGKILL');

    await using _worker = await employ();
    await arrive(house, sent);

    expect(requestBytes(heard())).toBe(large.bytes);
    expect(house.bunny.videos()).toMatchObject([{ uploadsCreated: 1 }]);
    await expectHome(house, sent);
  });

  it('begins again in the same video when Bunny has forgotten the upload', async () => {
    await using _worker = await employ();
    house.bunny.fail({ on: 'PATCH /tusupload/*', status: 503, skip: 4, count: 1000 });
    const sent = await sendMeeting(house, 'Forgotten', large);
    await attemptEnds(house, sent.id);

    expect(await house.bunny.purgeUploads()).toBe(1);
    clearFaults(house);
    await arrive(house, sent);

    expect(house.bunny.videos()).toMatchObject([{ uploadsCreated: 2 }]);
    await expectHome(house, sent);
  });

  it('is done when its last answer was lost and Bunny has forgotten the finished upload', async () => {
    await using _worker = await employ();
    house.bunny.fail({ on: 'PATCH /tusupload/*', drop: 'after-handling' });
    house.bunny.fail({ on: 'HEAD /tusupload/*', status: 404, count: 1000 });

    const sent = await sendMeeting(house, 'Finished and forgotten', small);
    await arrive(house, sent);

    await expectHome(house, sent);
  });

  it('adopts the video whose creation was not answered', async () => {
    await using _worker = await employ();
    house.bunny.fail({ on: VIDEOS, drop: 'after-handling' });
    const creations = listen(house.bunny.requests, /^POST \/library\/[^/]+\/videos$/);

    const sent = await sendMeeting(house, 'Adopted', small);
    await arrive(house, sent);

    expect(creations()).toHaveLength(1);
    await expectHome(house, sent);
  });

  const DROPS = [
    ['both were made', ['after-handling', 'after-handling']],
    ['only the first was made', ['after-handling', 'before-handling']],
    ['only the second was made', ['before-handling', 'after-handling']],
  ] as const;

  it.each(theseOf(DROPS, ['only the second was made']))(
    'gives two recordings of one title a video each when neither creation was answered: %s',
    async (_name, drops) => {
      await using _worker = await employ();
      for (const drop of drops) house.bunny.fail({ on: VIDEOS, drop });
      await pauseLine(house);
      const other = await writeSource(house, 'other', 600_000);
      const sent = [await sendMeeting(house, 'Twins', small), await sendMeeting(house, 'Twins', other)];
      await resumeLine(house);
      for (const each of sent) await arrive(house, each);

      for (const each of sent) await expectHome(house, each);
      expect(house.bunny.videos()).toHaveLength(2);
    },
  );

  it('leaves an empty video to the recording that has it, though another of the same title looks for its own', async () => {
    await using _worker = await employ();
    house.bunny.fail({ on: VIDEOS, drop: 'before-handling', skip: 1 });
    house.bunny.fail({ on: 'POST /tusupload', status: 503, count: 1000 });
    await pauseLine(house);
    const other = await writeSource(house, 'other', 600_000);
    const sent = [await sendMeeting(house, 'Twins', small), await sendMeeting(house, 'Twins', other)];
    await resumeLine(house);
    for (const { id } of sent) await attemptEnds(house, id);
    await expect.poll(() => house.bunny.videos().length, { timeout: 20_000 }).toBe(2);
    clearFaults(house);
    for (const each of sent) await arrive(house, each);

    for (const each of sent) await expectHome(house, each);
    expect(house.bunny.videos()).toHaveLength(2);
  });
});

describe('a download whose length is not the announced one', () => {
  it('C34 fails with both lengths, and nothing is archived', async () => {
    const { zoom } = house;
    const worker = startCrashWorker(house, { settings: { RETRY_ATTEMPTS: '2' } });
    const { path, bytes } = small;
    const meeting = await zoom.addMeeting({ topic: 'Longer', files: [{ path, fileSize: bytes + 1000 }] });
    const { body } = await zoom.send(house.webhookUrl, zoom.recordingCompleted(meeting));
    const id = (JSON.parse(body) as { accepted: { id: string }[] }).accepted[0]?.id ?? '';

    await house.reaches(id, 'failed');
    await worker.kill();

    const { lastError } = (await house.recordings.get(id)) ?? {};
    expect(lastError).toMatchObject({ code: 'DOWNLOAD_LENGTH_DIFFERS' });
    for (const length of [bytes, bytes + 1000]) expect(lastError?.message).toContain(String(length));
    expect([await house.b2.files(), house.bunny.videos()]).toEqual([[], []]);
  });
});

/** A worker for the length of a test. */
async function employ(): Promise<AsyncDisposable> {
  const worker = await house.startWorker();
  return { [Symbol.asyncDispose]: () => worker.stop() };
}
