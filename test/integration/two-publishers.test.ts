import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { isInBunny, publisherOf, videosIn } from '../../src/domain/published.ts';
import { happens, QUICK_SETTINGS } from '../support/faults-house.ts';
import { type House, openHouse, writeVideo } from '../support/house.ts';
import { TO_TWO_PUBLISHERS } from '../support/recipes.ts';

const RECIPES = `${TO_TWO_PUBLISHERS}  - name: folder-only
    steps:
      - { id: fetch, task: fetch }
      - { id: archive, task: archive, takes: { file: fetch.file } }
      - { id: publish, task: publish, params: { publisher: folder }, takes: { file: fetch.file } }
      - { id: notify, task: notify, after: [archive, publish] }
      - { id: cleanup, task: cleanup, after: notify }
`;

const B2_UPLOAD = 'POST /b2api/v3/b2_upload_file/*';

let folder: string;
let published: string;
let house: House;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-two-'));
  published = join(folder, 'published');
  await mkdir(published);
  house = await open();
});
afterEach(async () => {
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(): Promise<House> {
  await writeFile(join(folder, 'recipes.yaml'), RECIPES);
  return await openHouse({
    ...QUICK_SETTINGS,
    RECIPES_FILE: join(folder, 'recipes.yaml'),
    FOLDER_PUBLISHER: published,
    FOLDER_PUBLISHER_URL: 'https://videos.example',
  });
}

/** The files that anybody can watch, without what is ours alone. */
async function shown(): Promise<string[]> {
  const names = await readdir(published, { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('.sluice'))
    .map((entry) => join(entry.parentPath, entry.name).slice(published.length + 1));
}

const unfinished = () => readdir(join(published, '.sluice/unfinished')).catch(() => []);

async function act(id: string, action: string): Promise<number> {
  return (await house.post(`/api/recordings/${id}/${action}`, {})).status;
}

/** What the website has heard of a recording, in its order, each id once. */
function heardOf(id: string) {
  const heard = new Map<string, { type: string; data: Record<string, unknown> }>();
  for (const each of house.site.received()) {
    const body = each.body as { type: string; data: Record<string, unknown> };
    if (each.isValid && body.data['id'] === id) heard.set(each.id ?? '', body);
  }
  return [...heard.values()];
}

const videosOf = async (id: string) => videosIn((await house.recordings.progress(id)).facts);

const inFolder = (videoId: string) => publisherOf(videoId) === 'folder';

describe('a recording with two publishers', () => {
  it('can be watched at both, and the website hears of each', async () => {
    await house.startWorker();
    const { id, path } = await house.addZoom('Algebra');
    await house.reaches(id, 'done');
    await vi.waitFor(() => expect(heardOf(id)).toHaveLength(3), { timeout: 10_000 });

    const [file = ''] = await shown();
    expect((await readFile(join(published, file))).equals(await readFile(path))).toBe(true);
    expect(house.bunny.videos()).toHaveLength(1);
    const [{ type, data } = { type: '', data: {} }, ...later] = heardOf(id);
    const there = { publisher: 'folder', play_url: `https://videos.example/${file}` };
    expect(type).toBe('recording.published');
    expect(data).toMatchObject({
      bunny: { video_id: house.bunny.videos()[0]?.guid },
      videos: [there],
    });
    expect(later.map((each) => each.type)).toEqual(['recording.playable', 'recording.playable']);
    expect(later.find((each) => each.data['bunny'] === null)?.data).toMatchObject({ videos: [there] });
    expect(later.find((each) => each.data['bunny'] !== null)?.data).not.toHaveProperty('videos');
    expect(await unfinished()).toEqual([]);
    expect(await house.staged()).toEqual([]);
  });

  it('is shown to operators with all its addresses', async () => {
    await house.startWorker();
    const { id } = await house.addCustom('Algebra');
    await house.reaches(id, 'done');
    await vi.waitFor(() => expect(heardOf(id)).toHaveLength(3), { timeout: 10_000 });

    const answer = await (await fetch(`${house.config.pipeline.url}/api/recordings/${id}`)).json();

    expect(answer).toMatchObject({
      video: { library_id: house.bunny.libraryId },
      videos: [
        { publisher: 'bunny', video_id: house.bunny.videos()[0]?.guid },
        { publisher: 'folder', player_url: `https://videos.example/${(await shown())[0]}`, playable: true },
      ],
    });
  });

  it('goes on where it can while one of them is away, and loses no attempt', async () => {
    const away = join(folder, 'away');
    await rename(published, away);
    await house.startWorker();
    const { id } = await house.addCustom('Algebra');
    await happens(house, id, 'stage.done publish');
    await vi.waitFor(async () =>
      expect((await house.recordings.get(id))?.lastError).toMatchObject({
        code: 'SERVICE_DOWN',
        service: 'folder-publisher',
      }),
    );
    expect((await house.recordings.get(id))?.failedAttempts).toBe(0);

    await rename(away, published);
    await house.reaches(id, 'done');
    expect(await shown()).toHaveLength(1);
    expect(house.bunny.videos()).toHaveLength(1);
  });

  it('is taken back from both when it is cancelled', async () => {
    house.b2.fail({ on: B2_UPLOAD, status: 503, count: 1_000_000 });
    await house.startWorker();
    const { id } = await house.addCustom('Algebra');
    await vi.waitFor(async () => expect(await videosOf(id)).toHaveLength(2), { timeout: 10_000 });

    expect(await act(id, 'cancel')).toBe(200);
    await house.reaches(id, 'cancelled');

    expect(await shown()).toEqual([]);
    expect(await unfinished()).toEqual([]);
    expect(house.bunny.videos()).toEqual([]);
  });

  it('goes from both when it is deleted, and the website hears from where', async () => {
    await house.startWorker();
    const { id } = await house.addCustom('Algebra');
    await house.reaches(id, 'done');
    await house.announced(id);

    expect(await act(id, 'delete')).toBe(200);
    await house.reaches(id, 'deleted');

    expect(await shown()).toEqual([]);
    expect(house.bunny.videos()).toEqual([]);
    await vi.waitFor(() =>
      expect(heardOf(id).at(-1)).toMatchObject({
        type: 'recording.deleted',
        data: { bunny: { video_id: expect.any(String) }, videos: [{ publisher: 'folder' }] },
      }),
    );
  });

  it('gets new videos at both when it is published again, and the old ones go', async () => {
    await house.startWorker();
    const { id } = await house.addCustom('Algebra');
    await vi.waitFor(() => expect(heardOf(id)).toHaveLength(3), { timeout: 10_000 });
    await house.reaches(id, 'done');
    const before = await videosOf(id);
    const filesBefore = await shown();

    expect(await act(id, 'publish-again')).toBe(200);
    await vi.waitFor(() => expect(heardOf(id)).toHaveLength(6), { timeout: 10_000 });
    await house.reaches(id, 'done');

    const after = await videosOf(id);
    expect(after.map(({ videoId }) => publisherOf(videoId)).sort()).toEqual(['bunny', 'folder']);
    for (const { videoId } of after) expect(before.map((video) => video.videoId)).not.toContain(videoId);
    expect(house.bunny.videos().map(({ guid }) => guid)).toEqual(
      after.filter(isInBunny).map(({ videoId }) => videoId),
    );
    expect(await shown()).toHaveLength(1);
    expect(await shown()).not.toEqual(filesBefore);
  });

  it('is known again by a Sluice that has lost its ledger', async () => {
    await house.startWorker();
    const path = await writeVideo(join(folder, 'algebra.mp4'), 0);
    const { id } = await house.addCustom('Algebra', { ace_id: 'a-1', path, keep_file: true });
    await house.reaches(id, 'done');
    const before = await shown();
    await house.close();

    house = await open();
    await house.startWorker();
    const again = await house.addCustom('Algebra', { ace_id: 'a-1', path });
    expect(again.id).toBe(id);
    await house.reaches(id, 'done');

    expect(await shown()).toEqual(before);
  });
});

describe('a recording that is published to a folder alone', () => {
  it('needs no Bunny', async () => {
    await house.startWorker();
    const { id } = await house.addCustom('Algebra', { recipe: 'folder-only' });
    await house.reaches(id, 'done');
    await vi.waitFor(() => expect(heardOf(id)).toHaveLength(2), { timeout: 10_000 });

    expect((await videosOf(id)).every(({ videoId }) => inFolder(videoId))).toBe(true);
    expect(heardOf(id)[0]?.data).toMatchObject({ bunny: null, videos: [{ publisher: 'folder' }] });
    expect(await shown()).toHaveLength(1);
    expect(house.bunny.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  });
});
