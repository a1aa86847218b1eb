import { mkdir, mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { vi } from 'vitest';
import { startAllSimulators } from '../../simulators/all.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { Checkpoints } from '../../src/domain/checkpoints.ts';
import type { Facts, NewRecording, Origin, Stage } from '../../src/domain/recording.ts';
import { createSweeper } from '../../src/errands/sweeper.ts';
import { createB2 } from '../../src/outside/b2/client.ts';
import { createB2Store } from '../../src/outside/b2/store.ts';
import { createBunny } from '../../src/outside/bunny/client.ts';
import { openPublishers } from '../../src/outside/publishers.ts';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import { uploadPaths } from '../../src/tus/upload-paths.ts';
import { madeBy, stepOf } from './ledger.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** Where a recording is to stand. */
export type Standing = 'waiting' | 'moving' | 'backing-off' | 'failed' | 'done';

export interface RecordingOptions {
  readonly title?: string;
  readonly origin?: Origin;
  readonly facts?: Partial<Facts>;
  readonly checkpoints?: Partial<Checkpoints>;
}

export type SweepWorld = Awaited<ReturnType<typeof openSweepWorld>>;

/**
 * A sweeper over a real ledger, real files and simulated services, with the settings that users get. Its clock is the
 * real one until `pass` moves it on.
 */
export async function openSweepWorld() {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-sweep-'));
  const dataDir = join(folder, 'data');
  const simulators = await startAllSimulators();
  const config = loadConfig({ ...simulators.environment, DATA_DIR: dataDir });
  const ledger = await openWholeLedger({ address: config.ledgerAddress, leaseMs: 60_000 });
  const b2 = createB2({ ...config.b2, idleTimeoutMs: 2000 });
  const bunny = createBunny({ ...config.bunny, idleTimeoutMs: 2000 });
  const publishers = openPublishers(config, { idleTimeoutMs: 2000 });
  const logLines: Record<string, unknown>[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => logLines.push(JSON.parse(line)) });
  const paths = uploadPaths(join(dataDir, 'uploads'), join(dataDir, 'incoming'));
  for (const path of [paths.uploads, paths.refused, join(dataDir, 'spool')])
    await mkdir(path, { recursive: true });
  const signal = new AbortController().signal;
  let passedMs = 0;

  const sweeper = createSweeper({
    ...config.sweep,
    ledger,
    stores: new Map([['b2', createB2Store({ b2, bucket: config.b2.bucket })]]),
    publishers,
    outputPlaces: new Map(),
    log,
    spoolDirectory: join(dataDir, 'spool'),
    scratchDirectory: join(dataDir, 'scratch'),
    incoming: paths,
    now: () => Date.now() + passedMs,
  });

  async function withLease(id: string, work: (fence: number) => Promise<unknown>): Promise<void> {
    const lease = await ledger.gate.acquire({ recordingId: id, holder: 'test', onLost: () => {} });
    if (lease === undefined) throw new Error('the gate is taken');
    await work(lease.fence);
    await lease.release();
  }

  const world = {
    config,
    simulators,
    ledger,
    b2,
    bunny,
    paths,
    sweeper,
    logLines,
    log,
    spool: (id: string) => join(dataDir, 'spool', id),
    scratch: (id: string, step: string) => join(dataDir, 'scratch', id, step),

    /** Lets the sweeper's clock run ahead; what is on the disk and in the services keeps its times. */
    pass(ms: number): void {
      passedMs += ms;
    },

    sweep: (options: { dryRun?: boolean; signal?: AbortSignal } = {}) =>
      sweeper.sweep({ dryRun: false, signal, ...options }),

    /** The names that one sweep removes; it must not meet a problem. */
    async swept(): Promise<string[]> {
      const { items, problems } = await world.sweep();
      if (problems.length > 0) throw new Error(JSON.stringify(problems));
      return items.map(({ name }) => name);
    },

    /** Takes a recording in and brings it to where it is to stand. */
    async recording(key: string, standing: Standing, options: RecordingOptions = {}): Promise<string> {
      const { title = key, facts = {}, checkpoints = {}, origin = ZOOM_ORIGIN } = options;
      const { id } = await ledger.recordings.accept({ ...ZOOM_RECORDING, naturalKey: key, title, origin });
      await withLease(id, async (fence) => {
        for (const stage of new Set([...Object.keys(checkpoints), ...Object.keys(facts)]) as Set<Stage>) {
          await ledger.moves.startStage(id, stage, fence, stepOf(stage));
          const checkpoint = (checkpoints as Partial<Record<Stage, never>>)[stage];
          if (checkpoint) {
            await ledger.moves.saveCheckpoint(id, stage, checkpoint, fence, madeBy(stage, { checkpoint }));
          }
          const fact = facts[stage];
          const made = madeBy(stage, { checkpoint, fact });
          if (fact) await ledger.moves.finishStage(id, stage, fact as never, fence, made);
        }
      });
      await world.bring(id, standing);
      return id;
    },

    bring: (id: string, standing: Standing) =>
      withLease(id, async (fence) => {
        const { moves } = ledger;
        const error = { code: 'REMOTE_UNAVAILABLE', message: 'down' } as const;
        const announcement = { recordingId: id, type: 'recording.failed', body: '{}' };
        if (standing === 'moving') await moves.startAttempt(id, fence);
        if (standing === 'backing-off') await moves.backOff(id, error, Date.now() + HOUR_MS, fence);
        if (standing === 'failed') await moves.fail(id, error, announcement, fence);
        if (standing === 'done') await moves.finish(id, fence);
      }),

    /** Begins a large file with one part, as the archive stage does. */
    async largeFile(fileInfo: Readonly<Record<string, string>>): Promise<string> {
      const fileName = `zoom/${Math.random()}.mp4`;
      const { fileId } = await b2.startLargeFile({ fileName, contentType: 'video/mp4', fileInfo, signal });
      await b2.uploadPart({ fileId, partNumber: 1, bytes: 4, chunks: chunks('part'), signal });
      return fileId;
    },

    unfinished: () => simulators.b2.unfinished().map(({ fileId }) => fileId),

    video: async (title: string) => (await bunny.createVideo({ title, signal })).videoId,

    videos: () => simulators.bunny.videos().map(({ guid }) => guid),

    async close() {
      await ledger.close();
      await simulators.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return world;
}

const ZOOM_ORIGIN: Origin = {
  kind: 'zoom',
  downloadUrl: 'https://zoom.us/rec/1',
  downloadToken: null,
  bytes: null,
  eventAtMs: 1,
};

const ZOOM_RECORDING = { source: 'zoom', aceId: null, details: {} } satisfies Partial<NewRecording>;

/** What the archive stage has recorded of a large file that it has begun. */
export function archiving(fileId: string | null): Checkpoints['archive'] {
  return {
    fileName: 'zoom/a.mp4',
    contentId: 'x',
    isRequested: true,
    fileId,
    failedFinishes: 0,
    partBytes: 5_000_000,
  };
}

/** What the publish stage has recorded of a video that it has asked for. */
export function publishing(videoId: string | null, requestedAtMs = Date.now()): Checkpoints['publish'] {
  return { contentId: 'x', requestedAtMs, videoId, uploadUrl: null };
}

/** Writes a file of 5 bytes that looks as if it had last been written so long ago, and tells what the ledger keeps of it. */
export async function writeAged(path: string, ageMs: number): Promise<Extract<Origin, { kind: 'file' }>> {
  await writeFile(path, 'bytes');
  await age(path, ageMs);
  const modifiedAtMs = Math.trunc((await stat(path)).mtimeMs);
  return { kind: 'file', path, bytes: 5, modifiedAtMs, keep: false };
}

/** Makes a file or folder look as if it had last been written so long ago; negative for the time to come. */
export async function age(path: string, ageMs: number): Promise<void> {
  const at = new Date(Date.now() - ageMs);
  await utimes(path, at, at);
}

/** Resolves once the clock shows another time. */
export async function clockMoves(): Promise<void> {
  const nowMs = Date.now();
  await vi.waitUntil(() => Date.now() > nowMs, { interval: 1 });
}

async function* chunks(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}
