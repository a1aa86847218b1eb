import { randomBytes } from 'node:crypto';
import { copyFile, mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'libsql';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { markedTitle, plainTitle } from '../../src/domain/video-mark.ts';
import {
  arrive,
  attemptEnds,
  clearFaults,
  emptyRemotes,
  expectHome,
  happens,
  pauseLine,
  QUICK_SETTINGS,
  resumeLine,
  type Source,
  sendMeeting,
  sendTranscript,
  UNWATCHED,
  writeSource,
} from '../support/faults-house.ts';
import { type House, openHouse } from '../support/house.ts';
import { isRunOnPostgres } from '../support/postgres-floor.ts';
import { isWhole, theseOf } from '../support/whole-tables.ts';

const CREATE = 'POST /library/*/videos';
const UPDATE = 'POST /library/*/videos/*';
const GET = 'GET /library/*/videos/*';
const POLL = { timeout: 20_000, interval: 20 };

let house: House;
let small: Source;

beforeAll(async () => {
  house = await openHouse({ ...QUICK_SETTINGS, ...UNWATCHED, LATE_LOOK_FIRST_S: '0.1' });
  small = await writeSource(house, 'small');
  await house.startWorker();
});
afterAll(() => house.close());
afterEach(async () => {
  clearFaults(house);
  house.bunny.setClock(0);
  house.bunny.setSettling(0);
  await resumeLine(house);
  await emptyRemotes(house);
});

const lesson = () => `Lesson ${randomBytes(4).toString('hex')}`;

/** What a colleague does by hand in Bunny's panel. */
async function byHand(method: string, path: string, body?: object) {
  const { url, libraryId, apiKey } = house.bunny;
  const answer = await fetch(`${url}/library/${libraryId}/${path}`, {
    method,
    headers: { AccessKey: apiKey, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  return (await answer.json()) as { guid: string };
}

const titles = () => house.bunny.videos().map(({ title }) => title);
const creations = (requests = house.bunny.requests) =>
  requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/videos')).length;

async function cancel(id: string): Promise<void> {
  const { status } = await house.post(`/api/recordings/${id}/cancel`, {});
  if (status !== 200) throw new Error(`not cancelled: ${status}`);
  await house.reaches(id, 'cancelled');
}

describe('a video that a colleague has made by hand under the title of a recording', () => {
  it.each([
    ['before it', 0],
    ['days later', 3 * 86_400_000],
  ])('is not adopted, made %s, when the creation of its own was not answered', async (_name, laterMs) => {
    const title = lesson();
    await pauseLine(house);
    const sent = await sendMeeting(house, title, small);
    house.bunny.setClock(laterMs);
    const { guid } = await byHand('POST', 'videos', { title });
    house.bunny.setClock(0);
    house.bunny.fail({ on: CREATE, drop: 'before-handling' });
    await resumeLine(house);
    await arrive(house, sent);

    expect(house.bunny.videos()).toMatchObject([
      { guid, title, bytes: 0 },
      { title, bytes: small.bytes, sha256: small.sha256 },
    ]);
  });

  it('stays when the recording is cancelled', async () => {
    const title = lesson();
    const { guid } = await byHand('POST', 'videos', { title });
    house.bunny.fail({ on: CREATE, drop: 'after-handling', count: 2 });
    house.bunny.fail({ on: 'POST /tusupload', status: 503, count: 1000 });
    const { id } = await sendMeeting(house, title, small);
    await attemptEnds(house, id);

    await cancel(id);

    await expect.poll(() => house.bunny.videos(), POLL).toMatchObject([{ guid, title }]);
  });
});

describe('a video bears its mark until it is complete, and then its plain title', () => {
  const ALL_TITLES = [
    ['brackets', 'Algebra [draft] (2/3) 100% & more'],
    ['many scripts', 'Алгебра 代数 الجبر 👩‍🏫'],
    ['a length of 250', 'Algebra '.repeat(32).slice(0, 250).trim()],
    ['the mark of another', markedTitle({ id: 'rec_0123456789abcdef01234567', title: 'Forged' })],
  ] as const;
  const TITLES = theseOf(ALL_TITLES, ['many scripts', 'the mark of another']);

  it.each(TITLES)('under a title with %s', async (_name, title) => {
    house.bunny.fail({ on: CREATE, drop: 'after-handling' });
    house.bunny.fail({ on: 'POST /tusupload', status: 503, count: 20 });
    const before = creations();
    const sent = await sendMeeting(house, title, small);
    const kept = (await house.recordings.get(sent.id))?.title ?? '';
    await expect.poll(titles, POLL).toEqual([markedTitle({ id: sent.id, title: kept })]);
    await arrive(house, sent);

    expect(creations() - before).toBe(1);
    await expectHome(house, sent);
    expect(house.bunny.videos()).toMatchObject([
      {
        title: plainTitle(kept),
        metaTags: [
          { property: 'sluice-recording', value: sent.id },
          { property: 'sluice-bytes', value: String(sent.bytes) },
        ],
      },
    ]);
  });

  it.each([
    ['refused', { status: 400 }],
    ['not known', { status: 404 }],
    ['not answered', { drop: 'before-handling' }],
    ['down', { status: 503 }],
  ] as const)('which it gets later where the update is %s', async (_name, fault) => {
    house.bunny.fail({ on: UPDATE, count: 3, ...fault });
    const sent = await sendMeeting(house, lesson(), small);
    await arrive(house, sent);

    await expect.poll(titles, POLL).toEqual([sent.title]);
    await expectHome(house, sent);
  });
});

describe('after the ledger was lost', () => {
  it.each([
    ['the finished video', () => {}],
    [
      'the video that has its bytes and not its name',
      () => house.bunny.fail({ on: UPDATE, status: 400, count: 9 }),
    ],
  ])('%s of the same recording is found again', async (_name, prepare) => {
    prepare();
    const path = small.path;
    const aceId = randomBytes(8).toString('hex');
    const first = await house.addCustom(lesson(), { path, ace_id: aceId, keep_file: true });
    await house.reaches(first.id, 'done');
    clearFaults(house);
    const [video] = house.bunny.videos();

    await using anew = await openHouseAt(house);
    const again = await anew.addCustom((await house.recordings.get(first.id))?.title ?? '', {
      path,
      ace_id: aceId,
      keep_file: true,
    });
    await anew.reaches(again.id, 'done');

    expect(again.id).toBe(first.id);
    expect(house.bunny.videos()).toMatchObject([{ guid: video?.guid, uploadsCreated: 1 }]);
    const archived = (await house.b2.files()).filter(
      ({ fileInfo }) => fileInfo['sluice_recording'] === first.id,
    );
    expect(archived).toHaveLength(1);
    expect((await anew.recordings.progress(again.id)).facts.archive?.fileId).toBe(archived[0]?.fileId);
    expect((await anew.recordings.progress(again.id)).facts.publish?.videoId).toBe(video?.guid);
  });

  const BEFORE = 'before the file was handed over';
  // Of a database in Postgres its own tools make copies.
  it.skipIf(isRunOnPostgres()).each(isWhole ? [BEFORE, 'while the file waited'] : [BEFORE])(
    'or an older one was restored, from %s, what was made since is found again',
    async (when) => {
      const title = lesson();
      const path = join(house.files, `${title}.mp4`);
      await copyFile(small.path, path);
      // Its own day, on whichever it is handed over.
      await utimes(path, new Date('2020-02-29'), new Date('2020-02-29'));
      const dataDir = await mkdtemp(join(tmpdir(), 'sluice-restored-'));
      const backUp = () => {
        const sqlite = new Sqlite(house.config.ledgerAddress);
        sqlite.exec(`vacuum into '${join(dataDir, 'ledger.db')}'`);
        sqlite.close();
      };
      await pauseLine(house);
      if (when.startsWith('before')) backUp();
      const first = await house.addCustom(title, { path, keep_file: true });
      if (when.startsWith('while')) backUp();
      await resumeLine(house);
      await house.reaches(first.id, 'done');
      const [video] = house.bunny.videos();

      try {
        await using anew = await openHouseAt(house, { DATA_DIR: dataDir });
        const again = await anew.addCustom(title, { path, keep_file: true });
        await resumeLine(anew);
        await anew.reaches(again.id, 'done');

        expect(again.id).toBe(first.id);
        expect(house.bunny.videos()).toMatchObject([{ guid: video?.guid, uploadsCreated: 1 }]);
        const archived = await house.b2.files();
        const { archive } = (await anew.recordings.progress(again.id)).facts;
        expect(archive?.fileName).toMatch(/^custom\/2020\/02\/29\//);
        expect(archived.filter(({ fileInfo }) => fileInfo['sluice_recording'] === first.id)).toHaveLength(1);
      } finally {
        await rm(dataDir, { recursive: true, force: true });
      }
    },
  );

  it('the empty video of the same recording is filled', async () => {
    const path = small.path;
    const aceId = randomBytes(8).toString('hex');
    house.bunny.fail({ on: 'POST /tusupload', status: 503, count: 1000 });
    const title = lesson();
    const first = await house.addCustom(title, { path, ace_id: aceId, keep_file: true });
    await attemptEnds(house, first.id);
    await pauseLine(house);
    clearFaults(house);

    await using anew = await openHouseAt(house);
    const again = await anew.addCustom(title, { path, ace_id: aceId, keep_file: true });
    await anew.reaches(again.id, 'done');

    expect(house.bunny.videos()).toMatchObject([{ title, sha256: small.sha256 }]);
    await resumeLine(house);
    await house.reaches(first.id, 'done');
    expect(house.bunny.videos()).toHaveLength(1);
  });
});

describe('a Bunny whose clock goes wrong', () => {
  it.each([
    ['ahead', 5 * 60_000],
    ['behind', -5 * 60_000],
    ['a day ahead', 86_400_000],
  ])('by being %s: the video whose creation was not answered is adopted', async (_name, aheadMs) => {
    house.bunny.setClock(aheadMs);
    house.bunny.fail({ on: CREATE, drop: 'after-handling' });
    const before = creations();
    const sent = await sendMeeting(house, lesson(), small);
    await arrive(house, sent);

    expect(creations() - before).toBe(1);
    await expectHome(house, sent);
  });
});

describe('"not found" is not "gone"', () => {
  it('of a video that Bunny knows only a while after it has made it', async () => {
    house.bunny.setSettling(150);
    const before = creations();
    const sent = await sendMeeting(house, lesson(), small);
    await arrive(house, sent);

    expect(creations() - before).toBe(1);
    await expectHome(house, sent);
  });

  it('of a video that comes up when it has been believed gone: what was made meanwhile does not double it', async () => {
    house.bunny.setSettling(1200);
    const sent = await sendMeeting(house, lesson(), small);
    await arrive(house, sent);

    await expect.poll(() => house.bunny.videos().length, POLL).toBe(1);
    await expectHome(house, sent);
  });

  it.each([1, 2])('said %i times of a video that is there', async (count) => {
    house.bunny.fail({ on: 'PATCH /tusupload/*', status: 503, count: 5 });
    house.bunny.fail({ on: GET, status: 404, body: '{"success":false}', count });
    const before = creations();
    const sent = await sendMeeting(house, lesson(), small);
    await arrive(house, sent);

    expect(creations() - before).toBe(1);
    await expectHome(house, sent);
    expect((await house.recordings.get(sent.id))?.failedAttempts).toBeLessThanOrEqual(2);
  });

  it('but a video that is deleted while it waits is made anew', async () => {
    house.bunny.fail({ on: 'PATCH /tusupload/*', status: 503, count: 1000 });
    const sent = await sendMeeting(house, lesson(), small);
    await attemptEnds(house, sent.id);
    const [video] = house.bunny.videos();
    await byHand('DELETE', `videos/${video?.guid}`);
    clearFaults(house);
    await arrive(house, sent);

    await expectHome(house, sent);
  });
});

describe('"not empty" is not "arrived"', () => {
  it.each([
    ['its upload has failed', { status: 6 }],
    ['it is finished, and has half of the bytes', { status: 4, bytes: 200_000 }],
    ['it has failed, and has nothing', { status: 5, bytes: 0 }],
  ])('a video of which Bunny says that %s is made anew', async (_name, claim) => {
    house.bunny.fail({ on: 'PATCH /tusupload/*', status: 503, count: 1000 });
    const sent = await sendMeeting(house, lesson(), small);
    await attemptEnds(house, sent.id);
    await pauseLine(house);
    const [video] = house.bunny.videos();
    house.bunny.claim(video?.guid ?? '', claim);
    clearFaults(house);
    await house.bunny.purgeUploads();
    house.bunny.fail({ on: 'HEAD /tusupload/*', status: 404, count: 1000 });
    await resumeLine(house);
    await arrive(house, sent);

    await expectHome(house, sent);
    expect(house.bunny.videos()).toHaveLength(1);
  });

  it('a status that nobody knows is no failure: the upload goes on', async () => {
    house.bunny.fail({ on: 'PATCH /tusupload/*', status: 503, count: 1000 });
    const sent = await sendMeeting(house, lesson(), small);
    await attemptEnds(house, sent.id);
    const [video] = house.bunny.videos();
    house.bunny.claim(video?.guid ?? '', { status: 11 });
    clearFaults(house);
    await arrive(house, sent);

    expect(house.bunny.videos()).toMatchObject([{ guid: video?.guid, sha256: small.sha256 }]);
  });
});

describe('a creation that comes late', () => {
  const comes = ({ id, title }: { id: string; title: string }) =>
    byHand('POST', 'videos', { title: markedTitle({ id, title }) });

  it('is taken back, and the one that was made instead stays', async () => {
    house.bunny.fail({ on: CREATE, drop: 'before-handling' });
    const sent = await sendMeeting(house, lesson(), small);
    await arrive(house, sent);
    await comes(sent);

    await happens(house, sent.id, 'late.removed');
    await expectHome(house, sent);
    expect(house.bunny.videos()).toHaveLength(1);
  });

  it('is taken back after its recording was cancelled, and a video that a colleague has made is not', async () => {
    house.bunny.fail({ on: CREATE, drop: 'before-handling', count: 1000 });
    const sent = await sendMeeting(house, lesson(), small);
    await attemptEnds(house, sent.id);
    await cancel(sent.id);
    clearFaults(house);
    await byHand('POST', 'videos', { title: sent.title });
    await comes(sent);

    await happens(house, sent.id, 'late.removed');
    expect(titles()).toEqual([sent.title]);
  });
});

describe('captions of a transcript that is cancelled', () => {
  const CAPTIONS = '/library/*/videos/*/captions/*';
  const captions = () => house.bunny.videos().flatMap((video) => video.captions);

  /** A transcript whose captions are on its video, of which it has not heard. */
  async function unheard() {
    const sent = await sendMeeting(house, lesson(), small);
    await arrive(house, sent);
    house.bunny.fail({ on: `POST ${CAPTIONS}`, drop: 'after-handling', count: 1000 });
    const { id } = await sendTranscript(house, sent);
    await expect.poll(captions, POLL).toMatchObject([{ srclang: 'en', label: 'English' }]);
    return { id, sent };
  }

  it.each([
    ['', undefined],
    [' also when Bunny is down for a moment', { status: 503, count: 2 }],
    [' also when they were taken away without an answer', { drop: 'after-handling' }],
  ] as const)('are taken from the video, which stays,%s', async (_name, fault) => {
    const { id, sent } = await unheard();
    if (fault) house.bunny.fail({ on: `DELETE ${CAPTIONS}`, ...fault });

    await cancel(id);

    expect(captions()).toEqual([]);
    await expectHome(house, sent);
  });

  it.runIf(isWhole)('are taken from the video if they come after that', async () => {
    const sent = await sendMeeting(house, lesson(), small);
    await arrive(house, sent);
    const { struck } = house.bunny.faults;
    house.bunny.fail({ on: `POST ${CAPTIONS}`, lateMs: 4000 });
    const { id } = await sendTranscript(house, sent);
    await expect.poll(() => house.bunny.faults.struck, POLL).toBe(struck + 1);

    await cancel(id);
    expect(captions()).toEqual([]);
    await happens(house, id, 'late.removed');

    expect(captions()).toEqual([]);
    await expectHome(house, sent);
  });

  it('stay if somebody has set others in their place', async () => {
    const { id, sent } = await unheard();
    await pauseLine(house);
    clearFaults(house);
    const { facts } = await house.recordings.progress(sent.id);
    const captionsFile = Buffer.from('WEBVTT\n').toString('base64');
    const theirs = { srclang: 'en', label: 'English (corrected)', captionsFile };
    await byHand('POST', `videos/${facts.publish?.videoId}/captions/en`, theirs);

    await cancel(id);

    expect(captions()).toMatchObject([{ label: 'English (corrected)' }]);
  });
});

/** A second installation with an empty ledger, which looks at its videos, and has the remotes of the first. */
async function openHouseAt(
  { b2, bunny }: House,
  settings: Readonly<Record<string, string>> = {},
): Promise<House & AsyncDisposable> {
  const anew = await openHouse({
    ...QUICK_SETTINGS,
    BUNNY_API_URL: bunny.url,
    BUNNY_TUS_URL: `${bunny.url}/tusupload`,
    B2_API_URL: b2.url,
    ...settings,
  });
  await anew.startWorker();
  return Object.assign(anew, { [Symbol.asyncDispose]: () => anew.close() });
}
