import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { QUICK_SETTINGS } from '../support/faults-house.ts';
import { writeHeldFfmpeg } from '../support/films.ts';
import { type House, openHouse } from '../support/house.ts';

const RECIPES = 'default: own-player\n';

let folder: string;
let out: string;
/** ffmpeg does nothing before it is there. */
let gate: string;
let house: House;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-own-'));
  out = join(folder, 'out');
  await mkdir(out);
  gate = join(folder, 'gate');
  await writeFile(join(folder, 'recipes.yaml'), RECIPES);
  house = await openHouse({
    ...QUICK_SETTINGS,
    // Where ffmpeg is.
    PATH: process.env['PATH'],
    FFMPEG: await writeHeldFfmpeg(join(folder, 'ffmpeg'), gate),
    RECIPES_FILE: join(folder, 'recipes.yaml'),
    MEDIA_OUT: out,
    MEDIA_OUT_URL: 'https://media.example',
  });
});
afterEach(async () => {
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

async function filesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('.sluice'))
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1));
}

const scratch = () => filesIn(join(house.config.dataDir, 'scratch'));

const factsOf = async (id: string) =>
  (await house.recordings.progress(id)).facts as Readonly<Record<string, unknown>>;

const hasProved = (id: string, step: string) =>
  vi.waitFor(async () => expect(await factsOf(id)).toHaveProperty(step), { timeout: 20_000 });

it('a recording is packaged beside what moves, with a poster and a timeline of pictures, and all of it goes when it is deleted', async () => {
  await house.startWorker();
  const { id } = await house.addZoom('Algebra');
  await hasProved(id, 'archive');
  // However long the one takes to be encoded, the next one is archived.
  const next = await house.addZoom('Geometry');
  await hasProved(next.id, 'archive');
  expect(await factsOf(id)).not.toHaveProperty('poster');
  expect(house.heard('recording.published')).toEqual([]);
  await house.post(`/api/recordings/${next.id}/cancel`, {});

  await writeFile(gate, '');
  await house.reaches(id, 'done', 'failed');
  expect((await house.recordings.get(id))?.lastError).toBe(null);

  const fact = (await factsOf(id))['package'] as {
    playback: { hls: string; dash: string };
    keys: { hls: string };
  };
  expect(fact.playback.hls).toMatch(
    new RegExp(`^https://media.example/runs/${id}/package/\\d+/master.m3u8$`),
  );
  expect(await readFile(join(out, fact.keys.hls), 'utf8')).toContain('RESOLUTION=');
  expect(await scratch()).toEqual([]);
  expect(await house.history(id)).toContain('lane.changed');

  // Nobody encodes it any more: the website hears at once that it can be watched.
  await vi.waitFor(() => expect(house.heard('recording.playable')).toHaveLength(1), { timeout: 10_000 });
  for (const type of ['recording.published', 'recording.playable']) {
    const ours = new RegExp(
      `^https://media.example/runs/${id}/(poster/\\d+/thumbnail.jpg|sprite/\\d+/sprite.vtt)$`,
    );
    const playback = {
      ...fact.playback,
      poster: expect.stringMatching(ours),
      sprite: expect.stringMatching(ours),
    };
    expect(house.heard(type).map(({ body }) => body)).toMatchObject([
      { data: { id, bunny: null, playback } },
    ]);
  }
  const shown = await (await fetch(`${house.config.pipeline.url}/api/recordings/${id}`)).json();
  expect(shown).toMatchObject({ state: 'done', playable: true, video: null });
  const { groupKey } = (await house.recordings.get(id)) ?? {};
  expect(await house.zoomTrash.standingOf(groupKey ?? '')).toEqual({ areDone: true, arePlayable: true });

  await house.post(`/api/recordings/${id}/delete`, {});
  await house.reaches(id, 'deleted');
  expect(await filesIn(out)).toEqual([]);
});

it('a recording that is cancelled while it is packaged leaves nothing', async () => {
  await writeFile(gate, '');
  await house.startWorker();
  const { id } = await house.addZoom('Algebra');
  await vi.waitFor(async () => expect((await filesIn(out)).length).toBeGreaterThan(0), {
    timeout: 50_000,
    interval: 20,
  });
  await house.post(`/api/recordings/${id}/cancel`, {});

  await house.reaches(id, 'cancelled', 'done');
  if ((await house.recordings.get(id))?.state === 'cancelled') expect(await filesIn(out)).toEqual([]);
  expect(await scratch()).toEqual([]);
});

it('the website hears of a package that is made after all, once the rest of its recording was announced', async () => {
  await writeFile(gate, '');
  await rename(out, `${out}.away`);
  await writeFile(out, 'no folder');
  await house.startWorker();
  const { id } = await house.addZoom('Algebra');
  await hasProved(id, 'archive');
  await house.post(`/api/recordings/${id}/outputs/package/revoke`, {});
  await rm(out);
  await rename(`${out}.away`, out);
  await house.reaches(id, 'done', 'failed');
  await vi.waitFor(() => expect(house.heard('recording.published')).toHaveLength(1), { timeout: 10_000 });
  expect(house.heard('recording.playable')).toEqual([]);

  await house.post(`/api/recordings/${id}/outputs/package/retry`, {});

  await vi.waitFor(() => expect(house.heard('recording.playable')).toHaveLength(1), { timeout: 30_000 });
  const hls = expect.stringMatching(new RegExp(`/runs/${id}/package/\\d+/master.m3u8$`));
  expect(house.heard('recording.playable')[0]?.body).toMatchObject({ data: { id, playback: { hls } } });
  await house.reaches(id, 'done', 'failed');
  expect(house.heard('recording.published')).toHaveLength(1);
});
