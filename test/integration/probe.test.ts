import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type House, openHouse } from '../support/house.ts';

/** What ffprobe says of a phone's film that lies on its side. */
const SAYS = {
  streams: [
    {
      codec_type: 'video',
      codec_name: 'hevc',
      width: 1920,
      height: 1080,
      avg_frame_rate: '30000/1001',
      bit_rate: '2000000',
      side_data_list: [{ rotation: -90 }],
    },
    {
      codec_type: 'audio',
      codec_name: 'aac',
      channels: 2,
      channel_layout: 'stereo',
      sample_rate: '44100',
      avg_frame_rate: '0/0',
    },
    { codec_type: 'data' },
  ],
  format: { format_name: 'mov,mp4,m4a,3gp,3g2,mj2', duration: '12.340000', bit_rate: '2128000' },
};

let folder: string;
let house: House;

/** A house whose ffprobe is this script. */
async function open(script: string): Promise<void> {
  const program = join(folder, 'ffprobe');
  await writeFile(program, `#!/bin/sh\n${script}\n`);
  await chmod(program, 0o755);
  house = await openHouse({ FFPROBE: program, FFMPEG: 'none', RETRY_ATTEMPTS: '2' });
  await house.startWorker();
}

/** A further run of a recording that is home. */
async function probed(): Promise<{ id: string; bytes: number | null | undefined }> {
  const { id: of } = await house.addCustom('Film', { bytes: 1000 });
  await house.reaches(of, 'done');
  const response = await house.post('/api/runs', { recording_id: of, recipe: 'probe' });
  const { id } = (await response.json()) as { id: string };
  return { id, bytes: (await house.recordings.get(of))?.bytes };
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-probe-'));
});
afterEach(async () => {
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

it('a probe says what is in a file, in a lane of its own', async () => {
  await open(`printf %s '${JSON.stringify(SAYS)}'`);
  const { id, bytes } = await probed();
  await house.reaches(id, 'done', 'failed');
  expect((await house.recordings.get(id))?.lastError).toBe(null);

  const nothing = {
    widthPx: null,
    heightPx: null,
    framesPerS: null,
    frameRate: null,
    rotationDegrees: null,
    channels: null,
    channelLayout: null,
    sampleRateHz: null,
    bitsPerS: null,
    isCover: false,
  };
  expect((await house.recordings.progress(id)).facts['probe']).toEqual({
    container: 'mov,mp4,m4a,3gp,3g2,mj2',
    durationS: 12.34,
    bytes,
    bitsPerS: 2_128_000,
    streams: [
      {
        ...nothing,
        kind: 'video',
        codec: 'hevc',
        widthPx: 1920,
        heightPx: 1080,
        framesPerS: 30_000 / 1001,
        frameRate: '30000/1001',
        bitsPerS: 2_000_000,
        rotationDegrees: -90,
      },
      {
        ...{ ...nothing, kind: 'audio', codec: 'aac' },
        ...{ channels: 2, channelLayout: 'stereo', sampleRateHz: 44_100 },
      },
      { ...nothing, kind: 'data', codec: null },
    ],
  });
  expect(await house.history(id)).toContain('lane.changed');
  const shown = await (await fetch(`${house.config.pipeline.url}/api/recordings/${id}`)).json();
  expect(shown).toMatchObject({
    facts: {
      probe: { duration_s: 12.34, streams: [{ width_px: 1920, frames_per_s: 30_000 / 1001 }, {}, {}] },
    },
  });
});

it.each([
  ['ends with an error', 'exit 1'],
  ['says nothing that can be read', 'echo nonsense'],
])('a probe by a program that %s fails, and the recording stays as it was', async (_how, script) => {
  await open(script);
  const { id } = await probed();
  await house.reaches(id, 'failed');

  expect((await house.recordings.get(id))?.lastError?.code).toBe('TOOL_MISSING');
  expect(await house.b2.files()).toHaveLength(1);
});
