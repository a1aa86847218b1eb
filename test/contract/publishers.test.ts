import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { startBunnySimulator } from '../../simulators/bunny/simulator.ts';
import { isInBunny, type VideoFact } from '../../src/domain/published.ts';
import type { Publisher } from '../../src/engine/ports/publisher.ts';
import { openPublishers } from '../../src/outside/publishers.ts';
import { describePublisher, type PublisherUnderTest } from './publisher-contract.ts';

const IDLE_TIMEOUT_MS = 2000;

/** All that is in the list, each over a Bunny and a folder of its own. */
async function openAll() {
  const home = await mkdtemp(join(tmpdir(), 'sluice-publishers-'));
  const simulator = await startBunnySimulator({ encodingStepMs: 1 });
  const { url, libraryId, apiKey } = simulator;
  const path = join(home, 'published');
  await mkdir(path);
  const publishers = openPublishers(
    {
      bunny: { apiUrl: url, tusUrl: `${url}/tusupload`, libraryId, apiKey },
      folderPublisher: {
        path,
        url: 'https://videos.example/published',
        memoryPath: join(home, 'folders.json'),
        reserveBytes: 0,
      },
    },
    { idleTimeoutMs: IDLE_TIMEOUT_MS },
  );
  const close = async () => {
    await simulator.close();
    await rm(home, { recursive: true, force: true });
  };
  return { home, path, simulator, publishers, close };
}

const playUrlOf = (fact: VideoFact) => (isInBunny(fact) ? '' : fact.playUrl);

type Opened = Awaited<ReturnType<typeof openAll>>;

/** How each looks from the other side. A publisher that is in the list and not here is not tried: a test below says so. */
const SIDES: Readonly<
  Record<string, (opened: Opened, publisher: Publisher) => Omit<PublisherUnderTest, 'close' | 'publisher'>>
> = {
  bunny: ({ simulator }) => ({
    read: (videoId) => buffer(simulator.read(videoId)),
    async addForeign() {
      const headers = { AccessKey: simulator.apiKey, 'content-type': 'application/json' };
      const body = JSON.stringify({ title: 'Holiday' });
      const videos = `${simulator.url}/library/${simulator.libraryId}/videos`;
      const { guid } = (await (await fetch(videos, { method: 'POST', headers, body })).json()) as {
        guid: string;
      };
      return async () => (await fetch(`${videos}/${guid}`, { headers })).ok;
    },
    inventory: async () => simulator.videos().map(({ guid }) => guid),
  }),
  folder: ({ path }, publisher) => ({
    read: (videoId) =>
      readFile(playUrlOf(publisher.factOf(videoId)).replace('https://videos.example/published', path)),
    async addForeign() {
      const files = ['index.html', 'holiday', 'abc/film.mp4', '0123456789abcdef01234567/notes.txt'].map(
        (name) => join(path, name),
      );
      await publisher.probe({ signal: new AbortController().signal });
      for (const folder of ['abc', '0123456789abcdef01234567']) await mkdir(join(path, folder));
      for (const file of files) await writeFile(file, 'theirs');
      return async () => {
        const all = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
        return all.every((text) => text === 'theirs');
      };
    },
    async inventory() {
      await publisher.probe({ signal: new AbortController().signal });
      const names = await readdir(path, { recursive: true });
      return await Promise.all(
        names.sort().map(async (name) => `${name} ${(await stat(join(path, name))).isFile()}`),
      );
    },
  }),
};

for (const [name, sideOf] of Object.entries(SIDES)) {
  describePublisher(name, async () => {
    const opened = await openAll();
    const publisher = opened.publishers.get(name);
    if (publisher === undefined) throw new Error(`no publisher ${name}`);
    return { publisher, ...sideOf(opened, publisher), close: opened.close };
  });
}

it('every publisher in the list is one of those that are tried', async () => {
  const { publishers, close } = await openAll();
  expect([...publishers.keys()]).toEqual(Object.keys(SIDES));
  for (const [name, publisher] of publishers) expect(publisher.name).toBe(name);
  await close();
});
