import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { type S3Simulator, startS3Simulator } from '../../simulators/s3/simulator.ts';
import { systemCode } from '../../src/domain/errors.ts';
import type { ProfileName } from '../../src/outside/s3/profiles.ts';
import { QUICK_SETTINGS } from './faults-house.ts';
import { buildCrashCopy } from './faults-worker.ts';
import { type House, openHouse } from './house.ts';
import { readPlaylist } from './package-reader.ts';
import { s3Environment } from './s3-of-house.ts';

const RECIPES = `
default: shown
recipes:
  - name: shown
    steps:
      - { id: fetch, task: fetch }
      - { id: package, task: package, takes: { file: fetch.file }, params: { segmentS: 1, effort: hurry } }
      - { id: small, task: transcode, takes: { file: fetch.file }, params: { shortSide: 144, quality: small }, after: package }
      - { id: tidy, task: cleanup, after: [package, small] }
  - name: copied
    steps:
      - { id: fetch, task: fetch }
      - { id: copy, task: trim, takes: { file: fetch.file } }
      - { id: tidy, task: cleanup, after: copy }
`;

/** How long the film is, in seconds. */
const FILM_S = 8;

/** Segments that may be on their way when a worker dies, and so may be sent again: nobody has noted that they arrived. */
const ON_THEIR_WAY = 4;

type Awaitable<Value> = Value | Promise<Value>;

/** A bucket of a service that speaks S3, whichever it is, and what was asked of it. */
export interface MediaService {
  readonly url: string;
  readonly keyId: string;
  readonly secretKey: string;
  readonly region: string;
  readonly bucket: string;
  readonly profile: ProfileName;
  readonly requests: readonly { readonly method: string; readonly path: string; readonly status: number }[];
  objects(): Awaitable<readonly { readonly key: string }[]>;
  /** The uploads in parts that are neither complete nor thrown away. */
  uploads(): Awaitable<readonly object[]>;
  read(key: string): Readable;
  close(): Promise<void>;
}

export type MediaHouse = Awaited<ReturnType<typeof openMediaHouse>>;

export const openMediaHouse = () => openMediaHouseOn<S3Simulator>(() => startS3Simulator());

/** A house whose outputs go to S3, and a short film of which it makes a package and a smaller one, or a copy. */
export async function openMediaHouseOn<Service extends MediaService>(start: () => Promise<Service>) {
  await buildCrashCopy();
  const folder = await mkdtemp(join(tmpdir(), 'sluice-media-house-'));
  const s3 = await start();
  await writeFile(join(folder, 'recipes.yaml'), RECIPES);
  const settings = {
    RECIPES_FILE: join(folder, 'recipes.yaml'),
    MEDIA_IN: folder,
    MEDIA_OUT: `s3://${s3.bucket}/shown`,
    ...s3Environment(s3),
    S3_REGION: s3.region,
    PATH: process.env['PATH'] ?? '',
    // While a film is encoded nothing else is quick here.
    LEASE_MS: '4000',
  };
  const house: House = await openHouse({ ...QUICK_SETTINGS, ...settings });
  const film = join(folder, 'film.mp4');
  const picture = ['-f', 'lavfi', '-i', `testsrc2=s=640x360:r=25:d=${FILM_S}`];
  const sound = ['-f', 'lavfi', '-i', `sine=r=32000:d=${FILM_S}`];
  const how = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '25', '-b:v', '300k'];
  await promisify(execFile)('ffmpeg', [
    '-v',
    'error',
    '-y',
    ...picture,
    ...sound,
    ...how,
    '-c:a',
    'aac',
    film,
  ]);

  let films = 0;
  const scratch = join(house.config.dataDir, 'scratch');

  const media = {
    folder,
    house,
    s3,
    settings,

    /** Runs of ffmpeg that work on this house's files. */
    async running(): Promise<number[]> {
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
      const own = await Promise.all(
        pids.map(async (pid) => {
          const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
          return line.startsWith('ffmpeg\0') && line.includes(folder) ? [Number(pid)] : [];
        }),
      );
      return own.flat();
    },

    /** Kills each ffmpeg of it that still runs by then. */
    async killRunning(): Promise<void> {
      for (const pid of await media.running()) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch (error) {
          if (systemCode(error) !== 'ESRCH') throw error;
        }
      }
    },

    /** Brings in a film of its own, for one that is the same file would be the same recording. */
    async add(more: { readonly recipe?: string; readonly of?: string } = {}): Promise<string> {
      const { of = film, ...recipe } = more;
      films += 1;
      const path = join(folder, `film-${films}.mp4`);
      await copyFile(of, path);
      return (await house.addCustom(`Film ${films}`, { path, keep_file: true, ...recipe })).id;
    },

    /** Answers of S3 to what was put there of a recording, by key. */
    putsOf: (id: string): string[] =>
      s3.requests
        .filter(({ method, path, status }) => method === 'PUT' && status === 200 && path.includes(`/${id}/`))
        .map(({ path }) => path),

    keysOf: async (id: string): Promise<string[]> =>
      (await s3.objects()).flatMap(({ key }) => (key.includes(`/${id}/`) ? [key] : [])),

    /** What must be true of a recording in the end, whatever happened to whom meanwhile. */
    async expectShown(id: string): Promise<void> {
      const state = await house.reaches(id, 'done', 'failed');
      expect([state, (await house.recordings.get(id))?.lastError]).toEqual(['done', null]);
      const { facts } = await house.recordings.progress(id);
      const made = facts['package'] as unknown as {
        keys: { hls: string };
        files: number;
        durationS: number;
        tracks: { id: string; isCopied: boolean }[];
      };
      const small = facts['small'] as unknown as { outputs: { key: string }[] };
      expect(made.durationS).toBeCloseTo(FILM_S, 0);
      expect(made.tracks.map(({ id: track }) => track)).toEqual(['360p', '240p', 'audio']);

      // All that the manifests name is there, and nothing else.
      const read = (key: string) => text(s3.read(`shown/${key}`));
      const named = new Set([made.keys.hls, made.keys.hls.replace('master.m3u8', 'manifest.mpd')]);
      const { playlists = [] } = readPlaylist(await read(made.keys.hls));
      const lists = [...playlists.map(({ uri }) => uri), 'audio.m3u8'];
      for (const uri of lists) {
        const key = join(made.keys.hls, '..', uri);
        named.add(key);
        const { segments, complaints } = readPlaylist(await read(key));
        expect(complaints).toEqual([]);
        expect(segments.reduce((sum, { duration }) => sum + duration, 0)).toBeCloseTo(FILM_S, 0);
        for (const { uri: segment, map } of segments) {
          named.add(join(key, '..', segment));
          named.add(join(key, '..', map.uri));
        }
      }
      expect(named.size).toBe(made.files);
      for (const { key } of small.outputs) named.add(key);
      expect((await media.keysOf(id)).sort()).toEqual([...named].map((key) => `shown/${key}`).sort());
      expect(await s3.uploads()).toEqual([]);

      // What comes out the same each time was sent once, but for what was on its way when an attempt ended.
      const puts = media.putsOf(id).filter((path) => /\/(360p|audio)_\w+\.(m4s|mp4)$/.test(path));
      const starts = (await house.history(id)).filter((type) => type === 'stage.started package').length;
      expect(puts.length - new Set(puts).size).toBeLessThanOrEqual((starts - 1) * ON_THEIR_WAY);

      await media.expectQuiet();
    },

    /** No ffmpeg works, and nothing of it lies about. */
    async expectQuiet(): Promise<void> {
      await expect.poll(media.running, { timeout: 10_000 }).toEqual([]);
      const left = await readdir(scratch, { recursive: true, withFileTypes: true }).catch(() => []);
      expect(left.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual([]);
    },

    async close(): Promise<void> {
      await house.close();
      await s3.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return media;
}
