import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { QUICK_SETTINGS, sendTranscript } from '../support/faults-house.ts';
import { writeHeldFfmpeg } from '../support/films.ts';
import { type House, openHouse } from '../support/house.ts';

/** Packages of the largest rendition alone: what is copied costs nothing. */
const RECIPES = `
default: shown
recipes:
  - name: shown
    steps:
      - { id: fetch, task: fetch }
      - { id: archive, task: archive, takes: { file: fetch.file } }
      - { id: package, task: package, takes: { file: fetch.file }, after: archive, params: { ladder: top } }
      - { id: tidy, task: cleanup, after: package }
  - name: streams
    steps:
      - { id: fetch, task: fetch }
      - { id: ts, task: package, takes: { file: fetch.file }, params: { ladder: top, segments: ts } }
      - { id: tidy, task: cleanup, after: ts }
`;

/** Beside much else nothing is quick. */
const SOON = { timeout: 60_000 };

let folder: string;
let out: string;
/** ffmpeg does nothing before it is there. */
let gate: string;
let house: House;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-captions-'));
  out = join(folder, 'out');
  await mkdir(out);
  gate = join(folder, 'gate');
  await writeFile(gate, '');
  await writeFile(join(folder, 'recipes.yaml'), RECIPES);
  house = await openHouse({
    ...QUICK_SETTINGS,
    PATH: process.env['PATH'],
    FFMPEG: await writeHeldFfmpeg(join(folder, 'ffmpeg'), gate),
    RECIPES_FILE: join(folder, 'recipes.yaml'),
    MEDIA_OUT: out,
    // Nobody publishes anything here, which captions for a publisher wait for.
    ZOOM_COMPANION_WAIT: '1s',
  });
  await house.startWorker();
});
afterAll(async () => {
  await house?.close();
  await rm(folder, { recursive: true, force: true });
});

/** What a step has proved of a package. */
async function packageOf(id: string, step = 'package') {
  const { facts } = await house.recordings.progress(id);
  return facts[step] as unknown as { prefix: string; keys: { hls: string; dash: string | null } };
}

/** The files of captions that the manifests of a package name, and those that lie beside them. */
async function captionsIn({ prefix, keys }: Awaited<ReturnType<typeof packageOf>>) {
  const master = await readFile(join(out, keys.hls), 'utf8');
  const mpd = keys.dash === null ? undefined : await readFile(join(out, keys.dash), 'utf8');
  const there = await readdir(join(out, prefix));
  const renditions = master.match(/#EXT-X-STREAM-INF/g)?.length;
  const captioned = master.match(/SUBTITLES="captions"/g)?.length ?? 0;
  expect([0, renditions]).toContain(captioned);
  return {
    hls: [...master.matchAll(/TYPE=SUBTITLES.*URI="([^"]+)\.m3u8"/g)].map(([, name]) => name),
    ...(mpd === undefined
      ? {}
      : { dash: [...mpd.matchAll(/<BaseURL>([^<]+)\.vtt</g)].map(([, name]) => name) }),
    there: there.filter((name) => name.startsWith('captions-')).sort(),
  };
}

/** Asks for an output after all, as soon as the earlier one is taken back. */
const retried = (id: string, step: string) =>
  expect
    .poll(async () => (await house.post(`/api/recordings/${id}/outputs/${step}/retry`, {})).status, SOON)
    .toBe(200);

const named = (id: string) => `captions-en-${id.replace('rec_', '').slice(0, 8)}`;
const shown = (name: string) => ({ hls: [name], dash: [name], there: [`${name}.m3u8`, `${name}.vtt`] });
const NONE = { hls: [], dash: [], there: [] };

it('a transcript becomes captions of a package that is there, of one that is made later, and of none once it is deleted', async () => {
  const video = await house.addZoom('Algebra');
  expect(await house.reaches(video.id, 'done', 'failed')).toBe('done');
  const made = await packageOf(video.id);
  expect(await captionsIn(made)).toEqual(NONE);

  const { id } = await sendTranscript(house, video);
  await expect.poll(() => captionsIn(made), SOON).toEqual(shown(named(id)));
  expect(await readFile(join(out, made.prefix, `${named(id)}.vtt`), 'utf8')).toMatch(/^WEBVTT\n[\s\S]*-->/);
  expect(await house.reaches(id, 'done', 'failed')).toBe('done');

  const run = await house.post('/api/runs', { recording_id: video.id, recipe: 'streams' });
  const { id: runId } = (await run.json()) as { id: string };
  expect(await house.reaches(runId, 'done', 'failed')).toBe('done');
  const streams = await packageOf(runId, 'ts');
  const { hls, there } = shown(named(id));
  await expect.poll(() => captionsIn(streams), SOON).toEqual({ hls, there });
  expect(await readFile(join(out, streams.prefix, `${named(id)}.vtt`), 'utf8')).toMatch(
    /^WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:\d+,LOCAL:00:00:00\.000\n/,
  );
  expect(await house.reaches(id, 'done', 'failed')).toBe('done');
  expect(await house.history(id)).toContain('stage.recalled package-captions');
  expect(await captionsIn(made)).toEqual(shown(named(id)));
  expect(await house.staged()).toEqual([]);

  await house.post(`/api/recordings/${id}/delete`, {});
  await house.reaches(id, 'deleted');
  expect(await captionsIn(made)).toEqual(NONE);
  expect(await captionsIn(streams)).toEqual({ hls: [], there: [] });
  await expect(access(join(out, dirname(made.keys.hls), 'master.m3u8'))).resolves.toBeUndefined();
}, 240_000);

it('a transcript that comes while the package is made waits for it, and goes with it', async () => {
  await rm(gate);
  const video = await house.addZoom('Geometry');
  await expect.poll(async () => (await house.recordings.get(video.id))?.lane, SOON).toBe('media');
  const { id } = await sendTranscript(house, video);
  await expect
    .poll(async () => (await house.recordings.get(id))?.lastError?.code, SOON)
    .toBe('WAITING_FOR_VIDEO');

  await writeFile(gate, '');
  expect(await house.reaches(video.id, 'done', 'failed')).toBe('done');
  expect(await house.reaches(id, 'done', 'failed')).toBe('done');
  const made = await packageOf(video.id);
  expect(await captionsIn(made)).toEqual(shown(named(id)));

  // Revoked by itself, it leaves the package as it was.
  expect((await house.post(`/api/recordings/${id}/outputs/package-captions/revoke`, {})).status).toBe(200);
  await expect.poll(() => captionsIn(made), SOON).toEqual(NONE);
  await retried(id, 'package-captions');
  await expect.poll(() => captionsIn(made), SOON).toEqual(shown(named(id)));

  // A package that is made anew has them too; the earlier one is gone with all that lay in it.
  await house.post(`/api/recordings/${video.id}/outputs/package/revoke`, {});
  await expect.poll(async () => await packageOf(video.id), SOON).toBeUndefined();
  await expect.poll(() => readdir(join(out, made.prefix)).catch(() => 'gone'), SOON).toBe('gone');
  await retried(video.id, 'package');
  await expect.poll(() => packageOf(video.id), SOON).toBeDefined();
  const again = await packageOf(video.id);
  expect(again.prefix).not.toBe(made.prefix);
  await expect.poll(() => captionsIn(again), SOON).toEqual(shown(named(id)));
}, 240_000);
