import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AfterDonePoint,
  type CrashPoint,
  crashPoint,
  type OutputPoint,
} from '../../src/lib/crash-point.ts';
import {
  arrive,
  emptyRemotes,
  expectBeside,
  expectHome,
  QUICK_SETTINGS,
  type Source,
  sendMeeting,
  sendTranscript,
  UNWATCHED,
  writeSource,
} from '../support/faults-house.ts';
import { createPool, type Pool } from '../support/faults-pool.ts';
import {
  buildCrashCopy,
  type CrashAt,
  type CrashWorker,
  expectDeath,
  startCrashWorker,
} from '../support/faults-worker.ts';
import { type House, openHouse } from '../support/house.ts';
import { publishersFound, storesFound, tasksFound } from '../support/registry.ts';
import { oneOfEach } from '../support/whole-tables.ts';

/** How large the video is; or a small one with a transcript, of which the worker dies. */
type Size = 'small' | 'large' | 'transcript';

/** Every crash point on the way home (the others: after-done.test.ts, outputs.test.ts, packages.test.ts), and at which passages of it a recording of which size has its worker die. */
const CRASHES: Readonly<
  Record<Exclude<CrashPoint, AfterDonePoint | OutputPoint>, readonly (readonly [CrashAt, Size])[]>
> = {
  // First, for a dead worker's announcement stays locked for half a minute.
  'delivery:after-answer': [['delivery:after-answer', 'small']],
  'after-fact:fetch': [['after-fact:fetch', 'small']],
  'after-fact:archive': [['after-fact:archive', 'small']],
  'after-fact:publish': [['after-fact:publish', 'small']],
  'after-fact:captions': [['after-fact:captions', 'transcript']],
  'captions:after-set': [['captions:after-set', 'transcript']],
  'after-fact:notify': [['after-fact:notify', 'small']],
  'after-fact:cleanup': [['after-fact:cleanup', 'small']],
  'fetch:after-checkpoint': [['fetch:after-checkpoint', 'small']],
  'fetch:mid-download': [
    ['fetch:mid-download:1', 'large'],
    ['fetch:mid-download:4', 'large'],
  ],
  'fetch:before-fact': [['fetch:before-fact', 'small']],
  'archive:after-upload': [['archive:after-upload', 'small']],
  'archive:after-start': [['archive:after-start', 'large']],
  'archive:after-part': [
    ['archive:after-part:1', 'large'],
    ['archive:after-part:3', 'large'],
  ],
  'archive:after-finish': [['archive:after-finish', 'large']],
  'publish:after-create': [['publish:after-create', 'small']],
  'publish:after-begin': [['publish:after-begin', 'small']],
  'publish:after-patch': [
    ['publish:after-patch:1', 'large'],
    ['publish:after-patch:11', 'large'],
  ],
  'publish:after-naming': [['publish:after-naming', 'small']],
  'notify:after-outbox': [['notify:after-outbox', 'small']],
  'cleanup:after-removal': [['cleanup:after-removal', 'small']],
};

const OUTPUTS = 'it makes something beside the recording: outputs.test.ts';

/** Tasks of no way home, and why nothing is to be tried behind their fact. */
const APART: Readonly<Record<string, string>> = {
  package: 'it makes something beside the recording, and has points of its own: packages.test.ts',
  'package-captions': 'it changes a package: packages.test.ts',
  probe: 'it only looks, and makes nothing anywhere',
  glance: 'it only looks, and makes nothing anywhere',
  preflight: 'it asks whether a job of a program can go where it is to go: jobs.test.ts',
  refuse: 'it ends a job that cannot be done, and makes nothing anywhere',
  thumbnail: OUTPUTS,
  chunk: OUTPUTS,
  watermark: OUTPUTS,
  transcode: OUTPUTS,
  trim: OUTPUTS,
  sprite: OUTPUTS,
  waveform: OUTPUTS,
};

/** In which file of these tests a worker dies that archives there, or publishes there. */
const DIES_AT: Readonly<Record<string, string>> = {
  b2: 'crash-points.test.ts',
  folder: 'two-archives.test.ts',
  s3: 's3-archive.test.ts',
  bunny: 'crash-points.test.ts',
  'folder-publisher': 'two-publishers.test.ts',
};

/** What the worker is at that dies there. */
const stepOf = (crashAt: CrashAt) => crashAt.split(':')[0];

/** Houses, each of which serves one case at a time: while one case waits, others go on. */
const HOUSES = 3;

/** No busy machine is taken for a silent service: what is sent again passes its point less often. */
const PATIENT = { TRANSFER_IDLE_TIMEOUT_S: '20' };

interface Furnished {
  readonly house: House;
  readonly sources: Readonly<Record<Size, Source>>;
}

async function furnish(): Promise<Furnished> {
  const house = await openHouse({ ...QUICK_SETTINGS, ...UNWATCHED });
  const [small, large] = [await writeSource(house, 'small'), await writeSource(house, 'large', 11_000_000)];
  return { house, sources: { small, large, transcript: small } };
}

describe('a recording whose worker is killed', () => {
  let pool: Pool<Furnished>;

  beforeAll(async () => {
    await buildCrashCopy();
    pool = await createPool(HOUSES, furnish);
  });
  afterAll(() => Promise.all(pool.all.map(({ house }) => house.close())));

  it('dies behind the fact of every task that there is', async () => {
    const tasks = await tasksFound();
    const tried = Object.keys(CRASHES).flatMap((point) => /^after-fact:(.+)/.exec(point)?.[1] ?? []);

    expect([...tried, ...Object.keys(APART)].sort()).toEqual(tasks.sort());
  });

  it('dies on the way to every store and every publisher that there is', async () => {
    const places = [...storesFound(), ...publishersFound()].map(({ service }) => service);

    expect(Object.keys(DIES_AT).sort()).toEqual(places.sort());
    for (const file of new Set(Object.values(DIES_AT))) {
      expect(await readFile(join(import.meta.dirname, file), 'utf8')).toContain('startCrashWorker(');
    }
  });

  it.concurrent.each(
    oneOfEach(Object.values(CRASHES).flat(), ([crashAt, size]) => `${stepOf(crashAt)} ${size}`),
  )('%s comes home once (%s)', async (crashAt, size) => {
    await pool.lend(async ({ house, sources }) => {
      const marker = join(house.files, `${crashAt}.died`);
      const doomed = startCrashWorker(house, { crashAt, marker, settings: PATIENT });
      const sent = await sendMeeting(house, crashAt, sources[size]);
      const transcript = size === 'transcript' ? await sendTranscript(house, sent) : undefined;
      let heir: CrashWorker | undefined;
      try {
        await expectDeath(doomed, { crashAt, marker });
        heir = startCrashWorker(house, { settings: PATIENT });
        await arrive(house, sent);
        if (transcript !== undefined) await expectBeside(house, transcript, sent);
        await expectHome(house, sent);
      } finally {
        await Promise.all([doomed.kill(), heir?.kill()]);
        await emptyRemotes(house);
      }
    });
  });
});

describe('the product', () => {
  it('has no crash point that does anything', async () => {
    const src = join(import.meta.dirname, '../../src');
    const names = await readdir(src, { recursive: true });
    const texts = await Promise.all(
      names.filter((name) => name.endsWith('.ts')).map((name) => readFile(join(src, name), 'utf8')),
    );

    expect(texts.filter((text) => /SLUICE_CRASH|kill\(process\.pid/.test(text))).toEqual([]);
    expect(crashPoint.toString()).toMatch(/^function crashPoint\(_name\) \{\s*\}$/);
  });
});
