import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { dashManifest, hlsPlaylists, type Track } from '../../../src/domain/media/manifests.ts';
import { captionsName, withCaptions } from '../../../src/domain/media/packaged-captions.ts';
import type { Recording } from '../../../src/domain/recording.ts';
import type { Claim } from '../../../src/ledger/claims.ts';
import { createDisk } from '../../../src/lib/disk.ts';
import { createFolderOutput } from '../../../src/outside/folder/output-place.ts';
import {
  createPackageCaptionsLooker,
  latePackagePlace,
} from '../../../src/tasks/support/late-package-captions.ts';
import { createScratch } from '../../../src/tasks/support/scratch.ts';

const TRANSCRIPT = { id: `rec_${'a'.repeat(24)}`, kind: 'companion', state: 'cancelled' } as Recording;
const PREFIX = `runs/rec_${'b'.repeat(24)}/package/7/`;
const TRACK: Track = {
  id: '720p',
  kind: 'video',
  wrapping: 'fmp4',
  folder: '',
  codecs: 'avc1.64001f',
  timescale: 1000,
  segments: [{ start: 0, duration: 4000, bytes: 9000 }],
};
const named = (recordingId: string, language: string, label: string) => {
  return { name: captionsName({ language, recordingId }), language, label };
};
const OWN = named(TRANSCRIPT.id, 'en', 'English');
const OTHER = named(`rec_${'c'.repeat(24)}`, 'ta', 'Tamil');
const MANIFESTS = {
  'master.m3u8': hlsPlaylists([TRACK]).at(-1)?.text,
  'manifest.mpd': dashManifest([TRACK]).text,
};

let folder: string;
let inside: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-late-'));
  inside = join(folder, 'out', PREFIX);
  await mkdir(inside, { recursive: true });
  for (const [name, text = ''] of Object.entries(MANIFESTS))
    await writeFile(join(inside, name), withCaptions(name, text, [OWN, OTHER]));
  for (const { name } of [OWN, OTHER]) await writeFile(join(inside, `${name}.vtt`), 'WEBVTT\n');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Looks once; what the history is to say, and what lies there then. */
async function look({ facts = {}, isRenewed = false }: { facts?: object; isRenewed?: boolean }) {
  const place = createFolderOutput('media-out', {
    path: join(folder, 'out'),
    url: undefined,
    memoryPath: join(folder, 'memory.json'),
    reserveBytes: 0,
    idleTimeoutMs: 10_000,
  });
  const manifests = Object.keys(MANIFESTS).map((name) => PREFIX + name);
  const shown = { recordingId: `rec_${'b'.repeat(24)}`, prefix: PREFIX, durationS: 4, manifests };
  const looker = createPackageCaptionsLooker({
    place,
    companionPackages: {
      of: async () => ({ packages: [shown], isMoreToCome: false }),
      captionsBeside: async () => [OTHER],
    },
    scratch: createScratch(join(folder, 'scratch'), { disk: createDisk(folder, 0) }),
    retry: { attempts: 1, pauseMs: 1 },
  });
  const where = latePackagePlace(PREFIX);
  expect([looker.isFor?.(where), looker.isFor?.(PREFIX)]).toEqual([true, false]);
  const findings = await looker.look({
    recordingId: TRANSCRIPT.id,
    place: where,
    claim: async () =>
      isRenewed ? undefined : ({ recording: TRANSCRIPT, facts, checkpoints: {} } as unknown as Claim),
    signal: new AbortController().signal,
  });
  const texts = await Promise.all(Object.keys(MANIFESTS).map((name) => readFile(join(inside, name), 'utf8')));
  return {
    findings: findings.map(({ type }) => type),
    isNamed: texts.map((text) => [OWN, OTHER].map(({ name }) => text.includes(name))),
    files: (await readdir(inside)).filter((name) => name.endsWith('.vtt')).sort(),
  };
}

it('captions that came to a package late go from its manifests and its folder, and those of others stay', async () => {
  expect(await look({})).toEqual({
    findings: ['late.removed'],
    isNamed: [
      [false, true],
      [false, true],
    ],
    files: [`${OTHER.name}.vtt`],
  });
  expect((await look({})).findings).toEqual([]);
});

const packages = [{ recordingId: `rec_${'b'.repeat(24)}`, prefix: PREFIX }];

it.each([
  ['that a transcript has there', { facts: { any: { to: 'media-out', captions: OWN, packages } } }],
  ['of a transcript with a new beginning', { isRenewed: true }],
])('captions %s are left alone', async (_name, world) => {
  expect(await look(world)).toEqual({
    findings: [],
    isNamed: [
      [true, true],
      [true, true],
    ],
    files: [`${OWN.name}.vtt`, `${OTHER.name}.vtt`],
  });
});
