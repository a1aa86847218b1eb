import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type AllSimulatorsOptions, startAllSimulators } from '../../simulators/all.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { State } from '../../src/domain/recording.ts';
import { isPostgresUrl } from '../../src/lib/postgres-url.ts';
import { startServer } from '../../src/processes/pipeline.ts';
import { startWorker } from '../../src/processes/worker.ts';
import { freePort } from './free-port.ts';
import { createDatabase, isRunOnPostgres } from './postgres-floor.ts';
import { startRedis } from './redis.ts';

export const SAMPLE = new URL('../fixtures/sample.mp4', import.meta.url).pathname;

/** Writes a valid MP4 of at least `bytes`: the sample, and a `free` box of random bytes behind it. */
export async function writeVideo(path: string, bytes: number): Promise<string> {
  const sample = await readFile(SAMPLE);
  const boxBytes = Math.max(8, bytes - sample.length);
  const box = randomBytes(boxBytes);
  box.writeUInt32BE(boxBytes, 0);
  box.write('free', 4, 'latin1');
  await writeFile(path, Buffer.concat([sample, box]));
  return path;
}

export async function digestOf(path: string, algorithm: 'sha1' | 'sha256'): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

export type House = Awaited<ReturnType<typeof openHouse>>;

/**
 * A whole Sluice in this process, but for the tus server: real Redis, real ledger, real sockets, simulated services;
 * waiting times are shortened by settings. The worker is started by `startWorker`, so that things can wait in line.
 */
export async function openHouse(
  settings: Readonly<Record<string, string | undefined>> = {},
  simulated: AllSimulatorsOptions = {},
) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-'));
  const files = join(folder, 'files');
  await mkdir(files);
  const redis = await startRedis();
  const simulators = await startAllSimulators(simulated);
  const log = pino({ level: process.env['TEST_LOG_LEVEL'] ?? 'silent' });
  const config = loadConfig({
    ...simulators.environment,
    DATA_DIR: join(folder, 'data'),
    ...(isRunOnPostgres() ? { DATABASE_URL: await createDatabase() } : {}),
    REDIS_URL: redis.url,
    HOST_ID: 'house',
    PIPELINE_PORT: String(await freePort()),
    RETRY_BACKOFF_MIN_S: '0.05',
    RETRY_BACKOFF_MAX_S: '0.4',
    TRANSFER_RETRY_PAUSE_MS: '10',
    TRANSFER_IDLE_TIMEOUT_S: '2',
    RECONCILE_EVERY_S: '1',
    LEASE_MS: '1000',
    SITE_RETRY_SCHEDULE_S: '1,1,1,1',
    CIRCUIT_OPEN_MIN_S: '0.2',
    CIRCUIT_OPEN_MAX_S: '0.5',
    PLAYABLE_POLL_MIN_S: '0.1',
    PLAYABLE_POLL_MAX_S: '0.3',
    PLAYABLE_GONE_AFTER_S: '1',
    PUBLISH_GONE_AFTER_S: '0.2',
    DISK_RESERVE_BYTES: '0',
    // Beside it as many tests run as there is room for.
    FFMPEG_NICENESS: '0',
    ...settings,
  });
  const server = await startServer(config, log).catch(async (error) => {
    await simulators.close();
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  const workers: Awaited<ReturnType<typeof startWorker>>[] = [];
  const ends: (() => Promise<void>)[] = [];
  const { recordings, deliveries, watches } = server.ledger;

  const house = {
    config,
    redis,
    recordings,
    deliveries,
    watches,
    zoomTrash: server.ledger.zoom.trash,
    files,
    ...simulators,
    webhookUrl: `${config.pipeline.url}/zoom-upload`,
    /** The queue in which files wait that are handed over to it. */
    lineOfFiles: isPostgresUrl(config.ledgerAddress) ? 'recordings@house' : 'recordings',

    async startWorker(terms: Parameters<typeof startWorker>[2] = {}) {
      const worker = await startWorker(config, log, terms);
      workers.push(worker);
      return worker;
    },

    post(path: string, body: unknown, headers: Record<string, string> = {}) {
      return fetch(`${config.pipeline.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
    },

    /** Hands a file to the custom door; the file is made first unless it is named. */
    async addCustom(title: string, more: Record<string, unknown> & { bytes?: number; path?: string } = {}) {
      const { bytes = 0, path = await writeVideo(join(files, `${title}.mp4`), bytes), ...body } = more;
      const response = await house.post('/custom-upload', { path, title, ...body });
      if (response.status !== 202) throw new Error(`refused: ${await response.text()}`);
      const { id } = (await response.json()) as { id: string };
      return { id, path };
    },

    /** Hands over what a tutor has uploaded, as the tus process does. */
    async addManual(aceId: string, bytes = 0) {
      const incoming = join(config.dataDir, 'incoming');
      await mkdir(incoming, { recursive: true });
      const uploadId = randomBytes(16).toString('hex');
      const path = await writeVideo(join(incoming, `${uploadId}.upload`), bytes);
      const { size } = await stat(path);
      const filename = `${aceId}.mp4`;
      const response = await house.post('/manual-upload', {
        path,
        size,
        ace_id: aceId,
        upload_id: uploadId,
        filename,
      });
      if (response.status !== 202) throw new Error(`refused: ${await response.text()}`);
      const { id } = (await response.json()) as { id: string };
      return { id, path };
    },

    /** Sends a signed webhook for a meeting with one video of this size. */
    async addZoom(topic: string, bytes = 0) {
      const path = await writeVideo(join(files, `zoom-${topic}.mp4`), bytes);
      const meeting = await simulators.zoom.addMeeting({ topic, files: [{ path }] });
      const { status, body } = await simulators.zoom.send(
        house.webhookUrl,
        simulators.zoom.recordingCompleted(meeting),
      );
      if (status !== 200) throw new Error(`refused: ${body}`);
      const { accepted } = JSON.parse(body) as { accepted: { id: string }[] };
      const id = accepted[0]?.id;
      if (id === undefined) throw new Error('nothing accepted');
      return { id, path, meeting };
    },

    /** Waits until a recording is in one of these states. */
    async reaches(id: string, ...states: State[]): Promise<State> {
      for (;;) {
        const state = (await recordings.get(id))?.state;
        if (state !== undefined && states.includes(state)) return state;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },

    /** Waits until the website has heard that these recordings are published, or never will. */
    async announced(...ids: string[]): Promise<void> {
      for (const id of ids) {
        for (;;) {
          const sent = await deliveries.ofRecording(id);
          if (sent.some(({ type, state }) => type === 'recording.published' && state !== 'pending')) break;
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
    },

    /** What the website has heard with a valid signature, of one type. */
    heard(type: string) {
      return simulators.site.received().filter((each) => each.isValid && each.type === type);
    },

    /** The types of a recording's events, in their order. */
    async history(id: string): Promise<string[]> {
      return (await recordings.events(id)).map(({ type, data }) =>
        data['stage'] === undefined ? type : `${type} ${String(data['stage'])}`,
      );
    },

    /** Every file below the data folder's spool, uploads and incoming folders. */
    async staged(): Promise<string[]> {
      const found = await Promise.all(
        ['spool', 'uploads', 'incoming'].map((name) =>
          readdir(join(config.dataDir, name), { recursive: true }).catch(() => []),
        ),
      );
      return found.flat();
    },

    /** Has something ended before the house is. */
    onClose(end: () => Promise<void>): void {
      ends.push(end);
    },

    async close() {
      await Promise.all([...workers.map((worker) => worker.stop()), ...ends.map((end) => end())]);
      await server.stop();
      await simulators.close();
      await redis.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return house;
}
