import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AllSimulators, startAllSimulators } from '../../simulators/all.ts';
import { digestOf, writeVideo } from '../support/house.ts';
import { type Processes, startProcesses } from '../support/processes.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { announceMeeting, SLOW_BYTES_PER_SECOND, waitForSpooledBytes, waitForState } from './recordings.ts';

const MIB = 1024 * 1024;
const FILE_BYTES = 12 * MIB;
const OVERLAP_BYTES = 64 * 1024;
/** The longest that a recording may wait for another worker after its own has died. */
const TAKE_OVER_MS = 20_000;

describe('a worker that dies in the middle of a download', () => {
  let redis: TestRedis;
  let simulators: AllSimulators;
  let sluice: Processes;

  beforeEach(async () => {
    redis = await startRedis();
    simulators = await startAllSimulators();
    sluice = await startProcesses({ ...simulators.environment, REDIS_URL: redis.url }, [
      'pipeline',
      'worker',
    ]);
  });

  afterEach(async () => {
    await sluice?.stop();
    await simulators?.close();
    await redis?.stop();
  });

  it.each([
    ['the queue as it was', async () => {}],
    [
      'Redis killed with it',
      async () => {
        await redis.kill();
        await redis.start();
      },
    ],
  ] as const)('is followed by one that brings the recording home once, %s', async (_name, meanwhile) => {
    const { b2, bunny, site, zoom } = simulators;
    zoom.cdn.link.bytesPerSecond = SLOW_BYTES_PER_SECOND;
    const source = await writeVideo(join(sluice.dataDir, 'meeting.mp4'), FILE_BYTES);
    const id = await announceMeeting(zoom, sluice.pipelineUrl, source);
    await waitForSpooledBytes(sluice.dataDir, id, 2 * MIB);

    const killedAtMs = Date.now();
    await sluice.kill('worker');
    await meanwhile();
    zoom.cdn.link.bytesPerSecond = undefined;
    await sluice.restart('worker');
    const recording = await waitForState(sluice.pipelineUrl, id, 'done');

    const attempts = recording.events.filter(({ type }) => type === 'attempt.started');
    expect(attempts).toHaveLength(2);
    expect(Date.parse(attempts[1]?.at ?? '') - killedAtMs).toBeLessThan(TAKE_OVER_MS);
    expect(recording.failed_attempts).toBe(0);

    const [archived, ...otherFiles] = await b2.files();
    expect(archived).toMatchObject({ contentLength: FILE_BYTES, wholeSha1: await digestOf(source, 'sha1') });
    expect(otherFiles).toEqual([]);
    expect(b2.unfinished()).toEqual([]);
    const [video, ...otherVideos] = bunny.videos();
    expect(video).toMatchObject({ bytes: FILE_BYTES, sha256: await digestOf(source, 'sha256') });
    expect(otherVideos).toEqual([]);
    await expect.poll(() => site.received().length).toBeGreaterThan(0);
    expect(new Set(site.received().map((announcement) => announcement.id)).size).toBe(1);

    // What was on the disk is not fetched again, but for its last bytes, by which the file is known again.
    const [first, second, ...others] = zoom.cdn.requests;
    expect(others).toEqual([]);
    expect(second).toMatchObject({
      status: 206,
      headers: { range: expect.stringMatching(/^bytes=[1-9]\d*-$/) },
    });
    expect(first?.headers.range).toBeUndefined();
    expect(second?.answerBytes).toBeLessThanOrEqual(FILE_BYTES - 2 * MIB + OVERLAP_BYTES);
  });
});
