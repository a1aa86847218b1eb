import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startS3Simulator } from '../../simulators/s3/simulator.ts';
import { type OutputPlaceSettings, openOutputPlaces } from '../../src/outside/output-places.ts';
import { openS3Output } from '../support/s3-worlds.ts';
import { type OutputPlaceWorld, outputPlaceContract } from './output-place-contract.ts';

const ADDRESS = 'https://media.academy.example';

outputPlaceContract('a folder of outputs', openFolder);
outputPlaceContract('a bucket of outputs', openBucket);

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

async function openBucket(): Promise<OutputPlaceWorld> {
  const s3 = await startS3Simulator();
  const world = await openS3Output(s3);
  return { ...world, close: () => s3.close() };
}
