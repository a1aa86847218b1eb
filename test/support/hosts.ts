import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AllSimulatorsOptions, startAllSimulators } from '../../simulators/all.ts';
import type { State } from '../../src/domain/recording.ts';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import { writeVideo } from './house.ts';
import { createDatabase } from './postgres-floor.ts';
import { PROCESS_NAMES, type Processes, startProcesses } from './processes.ts';
import { startRedis } from './redis.ts';

/** How soon a host that is dead is noticed here, in milliseconds. */
const LEASE_MS = 1500;

export type Hosts = Awaited<ReturnType<typeof openHosts>>;

/**
 * Several hosts on one machine, each with its own folder and processes, as they are built; they share a database, a Redis and
 * the simulated services.
 */
export async function openHosts<const Name extends string>(
  names: readonly Name[],
  settings: Readonly<Record<string, string>> = {},
  simulated: AllSimulatorsOptions = {},
) {
  const files = await mkdtemp(join(tmpdir(), 'sluice-hosts-'));
  const redis = await startRedis();
  const simulators = await startAllSimulators(simulated);
  const address = await createDatabase();
  const environment = {
    ...simulators.environment,
    DATABASE_URL: address,
    REDIS_URL: redis.url,
    LOG_LEVEL: 'warn',
    RETRY_BACKOFF_MIN_S: '0.1',
    RETRY_BACKOFF_MAX_S: '0.5',
    TRANSFER_RETRY_PAUSE_MS: '10',
    RECONCILE_EVERY_S: '60',
    LEASE_MS: String(LEASE_MS),
    SILENT_AFTER_S: '3',
    PLAYABLE_POLL_MIN_S: '0.1',
    PLAYABLE_POLL_MAX_S: '0.3',
    DISK_RESERVE_BYTES: '0',
    FFMPEG_NICENESS: '0',
    ...settings,
  };
  const started = await Promise.all(names.map((name) => startProcesses({ ...environment, HOST_ID: name })));
  const hosts = Object.fromEntries(names.map((name, at) => [name, started[at]])) as Record<Name, Processes>;
  const ledger = await openWholeLedger({ address, leaseMs: LEASE_MS });

  const post = (name: Name, path: string, body: unknown) =>
    fetch(`${hosts[name].pipelineUrl}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  return {
    ...simulators,
    hosts,
    environment,
    ledger,
    files,
    redis,
    post,

    /** Sends the event of a meeting with one video to a host. */
    async addZoom(name: Name, topic: string, bytes = 0): Promise<string> {
      const path = await writeVideo(join(files, `zoom-${topic}.mp4`), bytes);
      const meeting = await simulators.zoom.addMeeting({ topic, files: [{ path }] });
      const url = `${hosts[name].pipelineUrl}/zoom-upload`;
      const { status, body } = await simulators.zoom.send(url, simulators.zoom.recordingCompleted(meeting));
      if (status !== 200) throw new Error(`refused: ${body}`);
      return (JSON.parse(body) as { accepted: { id: string }[] }).accepted[0]?.id ?? '';
    },

    /** Hands a new file to a host's custom door. */
    async addCustom(name: Name, title: string, bytes = 0): Promise<string> {
      const path = await writeVideo(join(files, `${name}-${title}.mp4`), bytes);
      const response = await post(name, '/custom-upload', { path, title });
      if (response.status !== 202) throw new Error(`refused: ${await response.text()}`);
      return ((await response.json()) as { id: string }).id;
    },

    /** Waits until a recording is in one of these states. */
    async reaches(id: string, ...states: State[]): Promise<State> {
      for (;;) {
        const state = (await ledger.recordings.get(id))?.state;
        if (state !== undefined && states.includes(state)) return state;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },

    /** Ends all processes of a host at once. */
    async kill(name: Name): Promise<void> {
      await Promise.all(PROCESS_NAMES.map((process) => hosts[name].kill(process)));
    },

    async restart(name: Name): Promise<void> {
      await Promise.all(PROCESS_NAMES.map((process) => hosts[name].restart(process)));
    },

    async close(): Promise<void> {
      await Promise.all(started.map((processes) => processes.stop()));
      await ledger.close();
      await simulators.close();
      await redis.stop();
      await rm(files, { recursive: true, force: true });
    },
  };
}
