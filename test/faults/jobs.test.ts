import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idOfJob } from '../../src/domain/job.ts';
import { buildCrashCopy, startCrashWorker } from '../support/faults-worker.ts';
import type { Message } from '../support/grpc-client.ts';
import { CONTENT, type GrpcWorld, openGrpcWorld } from '../support/grpc-world.ts';
import { s3Environment } from '../support/s3-of-house.ts';
import { logo } from '../support/small-media.ts';
import { isWhole } from '../support/whole-tables.ts';

let world: GrpcWorld;
let folder: string;

beforeAll(async () => {
  await buildCrashCopy();
  folder = await mkdtemp(join(tmpdir(), 'sluice-jobs-'));
  world = await openGrpcWorld();
  await world.put(CONTENT, 'logo.png', await logo(folder));
});
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

const ORDER = {
  status: [
    ...['QUEUING_CHECKS', 'CHECKING', 'CHECKS_FINISHED', 'QUEUING_INPUTS_DOWNLOADING', 'INPUTS_DOWNLOADING'],
    ...['ALL_INPUTS_DOWNLOADED', 'QUEUING_OUTPUTS', 'OUTPUTS_PROGRESSING', 'FINISHED', 'REVOKED', 'FAILED'],
  ],
  output: [
    ...['PREPARATION_PROCESSING', 'PROCESSING', 'PROCESSING_FINISHED', 'QUEUING_UPLOADING'],
    ...['UPLOADING', 'UPLOADING_FINISHED', 'OUTPUT_REVOKED', 'OUTPUT_FAILED'],
  ],
};

const ROUNDS = isWhole ? [1, 2] : [1];

const place = (key: string) => ({ bucket: CONTENT, key });

async function create(name: string): Promise<string> {
  const { tracking_id: id } = await world.client.createJob({
    reference_id: name,
    video: { s3_input: place('film.mp4') },
    watermark: { s3_input: place('logo.png'), upload_to: place(`${name}/marked.mp4`) },
    playlists: [
      { upload_to: place(`${name}/a.m3u8`), options: { quality_names: ['R_240P', 'R_144P'] } },
      {
        protocol: 'DASH',
        upload_to: place(`${name}/b.mpd`),
        use_watermark: true,
        options: { quality_names: ['R_144P'] },
      },
    ],
    thumbnails: [{ thumbnail_time: '2', upload_to: place(`${name}/c.png`) }],
  });
  return id;
}

const worker = () =>
  startCrashWorker(world.house, {
    settings: {
      PATH: process.env['PATH'] ?? '',
      ...s3Environment(world.s3),
      S3_INPUT_BUCKETS: '*',
      S3_OUTPUT_BUCKETS: '*',
      LEASE_MS: '1000',
      // Who dies so often is no recording’s fault here.
      CRASH_LIMIT: '1000',
    },
  });

/** Never back, and the counters add up. */
function expectForward(seen: readonly Message[]): void {
  const places = seen.map(({ status }) => ORDER.status.indexOf(status));
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  for (const at of [0, 1]) {
    const own = seen.map(({ playlists }) => ORDER.output.indexOf(playlists.outputs[at].status));
    expect(own).toEqual(own.toSorted((a, b) => a - b));
  }
  for (const each of seen) {
    expect(each.ready_outputs + each.failed_outputs + each.revoked_outputs).toBeLessThanOrEqual(4);
  }
}

describe('a job whose workers die again and again', () => {
  it.each(ROUNDS)(
    'is whole in the end, and was never seen to go back (%i)',
    async (round) => {
      const name = `killed-${round}`;
      const id = await create(name);
      let isOver = false;
      const polled = world.reaches(id, 'FINISHED').finally(() => {
        isOver = true;
      });
      for (let kills = 0; !isOver; kills += 1) {
        const doomed = worker();
        // Each lives longer than the one before by a third, so that the end comes, however long it takes this machine to start one.
        const lifeMs = 400 * 1.35 ** kills + Math.random() * 400;
        await Promise.race([sleep(lifeMs), polled.catch(() => {})]);
        await doomed.kill();
      }
      const seen = await polled;
      expectForward(seen);
      expect(seen.at(-1)).toMatchObject({
        ready_outputs: 4,
        failed_outputs: 0,
        checks: { total: 3, passed: 3 },
      });
      const named = world
        .keys(CONTENT)
        .filter((key) => key.startsWith(`${name}/`) && !key.includes('/runs/'));
      expect(named.sort()).toEqual(
        ['a.m3u8', 'b.mpd', 'c.png', 'marked.mp4'].map((each) => `${name}/${each}`),
      );
      const { id: recording } = { id: idOfJob(id) };
      expect(await world.house.history(recording)).toContain('recording.done');
    },
    300_000,
  );

  it('is gone to the last key where it is revoked meanwhile', async () => {
    const name = 'revoked';
    const id = await create(name);
    const first = worker();
    await world.reaches(id, 'OUTPUTS_PROGRESSING');
    await first.kill();
    const second = worker();
    await world.client.revokeJobs({ tracking_ids: [id] });
    await second.kill();
    const last = worker();
    const seen = await world.reaches(id, 'REVOKED');
    await world.house.reaches(idOfJob(id), 'cancelled');
    expect(world.keys(CONTENT).filter((key) => key.startsWith(`${name}/`))).toEqual([]);
    expect(seen.at(-1)).toMatchObject({ reason: 'FORCE_REVOKED', revoked_outputs: 4 });
    await last.kill();
  });
});

it('a bucket that does not answer keeps a job waiting, at no cost', async () => {
  world.s3.faults.add({ on: '* *', status: 503, count: 40 });
  const only = worker();
  const id = await create('waits');
  const seen = await world.reaches(id, 'FINISHED');
  expectForward(seen);
  expect(seen.at(-1)).toMatchObject({ ready_outputs: 4 });
  await only.kill();
});
