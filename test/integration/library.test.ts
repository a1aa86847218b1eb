import { cp, mkdir, mkdtemp, readFile, rename, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startS3Simulator } from '../../simulators/s3/simulator.ts';
import { assetKey } from '../../src/domain/asset.ts';
import type { NewRecording } from '../../src/domain/recording.ts';
import type { FoundAsset } from '../../src/ledger/assets.ts';
import { QUICK_SETTINGS } from '../support/faults-house.ts';
import { askGraphql } from '../support/graphql.ts';
import { type House, openHouse, writeVideo } from '../support/house.ts';
import { openTestLedger, type TestLedger } from '../support/ledger.ts';
import { createDatabase, isRunOnPostgres } from '../support/postgres-floor.ts';
import { startProcesses } from '../support/processes.ts';
import { putObject, requestsTo, s3Environment } from '../support/s3-of-house.ts';

const SCAN = 'mutation { scanMediaFolder { found registered changed skipped } }';

let closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.reverse()) await close();
  closing = [];
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-library-'));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Settings of houses that have one ledger, one after another. */
async function oneLedger(folder: string): Promise<Record<string, string>> {
  return {
    DATA_DIR: join(folder, 'data'),
    ...(isRunOnPostgres() ? { DATABASE_URL: await createDatabase() } : {}),
  };
}

async function withHouse<T>(
  settings: Record<string, string>,
  work: (house: House) => Promise<T>,
): Promise<T> {
  const house = await openHouse({ ...QUICK_SETTINGS, PATH: process.env['PATH'], ...settings });
  try {
    return await work(house);
  } finally {
    await house.close();
  }
}

async function scan(house: House) {
  const { data, errors } = await askGraphql(house, SCAN);
  if (errors !== undefined) throw new Error(errors[0].message);
  return data.scanMediaFolder;
}

async function assetsOf(house: House) {
  const { data } = await askGraphql(house, '{ assets { id path status duration size } }');
  return data.assets as { id: string; path: string; status: string; duration: number | null; size: number }[];
}

async function allLookedInto(house: House): Promise<void> {
  while ((await assetsOf(house)).some(({ status }) => status === 'pending')) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('a library', () => {
  it('is asked of the server as it is built, too', async () => {
    await withHouse({}, async (house) => {
      const environment = { ...house.environment, REDIS_URL: house.redis.url };
      const built = await startProcesses(environment, ['pipeline']);
      closing.push(() => built.stop());
      const post = (path: string, body: unknown) =>
        fetch(`${built.pipelineUrl}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
      const { data } = await askGraphql({ post }, '{ assets { id } systemStatus { version } }');
      expect(data).toEqual({ assets: [], systemStatus: { version: expect.stringMatching(/^\d/) } });
      expect((await fetch(`${built.pipelineUrl}/graphiql`)).status).toBe(200);
      await built.stop();
    });
  });

  it('is refused where MEDIA_IN is not set or not there, in words', async () => {
    const folder = await newFolder();
    await withHouse({}, async (house) => {
      expect(await askGraphql(house, SCAN)).toMatchObject({
        code: 'INPUT_NOT_ALLOWED',
        errors: [{ message: expect.stringContaining('MEDIA_IN is not set') }],
      });
    });
    await withHouse({ MEDIA_IN: join(folder, 'nowhere') }, async (house) => {
      expect(await askGraphql(house, SCAN)).toMatchObject({ code: 'FILE_NOT_FOUND' });
    });
  });

  it('is known by paths below its root: the same ledger goes on after the root has moved (P22)', async () => {
    const folder = await newFolder();
    const shared = await oneLedger(folder);
    await mkdir(join(folder, 'in', 'course'), { recursive: true });
    await mkdir(join(folder, 'out'));
    await writeVideo(join(folder, 'in', 'course', 'one.mp4'), 0);
    await writeVideo(join(folder, 'in', 'two.mp4'), 0);
    const before = await withHouse({ ...shared, MEDIA_IN: join(folder, 'in') }, async (house) => {
      expect(await scan(house)).toEqual({ found: 2, registered: 2, changed: 0, skipped: 0 });
      await house.startWorker();
      await allLookedInto(house);
      return await assetsOf(house);
    });
    await rename(join(folder, 'in'), join(folder, 'moved'));

    await withHouse(
      { ...shared, MEDIA_IN: join(folder, 'moved'), MEDIA_OUT: join(folder, 'out') },
      async (house) => {
        expect(await assetsOf(house)).toEqual(before);
        expect(await scan(house)).toEqual({ found: 2, registered: 0, changed: 0, skipped: 2 });
        const { data } = await askGraphql(
          house,
          'mutation ($id: ID!) { createJob(input: { sourceAssetId: $id, presetId: "thumbnail" }) { id } }',
          { id: before[0]?.id },
        );
        await house.startWorker();
        expect(await house.reaches(data.createJob.id, 'done', 'failed')).toBe('done');
      },
    );
  });

  it('may be a bucket, of whose files only the ends are fetched; and a folder may become one (P21, P22)', async () => {
    const folder = await newFolder();
    const shared = await oneLedger(folder);
    const s3 = await startS3Simulator();
    closing.push(() => s3.close());
    await mkdir(join(folder, 'in', 'course'), { recursive: true });
    await mkdir(join(folder, 'out'));
    await writeVideo(join(folder, 'in', 'course', 'one.mp4'), 0);
    const [known] = await withHouse({ ...shared, MEDIA_IN: join(folder, 'in') }, async (house) => {
      await scan(house);
      await house.startWorker();
      await allLookedInto(house);
      return await assetsOf(house);
    });
    await writeVideo(join(folder, 'in', 'large.mp4'), 40_000_000);
    const s3Settings = {
      MEDIA_IN: `s3://${s3.bucket}/films`,
      ...s3Environment(s3),
      MEDIA_OUT: join(folder, 'out'),
    };

    await withHouse({ ...shared, ...s3Settings }, async (house) => {
      for (const path of ['course/one.mp4', 'large.mp4']) {
        await putObject(
          requestsTo(house, s3.bucket),
          `films/${path}`,
          await readFile(join(folder, 'in', path)),
        );
      }

      expect(await scan(house)).toEqual({ found: 2, registered: 1, changed: 0, skipped: 1 });
      await house.startWorker();
      await allLookedInto(house);

      const assets = await assetsOf(house);
      expect(assets.find(({ path }) => path === 'course/one.mp4')).toEqual(known);
      expect(assets.find(({ path }) => path === 'large.mp4')).toMatchObject({ status: 'ready', duration: 8 });
      const gets = s3.requests.filter(({ method, path }) => method === 'GET' && path.includes('large.mp4'));
      expect(gets).toHaveLength(2);
      expect(await scan(house)).toEqual({ found: 2, registered: 0, changed: 0, skipped: 2 });
      const { data } = await askGraphql(
        house,
        'mutation ($id: ID!) { createJob(input: { sourceAssetId: $id, presetId: "thumbnail" }) { id } }',
        { id: known?.id },
      );
      expect(await house.reaches(data.createJob.id, 'done', 'failed')).toBe('done');
    });
  });

  it('is nobody’s work: what lies there is not counted as done', async () => {
    const folder = await newFolder();
    await mkdir(join(folder, 'in'));
    await writeVideo(join(folder, 'in', 'one.mp4'), 0);
    await withHouse({ MEDIA_IN: join(folder, 'in') }, async (house) => {
      const overview = async () =>
        (await (await fetch(`${house.config.pipeline.url}/api/overview`)).json()) as Record<string, unknown>;
      await scan(house);
      await house.startWorker();
      await allLookedInto(house);

      expect(await overview()).toMatchObject({ done: [], done_since: 0 });
    });
  });

  it('takes a copy of another time for files that were written anew, and keeps their ids', async () => {
    const folder = await newFolder();
    await mkdir(join(folder, 'in'));
    await writeVideo(join(folder, 'in', 'one.mp4'), 0);
    await withHouse({ MEDIA_IN: join(folder, 'in') }, async (house) => {
      await scan(house);
      const before = await assetsOf(house);
      await cp(join(folder, 'in', 'one.mp4'), join(folder, 'copy.mp4'));
      await utimes(join(folder, 'copy.mp4'), 100, 100);
      await rename(join(folder, 'copy.mp4'), join(folder, 'in', 'one.mp4'));

      expect(await scan(house)).toEqual({ found: 1, registered: 0, changed: 1, skipped: 0 });
      expect((await assetsOf(house)).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    });
  });
});

describe('the ledger of assets', () => {
  let ledger: TestLedger;

  beforeEach(async () => {
    ledger = await openTestLedger();
    closing.push(() => ledger.close());
  });

  function found(path: string, { bytes = 10, mark = 'time 1' } = {}): FoundAsset {
    const recording: NewRecording = {
      source: 'library',
      naturalKey: assetKey(path),
      aceId: null,
      title: path,
      origin: { kind: 'input', address: `media-in:${path}`, bytes, validator: null },
      details: {},
      place: 1,
      plan: { recipe: 'register', version: 1, steps: [] },
    };
    return { recording, bytes, mark, stem: path };
  }

  const paths = (count: number) => Array.from({ length: count }, (_, at) => `film ${at}.mp4`);

  it('takes a group in once, whoever brings it at the same time', async () => {
    const group = paths(200).map((path) => found(path));

    const taken = await Promise.all([1, 2, 3].map(() => ledger.assets.take(group)));

    expect(taken.map(({ registered }) => registered).sort((a, b) => a - b)).toEqual([0, 0, 200]);
    const { rows, isLast } = await ledger.assets.page({ limit: 150 });
    expect([rows.length, isLast]).toEqual([150, false]);
    expect(new Set((await ledger.recordings.newest(300)).map(({ seq }) => seq)).size).toBe(200);
  });

  it('keeps paths that are no text', async () => {
    const odd = 'caf\udce9.mp4';
    expect(await ledger.assets.take([found(odd), found('caf\udce8.mp4')])).toMatchObject({ registered: 2 });
    expect(await ledger.assets.take([found(odd)])).toEqual({ registered: 0, changed: 0 });
    const addresses = (await ledger.recordings.newest(2)).map(({ origin }) =>
      origin.kind === 'input' ? origin.address : '',
    );
    expect(addresses).toContain(`media-in:${odd}`);
  });

  it('answers a page of assets with their jobs and pictures in as many questions as one of them', async () => {
    const group = paths(60).map((path) => found(path));
    await ledger.assets.take(group);
    const { rows } = await ledger.assets.page({ limit: 60 });
    for (const { id } of rows.slice(0, 40)) {
      for (const job of ['a', 'b']) {
        const { recording } = found(`${id} ${job}`);
        await ledger.recordings.accept({ ...recording, naturalKey: `run:${id}${job}`, runOf: id });
      }
    }
    const executor = ledger.base.db.getExecutor();
    const execute = executor.executeQuery.bind(executor);
    let questions = 0;
    executor.executeQuery = (...args) => {
      questions += 1;
      return execute(...args);
    };
    const ask = async (limit: number) => {
      questions = 0;
      const page = await ledger.assets.page({ limit });
      const ids = page.rows.map(({ id }) => id);
      await ledger.jobs.reached(ids);
      const jobs = [...(await ledger.assets.jobsOf(ids, 20)).values()].flat();
      await ledger.jobs.reached(jobs);
      await ledger.assets.made(ids, ['thumbnail'], 3);
      return { questions, jobs: jobs.length };
    };

    const few = await ask(1);
    const many = await ask(50);

    expect(few).toEqual({ questions: 5, jobs: 2 });
    expect(many).toEqual({ questions: 5, jobs: 80 });
    const listed = await ledger.assets.jobs({ limit: 50, status: 'PENDING' });
    expect([listed.rows.length, listed.isLast]).toEqual([50, false]);
    const next = await ledger.assets.jobs({ limit: 50, beforeSeq: listed.rows.at(-1)?.seq });
    expect([next.rows.length, next.isLast]).toEqual([30, true]);
    for (const status of ['PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED'] as const) {
      expect((await ledger.assets.jobs({ limit: 1, status })).rows).toEqual([]);
    }
  });
});
