import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type House, openHouse, writeVideo } from '../support/house.ts';

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts');

let house: House;
let uuid: string;

beforeAll(async () => {
  house = await openHouse();
  const path = await writeVideo(join(house.files, 'lesson.mp4'), 0);
  for (const topic of ['Algebra', 'Geometry']) {
    const meeting = await house.zoom.addMeeting({
      topic,
      startTime: '2026-01-05T09:00:00Z',
      files: [{ path }],
    });
    uuid = meeting.uuid;
  }
});
afterAll(() => house.close());

/** Runs `sluice zoom`, nobody being at a terminal. */
async function zoom(...args: string[]) {
  const env = { PATH: process.env['PATH'], SLUICE_URL: house.config.pipeline.url, SLUICE_DIR: house.files };
  const command = ['--import', 'tsx', MAIN, 'zoom', ...args];
  return await promisify(execFile)(process.execPath, command, {
    cwd: join(import.meta.dirname, '../..'),
    env,
  }).catch((error: { stdout: string; stderr: string; code: number }) => error);
}

describe('sluice zoom', () => {
  it('says what would come, brings it once it is told to, and the second time nothing', async () => {
    const days = ['--from', '2026-01-01', '--to', '2026-01-31'];

    const dry = await zoom('backfill', ...days, '--dry-run');
    expect(dry.stdout).toMatch(/Missing here: 2 recordings of 2 meetings, .*B\./);
    expect(await house.recordings.newest(5)).toEqual([]);

    const unasked = await zoom('backfill', ...days);
    expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    expect(await house.recordings.newest(5)).toEqual([]);

    const brought = await zoom('backfill', ...days, '--yes', '--json');
    expect(JSON.parse(brought.stdout)).toMatchObject({ recordings: 2, brought: [{}, {}] });
    expect(await house.recordings.newest(5)).toHaveLength(2);

    expect((await zoom('backfill', ...days, '--yes')).stdout).toContain('Nothing is missing.');
  });

  it('brings one meeting, and says so if Zoom has none', async () => {
    const [known, unknown] = await Promise.all([
      zoom('ingest', uuid),
      zoom('ingest', 'bm9ib2R5S25vd3NUaGlzMQ==', '--json'),
    ]);

    expect(known.stdout).toContain('Geometry');
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(JSON.parse(unknown.stderr).error.code).toBe('ZOOM_RECORDING_NOT_FOUND');
  });
});
