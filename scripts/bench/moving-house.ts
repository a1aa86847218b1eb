import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Processes, type ProcessName, startProcesses } from '../../test/support/processes.ts';
import { startRedis, type TestRedis } from '../../test/support/redis.ts';
import { type BenchContext, BenchFailure } from './bench.ts';
import { writeRecording } from './recording-file.ts';
import {
  downloadsStartedAtMs,
  type SimulatedServices,
  startSimulatedServices,
  steer,
} from './simulated-services.ts';
import { makeFolder } from './sluice.ts';

const SMALL_BYTES = 1024 * 1024;

/** The built processes with a Redis that may be disturbed, and meetings that the simulated Zoom tells of. */
export interface MovingHouse {
  readonly processes: Processes;
  readonly redis: TestRedis;
  readonly services: SimulatedServices;
  readonly webhookUrl: string;
  readonly ledgerPath: string;
  /** Records a meeting with one video of so many bytes. */
  addMeeting(topic: string, bytes?: number): Promise<string>;
  /** Sends the signed webhook about a meeting; resolves with the time of the door's answer. */
  announce(meetingUuid: string): Promise<number>;
  /** When the requests for bytes reached Zoom's download server, in their order. */
  downloadsStartedAtMs(): Promise<number[]>;
  /** The last ones accepted, newest first. */
  recordings(): Promise<RecordingSeen[]>;
  /** Waits until so many recordings are done. */
  untilDone(count: number): Promise<void>;
}

export interface RecordingSeen {
  readonly id: string;
  readonly state: string;
  readonly title: string;
  readonly last_error: unknown;
}

/** Starts all of it; the bench's end stops it. */
export async function openMovingHouse(
  context: BenchContext,
  names: readonly ProcessName[],
  settings: Readonly<Record<string, string>> = {},
): Promise<MovingHouse> {
  const folder = await makeFolder(context);
  const services = await startSimulatedServices(context, {
    b2: { keepBytes: false },
    bunny: { keepBytes: false },
  });
  const redis = await startRedis();
  context.defer(() => redis.stop());
  const processes = await startProcesses(
    { ...services.environment, REDIS_URL: redis.url, DISK_RESERVE_BYTES: '0', ...settings },
    names,
  );
  context.defer(() => processes.stop());
  const { zoom, cdn } = services.urls;
  const webhookUrl = `${processes.pipelineUrl}/zoom-upload`;
  let meetings = 0;

  async function recordings(): Promise<RecordingSeen[]> {
    const answer = await steer('GET', `${processes.pipelineUrl}/api/recordings?limit=200`);
    return (answer as { recordings: RecordingSeen[] }).recordings;
  }

  return {
    processes,
    redis,
    services,
    webhookUrl,
    ledgerPath: join(processes.dataDir, 'ledger.db'),
    recordings,

    async addMeeting(topic, bytes = SMALL_BYTES) {
      meetings += 1;
      const path = join(folder, `${meetings}.mp4`);
      await writeRecording(path, bytes, true);
      const meeting = { topic, files: [{ path }] };
      return ((await steer('POST', `${zoom}/__sim/meetings`, meeting)) as { uuid: string }).uuid;
    },

    async announce(meetingUuid) {
      const sent = (await steer('POST', `${zoom}/__sim/send`, { meetingUuid, webhookUrl })) as {
        status: number;
        body: string;
      };
      const answeredAtMs = Date.now();
      if (sent.status !== 200) throw new BenchFailure(`A webhook was answered ${sent.status}: ${sent.body}`);
      return answeredAtMs;
    },

    downloadsStartedAtMs: () => downloadsStartedAtMs(cdn),

    async untilDone(count) {
      for (;;) {
        context.signal.throwIfAborted();
        const seen = await recordings();
        const stuck = seen.find(({ state }) => state === 'failed' || state === 'backing-off');
        if (stuck !== undefined) {
          throw new BenchFailure(`A recording is ${stuck.state}: ${JSON.stringify(stuck.last_error)}`);
        }
        if (seen.filter(({ state }) => state === 'done').length >= count) return;
        await sleep(20);
      }
    },
  };
}
