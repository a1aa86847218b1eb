import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AllSimulators, startAllSimulators } from '../../simulators/all.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { writeVideo } from '../support/house.ts';
import { type Processes, startProcesses } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { theseOf } from '../support/whole-tables.ts';
import { announceMeeting, SLOW_BYTES_PER_SECOND, waitForSpooledBytes, waitForState } from './recordings.ts';

const MIB = 1024 * 1024;
const FILE_BYTES = 8 * MIB;
const HOUR_S = 3600;
/** Far less than the clock jumps, and enough for a machine that has much to do. */
const SOON_MS = 40_000;

describe('a wall clock that is set', () => {
  let redis: TestRedis;
  let simulators: AllSimulators;
  let clock: FakeClock;
  let sluice: Processes;

  beforeEach(async () => {
    redis = await startRedis();
    simulators = await startAllSimulators();
    clock = await createFakeClock();
    const settings = { REDIS_URL: redis.url, RETRY_BACKOFF_MIN_S: '4', RETRY_BACKOFF_MAX_S: '4' };
    sluice = await startProcesses({ ...simulators.environment, ...settings, ...clock.environment }, [
      'pipeline',
      'worker',
    ]);
  });

  afterEach(async () => {
    await sluice?.stop();
    await clock?.remove();
    await simulators?.close();
    await redis?.stop();
  });

  async function announce(title: string): Promise<string> {
    const source = await writeVideo(join(sluice.dataDir, `${title}.mp4`), FILE_BYTES);
    return await announceMeeting(simulators.zoom, sluice.pipelineUrl, source);
  }

  const ALL_JUMPS = [
    ['back by an hour', -HOUR_S],
    ['forward by six hours', 6 * HOUR_S],
  ] as const;
  const JUMPS = theseOf(ALL_JUMPS, ['back by an hour']);

  it.each(JUMPS)('%s while a worker dies does not keep the line waiting', async (_how, seconds) => {
    simulators.zoom.cdn.link.bytesPerSecond = SLOW_BYTES_PER_SECOND;
    const id = await announce('meeting');
    await waitForSpooledBytes(sluice.dataDir, id, MIB);

    const killedMs = performance.now();
    await sluice.kill('worker');
    await clock.setOffset(seconds);
    simulators.zoom.cdn.link.bytesPerSecond = undefined;
    await sluice.restart('worker');
    const recording = await waitForState(sluice.pipelineUrl, id, 'done');

    expect(performance.now() - killedMs).toBeLessThan(SOON_MS);
    expect(recording.failed_attempts).toBe(0);
    expect(await simulators.b2.files()).toHaveLength(1);
    expect(simulators.bunny.videos()).toHaveLength(1);
  });

  it('forward by six hours while a recording moves takes its lease from nobody', async () => {
    simulators.zoom.cdn.link.bytesPerSecond = SLOW_BYTES_PER_SECOND;
    const id = await announce('meeting');
    await waitForSpooledBytes(sluice.dataDir, id, MIB);

    await clock.setOffset(6 * HOUR_S);
    await expect.poll(() => sluice.output('worker'), { timeout: 20_000 }).toContain('clock.jumped');
    simulators.zoom.cdn.link.bytesPerSecond = undefined;
    const recording = await waitForState(sluice.pipelineUrl, id, 'done');

    expect(recording.events.filter(({ type }) => type === 'attempt.started')).toHaveLength(1);
    expect(await simulators.b2.files()).toHaveLength(1);
  });

  it('back by an hour while a recording backs off lets it wait no longer than it was to', async () => {
    simulators.zoom.cdn.fail({ on: 'GET /cmr/*', status: 503, count: 1 });
    const id = await announce('meeting');
    await waitForState(sluice.pipelineUrl, id, 'backing-off');

    await clock.setOffset(-HOUR_S);
    const setMs = performance.now();
    await waitForState(sluice.pipelineUrl, id, 'done');

    expect(performance.now() - setMs).toBeLessThan(SOON_MS);
  });
});
