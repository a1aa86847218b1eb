import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { OutputsFact } from '../../src/domain/media/output.ts';
import { QUICK_SETTINGS } from '../support/faults-house.ts';
import {
  buildCrashCopy,
  type CrashAt,
  type CrashWorker,
  expectDeath,
  startCrashWorker,
} from '../support/faults-worker.ts';
import { type House, openHouse } from '../support/house.ts';
import { isWhole } from '../support/whole-tables.ts';

const RECIPES = `
default: smaller
recipes:
  - name: smaller
    steps:
      - { id: fetch, task: fetch }
      - { id: archive, task: archive, takes: { file: fetch.file } }
      - { id: small, task: transcode, takes: { file: fetch.file }, params: { shortSide: 240 } }
      - { id: pieces, task: chunk, takes: { file: fetch.file }, params: { seconds: 5 }, after: small }
      - { id: tidy, task: cleanup, after: [archive, small, pieces] }
  - name: heard
    steps:
      - { id: fetch, task: fetch }
      - { id: still, task: thumbnail, takes: { file: fetch.file } }
      - { id: loud, task: waveform, takes: { file: fetch.file } }
      - { id: tidy, task: cleanup, after: [still, loud] }
`;

let folder: string;
let out: string;
let settings: Record<string, string>;
let house: House;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-fault-outputs-'));
  out = join(folder, 'out');
  await mkdir(out);
  await writeFile(join(folder, 'recipes.yaml'), RECIPES);
  settings = { RECIPES_FILE: join(folder, 'recipes.yaml'), MEDIA_OUT: out };
  await buildCrashCopy();
  house = await openHouse({ ...QUICK_SETTINGS, ...settings });
});
afterEach(async () => {
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

const make = async (path: string, ...args: string[]): Promise<string> => {
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', ...args, path]);
  return path;
};

const picture = (durationS: number, size: string) => [
  ...['-f', 'lavfi', '-i', `testsrc2=s=${size}:r=25:d=${durationS}`],
  ...['-preset', 'ultrafast', '-g', '50', '-c:v', 'libx264'],
];

/** A film that takes some seconds to encode. */
const film = () => make(join(folder, 'film.mp4'), ...picture(20, '960x540'));

async function filesBelow(path: string): Promise<string[]> {
  const found = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .filter((key) => !/^\.sluice\/(?!unfinished)/.test(key))
    .sort();
}

const scratchOf = () => join(house.config.dataDir, 'scratch');

/** Runs of ffmpeg that work on this house's files. */
async function running(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.startsWith('ffmpeg\0') && line.includes(folder));
}

async function expectOutputs(id: string): Promise<void> {
  const state = await house.reaches(id, 'done', 'failed');
  expect([state, (await house.recordings.get(id))?.lastError]).toEqual(['done', null]);
  const { facts } = await house.recordings.progress(id);
  const outputs = ['small', 'pieces'].flatMap((name) => (facts[name] as OutputsFact).outputs);
  expect(await filesBelow(out)).toEqual(outputs.map(({ key }) => key).sort());
  expect(outputs.length).toBe(1 + 4);
  expect(await running()).toEqual([]);
  expect(await filesBelow(scratchOf())).toEqual([]);
}

it('a worker that is killed while it encodes leaves no ffmpeg, and the next one makes all of it', async () => {
  const path = await film();
  const doomed = startCrashWorker(house, { settings });
  const { id } = await house.addCustom('Film', { path, keep_file: true });
  await expect
    .poll(() => filesBelow(scratchOf()), { timeout: 30_000, interval: 20 })
    .toEqual([expect.stringMatching(/^rec_\w+\/small\/\d+\/video\.mp4$/)]);
  await doomed.kill();
  await expect.poll(running, { timeout: 10_000 }).toEqual([]);

  const heir = startCrashWorker(house, { settings });
  try {
    await expectOutputs(id);
  } finally {
    await heir.kill();
  }
});

it.each(isWhole ? (['output:after-put:1', 'output:after-put:3'] as const) : ['output:after-put:1' as const])(
  'a worker that dies at %s leaves nothing that counts, and the next one makes it anew',
  async (crashAt) => {
    const marker = join(folder, 'died');
    const doomed = startCrashWorker(house, { crashAt, marker, settings });
    const { id } = await house.addCustom('Film', { path: await film(), keep_file: true });
    expect(await doomed.ended, doomed.output()).toBe('SIGKILL');
    expect(await filesBelow(out)).not.toEqual([]);

    const heir = startCrashWorker(house, { settings });
    try {
      await expectOutputs(id);
    } finally {
      await heir.kill();
    }
  },
);

it('a recording that is cancelled while it is encoded leaves nothing', async () => {
  const worker = startCrashWorker(house, { settings });
  try {
    const { id } = await house.addCustom('Film', { path: await film(), keep_file: true });
    await expect.poll(running, { timeout: 30_000, interval: 20 }).toHaveLength(1);
    await house.post(`/api/recordings/${id}/cancel`, {});
    await house.reaches(id, 'cancelled');

    expect(await running()).toEqual([]);
    expect(await filesBelow(out)).toEqual([]);
    expect(await filesBelow(scratchOf())).toEqual([]);
    expect(await house.b2.files()).toEqual([]);
  } finally {
    await worker.kill();
  }
});

/** How the outputs of a recording stand. */
const stands = async (id: string) =>
  Object.fromEntries(
    Object.entries(await house.recordings.outputs(id)).map(([step, { ending, isOver }]) => [
      step,
      ending === null ? 'open' : isOver ? ending : `to be ${ending}`,
    ]),
  );

it('a worker that dies while an output ends leaves it to the next one, which ends it as it was to end', async () => {
  const dies = (crashAt: CrashAt) => {
    const marker = join(folder, `${crashAt}.died`);
    const worker = startCrashWorker(house, { crashAt, marker, settings });
    return { ...worker, isDead: () => expectDeath(worker, { crashAt, marker }) };
  };
  const revoke = (id: string, step: string) => house.post(`/api/recordings/${id}/outputs/${step}/revoke`, {});

  const path = await make(join(folder, 'short.mp4'), ...picture(2, '480x270'));
  const first = dies('output:before-removal');
  const workers: Pick<CrashWorker, 'kill'>[] = [first];
  try {
    const { id } = await house.addCustom('Film', { path, keep_file: true });
    await house.reaches(id, 'done', 'failed');
    const made = await filesBelow(out);
    expect(made).toHaveLength(2);

    await revoke(id, 'small');
    await first.isDead();
    expect(await stands(id)).toMatchObject({ small: 'to be revoked' });
    expect(await filesBelow(out)).toEqual(made);

    const second = dies('output:after-removal:2');
    workers.push(second);
    await expect.poll(() => stands(id), { timeout: 30_000 }).toMatchObject({ small: 'revoked' });
    await revoke(id, 'pieces');
    await second.isDead();
    expect(await stands(id)).toMatchObject({ pieces: 'to be revoked' });
    expect(await filesBelow(out)).toEqual([]);

    workers.push(startCrashWorker(house, { settings }));
    await expect.poll(() => stands(id), { timeout: 30_000 }).toMatchObject({ pieces: 'revoked' });
    expect(Object.keys((await house.recordings.progress(id)).facts).sort()).toEqual([
      'archive',
      'fetch',
      'tidy',
    ]);
    expect((await house.recordings.get(id))?.state).toBe('done');
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
  }
});

it.each(
  isWhole ? (['output:before-removal', 'output:after-removal'] as const) : ['output:before-removal' as const],
)(
  'an output that has failed for good fails once, and the others are made, though a worker dies at %s',
  async (crashAt) => {
    const marker = join(folder, 'died');
    const path = await make(join(folder, 'sound.wav'), '-f', 'lavfi', '-i', 'sine=d=2');
    const doomed = startCrashWorker(house, { crashAt, marker, settings });
    let heir: typeof doomed | undefined;
    try {
      const { id } = await house.addCustom('Sound', { path, keep_file: true, recipe: 'heard' });
      await expectDeath(doomed, { crashAt, marker });
      expect(await stands(id)).toMatchObject({ still: 'to be failed' });

      heir = startCrashWorker(house, { settings });
      await house.reaches(id, 'done', 'failed');
      expect(await stands(id)).toMatchObject({ still: 'failed', loud: 'open' });
      expect((await house.recordings.outputs(id))['still']?.error).toMatchObject({ code: 'STREAM_MISSING' });
      expect((await house.history(id)).filter((type) => type === 'output.failed still')).toHaveLength(1);
      expect((await house.history(id)).filter((type) => type === 'stage.started still')).toHaveLength(1);
      expect(await filesBelow(out)).toHaveLength(1);
    } finally {
      await Promise.all([doomed.kill(), heir?.kill()]);
    }
  },
);
