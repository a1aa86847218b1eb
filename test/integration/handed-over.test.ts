import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startCloudRunSimulator } from '../../simulators/executors/cloud-run.ts';
import { startStepFunctionsSimulator } from '../../simulators/executors/step-functions.ts';
import { startS3Simulator } from '../../simulators/s3/simulator.ts';
import type { RemoteJob } from '../../src/domain/handed-over.ts';
import type { OutputsFact } from '../../src/domain/media/output.ts';
import { openExecutor, readJob } from '../../src/executor/executor.ts';
import { handler } from '../../src/executor/lambda-main.ts';
import { listenForJobs } from '../../src/executor/listen.ts';
import { freePort } from '../support/free-port.ts';
import { type House, openHouse } from '../support/house.ts';
import { putObject, requestsTo, s3Environment } from '../support/s3-of-house.ts';

const RECIPES = `
recipes:
  - name: outputs
    steps:
      - { id: fetch, task: fetch }
      - { id: trim, task: trim, takes: { file: fetch.file }, params: { start: 1, end: 4, exact: true } }
      - { id: waveform, task: waveform, takes: { file: fetch.file }, params: { peaks: 50 } }
      - { id: cleanup, task: cleanup, after: [trim, waveform] }
  - name: trimmed
    steps:
      - { id: fetch, task: fetch }
      - { id: trim, task: trim, takes: { file: fetch.file }, params: { start: 1, end: 4 } }
      - { id: cleanup, task: cleanup, after: trim }
`;

let folder: string;
let out: string;
let house: House;
let strange: Server;
/** What was handed to the strange executor, and how it answers. */
let jobs: RemoteJob[];
let answers: { status: number; body?: string };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-handed-'));
  out = join(folder, 'out');
  await mkdir(out);
  await writeFile(join(folder, 'recipes.yaml'), RECIPES);
  jobs = [];
  answers = { status: 202 };
  strange = createServer((request, response) => {
    void json(request).then((job) => {
      jobs.push(job as RemoteJob);
      response.writeHead(answers.status).end(answers.body);
    });
  });
});
afterEach(async () => {
  await house?.close();
  strange.closeAllConnections();
  await new Promise((resolve) => strange.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

async function open(executorUrl: string, settings: Record<string, string> = {}): Promise<void> {
  const port = await freePort();
  house = await openHouse({
    RECIPES_FILE: join(folder, 'recipes.yaml'),
    MEDIA_OUT: out,
    PATH: process.env['PATH'],
    PIPELINE_PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    EXECUTOR: 'http',
    EXECUTOR_URL: executorUrl,
    RETRY_ATTEMPTS: '2',
    LEASE_MS: '10000',
    ...settings,
  });
}

async function openStrange(settings: Record<string, string> = {}): Promise<void> {
  const port = await freePort();
  await new Promise<void>((resolve) => strange.listen(port, '127.0.0.1', resolve));
  await open(`http://127.0.0.1:${port}/jobs`, settings);
}

/** Six seconds, with a keyframe each second. */
async function film(name = 'film.mp4'): Promise<string> {
  const path = join(house.files, name);
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=s=160x90:r=25:d=6'];
  const sound = ['-f', 'lavfi', '-i', 'sine=r=32000:d=6'];
  const how = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '25', '-c:a', 'aac'];
  await promisify(execFile)('ffmpeg', ['-v', 'error', ...picture, ...sound, ...how, path]);
  return path;
}

const say = (job: RemoteJob | undefined, body: object, token = job?.token) =>
  fetch(job?.callbackUrl ?? '', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });

const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code;

const jobNumber = async (n: number): Promise<RemoteJob> => {
  await expect.poll(() => jobs.length).toBe(n);
  return jobs[n - 1] as RemoteJob;
};

const factOf = async (id: string, step: string) =>
  (await house.recordings.progress(id)).facts[step] as (OutputsFact & Record<string, unknown>) | undefined;

const leftElsewhere = () => readdir(join(house.config.dataDir, 'elsewhere')).catch(() => []);

it('P24 our own program does steps as this machine does, and leaves nothing', async () => {
  const before = await readdir(tmpdir());
  const executor = await openExecutor({
    PATH: process.env['PATH'],
    LOG_LEVEL: 'error',
    FFMPEG_NICENESS: '0',
  });
  const listener = await listenForJobs({
    host: '127.0.0.1',
    port: 0,
    secret: 'between us',
    log: pino({ level: 'silent' }),
    work: executor.work,
  });
  await open(`http://127.0.0.1:${listener.port}`, { EXECUTOR_SECRET: 'between us' });
  await house.startWorker();
  const path = await film();

  const { id } = await house.addCustom('film', { path, keep_file: true, recipe: 'outputs' });
  await house.reaches(id, 'done');

  const trim = await factOf(id, 'trim');
  expect(trim).toMatchObject({ startsAtS: 1, endsAtS: 4, isExact: true, to: 'media-out' });
  expect(trim?.outputs[0]?.durationS).toBeCloseTo(3, 1);
  expect(trim?.cost.cpuS).toBeGreaterThan(0);
  const waveform = await factOf(id, 'waveform');
  const { peaks } = JSON.parse(await readFile(join(out, waveform?.outputs[0]?.key ?? ''), 'utf8'));
  expect(peaks).toHaveLength(50);
  expect(await leftElsewhere()).toEqual([]);
  const left = (await readdir(tmpdir())).filter((name) => !before.includes(name));
  expect(left).not.toContainEqual(expect.stringMatching(/^sluice-job-/));
  await listener.stop();
});

it('P25 a step is done by a function of AWS, as an execution of a state machine', async () => {
  const aws = await startStepFunctionsSimulator();
  await open('http://127.0.0.1:1/', {
    EXECUTOR: 'lambda',
    LAMBDA_STATE_MACHINE_ARN: aws.stateMachineArn,
    LAMBDA_ENDPOINT: aws.url,
    LAMBDA_KEY_ID: aws.keyId,
    LAMBDA_SECRET: aws.secretKey,
  });
  await house.startWorker();
  const { id } = await house.addCustom('film', { path: await film(), keep_file: true, recipe: 'trimmed' });

  await expect.poll(() => aws.executions().length).toBe(1);
  const [execution] = aws.executions();
  expect(await handler(JSON.parse(execution?.input ?? ''))).toEqual({ how: 'done' });
  await house.reaches(id, 'done');

  expect((await factOf(id, 'trim'))?.outputs).toHaveLength(1);
  await aws.close();
});

it('P26 a step is done by a container of Google, as an execution of a job of Cloud Run; one that is cancelled ends there', async () => {
  const google = await startCloudRunSimulator();
  const keyFile = join(folder, 'key.json');
  await writeFile(keyFile, JSON.stringify(google.keyFile));
  await open('http://127.0.0.1:1/', {
    EXECUTOR: 'gcp',
    GCP_JOB: google.job,
    GCP_KEY_FILE: keyFile,
    GCP_ENDPOINT: google.url,
  });
  await house.startWorker();
  const path = await film();
  const { id } = await house.addCustom('film', { path, keep_file: true, recipe: 'trimmed' });
  const executor = await openExecutor({
    PATH: process.env['PATH'],
    LOG_LEVEL: 'error',
    FFMPEG_NICENESS: '0',
  });

  await expect.poll(() => google.runs().length).toBe(1);
  expect(await executor.work(readJob(google.runs()[0]?.env['SLUICE_JOB']))).toBe('done');
  await house.reaches(id, 'done');
  expect((await factOf(id, 'trim'))?.outputs).toHaveLength(1);

  const { id: unwanted } = await house.addCustom('again', {
    path: await film('again.mp4'),
    keep_file: true,
    recipe: 'trimmed',
  });
  await expect.poll(() => google.runs().length).toBe(2);
  await house.post(`/api/recordings/${unwanted}/cancel`, {});
  await house.reaches(unwanted, 'cancelled');
  expect(google.runs()[1]?.state).toBe('cancelled');
  await google.close();
});

it.each(['local', 'http', 'lambda', 'gcp'])(
  'P40 with EXECUTOR=%s the input is read from S3, and the output is put there',
  async (executor) => {
    const s3 = await startS3Simulator();
    const [aws, google] = [await startStepFunctionsSimulator(), await startCloudRunSimulator()];
    const keyFile = join(folder, 'key.json');
    await writeFile(keyFile, JSON.stringify(google.keyFile));
    await openStrange({
      EXECUTOR: executor,
      LAMBDA_STATE_MACHINE_ARN: aws.stateMachineArn,
      LAMBDA_ENDPOINT: aws.url,
      LAMBDA_KEY_ID: aws.keyId,
      LAMBDA_SECRET: aws.secretKey,
      GCP_JOB: google.job,
      GCP_KEY_FILE: keyFile,
      GCP_ENDPOINT: google.url,
      ...s3Environment(s3),
      MEDIA_IN: `s3://${s3.bucket}/films`,
      MEDIA_OUT: `s3://${s3.bucket}/made`,
    });
    await house.startWorker();
    await putObject(requestsTo(house, s3.bucket), 'films/film.mp4', await readFile(await film()));

    const params = { start: 1, end: 4 };
    const outputs = [{ id: 'trim', task: 'trim', params }];
    const answer = await house.post('/api/runs', { input: 'media-in:film.mp4', outputs });
    expect(answer.status).toBe(202);
    const { id } = (await answer.json()) as { id: string };
    /** What was handed out, to whomever. */
    const handed = () => [
      ...jobs,
      ...aws.executions().map(({ input }) => readJob(input)),
      ...google.runs().map(({ env }) => readJob(env['SLUICE_JOB'])),
    ];
    if (executor !== 'local') {
      await expect.poll(() => handed().length).toBe(1);
      const { work } = await openExecutor({ PATH: process.env['PATH'], LOG_LEVEL: 'error' });
      expect(await work(handed()[0] as RemoteJob)).toBe('done');
    }
    expect(await house.reaches(id, 'done', 'failed')).toBe('done');

    expect(handed()).toHaveLength(executor === 'local' ? 0 : 1);
    const [made] = (await factOf(id, 'trim'))?.outputs ?? [];
    expect(s3.objects()).toContainEqual(
      expect.objectContaining({ key: `made/${made?.key}`, bytes: made?.bytes }),
    );
    await Promise.all([s3, aws, google].map((each) => each.close()));
  },
);

it('P27 any program sets what was made, progress and the end by callbacks, by the secret of the job alone', async () => {
  await openStrange();
  await house.startWorker();
  const path = await film();
  const { id } = await house.addCustom('film', { path, keep_file: true, recipe: 'trimmed' });

  const job = await jobNumber(1);
  expect(job.job).toMatchObject({ task: 'trim', params: { start: 1, end: 4 }, inputName: 'input.mp4' });
  const input = Buffer.from(await (await fetch(job.inputUrl)).arrayBuffer());
  expect(input.equals(await readFile(path))).toBe(true);
  const range = await fetch(job.inputUrl, { headers: { range: 'bytes=4-7' } });
  expect([range.status, await range.text()]).toEqual([206, 'ftyp']);

  // Of another job, with another secret, with none, with the one of the files: all the same.
  const elsewhere = { ...job, callbackUrl: job.callbackUrl.replace(job.job.id, randomUUID()) };
  const [, key = ''] = /jobs\/[^/]+\/([^/]+)\/input/.exec(job.inputUrl) ?? [];
  for (const refused of [
    say(elsewhere, { status: 'running' }),
    say(job, { status: 'done', outputs: [{ name: 'a.mp4', mediaType: 'video/mp4' }] }, 'guessed'),
    say(job, { status: 'running' }, ''),
    say(job, { status: 'running' }, key),
  ]) {
    expect([(await refused).status, await codeOf(await refused)]).toEqual([401, 'HANDED_SECRET_WRONG']);
  }
  expect((await fetch(job.inputUrl.replace(key, 'x'.repeat(43)))).status).toBe(401);
  expect(await codeOf(await say(job, { status: 'sideways' }))).toBe('REQUEST_INVALID');

  // What was not written is not done.
  const done = { status: 'done', outputs: [{ name: 'cut.mp4', mediaType: 'video/mp4', durationS: 3 }] };
  expect(await codeOf(await say(job, done))).toBe('REQUEST_INVALID');

  const cut = join(folder, 'cut.mp4');
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-ss', '1', '-t', '3', '-i', path, '-c', 'copy', cut]);
  const bytes = await readFile(cut);
  const put = (name: string, method: string, body: Buffer, headers: Record<string, string> = {}) =>
    fetch(`${job.outputPrefix}${name}`, { method, body: new Uint8Array(body), headers });
  expect((await put('..%2Fescaped', 'PUT', bytes)).status).toBe(400);
  expect((await put('cut.mp4', 'PATCH', bytes.subarray(0, 100), { 'upload-offset': '0' })).status).toBe(204);
  const ahead = await put('cut.mp4', 'PATCH', bytes.subarray(200), { 'upload-offset': '200' });
  expect([ahead.status, ahead.headers.get('upload-offset')]).toEqual([409, '100']);
  const rest = { 'upload-offset': '100', 'upload-complete': '?1' };
  expect((await put('cut.mp4', 'PATCH', bytes.subarray(100), rest)).status).toBe(204);

  expect((await say(job, { status: 'running', doneS: 1, totalS: 3 })).status).toBe(200);
  const told = { ...done, told: { startsAtS: 1, endsAtS: 4, isExact: false } };
  expect(await (await say(job, told)).json()).toEqual({ status: 'done', repeated: false });
  const again = await say(job, told);
  expect([200, 409]).toContain(again.status);
  await house.reaches(id, 'done');

  const fact = await factOf(id, 'trim');
  expect(fact).toMatchObject({ startsAtS: 1, endsAtS: 4, isExact: false });
  expect((await readFile(join(out, fact?.outputs[0]?.key ?? ''))).equals(bytes)).toBe(true);
  expect(await codeOf(await say(job, { status: 'running' }))).toBe('HANDED_CLOSED');
  expect((await fetch(job.inputUrl)).status).toBe(409);
  expect(await leftElsewhere()).toEqual([]);
});

it('a failure that another attempt can mend is handed out anew; one that is final ends it, in its own words', async () => {
  await openStrange();
  await house.startWorker();
  const path = await film();
  const { id } = await house.addCustom('film', { path, keep_file: true, recipe: 'trimmed' });

  await say(await jobNumber(1), { status: 'failed', error: { message: 'The spot instance was taken away' } });
  const second = await jobNumber(2);
  expect(second.job.id).not.toBe(jobs[0]?.job.id);
  const error = { code: 'MEDIA_BROKEN', message: 'It ends in the middle', isFinal: true };
  await say(second, { status: 'failed', error });
  await house.reaches(id, 'failed');

  const stands = await house.recordings.outputs(id);
  expect(stands['trim']).toMatchObject({ ending: 'failed', error: { code: 'MEDIA_BROKEN' } });
});

it('a step that a program gives back has failed there, and is handed out anew', async () => {
  await openStrange();
  await house.startWorker();
  const path = await film();
  const { id } = await house.addCustom('film', { path, keep_file: true, recipe: 'trimmed' });

  await say(await jobNumber(1), { status: 'returned' });
  await say(await jobNumber(2), { status: 'returned' });
  await house.reaches(id, 'failed');

  const stands = await house.recordings.outputs(id);
  expect(stands['trim']).toMatchObject({ ending: 'failed', error: { code: 'EXECUTOR_FAILED' } });
});

it('what a program says of codes that are none of its business is its failure', async () => {
  await openStrange();
  await house.startWorker();
  const path = await film();
  const { id } = await house.addCustom('film', { path, keep_file: true, recipe: 'trimmed' });

  const error = { code: 'LEASE_LOST', message: 'mischief', isFinal: true };
  await say(await jobNumber(1), { status: 'failed', error });
  await house.reaches(id, 'failed');

  const stands = await house.recordings.outputs(id);
  expect(stands['trim']).toMatchObject({ error: { code: 'EXECUTOR_FAILED', message: 'mischief' } });
});

it('a program that says nothing any more is given up, and what it says too late is not wanted', async () => {
  await openStrange({ EXECUTOR_SILENCE_S: '2' });
  await house.startWorker();
  const path = await film();
  const { id } = await house.addCustom('film', { path, keep_file: true, recipe: 'trimmed' });

  const silent = await jobNumber(1);
  const next = await jobNumber(2);
  expect(await codeOf(await say(silent, { status: 'running' }))).toBe('HANDED_CLOSED');
  expect((await fetch(`${silent.outputPrefix}late.mp4`, { method: 'PUT', body: 'late' })).status).toBe(409);
  await say(next, { status: 'failed', error: { message: 'enough', isFinal: true } });
  await house.reaches(id, 'failed');
});

it('a worker that starts anew goes on waiting for the same job', async () => {
  await openStrange();
  const first = await house.startWorker();
  const path = await film();
  const { id } = await house.addCustom('film', { path, keep_file: true, recipe: 'trimmed' });
  const job = await jobNumber(1);
  await say(job, { status: 'running' });
  await first.stop();

  // Nobody waits now, and nothing is lost.
  await promisify(execFile)('ffmpeg', [
    ...['-v', 'error', '-ss', '1', '-t', '3', '-i', path, '-c', 'copy', join(folder, 'cut.mp4')],
  ]);
  await fetch(`${job.outputPrefix}cut.mp4`, { method: 'PUT', body: await readFile(join(folder, 'cut.mp4')) });
  const outputs = [{ name: 'cut.mp4', mediaType: 'video/mp4', durationS: 3 }];
  expect(await (await say(job, { status: 'done', outputs })).json()).toMatchObject({ repeated: false });
  expect(await (await say(job, { status: 'done', outputs })).json()).toMatchObject({ repeated: true });
  await house.startWorker();
  await house.reaches(id, 'done');

  expect(jobs).toHaveLength(1);
});

it.each([
  ['while its worker waits', true],
  ['while there is no worker', false],
])('a recording that is cancelled %s has its job closed', async (_when, isWaited) => {
  await openStrange();
  const worker = await house.startWorker();
  const path = await film();
  const { id } = await house.addCustom('film', { path, keep_file: true, recipe: 'trimmed' });
  const job = await jobNumber(1);
  if (!isWaited) await worker.stop();

  expect((await house.post(`/api/recordings/${id}/cancel`, {})).status).toBeLessThan(300);
  if (!isWaited) await house.startWorker();
  await house.reaches(id, 'cancelled');

  expect(await codeOf(await say(job, { status: 'running' }))).toBe('HANDED_CLOSED');
  expect(await leftElsewhere()).toEqual([]);
  expect(jobs).toHaveLength(1);
});

it('our own program ends the work on a job that nobody waits for', async () => {
  // On a busy machine more than one job is given up before it is begun.
  await openStrange({ EXECUTOR_SILENCE_S: '2', RETRY_ATTEMPTS: '20' });
  const { work } = await openExecutor({
    PATH: process.env['PATH'],
    LOG_LEVEL: 'error',
    FFMPEG_NICENESS: '0',
  });
  await house.startWorker();
  const path = await film();
  const { id } = await house.addCustom('film', { path, keep_file: true, recipe: 'trimmed' });
  const closed = await jobNumber(1);
  await expect.poll(() => jobs.length).toBeGreaterThan(1);
  const newest = () => jobs.at(-1) as RemoteJob;

  expect(await work(closed)).toBe('unwanted');
  expect(await work({ ...newest(), token: 'guessed' })).toBe('unwanted');
  await expect.poll(() => work(newest())).toBe('done');
  await house.reaches(id, 'done');
});

it('what our own program knows of the work itself is final', async () => {
  await openStrange();
  await house.startWorker();
  const path = await film();
  const { id } = await house.addCustom('film', { path, keep_file: true, recipe: 'trimmed' });
  const job = await jobNumber(1);
  const { work } = await openExecutor({
    PATH: process.env['PATH'],
    LOG_LEVEL: 'error',
    FFMPEG_NICENESS: '0',
  });

  expect(await work({ ...job, job: { ...job.job, params: { start: 100 } } })).toBe('failed');
  await house.reaches(id, 'failed');

  expect((await house.recordings.outputs(id))['trim']).toMatchObject({ error: { code: 'PARAMS_UNFIT' } });
  expect(jobs).toHaveLength(1);
});

it('what is not what it had to be is made anew', async () => {
  await openStrange();
  await house.startWorker();
  const path = await film();
  const { id } = await house.addCustom('film', { path, keep_file: true, recipe: 'trimmed' });

  for (const n of [1, 2]) {
    const job = await jobNumber(n);
    await fetch(`${job.outputPrefix}cut.mp4`, { method: 'PUT', body: 'this is no film at all' });
    await say(job, { status: 'done', outputs: [{ name: 'cut.mp4', mediaType: 'video/mp4', durationS: 3 }] });
  }
  await house.reaches(id, 'failed');

  const stands = await house.recordings.outputs(id);
  expect(stands['trim']).toMatchObject({ error: { code: 'OUTPUT_DIFFERS' } });
  expect(await leftElsewhere()).toEqual([]);
});

it('an executor that is away keeps the step waiting, at no cost', async () => {
  answers = { status: 503, body: 'no room' };
  await openStrange();
  await house.startWorker();
  const path = await film();
  const { id } = await house.addCustom('film', { path, keep_file: true, recipe: 'trimmed' });

  await jobNumber(1);
  await expect.poll(async () => (await house.recordings.get(id))?.lastError?.code).toBe('EXECUTOR_DOWN');

  expect((await house.recordings.get(id))?.failedAttempts).toBe(0);
  expect((await house.recordings.outputs(id))['trim']?.failedAttempts ?? 0).toBe(0);
});
