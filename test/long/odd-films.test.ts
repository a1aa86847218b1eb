import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OutputsFact } from '../../src/domain/media/output.ts';
import { type MediaWorld, openMediaWorld } from '../support/media-world.ts';
import { CUT_OFF_CODES, ODD_FILMS, type OddFilm, watch, writeOddFilm } from '../support/odd-films.ts';

/** What is made of each film: its task and what it is asked for. */
const MADE: Readonly<Record<string, readonly [task: string, params: object]>> = {
  package: ['package', { effort: 'hurry', segmentS: 2 }],
  'package in MPEG-TS': ['package', { effort: 'hurry', segmentS: 2, segments: 'ts' }],
  transcode: ['transcode', {}],
  encode: ['transcode', { copy: false }],
  trim: ['trim', { end: '90%' }],
  'exact trim': ['trim', { end: '90%', exact: true }],
  chunk: ['chunk', { seconds: 1 }],
  watermark: ['watermark', { mark: 'mark.png', position: 'bottom-right' }],
  thumbnail: ['thumbnail', { time: '75%' }],
  sprite: ['sprite', { intervalS: 1, width: 32 }],
  waveform: ['waveform', { peaks: 20 }],
};

let world: MediaWorld;
let marks: string;

beforeAll(async () => {
  marks = await mkdtemp(join(tmpdir(), 'sluice-marks-'));
  const mark = ['-f', 'lavfi', '-i', 'color=red:s=64x64:d=0.04', '-frames:v', '1', join(marks, 'mark.png')];
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', ...mark]);
  world = await openMediaWorld({ marksDir: marks });
});
afterEach(() => world.empty());
afterAll(async () => {
  await world.close();
  await rm(marks, { recursive: true, force: true });
});

/** The error that a film ends in, by the task. */
function refusalOf({ refused = {} }: OddFilm, task: string): readonly string[] {
  const code = refused[task] ?? refused['*'];
  return code === undefined ? [] : code === 'CUT_OFF' ? CUT_OFF_CODES : [code];
}

/** What comes of a film as one file: of a package its largest rendition and its sound. */
async function playable(fact: OutputsFact & Readonly<Record<string, unknown>>): Promise<string[]> {
  if (fact.outputs !== undefined) return fact.outputs.map(({ key }) => world.at(key));
  const tracks = fact['tracks'] as readonly { id: string }[];
  const files = (await world.keys()).filter((key) => key.startsWith(fact.prefix)).sort();
  return await Promise.all(
    tracks.map(async ({ id }) => {
      const own = files.filter((key) => key.startsWith(`${fact.prefix}${id}_`));
      const parts = [
        ...own.filter((key) => key.endsWith('.mp4')),
        ...own.filter((key) => !key.endsWith('.mp4')),
      ];
      const path = join(marks, `${id}.whole`);
      await writeFile(path, Buffer.concat(await Promise.all(parts.map((key) => readFile(world.at(key))))));
      return path;
    }),
  );
}

describe.each(Object.entries(ODD_FILMS))('of a film %s', (_what, film) => {
  it.each(Object.entries(MADE))(
    'a %s is right, or is refused with one clear error',
    async (_how, [task, params]) => {
      const path = await writeOddFilm(world.sources, film);
      const codes = refusalOf(film, task);
      if (codes.length > 0) {
        const error = await world.run(task, path, params).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ retry: 'never' });
        expect(codes).toContain((error as { code?: string }).code);
        expect(await world.keys()).toEqual([]);
        expect(await world.scratch()).toEqual([]);
        return;
      }
      const { fact } = await world.run(task, path, params);
      expect(await world.scratch()).toEqual([]);
      if (['thumbnail', 'sprite', 'waveform', 'chunk'].includes(task)) {
        expect(fact.outputs.length).toBeGreaterThan(0);
        return;
      }
      const wholes = await Promise.all((await playable(fact)).map(watch));
      const {
        seenS = 'seenS' in film ? undefined : 1,
        heardS = 'heardS' in film ? undefined : 1,
        lengthS = 2,
      } = film;
      const seen = wholes.find(({ size }) => size !== undefined);
      const heard = wholes.find((each) => each.heardS !== undefined);
      // In transport streams the clock begins somewhere, and what comes first by it is the beginning.
      const isStream = 'segments' in params && params.segments === 'ts';
      const beginsS = isStream ? Math.min(...wholes.map((each) => each.beginsS)) : 0;
      const from = (atS = Number.NaN) => atS - beginsS;
      if (seenS !== undefined) expect(Math.abs(from(seen?.seenS) - seenS)).toBeLessThan(0.15);
      if (heardS !== undefined) expect(Math.abs(from(heard?.heardS) - heardS)).toBeLessThan(0.15);
      const share = task === 'trim' ? 0.9 : 1;
      const longestS = from(Math.max(...wholes.map(({ durationS }) => durationS)));
      expect(Math.abs(longestS - share * lengthS)).toBeLessThan(0.6);
    },
  );
});
