import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type S3Simulator, startS3Simulator } from '../../simulators/s3/simulator.ts';
import { readInput } from '../../src/domain/input.ts';
import { STRICT_MEDIA_GATE } from '../../src/lib/media-gate.ts';
import { openInputs } from '../../src/outside/inputs.ts';
import { MEDIA_IN_CHECKUP } from '../../src/outside/media-in.ts';
import { createRequests } from '../../src/outside/s3/requests.ts';
import { QUICK_SETTINGS } from '../support/faults-house.ts';
import { type House, openHouse, SAMPLE, writeVideo } from '../support/house.ts';
import { putObject, requestsTo, s3Environment } from '../support/s3-of-house.ts';

/** Fetched and looked into, and nothing made of it. */
const PROBE = { recipe: 'probe' };

const { signal } = new AbortController();

let folder: string;
let mediaIn: string;
let s3: S3Simulator;
let web: WebServer;
let house: House;

/** Hands out one film, as web servers do; says which parts it was asked for. */
async function startWebServer() {
  const film = await readFile(await writeVideo(join(folder, 'film.mp4'), 3_000_000));
  const ranges: (string | undefined)[] = [];
  let untilBreak = Number.POSITIVE_INFINITY;
  const server: Server = createServer(({ url, headers }, answer) => {
    if (url?.startsWith('/gone')) return answer.writeHead(404).end();
    if (url?.startsWith('/page')) return answer.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
    if (url?.startsWith('/empty')) return answer.writeHead(200, { 'content-length': '0' }).end();
    if (url?.startsWith('/inside'))
      return answer.writeHead(302, { location: 'http://127.0.0.1:1/film.mp4' }).end();
    ranges.push(headers.range);
    const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    const part = { 'content-range': `bytes ${from}-${film.length - 1}/${film.length}` };
    answer.writeHead(from > 0 ? 206 : 200, {
      'content-type': 'video/mp4',
      'content-length': String(film.length - from),
      etag: '"film"',
      ...(from > 0 ? part : {}),
    });
    untilBreak -= 1;
    if (untilBreak !== 0) return answer.end(film.subarray(from));
    return answer.write(film.subarray(from, 2_000_000), () => answer.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ranges,
    /** Breaks off in the middle of the answer of this number, from now on. */
    breakOff(at: number) {
      ranges.length = 0;
      untilBreak = at;
    },
    close: () => new Promise((closed) => server.close(closed)),
  };
}
type WebServer = Awaited<ReturnType<typeof startWebServer>>;

const putFilm = (key: string, bytes: Buffer) =>
  putObject(requestsTo(house, s3.bucket), key, bytes, { headers: { 'content-type': 'video/mp4' } });

function bucketOf(secretKey: string) {
  const { s3: connection } = house.config.inputs;
  if (connection === undefined) throw new Error('S3 is not set up');
  const options = { ...connection, secretKey, bucket: s3.bucket, idleTimeoutMs: 5000 };
  return { options, requests: createRequests(options) };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-inputs-'));
  mediaIn = join(folder, 'in');
  await mkdir(join(mediaIn, 'courses'), { recursive: true });
  s3 = await startS3Simulator();
  web = await startWebServer();
  house = await openHouse({
    ...QUICK_SETTINGS,
    PATH: process.env['PATH'],
    MEDIA_IN: mediaIn,
    MEDIA_IN_URL: 'https://films.example/library/',
    ...s3Environment(s3),
    S3_INPUT_BUCKETS: `${s3.bucket}, not-made`,
    INPUT_ORIGINS: web.origin,
  });
  await writeVideo(join(mediaIn, 'courses', 'algebra 1.mp4'), 100_000);
  await writeFile(join(mediaIn, 'empty.mp4'), '');
  await writeFile(
    join(mediaIn, 'text.mp4'),
    'no film at all, but a text that says so at some length\n'.repeat(100),
  );
  await writeVideo(join(folder, 'outside.mp4'), 100_000);
  await symlink(join(folder, 'outside.mp4'), join(mediaIn, 'link.mp4'));
  await putFilm('films/algebra.mp4', await readFile(SAMPLE));
  await putFilm('empty.mp4', Buffer.alloc(0));
});
afterAll(async () => {
  await house.close();
  await web.close();
  await s3.close();
  await rm(folder, { recursive: true, force: true });
});

async function run(input: string, how: object = PROBE) {
  const response = await house.post('/api/runs', { input: input.replace('{web}', web.origin), ...how });
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  return { status: response.status, body: (await response.json()) as any };
}

async function get(path: string) {
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  return (await (await fetch(`${house.config.pipeline.url}${path}`)).json()) as any;
}

describe('an input', () => {
  it.each([
    ['media-in:../outside.mp4', 403, 'INPUT_NOT_ALLOWED'],
    ['media-in:courses/../../outside.mp4', 403, 'INPUT_NOT_ALLOWED'],
    ['media-in:/etc/passwd', 403, 'INPUT_NOT_ALLOWED'],
    ['media-in:link.mp4', 403, 'INPUT_NOT_ALLOWED'],
    ['media-in:courses//algebra 1.mp4', 400, 'INPUT_INVALID'],
    ['media-in:missing.mp4', 404, 'FILE_NOT_FOUND'],
    ['media-in:courses', 400, 'FILE_NOT_REGULAR'],
    ['media-in:empty.mp4', 400, 'FILE_EMPTY'],
    ['media-in:text.mp4', 415, 'NOT_MEDIA'],
    ['s3://{bucket}/missing.mp4', 404, 'INPUT_NOT_FOUND'],
    ['s3://{bucket}/empty.mp4', 400, 'FILE_EMPTY'],
    ['s3://{bucket}', 400, 'INPUT_INVALID'],
    ['s3://not-made/films/algebra.mp4', 404, 'INPUT_NOT_FOUND'],
    ['s3://somebody-elses/films/algebra.mp4', 403, 'INPUT_NOT_ALLOWED'],
    ['http://127.0.0.1:1/film.mp4', 403, 'INPUT_NOT_ALLOWED'],
    ['https://169.254.169.254/latest/meta-data', 403, 'INPUT_NOT_ALLOWED'],
    ['{web}/inside', 403, 'INPUT_NOT_ALLOWED'],
    ['{web}/gone.mp4', 404, 'INPUT_NOT_FOUND'],
    ['{web}/page', 415, 'NOT_MEDIA'],
    ['{web}/empty.mp4', 400, 'FILE_EMPTY'],
    ['ftp://films.example/film.mp4', 400, 'INPUT_INVALID'],
    ['https://user:secret@films.example/film.mp4', 400, 'INPUT_INVALID'],
  ])('%s is refused when it is asked for, and nothing is kept', async (input, status, code) => {
    const refused = await run(input.replace('{bucket}', s3.bucket));

    expect({ status: refused.status, code: refused.body.code }).toEqual({ status, code });
    expect(JSON.stringify(refused.body)).not.toContain('secret@');
    expect(await house.recordings.newest(10)).toEqual([]);
  });

  it('is refused by a bucket whose secret is another one', async () => {
    const { options } = bucketOf('wrong');
    const settings = { ...house.config.inputs, s3: options };
    const inputs = openInputs({ inputs: settings }, STRICT_MEDIA_GATE, { idleTimeoutMs: 5000 });
    const address = readInput(`s3://${s3.bucket}/films/algebra.mp4`);

    await expect(inputs.look({ address, signal })).rejects.toMatchObject({
      code: 'REMOTE_UNAUTHORIZED',
      message: expect.stringContaining('SignatureDoesNotMatch'),
    });
  });

  it('that was written anew before its turn is not taken for what was asked for', async () => {
    await putFilm('changing.mp4', await readFile(SAMPLE));
    const { body } = await run(`s3://${s3.bucket}/changing.mp4`);
    await putFilm('changing.mp4', (await readFile(SAMPLE)).reverse());
    await house.startWorker();
    await house.reaches(body.id, 'done', 'failed');

    expect((await house.recordings.get(body.id))?.lastError?.code).toBe('SOURCE_CHANGED');
    expect(house.heard('recording.failed')).toEqual([]);
  });

  it.each([
    ['media-in:courses/algebra 1.mp4', 'algebra 1 (probe)'],
    ['s3://{bucket}/films/algebra.mp4', 'algebra (probe)'],
    ['{web}/film.mp4?token=hidden', 'film (probe)'],
  ])('%s is brought in, goes through its run, and stays where it is', async (input, title) => {
    const { status, body } = await run(input.replace('{bucket}', s3.bucket), { ...PROBE, reference: 'once' });
    await house.reaches(body.id, 'done', 'failed');

    expect(status).toBe(202);
    const recording = await house.recordings.get(body.id);
    expect(recording).toMatchObject({ state: 'done', source: 'library', title });
    expect(JSON.stringify(recording?.details)).not.toContain('hidden');
    const url = input.startsWith('media-in:')
      ? 'https://films.example/library/courses/algebra%201.mp4'
      : null;
    expect(await get(`/api/recordings/${body.id}`)).toMatchObject({ input_url: url });
    expect((await house.recordings.progress(body.id)).facts['probe']).toMatchObject({ durationS: 8 });
    expect(await run(input.replace('{bucket}', s3.bucket), { ...PROBE, reference: 'once' })).toMatchObject({
      body: { id: body.id, duplicate: true },
    });
    expect(await house.staged()).not.toContain(body.id);
    expect((await stat(join(mediaIn, 'courses', 'algebra 1.mp4'))).size).toBeGreaterThan(100_000);
  });

  it('goes on where its download has broken off', async () => {
    // The first one is only looked at.
    web.breakOff(2);
    const { body } = await run('{web}/film.mp4', { recipe: 'bring-companion' });
    await house.reaches(body.id, 'done', 'failed');

    expect(web.ranges).toEqual([undefined, undefined, expect.stringMatching(/^bytes=1\d{6}-$/)]);
    const [file] = await house.b2.files();
    expect(file?.contentLength).toBe((await stat(join(folder, 'film.mp4'))).size);
  });
});

it('the doctor says whether what lies below MEDIA_IN can be read', async () => {
  const check = async (more: object) =>
    await MEDIA_IN_CHECKUP.check(
      { inputs: { ...house.config.inputs, ...more } },
      { signal, sendsSiteEvent: false },
    );
  const bucket = (name: string) => ({ mediaIn: { kind: 's3', bucket: name, prefix: 'films/' } });

  expect(await check({})).toMatchObject({ state: 'ok' });
  expect(await check({ mediaIn: { kind: 'folder', path: '/nowhere' } })).toMatchObject({ state: 'fail' });
  expect(await check(bucket(s3.bucket))).toMatchObject({ state: 'ok' });
  expect(await check(bucket('not-made'))).toMatchObject({ state: 'fail' });
});

it('waits at no cost while its bucket does not answer, and is brought once it does', async () => {
  await house.post('/api/line/pause', {});
  const { body } = await run(`s3://${s3.bucket}/films/algebra.mp4`);
  await s3.kill();
  try {
    await house.post('/api/line/resume', {});
    await expect.poll(() => house.history(body.id)).toContain('attempt.postponed');

    expect(await house.recordings.get(body.id)).toMatchObject({ state: 'waiting', failedAttempts: 0 });
    const { last_error: why } = await get(`/api/recordings/${body.id}`);
    expect(why).toMatchObject({ code: 'SERVICE_DOWN', message: expect.stringContaining('input s3://') });
  } finally {
    await s3.start();
  }
  expect(await house.reaches(body.id, 'done', 'failed')).toBe('done');
});
