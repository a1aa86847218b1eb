import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type S3Simulator, startS3Simulator } from '../../simulators/s3/simulator.ts';
import { createDisk } from '../../src/lib/disk.ts';
import { openOutputPlaces } from '../../src/outside/output-places.ts';
import { createOutputLooker } from '../../src/tasks/support/late-outputs.ts';
import { createScratch } from '../../src/tasks/support/scratch.ts';
import { cliOf, runSluice } from '../support/cli.ts';
import { QUICK_SETTINGS } from '../support/faults-house.ts';
import { type House, openHouse, SAMPLE } from '../support/house.ts';
import { readMpd, readPlaylist } from '../support/package-reader.ts';
import { putObject, requestsTo, s3Environment } from '../support/s3-of-house.ts';

const BUCKET = 'academy-site';
const MARKS = 'academy-marks';
const { signal } = new AbortController();

let folder: string;
let s3: S3Simulator;
let house: House;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-addresses-'));
  await Promise.all(['in', 'out'].map((name) => mkdir(join(folder, name))));
  s3 = await startS3Simulator({ bucket: BUCKET });
  house = await openHouse({
    ...QUICK_SETTINGS,
    PATH: process.env['PATH'],
    MEDIA_IN: join(folder, 'in'),
    MEDIA_OUT: join(folder, 'out'),
    MEDIA_OUT_URL: 'https://media.example',
    ...s3Environment(s3),
    S3_INPUT_BUCKETS: MARKS,
    S3_OUTPUT_BUCKETS: `${BUCKET}, to-be-made, missing, Not_A_New_Name`,
  });
  await writeFile(join(folder, 'in', 'film.mp4'), await readFile(SAMPLE));
  await house.startWorker();
});
afterEach(() => s3.faults.clear());
afterAll(async () => {
  await house.close();
  await s3.close();
  await rm(folder, { recursive: true, force: true });
});

type Params = Readonly<Record<string, object>>;

async function start(params: Params, more: object = {}) {
  const response = await house.post('/api/runs', {
    input: 'media-in:film.mp4',
    presets: Object.keys(params),
    params,
    ...more,
  });
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  return { status: response.status, body: (await response.json()) as any };
}

async function made(params: Params): Promise<string> {
  const { status, body } = await start(params);
  expect({ status, body }).toMatchObject({ status: 202 });
  expect(await house.reaches(body.id, 'done', 'failed')).toBe('done');
  return body.id;
}

const putSomebodyElses = (key: string) => putInto(BUCKET, key, Buffer.from('somebody’s'));

async function putInto(bucket: string, key: string, bytes: Buffer): Promise<void> {
  const requests = requestsTo(house, bucket);
  if (!s3.buckets().includes(bucket)) await requests.ask({ method: 'PUT', signal });
  await putObject(requests, key, bytes);
}

const keys = () => s3.objects().map(({ key }) => key);
const read = (key: string) => text(s3.read(key));

async function get(path: string) {
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  return (await (await fetch(`${house.config.pipeline.url}${path}`)).json()) as any;
}

/** What `sluice show` says of a run, in words and as JSON. */
async function showOf(id: string) {
  const cli = cliOf(house);
  const { stdout } = await runSluice(['show', id], cli);
  const { json } = await runSluice(['show', id, '--json'], cli);
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  return { stdout, json: json as any };
}

const outputsOf = async (id: string) => (await get(`/api/recordings/${id}`)).outputs;
const runs = async () => (await get('/api/runs?limit=200')).runs.length;

describe('an output whose caller says where it goes', () => {
  it('lies there under that very name, with the type that it has', async () => {
    const id = await made({ thumbnail: { to: `s3://${BUCKET}/films/Größe 1.jpg` } });

    expect(keys()).toEqual(['films/Größe 1.jpg']);
    expect(s3.objects()[0]?.kept['content-type']).toBe('image/jpeg');
    expect(await outputsOf(id)).toMatchObject([
      { state: 'done', files: [{ key: 'films/Größe 1.jpg', address: null }] },
    ]);
  });

  it('P42 is listed on the command line as it lies in the bucket, with its size', async () => {
    const id = await made({ thumbnail: { to: `s3://${BUCKET}/films/listed.jpg` } });

    const { stdout, json } = await showOf(id);

    expect(stdout).toMatch(/^ +thumbnail +done +[\d.]+ k?B/m);
    expect(stdout).toContain('films/listed.jpg');
    const [lying] = s3.objects().filter(({ key }) => key === 'films/listed.jpg');
    expect(json.outputs[0].files).toMatchObject([{ key: 'films/listed.jpg', bytes: lying?.bytes }]);
  });

  it('is a package whose manifest lies there, with all else below its folder', async () => {
    const before = keys();
    await made({
      'hls-720p': { to: `s3://${BUCKET}/courses/7/lesson.m3u8`, segmentS: 2 },
      'dash-hevc': { to: `s3://${BUCKET}/courses/7/lesson.mpd`, codec: 'h264', ladder: ['R_240P'] },
    });

    const put = keys().filter((key) => !before.includes(key));
    expect(put.every((key) => key.startsWith('courses/7/'))).toBe(true);
    const master = readPlaylist(await read('courses/7/lesson.m3u8'));
    expect(master.complaints).toEqual([]);
    expect(master.playlists?.length).toBeGreaterThan(0);
    for (const { uri } of master.playlists ?? []) {
      expect(put).toContain(`courses/7/${uri}`);
      const media = readPlaylist(await read(`courses/7/${uri}`));
      const at = new URL(uri, 'http://any/courses/7/').href;
      for (const segment of media.segments ?? []) {
        expect(put).toContain(new URL(segment.uri, at).pathname.slice(1));
      }
    }
    const mpd = readMpd(await read('courses/7/lesson.mpd'));
    expect(mpd.complaints).toEqual([]);
    const [rendition] = mpd.playlists;
    expect(rendition?.segments.length).toBeGreaterThan(0);
    for (const { uri } of rendition?.segments ?? []) expect(put).toContain(`courses/7/${uri}`);
  });

  it('goes to a bucket that is made for it', async () => {
    await made({ thumbnail: { to: 's3://to-be-made/poster.jpg', createBucket: true } });

    expect(s3.objects('to-be-made').map(({ key }) => key)).toEqual(['poster.jpg']);
  });

  it('goes into the folder of MEDIA_OUT, where it has an address', async () => {
    const id = await made({ thumbnail: { to: 'media-out:posters/algebra.jpg' } });

    expect((await stat(join(folder, 'out', 'posters', 'algebra.jpg'))).size).toBeGreaterThan(0);
    expect(await outputsOf(id)).toMatchObject([
      { files: [{ address: 'https://media.example/posters/algebra.jpg' }] },
    ]);
  });

  it('takes the place of what lay there, and is taken away again where it is revoked', async () => {
    await putSomebodyElses('films/replaced.jpg');
    const id = await made({ thumbnail: { to: `s3://${BUCKET}/films/replaced.jpg` } });
    expect(await read('films/replaced.jpg')).not.toBe('somebody’s');

    await house.post(`/api/recordings/${id}/outputs/thumbnail/revoke`, {});

    await expect.poll(keys).not.toContain('films/replaced.jpg');
  });

  it('leaves alone what somebody has put there since', async () => {
    const id = await made({ thumbnail: { to: `s3://${BUCKET}/films/since.jpg` } });
    await putSomebodyElses('films/since.jpg');

    await house.post(`/api/recordings/${id}/outputs/thumbnail/revoke`, {});

    await expect.poll(async () => (await outputsOf(id))[0]?.state).toBe('revoked');
    expect(await read('films/since.jpg')).toBe('somebody’s');
  });

  it('leaves nothing at all of a package that is revoked', async () => {
    const before = keys();
    const id = await made({ 'hls-720p': { to: `s3://${BUCKET}/gone/lesson.m3u8` } });
    expect(keys()).toContain('gone/lesson.m3u8');

    await house.post(`/api/recordings/${id}/outputs/hls-720p/revoke`, {});

    await expect.poll(keys).toEqual(before);
  });

  it('is put back where a manifest of an earlier attempt took effect late, for that names what is gone', async () => {
    const id = await made({ 'hls-720p': { to: `s3://${BUCKET}/late/lesson.m3u8` } });
    const right = await read('late/lesson.m3u8');
    const place = openOutputPlaces(house.config, { idleTimeoutMs: 5000 }).get(`s3://${BUCKET}`);
    if (place === undefined) throw new Error('no place');
    const path = join(folder, 'stale.m3u8');
    await writeFile(path, '#EXTM3U\nruns/of-an-attempt-that-lost-its-lease/0/720p.m3u8\n');
    const mark = { recordingId: id, step: 'hls-720p', fence: 0 };
    await place.put({ key: 'late/lesson.m3u8', path, mediaType: 'text/plain', mark, signal });
    const scratch = createScratch(join(folder, 'scratch'), { disk: createDisk(folder, 0) });

    const found = await createOutputLooker({ place, scratch }).look({
      recordingId: id,
      place: 'late/lesson.m3u8',
      async claim() {
        const recording = await house.recordings.get(id);
        return recording && { recording, ...(await house.recordings.progress(id)) };
      },
      signal,
    });

    expect(found).toMatchObject([{ type: 'late.restored' }]);
    expect(await read('late/lesson.m3u8')).toBe(right);
  });

  it('fails where something has come in the way that is not to be replaced, and nothing is harmed', async () => {
    await house.post('/api/line/pause', {});
    const { body } = await start({
      thumbnail: { to: `s3://${BUCKET}/films/late.jpg`, dontReplace: true },
      'audio-only': {},
    });
    await putSomebodyElses('films/late.jpg');
    await house.post('/api/line/resume', {});

    expect(await house.reaches(body.id, 'done', 'failed')).toBe('done');

    expect(await read('films/late.jpg')).toBe('somebody’s');
    expect(await outputsOf(body.id)).toMatchObject([
      { step: 'thumbnail', state: 'failed', error: { code: 'OUTPUT_EXISTS' } },
      { step: 'audio-only', state: 'done' },
    ]);
  });
});

describe('a picture that is drawn on outputs', () => {
  const mark = `s3://${MARKS}/logo.png`;

  async function cornerOf(key: string): Promise<readonly number[]> {
    const path = join(folder, 'looked-at');
    await pipeline(s3.read(key), createWriteStream(path));
    // The mean colour of its left upper corner.
    const args = ['-v', 'error', '-i', path, '-vf', 'crop=16:16:30:30,scale=1:1', '-frames:v', '1'];
    const { stdout } = await promisify(execFile)(
      'ffmpeg',
      [...args, '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'],
      { encoding: 'buffer' },
    );
    return [...stdout.subarray(0, 3)];
  }

  beforeAll(async () => {
    const path = join(folder, 'logo.png');
    await promisify(execFile)('ffmpeg', [
      ...['-v', 'error', '-f', 'lavfi', '-i', 'color=red:s=64x64,format=rgb24', '-frames:v', '1', path],
    ]);
    await putInto(MARKS, 'logo.png', await readFile(path));
    await putInto(MARKS, 'text.png', Buffer.from('no picture at all'));
  });

  it('may lie in a bucket, and is on thumbnails, packages and films', async () => {
    await made({
      thumbnail: { to: `s3://${BUCKET}/marked/poster.jpg`, mark: { mark, share: 0.5 } },
      'hls-720p': {
        to: `s3://${BUCKET}/marked/lesson.m3u8`,
        segments: 'ts',
        ladder: ['R_240P'],
        mark: { mark, share: 0.5 },
      },
    });

    const [segment] = keys().filter((key) => key.startsWith('marked/') && key.endsWith('.ts'));
    for (const key of ['marked/poster.jpg', segment ?? '']) {
      const [red = 0, green = 255, blue = 255] = await cornerOf(key);
      expect({ red: red > 180, green: green < 80, blue: blue < 80 }).toEqual({
        red: true,
        green: true,
        blue: true,
      });
    }
  });

  it('fails the outputs that it is for, and no other, where it is none', async () => {
    const { body } = await start({
      thumbnail: { mark: { mark: `s3://${MARKS}/text.png` } },
      'hls-720p': { mark: { mark: `s3://${MARKS}/missing.png` } },
      'audio-only': {},
    });

    expect(await house.reaches(body.id, 'done', 'failed')).toBe('done');
    expect(await outputsOf(body.id)).toMatchObject([
      { step: 'thumbnail', state: 'failed', error: { code: 'MARK_MISSING' } },
      { step: 'hls-720p', state: 'failed', error: { code: 'INPUT_NOT_FOUND' } },
      { step: 'audio-only', state: 'done' },
    ]);
  });
});

describe('what cannot go where it is to is refused before anything is accepted', () => {
  const to = (address: string, more: object = {}) => ({ thumbnail: { to: address, ...more } });

  it.each([
    ['a bucket that is not there', to('s3://missing/a.jpg'), 404, 'OUTPUT_BUCKET_MISSING'],
    ['a bucket of others', to('s3://of-others/a.jpg'), 403, 'OUTPUT_NOT_ALLOWED'],
    ['no bucket', to('s3:///a.jpg'), 400, 'REQUEST_INVALID'],
    ['no key', to(`s3://${BUCKET}/`), 400, 'REQUEST_INVALID'],
    ['a key that is a folder', to(`s3://${BUCKET}/a/`), 400, 'REQUEST_INVALID'],
    ['a key that climbs', to(`s3://${BUCKET}/a/../b.jpg`), 400, 'REQUEST_INVALID'],
    ['a key with a line in it', to(`s3://${BUCKET}/a\nb.jpg`), 400, 'REQUEST_INVALID'],
    ['a key that is too long', to(`s3://${BUCKET}/${'ä'.repeat(500)}`), 400, 'REQUEST_INVALID'],
    [
      'a key of another recording',
      to(`s3://${BUCKET}/runs/rec_0/package/1/master.m3u8`),
      400,
      'REQUEST_INVALID',
    ],
    ['another scheme', to('ftp://host/a.jpg'), 400, 'REQUEST_INVALID'],
    ['a place that is not set up', to('elsewhere:a.jpg'), 400, 'REQUEST_INVALID'],
    [
      'a bucket to be made that cannot be called so',
      to('s3://Not_A_New_Name/a.jpg', { createBucket: true }),
      400,
      'REQUEST_INVALID',
    ],
    [
      'the same key twice',
      { ...to(`s3://${BUCKET}/a.mp4`), 'web-720p': { to: `s3://${BUCKET}/a.mp4` } },
      400,
      'REQUEST_INVALID',
    ],
    [
      'the same manifest twice',
      {
        'hls-720p': { to: `s3://${BUCKET}/a.m3u8`, formats: ['hls', 'dash'] },
        'dash-hevc': { to: `s3://${BUCKET}/a.mpd` },
      },
      400,
      'REQUEST_INVALID',
    ],
  ] as const)('%s', async (_, params, status, code) => {
    const before = await runs();

    expect(await start(params)).toMatchObject({ status, body: { code } });
    expect(await runs()).toBe(before);
  });

  it('what lies there already, unless it may be replaced', async () => {
    await putSomebodyElses('taken.jpg');

    expect(await start(to(`s3://${BUCKET}/taken.jpg`, { dontReplace: true }))).toMatchObject({
      status: 409,
      body: { code: 'OUTPUT_EXISTS' },
    });
    expect((await start(to(`s3://${BUCKET}/taken.jpg`))).status).toBe(202);
  });

  it('whatever a service says to a wrong key', async () => {
    s3.fail({ on: `GET /${BUCKET}#*`, count: 1, status: 403 });

    expect(await start(to(`s3://${BUCKET}/a.jpg`))).toMatchObject({ body: { code: 'REMOTE_UNAUTHORIZED' } });
  });

  it('an address in a preset: all that go by it would go to the same place', async () => {
    const response = await house.post('/api/presets', {
      name: 'fixed',
      task: 'thumbnail',
      params: { to: `s3://${BUCKET}/a.jpg` },
    });

    expect(response.status).toBe(400);
    expect(await response.text()).toContain('name it where a run begins');
  });

  it('an address of what is many files', async () => {
    await house.post('/api/presets', { name: 'pieces', task: 'chunk', params: {} });

    expect(await start({ pieces: { to: `s3://${BUCKET}/a.mp4` } })).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID' },
    });
  });
});

it('a run that is asked for again begins nothing, whatever lies by now where its outputs were to go', async () => {
  const params = { thumbnail: { to: `s3://${BUCKET}/again.jpg`, dontReplace: true } };
  const first = await start(params, { reference: 'again' });
  expect(await house.reaches(first.body.id, 'done', 'failed')).toBe('done');
  await rm(join(folder, 'in', 'film.mp4'));

  const second = await start(params, { reference: 'again' });

  expect(second).toMatchObject({ status: 202, body: { id: first.body.id, duplicate: true } });
  expect(await readdir(join(folder, 'in'))).toEqual([]);
});

describe('the buckets that callers may name', () => {
  const archiveBucket = 'archive';
  const place = (buckets: 'any' | readonly string[], name: string) => {
    const { s3: connection } = house.config.outputs;
    const outputs = { s3: connection, buckets, archiveBucket };
    return openOutputPlaces({ mediaOut: undefined, outputs }, { idleTimeoutMs: 5000 }).get(name)?.service;
  };

  it('are all but the archive, unless that is named', () => {
    expect(place('any', 's3://whatever')).toBe('s3://whatever');
    expect(place(['archive'], 's3://archive')).toBe('s3://archive');
    expect(() => place('any', 's3://archive')).toThrow('is the archive');
    expect(() => place(['other'], 's3://archive')).toThrow('those are other');
    expect(place('any', 'elsewhere')).toBe(undefined);
  });
});
