import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AllSimulators, startAllSimulators } from '../../simulators/all.ts';
import { digestOf, writeVideo } from '../support/house.ts';
import { type Processes, startProcesses } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import {
  announceMeeting,
  readRecording,
  SLOW_BYTES_PER_SECOND,
  spooledBytes,
  waitForSpooledBytes,
  waitForState,
} from './recordings.ts';

/** How much of what is on the disk a download that goes on asks for again. */
const COMPARED_BYTES = 65_536;

const MIB = 1024 * 1024;
const FILE_BYTES = 12 * MIB;

describe('a worker that is stopped in the middle of a download', () => {
  let redis: TestRedis;
  let simulators: AllSimulators;
  let sluice: Processes;
  let source: string;
  let id: string;

  beforeEach(async () => {
    redis = await startRedis();
    simulators = await startAllSimulators();
    simulators.zoom.cdn.link.bytesPerSecond = SLOW_BYTES_PER_SECOND;
    sluice = await startProcesses({ ...simulators.environment, REDIS_URL: redis.url }, [
      'pipeline',
      'worker',
    ]);
    source = await writeVideo(join(sluice.dataDir, 'meeting.mp4'), FILE_BYTES);
    id = await announceMeeting(simulators.zoom, sluice.pipelineUrl, source);
    await waitForSpooledBytes(sluice.dataDir, id, 2 * MIB);
  });

  afterEach(async () => {
    await sluice?.stop();
    await simulators?.close();
    await redis?.stop();
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'lets go within 10 s of %s and gives its recording back',
    async (signal) => {
      const ended = await sluice.kill('worker', signal);

      expect(ended).toMatchObject({ exitCode: 0, signal: null });
      expect(ended.durationMs).toBeLessThan(10_000);
      const recording = await readRecording(sluice.pipelineUrl, id);
      expect(recording).toMatchObject({ state: 'waiting', failed_attempts: 0 });
      expect(recording.events.at(-1)?.type).toBe('attempt.interrupted');
    },
  );

  it('goes on behind the last byte once it is started again', async () => {
    await sluice.kill('worker', 'SIGTERM');
    const keptBytes = await spooledBytes(sluice.dataDir, id);
    const [first] = simulators.zoom.cdn.requests;
    simulators.zoom.cdn.link.bytesPerSecond = undefined;

    await sluice.restart('worker');
    const recording = await waitForState(sluice.pipelineUrl, id, 'done');

    expect(recording.failed_attempts).toBe(0);
    expect(recording.facts['fetch']).toMatchObject({ bytes: FILE_BYTES });
    expect(await simulators.b2.files()).toMatchObject([{ wholeSha1: await digestOf(source, 'sha1') }]);
    expect(first?.headers.range).toBeUndefined();
    expect(simulators.zoom.cdn.requests).toHaveLength(2);
    expect(simulators.zoom.cdn.requests[1]).toMatchObject({
      status: 206,
      // The last bytes once more, to be compared.
      headers: { range: `bytes=${keptBytes - COMPARED_BYTES}-` },
      answerBytes: FILE_BYTES - keptBytes + COMPARED_BYTES,
    });
  });
});
