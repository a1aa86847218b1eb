import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Metadata, status as Status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { idOfJob } from '../../src/domain/job.ts';
import { createFfprobe } from '../../src/lib/ffprobe.ts';
import { lookAt } from '../../src/tasks/support/look-into.ts';
import { type Message, refusalOf } from '../support/grpc-client.ts';
import { CONTENT, type GrpcWorld, jobOf, openGrpcWorld } from '../support/grpc-world.ts';
import { readPlaylist } from '../support/package-reader.ts';
import { isRunOnPostgres } from '../support/postgres-floor.ts';
import { logo, longFilm, silentFilm, tone } from '../support/small-media.ts';
import { type Listener, startListener } from '../support/webhook-listener.ts';
import { isWhole } from '../support/whole-tables.ts';

let world: GrpcWorld;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-grpc-test-'));
  world = await openGrpcWorld({ SITE_RETRY_SCHEDULE_S: '1,1,1,1' });
  await world.house.startWorker();
  await world.put(CONTENT, 'logo.png', await logo(folder));
});
afterEach(() => world.s3.faults.clear());
afterAll(async () => {
  await world.close();
  await rm(folder, { recursive: true, force: true });
});

const ORDER = [
  'QUEUING_CHECKS',
  'CHECKING',
  'CHECKS_FINISHED',
  'QUEUING_INPUTS_DOWNLOADING',
  'INPUTS_DOWNLOADING',
  'ALL_INPUTS_DOWNLOADED',
  'QUEUING_OUTPUTS',
  'OUTPUTS_PROGRESSING',
  'FINISHED',
  'REVOKED',
  'FAILED',
];

const place = (key: string, more: object = {}) => ({ bucket: CONTENT, key, ...more });
const thumbnail = (key: string, more: object = {}) => ({
  thumbnail_time: '1',
  upload_to: place(key),
  ...more,
});
const watermark = (more: object = {}) => ({ s3_input: place('logo.png'), ...more });

async function create(more: object = {}): Promise<string> {
  const { tracking_id: id } = await world.client.createJob(jobOf(more));
  return id;
}

async function ended(more: object = {}, ...statuses: string[]): Promise<Message> {
  const seen = await world.reaches(await create(more), ...statuses);
  return seen.at(-1);
}

const finished = (more: object = {}) => ended(more, 'FINISHED');
const failed = (more: object = {}) => ended(more, 'FAILED');
const read = (key: string) => buffer(world.s3.read(key));

/** What is made of films is the same on every ledger: over Postgres it is tried among the long tests. */
const describeFilms = describe.runIf(isWhole || !isRunOnPostgres());

describeFilms('a job by gRPC', () => {
  it('V1 V2 V26 V29 V32 V33 V36 V39 V45 is taken in at once, followed by its tracking id, and never goes back', async () => {
    const { tracking_id: id } = await world.client.createJob(
      jobOf({ reference_id: 'lesson 7', thumbnails: [thumbnail('v1/a.jpg'), thumbnail('v1/b.jpg')] }),
    );
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);

    const seen = await world.reaches(id, 'FINISHED');
    const places = seen.map(({ status }) => ORDER.indexOf(status));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    for (const { ready_outputs: ready, total_outputs: total, checks } of seen) {
      expect(ready).toBeLessThanOrEqual(total);
      expect(checks.passed).toBeLessThanOrEqual(checks.total);
    }
    expect(seen.at(-1)).toMatchObject({
      ...{ tracking_id: id, reference_id: 'lesson 7', reason: 'NO_REASON' },
      ...{ total_outputs: 2, ready_outputs: 2, failed_outputs: 0, revoked_outputs: 0 },
      checks: { total: 2, passed: 2 },
      inputs: [
        {
          ...{ id: 0, status: 'ANALYZING_FINISHED' },
          file_info: {
            general: { duration: 8, file_size: 391_396, file_formats: 'mov,mp4,m4a,3gp,3g2,mj2' },
            video: { codec: 'h264', width: 640, height: 360, frame_rate: '25/1' },
            audio: { codec: 'aac', sample_rate: 44_100, channel_layout: 'mono' },
          },
        },
      ],
      thumbnails: {
        outputs: [
          { id: 't0', status: 'UPLOADING_FINISHED', uploaded_to: { bucket: CONTENT, key: 'v1/a.jpg' } },
          { id: 't1', status: 'UPLOADING_FINISHED', uploaded_to: { bucket: CONTENT, key: 'v1/b.jpg' } },
        ],
      },
    });
    const [first] = seen.at(-1).thumbnails.outputs;
    expect(first.file_size).toBe((await read('v1/a.jpg')).length);
  });

  it('V4 V5 V6 V7 V8 V10 V35 V38 makes packages for HLS and DASH by names, by sizes and by the film', async () => {
    const result = await finished({
      thumbnails: [],
      playlists: [
        { upload_to: place('v4/ts.m3u8'), options: { quality_names: ['R_144P', 'R_240P'] } },
        {
          upload_to: place('v4/fmp4.m3u8'),
          options: {
            fmp4: true,
            h264: { audio_codec: 'COPY' },
            custom_qualities: [
              { size: { width: 321, height: 181 }, bitrate: { video: 200_000, audio: 64_000 } },
              {},
            ],
          },
        },
        { protocol: 'DASH', upload_to: place('v4/auto.mpd') },
        { protocol: 'HLS', upload_to: place('v4/vp9.m3u8'), options: { vp9: {}, quality_names: ['R_144P'] } },
      ],
    });
    const { outputs } = result.playlists;
    expect(outputs.map(({ id }: Message) => id)).toEqual(['p0', 'p1', 'p2', 'p3']);
    for (const output of outputs) {
      expect(output).toMatchObject({ status: 'UPLOADING_FINISHED', output_progress: null });
      for (const cost of ['spent_time', 'cpu_usage', 'memory_usage', 'directory_size']) {
        expect(output[cost]).toBeGreaterThan(0);
      }
    }
    const playlists = async (key: string) => readPlaylist((await read(key)).toString()).playlists ?? [];
    expect((await playlists('v4/ts.m3u8')).map(({ attributes }: Message) => attributes.RESOLUTION)).toEqual([
      { width: 426, height: 240 },
      { width: 256, height: 144 },
    ]);
    expect((await playlists('v4/fmp4.m3u8')).map(({ attributes }: Message) => attributes.RESOLUTION)).toEqual(
      [{ width: 322, height: 182 }],
    );
    const keys = world.keys(CONTENT).filter((key) => key.startsWith('v4/'));
    expect(keys.some((key) => key.endsWith('.ts'))).toBe(true);
    expect((await read('v4/auto.mpd')).toString()).toContain('<MPD');
    expect((await playlists('v4/vp9.m3u8'))[0]?.attributes['CODECS']).toMatch(/vp09/);
  });

  it('V11 V12 V14 takes pictures of moments in sizes, marked or not, in the format of their keys', async () => {
    await finished({
      watermark: watermark({ position: 'FIX_TOP_LEFT' }),
      thumbnails: [
        { thumbnail_time: '00:00:03.500', upload_to: place('v11/plain.png'), options: { scale_width: 320 } },
        { thumbnail_time: '0', upload_to: place('v11/first.png'), use_watermark: true },
        { thumbnail_time: '3500ms', upload_to: place('v11/later.png'), use_watermark: true },
        {
          thumbnail_time: '200000us',
          upload_to: place('v11/small.jpg'),
          options: { scale_width: -1, scale_height: 90 },
        },
      ],
    });
    const [plain, first, later, small] = await Promise.all(
      ['plain.png', 'first.png', 'later.png', 'small.jpg'].map((name) => read(`v11/${name}`)),
    );
    expect([plain?.readUInt32BE(16), plain?.readUInt32BE(20)]).toEqual([320, 180]);
    expect(first?.subarray(1, 4).toString()).toBe('PNG');
    expect(first).not.toEqual(later);
    expect(small?.readUInt16BE(0)).toBe(0xffd8);
  });

  it('V13 V15 V37 draws a watermark on the film, which is an output by itself', async () => {
    const result = await finished({
      watermark: watermark({ upload_to: place('v13/marked.mp4'), position: 'CENTER' }),
      thumbnails: [],
      playlists: [
        { upload_to: place('v13/p.m3u8'), use_watermark: true, options: { quality_names: ['R_144P'] } },
      ],
    });
    expect(result).toMatchObject({
      total_outputs: 2,
      playlists: { outputs: [{ id: 'wp0' }] },
      watermarked_video: {
        ...{ id: 'wv0', status: 'UPLOADING_FINISHED' },
        uploaded_to: { bucket: CONTENT, key: 'v13/marked.mp4' },
      },
    });
    const bytes = await read('v13/marked.mp4');
    expect(result.watermarked_video.file_size).toBe(bytes.length);
    const path = join(folder, 'marked.mp4');
    await writeFile(path, bytes);
    const probe = createFfprobe({ command: 'ffprobe', searchPath: process.env['PATH'] ?? '' });
    expect((await lookAt(probe, path))?.video).toMatchObject({ widthPx: 640, heightPx: 360 });
  });

  it.each([
    ['V16 an empty key of the input', { video: { s3_input: place(' ') } }, 1001, Status.INVALID_ARGUMENT],
    ['V16 an empty key of an output', { thumbnails: [thumbnail('')] }, 1001, Status.INVALID_ARGUMENT],
    [
      'V17 a bucket that nobody could make',
      { thumbnails: [{ upload_to: { bucket: 'No_Bucket', key: 'a', create_bucket: true } }] },
      1002,
      Status.INVALID_ARGUMENT,
    ],
    [
      'V18 one place twice',
      { thumbnails: [thumbnail('same'), thumbnail('same')] },
      1003,
      Status.INVALID_ARGUMENT,
    ],
    ['V19 no output', { thumbnails: [] }, 1004, Status.INVALID_ARGUMENT],
    [
      'V20 a watermark that is not there',
      { thumbnails: [thumbnail('v20', { use_watermark: true })] },
      1009,
      Status.INVALID_ARGUMENT,
    ],
  ])('%s is refused by its number, and no job is made', async (_what, more, number, code) => {
    const before = (await world.house.recordings.events()).length;
    const error = await refusalOf(world.client.createJob(jobOf(more)));
    expect([error.code, error.metadata.get('error-code')]).toEqual([code, [String(number)]]);
    expect(error.metadata.get('grpc-status-details-bin')[0]?.toString()).toContain('google.rpc.ErrorInfo');
    expect(await world.house.recordings.events()).toHaveLength(before);
  });

  it.each([
    ['an empty message', {}, /video\.s3_input\.key: is empty/],
    [
      'an unknown protocol',
      jobOf({ thumbnails: [], playlists: [{ protocol: 7, upload_to: place('a') }] }),
      /7 is no Protocol/,
    ],
    [
      'an unknown quality',
      jobOf({ thumbnails: [], playlists: [{ upload_to: place('a'), options: { quality_names: [99] } }] }),
      /99 is no QualityName/,
    ],
    [
      'a time that is none',
      jobOf({ thumbnails: [thumbnail('a', { thumbnail_time: 'soon' })] }),
      /has to be a time/,
    ],
    [
      'a size that is none',
      jobOf({ thumbnails: [thumbnail('a', { options: { scale_width: -7 } })] }),
      /scale_width: is -7/,
    ],
    [
      'ten thousand outputs',
      jobOf({ thumbnails: Array.from({ length: 10_000 }, (_, at) => thumbnail(`k${at}`)) }),
      /10000 outputs are asked for/,
    ],
    ['a long reference', jobOf({ reference_id: 'x'.repeat(1001) }), /reference_id/],
    [
      'a webhook in clear',
      jobOf({ webhook_url: 'http://somewhere.example/hook' }),
      /webhook_url: must have https/,
    ],
    ['a key with an odd path', jobOf({ thumbnails: [thumbnail('a//../b')] }), /one slash between/],
    ['a slash in a bucket', jobOf({ thumbnails: [{ upload_to: { bucket: 'a/b', key: 'c' } }] }), /no slash/],
    [
      'a custom quality of odd size',
      jobOf({
        thumbnails: [],
        playlists: [
          {
            upload_to: place('a'),
            options: { custom_qualities: [{ size: { width: 90_000, height: 2 }, bitrate: { video: 1e6 } }] },
          },
        ],
      }),
      /size\.width: is 90000/,
    ],
  ])('%s gets one clear error', async (_what, request, words) => {
    const error = await refusalOf(world.client.createJob(request));
    expect(error.details).toMatch(words);
    expect(error.code).toBe(Status.INVALID_ARGUMENT);
  });

  it('refuses a message of more than a MiB', async () => {
    const error = await refusalOf(world.client.createJob(jobOf({ reference_id: 'x'.repeat(1_100_000) })));
    expect(error.code).toBe(Status.RESOURCE_EXHAUSTED);
  });
});

describeFilms('what a job needs', () => {
  it.each([
    ['V22 no such key', { video: { s3_input: place('nowhere.mp4') } }, 'INPUT_VIDEO_ON_S3_IS_404_OR_403'],
    [
      'V22 no such bucket',
      { video: { s3_input: { bucket: 'nowhere', key: 'a' } } },
      'INPUT_VIDEO_ON_S3_IS_404_OR_403',
    ],
    [
      'V24 no such bucket for outputs',
      { thumbnails: [{ upload_to: { bucket: 'nobodys', key: 'a' } }] },
      'OUTPUT_BUCKET_ON_S3_IS_404_OR_403',
    ],
    [
      'V25 a key that is taken',
      { thumbnails: [{ upload_to: place('film.mp4', { dont_replace: true }) }] },
      'OUTPUT_KEY_IS_ALREADY_EXIST',
    ],
  ])('%s fails it before anything is brought', async (_what, more, reason) => {
    const result = await failed(more);
    expect(result).toMatchObject({ reason, total_outputs: 1, failed_outputs: 1, ready_outputs: 0 });
    expect(['PREPARATION_DOWNLOAD', 'INPUT_FAILED']).toContain(result.inputs[0].status);
  });

  it('V22 fails it where S3 refuses the input', async () => {
    world.s3.faults.add({ on: 'HEAD */film.mp4#*', status: 403, count: 5 });
    expect(await failed()).toMatchObject({ reason: 'INPUT_VIDEO_ON_S3_IS_404_OR_403' });
  });

  it('V23 is made: a bucket that any of its outputs wants, once', async () => {
    const bucket = 'fresh-bucket';
    await finished({
      thumbnails: [
        { upload_to: { bucket, key: 'a.jpg', create_bucket: true } },
        { upload_to: { bucket, key: 'b.jpg' } },
      ],
    });
    expect(world.keys(bucket).sort()).toEqual(['a.jpg', 'b.jpg']);
  });

  it.each([
    ['V30 sound alone', () => tone(folder), 'INPUT_VIDEO_CODEC_TYPE_IN_NOT_VIDEO'],
    ['V31 nothing', async () => Buffer.alloc(0), 'INPUT_VIDEO_SIZE_CAN_NOT_BE_ZERO'],
    ['a text', async () => Buffer.from('no film at all '.repeat(100)), 'FAILED_ANALYZE_INPUT'],
  ])('is more than %s', async (what, bytes, reason) => {
    const key = `odd/${what}`;
    await world.put(CONTENT, key, await bytes());
    expect(await failed({ video: { s3_input: place(key) } })).toMatchObject({ reason });
  });

  it('is told of a film without sound as well', async () => {
    await world.put(CONTENT, 'silent.mp4', await silentFilm(folder));
    const { inputs } = await finished({ video: { s3_input: place('silent.mp4') } });
    expect(inputs[0].file_info).toMatchObject({ video: { codec: 'h264' }, audio: null });
  });
});

describe('one output', () => {
  it('V9 V40 that has a size and no bit rate fails by itself', async () => {
    const result = await finished({
      thumbnails: [thumbnail('v9/a.jpg')],
      playlists: [
        {
          upload_to: place('v9/p.m3u8'),
          options: { custom_qualities: [{ size: { width: 320, height: 180 } }] },
        },
      ],
    });
    expect(result).toMatchObject({
      ...{ total_outputs: 2, ready_outputs: 1, failed_outputs: 1 },
      playlists: { outputs: [{ id: 'p0', status: 'OUTPUT_FAILED' }] },
    });
  });

  it('V41 V44 being the only one, fails the job with its reason', async () => {
    const options = { custom_qualities: [{ bitrate: { overall: 500_000 } }] };
    expect(
      await failed({ thumbnails: [], playlists: [{ upload_to: place('v41/p.m3u8'), options }] }),
    ).toMatchObject({ reason: 'REPRESENTATION_NEEDS_BOTH_SIZE_AND_BITRATE' });
  });

  it('V46 with a watermark that is no picture fails, and the plain ones go on', async () => {
    await world.put(CONTENT, 'no-logo.png', Buffer.from('a text'));
    const result = await finished({
      watermark: { s3_input: place('no-logo.png'), upload_to: place('v46/marked.mp4') },
      thumbnails: [thumbnail('v46/plain.jpg'), thumbnail('v46/marked.jpg', { use_watermark: true })],
    });
    expect(result).toMatchObject({
      ...{ ready_outputs: 1, failed_outputs: 2 },
      thumbnails: { outputs: [{ status: 'UPLOADING_FINISHED' }, { id: 'wt1', status: 'OUTPUT_FAILED' }] },
      watermarked_video: { status: 'OUTPUT_FAILED' },
    });
  });
});

describe('a job on its way', () => {
  it('V27 V34 says how far its input is in bytes, its output in seconds and then in bytes, and nothing at the end', async () => {
    world.s3.faults.add({ on: 'GET */film.mp4#*', bytesPerSecond: 300_000 });
    world.s3.faults.add({ on: 'PUT */v34/*', delayMs: 300, count: 1000 });
    const id = await create({
      thumbnails: [],
      playlists: [{ upload_to: place('v34/p.m3u8'), options: { quality_names: ['R_360P', 'R_240P'] } }],
    });
    const seen = await world.reaches(id, 'FINISHED');
    const inputs = seen.flatMap(({ inputs: [input] }) => (input.input_progress ? [input] : []));
    expect(inputs.length).toBeGreaterThan(0);
    for (const { status, input_progress: progress } of inputs) {
      expect(status).toBe('DOWNLOADING');
      expect(progress.total).toBe(391_396);
      expect(progress.current).toBeLessThanOrEqual(progress.total);
    }
    const outputs = seen.flatMap(({ playlists }) => playlists.outputs).filter((each) => each.output_progress);
    const totals = new Map<string, number>();
    for (const { status, output_progress: progress } of outputs) totals.set(status, progress.total);
    // Eight seconds of film, and more bytes than that.
    expect(totals.get('PROCESSING')).toBe(8);
    expect(totals.get('UPLOADING')).toBeGreaterThan(10_000);
    expect(seen.at(-1).playlists.outputs[0].output_progress).toBeNull();
  });

  it('V28 V61 brings nothing again that has come, and tries what has failed again by itself', async () => {
    world.s3.faults.add({ on: 'GET */film.mp4#*', cutAfterBytes: 200_000 });
    world.s3.faults.add({ on: 'PUT */v28/t.jpg#*', status: 500, count: 3 });
    const from = world.s3.requests.length;
    await finished({ thumbnails: [thumbnail('v28/t.jpg')] });
    const asked = world.s3.requests
      .slice(from)
      .filter(({ method, path }) => method === 'GET' && path.includes('/film.mp4'));
    expect(asked).toHaveLength(2);
    expect(asked[1]?.headers['range']).toMatch(/^bytes=1\d{5}-/);
    expect(world.keys(CONTENT)).toContain('v28/t.jpg');
  });

  it('V3 V62 V63 makes any number of outputs, in the buckets for what names none, and leaves nothing on the disk', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `v3/${at}.jpg`);
    const id = await create({
      video: { s3_input: { key: 'film.mp4' } },
      thumbnails: names.map((key) => ({ thumbnail_time: '1', upload_to: { key } })),
    });
    expect((await world.reaches(id, 'FINISHED')).at(-1)).toMatchObject({ ready_outputs: 12 });
    expect(
      world
        .keys(CONTENT)
        .filter((key) => key.startsWith('v3/'))
        .sort(),
    ).toEqual(names.sort());
    for (const each of ['spool', 'scratch']) {
      const path = join(world.house.config.dataDir, each);
      const own = idOfJob(id);
      const left = async () =>
        (await readdir(path)).filter((name) => name === own).map((name) => `${each}/${name}`);
      await expect.poll(left).toEqual([]);
    }
  });

  it('V51 has its ffmpeg killed at once where it is revoked', async () => {
    const running = async () => {
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
      const lines = await Promise.all(
        pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
      );
      return lines.filter((line) => line.startsWith('ffmpeg\0') && line.includes(world.house.config.dataDir))
        .length;
    };
    await world.put(CONTENT, 'long.mp4', await longFilm(folder));
    const id = await create({
      video: { s3_input: place('long.mp4') },
      thumbnails: [],
      playlists: [
        { upload_to: place('v51/p.m3u8'), options: { quality_names: ['R_720P', 'R_480P', 'R_360P'] } },
      ],
    });
    await expect.poll(running).toBeGreaterThan(0);
    await world.client.revokeJobs({ tracking_ids: [id] });
    await expect.poll(running).toBe(0);
    expect(await world.result(id)).toMatchObject({ status: 'REVOKED' });
  });
});

describe('results', () => {
  it('V49 are there until somebody deletes the job', async () => {
    const id = await create({ thumbnails: [thumbnail('v49/t.jpg')] });
    await world.reaches(id, 'FINISHED');
    const answer = await world.house.post(`/api/recordings/${idOfJob(id)}/delete`, { confirm: true });
    expect(answer.status).toBe(200);
    expect(await world.result(id)).toBeUndefined();
  });

  it('V47 V48 are of many jobs, in the order of their ids; unknown ones are left out', async () => {
    const ids = [await create({ reference_id: 'a' }), await create({ reference_id: 'b' })];
    const asked = [ids[1], 'no-such-job', '', ids[0]];
    const { results } = await world.client.getResults({ tracking_ids: asked });
    expect(results.map((each: Message) => each.reference_id)).toEqual(['b', 'a']);
    for (const id of ids) await world.reaches(id, 'FINISHED');
  });

  it('are of a thousand jobs at most', async () => {
    const error = await refusalOf(world.client.getResults({ tracking_ids: Array(1001).fill('a') }));
    expect([error.code, error.details]).toEqual([
      Status.INVALID_ARGUMENT,
      expect.stringContaining('1000 are the most'),
    ]);
  });

  it('tell nothing of what is no job', async () => {
    const { id } = await world.house.addCustom('A recording');
    expect((await world.client.getResults({ tracking_ids: [id] })).results).toEqual([]);
    await world.house.reaches(id, 'done');
  });
});

describe('revoking', () => {
  it('V50 V52 V53 stops a job, takes back what it has made, and does no harm a second time', async () => {
    const id = await create({
      reference_id: 'unwanted',
      playlists: [{ upload_to: place('v50/p.m3u8') }],
      thumbnails: [thumbnail('v50/t.jpg')],
    });
    await world.reaches(id, 'OUTPUTS_PROGRESSING', 'INPUTS_DOWNLOADING');
    const first = await world.client.revokeJobs({ tracking_ids: [id, 'unknown'] });
    expect(first.results).toEqual([
      { tracking_id: id, reference_id: 'unwanted', has_been_sent: 'REVOKE_SIGNAL_SENT' },
      { tracking_id: 'unknown', reference_id: '', has_been_sent: 'REQUEST_NOT_FOUND' },
    ]);
    expect(await world.result(id)).toMatchObject({
      status: 'REVOKED',
      reason: 'FORCE_REVOKED',
      revoked_outputs: 2,
    });
    const second = await world.client.revokeJobs({ tracking_ids: [id] });
    expect(second.results[0].has_been_sent).toBe('REVOKE_SIGNAL_SENT');
    await world.house.reaches(idOfJob(id), 'cancelled');
    expect(world.keys(CONTENT).filter((key) => key.startsWith('v50/'))).toEqual([]);
    expect(await world.result(id)).toMatchObject({ status: 'REVOKED' });
  });

  it('leaves a finished job as it is', async () => {
    const id = await create({ thumbnails: [thumbnail('v50/kept.jpg')] });
    await world.reaches(id, 'FINISHED');
    await world.client.revokeJobs({ tracking_ids: [id] });
    expect(await world.result(id)).toMatchObject({ status: 'FINISHED', ready_outputs: 1 });
    expect(world.keys(CONTENT)).toContain('v50/kept.jpg');
  });

  it('V42 V54 of outputs stops these, also those with a watermark, and says which it cannot', async () => {
    const id = await create({
      watermark: watermark(),
      thumbnails: [thumbnail('v54/t0.jpg'), thumbnail('v54/t1.jpg', { use_watermark: true })],
      playlists: [{ upload_to: place('v54/p0.m3u8') }],
    });
    const answer = await world.client.revokeJobOutputs({
      tracking_id: id,
      playlists_numbers: [0, 1],
      thumbnails_numbers: [1, -1],
    });
    expect(answer).toMatchObject({
      tracking_id: id,
      playlists_to_revoke: [
        { output_number: 0, signal_has_been_sent: true },
        { output_number: 1, signal_failed_reason: 'OUTPUT_NUMBER_IS_INVALID' },
      ],
      thumbnails_to_revoke: [
        { output_number: 1, signal_has_been_sent: true },
        { output_number: -1, signal_failed_reason: 'OUTPUT_NUMBER_IS_INVALID' },
      ],
    });
    const seen = await world.reaches(id, 'FINISHED');
    expect(seen.at(-1)).toMatchObject({ ready_outputs: 1, revoked_outputs: 2, total_outputs: 3 });
    expect(world.keys(CONTENT).filter((key) => key.startsWith('v54/'))).toEqual(['v54/t0.jpg']);
  });

  it('V42 of all outputs revokes the job', async () => {
    const id = await create({ thumbnails: [thumbnail('v42/t.jpg')] });
    await world.client.revokeJobOutputs({ tracking_id: id, thumbnails_numbers: [0] });
    const seen = await world.reaches(id, 'REVOKED');
    expect(seen.at(-1)).toMatchObject({ reason: 'FORCE_REVOKED', revoked_outputs: 1 });
  });

  it('V55 of outputs of a job that there is not, or that has ended, is refused by its number', async () => {
    const numberOf = async (id: string) => {
      const error = await refusalOf(
        world.client.revokeJobOutputs({ tracking_id: id, thumbnails_numbers: [0] }),
      );
      return [error.code, error.metadata.get('error-code')[0]];
    };
    expect(await numberOf('nobody')).toEqual([Status.NOT_FOUND, '1005']);
    const lost = await create({ video: { s3_input: place('nowhere.mp4') } });
    await world.reaches(lost, 'FAILED');
    expect(await numberOf(lost)).toEqual([Status.FAILED_PRECONDITION, '1006']);
    const revoked = await create();
    await world.client.revokeJobs({ tracking_ids: [revoked] });
    expect(await numberOf(revoked)).toEqual([Status.FAILED_PRECONDITION, '1007']);
    const done = await create();
    await world.reaches(done, 'FINISHED');
    expect(await numberOf(done)).toEqual([Status.FAILED_PRECONDITION, '1008']);
  });

  it('V43 is final: nobody tries a job again that has told its end', async () => {
    const id = await create({ video: { s3_input: place('nowhere.mp4') } });
    await world.reaches(id, 'FAILED');
    const answer = await world.house.post(`/api/recordings/${idOfJob(id)}/retry`, {});
    expect([answer.status, await answer.text()]).toEqual([
      409,
      expect.stringContaining('has to ask for a new one'),
    ]);
    await world.house.post('/api/recordings/retry', { state: 'failed' });
    expect(await world.result(id)).toMatchObject({ status: 'FAILED' });
  });
});

describe('the webhook of a job', () => {
  let listener: Listener;
  beforeAll(async () => {
    listener = await startListener();
  });
  afterAll(() => listener.close());

  it('V56 V57 hears its two ids, once its outputs are there', async () => {
    const id = await create({ webhook_url: `${listener.url}/v56`, reference_id: 'seven' });
    const heard = await listener.hears('/v56');
    expect(heard).toEqual({ request_id: id, reference_id: 'seven' });
    expect(await world.result(id)).toMatchObject({ status: 'FINISHED' });
  });

  it.each([
    ['V58 V59 gives up where it is led elsewhere', 302, 1],
    ['V59 gives up where it is refused', 404, 1],
    ['V60 comes again after an error of the receiver’s', 503, 3],
  ])('%s', async (_what, status, times) => {
    const path = `/answers-${status}`;
    listener.answer(path, status, times);
    const id = await create({ webhook_url: `${listener.url}${path}` });
    await world.reaches(id, 'FINISHED');
    await expect.poll(() => listener.count(path)).toBe(times);
    const end = status === 503 ? 'pending' : 'failed';
    if (end === 'failed') {
      await expect
        .poll(async () => (await world.house.deliveries.ofRecording(idOfJob(id)))[0]?.state)
        .toBe('failed');
    }
  });
});

describe('the door', () => {
  it('V65 says that it serves, by the name of each service', async () => {
    expect(await world.client.check({ service: '' })).toEqual({ status: 'SERVING' });
    expect(await world.client.check({ service: 'Streaming' })).toEqual({ status: 'SERVING' });
    expect((await refusalOf(world.client.check({ service: 'Other' }))).code).toBe(Status.NOT_FOUND);
  });

  it('holds to the deadline of a caller', async () => {
    const error = await refusalOf(
      world.client.getResults({ tracking_ids: [] }, new Metadata(), { deadline: Date.now() - 1 }),
    );
    expect(error.code).toBe(Status.DEADLINE_EXCEEDED);
  });

  it('knows a wrong token from none', async () => {
    const metadata = new Metadata();
    metadata.set('authorization', 'Bearer sluice_wrong');
    const error = await refusalOf(world.client.getResults({ tracking_ids: [] }, metadata));
    expect(error.code).toBe(Status.UNAUTHENTICATED);
  });
});
