import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type OutputPlaceSettings, openOutputPlaces } from '../../src/outside/output-places.ts';
import { type OutputPlaceWorld, outputPlaceContract } from './output-place-contract.ts';

const ADDRESS = 'https://media.academy.example';

outputPlaceContract('a folder of outputs', openFolder);

function openPlace(mediaOut: OutputPlaceSettings['mediaOut']) {
  const place = openOutputPlaces({ mediaOut }, { idleTimeoutMs: 5000 }).get('media-out');
  if (place === undefined) throw new Error('there is no such place');
  return place;
}

async function openFolder(): Promise<OutputPlaceWorld> {
  const base = await mkdtemp(join(tmpdir(), 'sluice-media-'));
  const path = join(base, 'media');
  await mkdir(path);
  const memoryPath = join(base, 'folders.json');
  const open = () => openPlace({ kind: 'folder', path, url: ADDRESS, memoryPath, reserveBytes: 0 });
  return {
    place: open(),
    reopen: open,
    url: ADDRESS,
    async putForeign(key, text) {
      await mkdir(dirname(join(path, key)), { recursive: true });
      await writeFile(join(path, key), text);
    },
    read: (key) => readFile(join(path, key)).catch(() => undefined),
    scraps: async () => (await readdir(join(path, '.sluice/unfinished')).catch(() => [])).length,
    close: () => rm(base, { recursive: true, force: true }),
  };
}
