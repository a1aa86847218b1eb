import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QUICK_SETTINGS } from '../support/faults-house.ts';
import { askGraphql } from '../support/graphql.ts';
import { type House, openHouse, writeVideo } from '../support/house.ts';

const FROM_AFAR = { 'x-forwarded-for': '203.0.113.7' };

let folder: string;
let house: House;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-pictures-'));
  await mkdir(join(folder, 'in'));
  await mkdir(join(folder, 'out'));
  await writeVideo(join(folder, 'in', 'algebra.mp4'), 0);
  await writeVideo(join(folder, 'in', 'rings.mp4'), 0);
  await promisify(execFile)('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'sine=r=32000:d=3', join(folder, 'in', 'song.flac')],
  ]);
  house = await openHouse({
    ...QUICK_SETTINGS,
    PATH: process.env['PATH'],
    ADMIN_TOKEN: 'an-admin-token-of-this-house',
    MEDIA_IN: join(folder, 'in'),
    // Without an address: nobody but this server hands out what lies there.
    MEDIA_OUT: join(folder, 'out'),
  });
  await ask('mutation { scanMediaFolder { found } }');
  await house.startWorker();
  while ((await ask('{ assets(status: "pending") { id } }')).assets.length > 0) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
});
afterAll(async () => {
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

async function ask(query: string, variables: object = {}) {
  const { data, errors } = await askGraphql(house, query, variables);
  if (errors !== undefined) throw new Error(errors[0].message);
  return data;
}

const idOf = async (search: string): Promise<string> =>
  (await ask('query ($search: String) { assets(search: $search) { id } }', { search })).assets[0].id;

interface Player {
  poster: string | null;
  sprite: string | null;
  waveform: string | null;
  hls: string | null;
  missing: string[];
}

const playerOf = async (id: string): Promise<Player> =>
  (await ask('query ($id: ID!) { asset(id: $id) { player { poster sprite waveform hls missing } } }', { id }))
    .asset.player;

async function make(id: string, presetId: string): Promise<string> {
  const { createJob } = await ask('mutation ($input: JobInput!) { createJob(input: $input) { id } }', {
    input: { sourceAssetId: id, presetId },
  });
  expect(await house.reaches(createJob.id, 'done', 'failed')).toBe('done');
  return createJob.id;
}

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${house.config.pipeline.url}${path}`, { headers });

describe('the pictures of an asset', () => {
  it('are missing until they are made, as far as there is something to make them of', async () => {
    const id = await idOf('algebra');
    expect(await playerOf(id)).toEqual({
      poster: null,
      sprite: null,
      waveform: null,
      hls: null,
      missing: ['thumbnail', 'sprite', 'waveform'],
    });
    expect((await playerOf(await idOf('song'))).missing).toEqual(['waveform']);
    expect((await get(`/api/assets/${id}/poster`)).status).toBe(404);
  });

  it('are handed out by this server, to those who may look, and asked for again only once they are made anew', async () => {
    const id = await idOf('algebra');
    await make(id, 'thumbnail');
    const { poster, missing } = await playerOf(id);
    expect(missing).toEqual(['sprite', 'waveform']);
    const answer = await get(poster ?? '');
    const bytes = await readFile(join(folder, 'out', 'transcoded', 'algebra_thumbnail.jpg'));
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'image/jpeg',
      'cache-control': 'private, no-cache',
      'x-content-type-options': 'nosniff',
    });
    const known = { 'if-none-match': answer.headers.get('etag') ?? '' };
    expect((await get(poster ?? '', known)).status).toBe(304);
    expect([401, 403]).toContain((await get(poster ?? '', { ...known, ...FROM_AFAR })).status);
    const { token } = (await (
      await house.post('/api/access/tokens', { name: 'Wall', role: 'viewer' })
    ).json()) as { token: string };
    expect((await get(poster ?? '', { ...FROM_AFAR, authorization: `Bearer ${token}` })).status).toBe(200);

    await make(id, 'thumbnail');
    expect((await playerOf(id)).poster).not.toBe(poster);
    expect((await get(poster ?? '', known)).status).toBe(200);
  });

  it('are the small ones with their sheets, and how loud it is, by names that they were given alone', async () => {
    const id = await idOf('algebra');
    await Promise.all([make(id, 'sprite'), make(id, 'waveform')]);
    const { sprite, waveform, missing } = await playerOf(id);
    expect(missing).toEqual([]);
    const vtt = await get(sprite ?? '');
    expect(vtt.headers.get('content-type')).toBe('text/vtt');
    const [, sheet = ''] = /\n(.*)#xywh/.exec(await vtt.text()) ?? [];
    const picture = await get((sprite ?? '').replace(/[^/]*$/, sheet));
    expect([picture.status, picture.headers.get('content-type')]).toEqual([200, 'image/jpeg']);
    const { peaks } = (await (await get(waveform ?? '')).json()) as { peaks: number[] };
    expect(peaks).toHaveLength(1000);

    const other = await idOf('rings');
    for (const path of [
      (sprite ?? '').replace(/[^/]*$/, 'sprite-002.jpg'),
      (sprite ?? '').replace(/[^/]*$/, '..%2Fsprite.vtt'),
      (sprite ?? '').replace(/[^/]*$/, encodeURIComponent('transcoded/algebra_thumbnail.jpg')),
      // Those of another asset.
      (sprite ?? '').replace(id, other),
      `/api/assets/${other}/poster`,
    ]) {
      expect([path, (await get(path)).status]).toEqual([path, 404]);
    }
  });

  it('are those of a run that somebody began otherwise too, and a PNG is one', async () => {
    const id = await idOf('rings');
    const still = { name: 'still', task: 'thumbnail', params: { format: 'png', width: 320 } };
    const { createPreset } = await ask(
      'mutation ($input: PresetInput!) { createPreset(input: $input) { container } }',
      { input: still },
    );
    expect(createPreset.container).toBe('png');
    const { presets } = await ask('{ presets { id container } }');
    expect(presets).toContainEqual({ id: 'thumbnail', container: 'jpg' });
    await make(id, 'still');
    expect(await readFile(join(folder, 'out', 'transcoded', 'rings_still.png'))).toBeDefined();
    const made = await get((await playerOf(id)).poster ?? '');
    expect(made.headers.get('content-type')).toBe('image/png');

    const begun = await house.post('/api/runs', { recording_id: id, presets: ['thumbnail', 'sprite'] });
    const { id: run } = (await begun.json()) as { id: string };
    expect(await house.reaches(run, 'done', 'failed')).toBe('done');
    const { poster, sprite } = await playerOf(id);
    expect((await get(poster ?? '')).headers.get('content-type')).toBe('image/jpeg');
    expect(sprite).toContain(run);
  });

  it('are a package with all that belongs to it', async () => {
    const id = await idOf('rings');
    await make(id, 'hls-720p');
    const { hls } = await playerOf(id);
    const manifest = await get(hls ?? '');
    expect(manifest.headers.get('content-type')).toBe('application/vnd.apple.mpegurl');
    expect(manifest.headers.get('etag')).toBeNull();
    const beside = (name: string) => (hls ?? '').replace(/[^/]*$/, name);
    const [, playlist = ''] = /\n([\w-]+\.m3u8)/.exec(await manifest.text()) ?? [];
    const [, segment = ''] = /\n([\w-]+\.m4s)/.exec(await (await get(beside(playlist))).text()) ?? [];
    const part = await get(beside(segment), { range: 'bytes=4-7' });
    expect([part.status, part.headers.get('content-type'), await part.text()]).toEqual([
      206,
      'video/iso.segment',
      expect.stringMatching(/^(styp|moof|sidx)$/),
    ]);
    expect((await get(beside('nothing.m4s'))).status).toBe(404);
  });

  it('are nobody’s once the asset is forgotten', async () => {
    const id = await idOf('algebra');
    const { poster, sprite } = await playerOf(id);
    await ask('mutation ($id: ID!) { deleteAsset(id: $id) { ok } }', { id });
    expect([(await get(poster ?? '')).status, (await get(sprite ?? '')).status]).toEqual([404, 404]);
  });
});
