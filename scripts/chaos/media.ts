import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import {
  type S3Simulator,
  type S3SimulatorOptions,
  startS3Simulator,
} from '../../simulators/s3/simulator.ts';
import { PROFILES } from '../../src/outside/s3/profiles.ts';
import { createRequests } from '../../src/outside/s3/requests.ts';
import { putObject, s3Environment } from '../../test/support/s3-of-house.ts';
import { contentsOf } from './folder-verdict.ts';
import { SAMPLE, writeRecording } from './recording-file.ts';
import { pause } from './waiting.ts';

/** The bucket of all that programs take from S3 and have put there. */
export const BUCKET = 'content';
/** The film in it of which jobs by gRPC are made. */
export const FILM = 'film.mp4';
/** Below which their outputs go. */
export const GRPC_OUTPUTS = 'jobs/';

/** The folders of the bucket that stand for MEDIA_IN and MEDIA_OUT. */
const [IN, OUT] = ['in/', 'out/'];

/** How soon what the service has not taken is sent again, in milliseconds. */
const AGAIN_MS = 300;
const IDLE_TIMEOUT_MS = 5000;

/** What programs have films in, and what is made of them goes to. */
export interface Media {
  readonly s3: S3Simulator;
  /** Settings of Sluice. */
  readonly environment: Readonly<Record<string, string>>;
  /** Puts a film of this many bytes below MEDIA_IN, whole at once. */
  addFilm(name: string, bytes: number): Promise<void>;
  /** What lies where jobs by each door have theirs put, by its key; of the bucket all that nobody but Sluice has put there. */
  made(): Promise<Made>;
  close(): Promise<void>;
}

export interface Made {
  readonly inBucket: ReadonlyMap<string, Buffer>;
  /** Below MEDIA_OUT. */
  readonly inMediaOut: ReadonlyMap<string, Buffer>;
}

/**
 * Starts an honest S3 with a film in it.
 *
 * @param options.isShared Whether MEDIA_IN and MEDIA_OUT are folders of the bucket, as several hosts have them, and not of this machine
 */
export async function openMedia(options: {
  readonly folder: string;
  readonly isShared: boolean;
  readonly s3: S3SimulatorOptions;
  readonly signal: AbortSignal;
}): Promise<Media> {
  const { isShared, signal } = options;
  const [scratchDir, inDir, outDir] = ['films', 'media-in', 'media-out'].map((name) =>
    join(options.folder, name),
  ) as [string, string, string];
  for (const each of [scratchDir, inDir, outDir]) await mkdir(each);
  const s3 = await startS3Simulator({ ...options.s3, bucket: BUCKET, profile: 'generic' });
  const requests = createRequests({
    endpoint: s3.url,
    keyId: s3.keyId,
    secretKey: s3.secretKey,
    region: s3.region,
    bucket: BUCKET,
    profile: PROFILES.generic,
    addressing: 'path',
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  });

  async function put(key: string, content: Buffer): Promise<void> {
    for (;;) {
      const isThere = await putObject(requests, key, content, { signal }).then(
        () => true,
        () => false,
      );
      if (isThere) return;
      await pause(AGAIN_MS, signal);
    }
  }

  async function inBucket(): Promise<Map<string, Buffer>> {
    const found = new Map<string, Buffer>();
    for (const { key } of s3.objects()) {
      if (key !== FILM && !key.startsWith(IN)) found.set(key, await buffer(s3.read(key)));
    }
    return found;
  }

  try {
    await put(FILM, await readFile(SAMPLE));
  } catch (error) {
    await s3.close();
    throw error;
  }
  const placeOf = (folder: string, path: string) =>
    isShared ? `s3://${BUCKET}/${folder.slice(0, -1)}` : path;
  return {
    s3,
    environment: {
      ...s3Environment(s3),
      S3_INPUT_BUCKETS: '*',
      S3_OUTPUT_BUCKETS: '*',
      MEDIA_IN: placeOf(IN, inDir),
      MEDIA_OUT: placeOf(OUT, outDir),
    },

    async addFilm(name, bytes) {
      const { path } = await writeRecording(join(scratchDir, name), bytes);
      if (!isShared) return await rename(path, join(inDir, name));
      await put(`${IN}${name}`, await readFile(path));
      await rm(path);
    },

    async made() {
      const all = [...(await inBucket())];
      if (!isShared) return { inBucket: new Map(all), inMediaOut: await filesIn(outDir) };
      return {
        inBucket: new Map(all.filter(([key]) => !key.startsWith(OUT))),
        inMediaOut: new Map(
          all.flatMap(([key, content]) => (key.startsWith(OUT) ? [[key.slice(OUT.length), content]] : [])),
        ),
      };
    },

    close: () => s3.close(),
  };
}

/** What lies in a folder that outputs go to; a mark belongs to the file that it names. */
async function filesIn(folder: string): Promise<Map<string, Buffer>> {
  const { files, marks, scraps, unfinished } = await contentsOf(folder);
  const found = new Map<string, Buffer>();
  for (const name of files.keys()) found.set(name, await readFile(join(folder, name)));
  const strays = [
    ...marks.filter(({ name }) => !files.has(name)).map(({ id }) => `the mark ${id}`),
    ...scraps,
    ...unfinished.map(({ id }) => `the unfinished file ${id}`),
  ];
  for (const name of strays) found.set(name, Buffer.alloc(0));
  return found;
}
