import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RemoteJob } from '../../src/domain/handed-over.ts';
import { openExecutor } from '../../src/executor/executor.ts';
import { takeJobs } from '../../src/executor/take.ts';
import { freePort } from '../support/free-port.ts';
import { type House, openHouse } from '../support/house.ts';

const RECIPES = `
recipes:
  - name: trimmed
    steps:
      - { id: fetch, task: fetch }
      - { id: trim, task: trim, takes: { file: fetch.file }, params: { start: 1, end: 4 } }
      - { id: cleanup, task: cleanup, after: trim }
`;

const SILENT = pino({ level: 'silent' });

let folder: string;
let house: House;
let film: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-workers-'));
  await mkdir(join(folder, 'out'));
  await writeFile(join(folder, 'recipes.yaml'), RECIPES);
});
afterEach(async () => {
  await house?.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(silenceS = 60): Promise<void> {
  const port = await freePort();
  house = await openHouse({
    RECIPES_FILE: join(folder, 'recipes.yaml'),
    MEDIA_OUT: join(folder, 'out'),
    PATH: process.env['PATH'],
    PIPELINE_PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    EXECUTOR: 'workers',
    EXECUTOR_SILENCE_S: String(silenceS),
    LANE_SLOTS: 'media=2',
    RETRY_ATTEMPTS: '1',
    LEASE_MS: '10000',
  });
  await house.startWorker();
  film = join(house.files, 'film.mp4');
  const picture = [
    '-f',
    'lavfi',
    '-i',
    'testsrc2=s=160x90:r=25:d=6',
    '-f',
    'lavfi',
    '-i',
    'sine=r=32000:d=6',
  ];
  const how = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-g', '25', '-c:a', 'aac'];
  await promisify(execFile)('ffmpeg', ['-v', 'error', ...picture, ...how, film]);
}

const bearer = (secret: string) => ({ authorization: `Bearer ${secret}` });

async function invite(): Promise<string> {
  const answer = await house.post('/api/workers/invitations', {});
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { invitation: string }).invitation;
}

const register = (invitation: string, more: object = {}) =>
  house.post('/api/workers/register', { name: 'gpu-1', tasks: ['trim'], ...more }, bearer(invitation));

/** The key of a worker of this name. */
async function join_(name = 'gpu-1', tasks: readonly string[] = ['trim']): Promise<string> {
  const answer = await register(await invite(), { name, tasks });
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { key: string }).key;
}

interface Taken {
  readonly state: string;
  readonly job: RemoteJob | null;
}

async function take(key: string, waitS = 20): Promise<Taken> {
  const answer = await house.post('/api/workers/take', { wait_s: waitS }, bearer(key));
  expect(answer.status).toBe(200);
  return (await answer.json()) as Taken;
}

const say = (job: RemoteJob | null, body: object) =>
  fetch(job?.callbackUrl ?? '', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...bearer(job?.token ?? '') },
    body: JSON.stringify(body),
  });

const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code;

async function begin(title = 'film'): Promise<string> {
  // A file that has come before is known.
  const path = join(house.files, `${title}-own.mp4`);
  await copyFile(film, path);
  const { id } = await house.addCustom(title, { path, keep_file: true, recipe: 'trimmed' });
  return id;
}

/** Does a step as any program would. */
async function finish(job: RemoteJob | null): Promise<void> {
  await writeFile(
    join(folder, 'input.mp4'),
    Buffer.from(await (await fetch(job?.inputUrl ?? '')).arrayBuffer()),
  );
  const cut = join(folder, 'cut.mp4');
  await promisify(execFile)('ffmpeg', [
    ...['-v', 'error', '-y', '-ss', '1', '-t', '3', '-i', join(folder, 'input.mp4'), '-c', 'copy', cut],
  ]);
  const put = await fetch(`${job?.outputPrefix}cut.mp4`, { method: 'PUT', body: await readFile(cut) });
  expect(put.status).toBe(204);
  const told = { startsAtS: 1, endsAtS: 4, isExact: false };
  const outputs = [{ name: 'cut.mp4', mediaType: 'video/mp4', durationS: 3 }];
  expect((await say(job, { status: 'done', outputs, told })).status).toBe(200);
}

const seenWorkers = async () =>
  (await (await fetch(`${house.config.pipeline.url}/api/workers`)).json()) as {
    workers: { name: string; state: string; jobs: { recording_id: string; step: string }[] }[];
    waiting: { task: string; count: number }[];
  };

describe('a worker that comes for its work', () => {
  it('takes a step, reads its input, writes its output, and says that it is done', async () => {
    await open();
    const key = await join_();
    const id = await begin();
    const { job } = await take(key);
    expect(job?.job).toMatchObject({ task: 'trim', params: { start: 1, end: 4 }, inputName: 'input.mp4' });
    expect((await seenWorkers()).workers).toMatchObject([
      { name: 'gpu-1', state: 'active', jobs: [{ recording_id: id, step: 'trim' }] },
    ]);

    await finish(job);
    await house.reaches(id, 'done');
    expect((await seenWorkers()).workers[0]?.jobs).toEqual([]);
    expect(await readdir(join(house.config.dataDir, 'elsewhere')).catch(() => [])).toEqual([]);
  });

  it('is given no secret of a service, nor any task that it cannot do', async () => {
    await open();
    const key = await join_('cutter', ['waveform']);
    await begin();
    await expect.poll(async () => (await seenWorkers()).waiting).toMatchObject([{ task: 'trim', count: 1 }]);
    expect(await take(key, 0.2)).toEqual({ state: 'active', job: null });

    const { job } = await take(await join_('trimmer'));
    const { keyId, applicationKey } = house.config.b2;
    for (const secret of [keyId, applicationKey]) expect(JSON.stringify(job)).not.toContain(secret);
    expect((await say(job, { status: 'returned' })).status).toBe(200);
  });

  it('falls silent: another one is given the step, and what the first says late is not wanted', async () => {
    await open(2);
    const [first, second] = [await join_('first'), await join_('second')];
    const id = await begin();
    const { job: lost } = await take(first);
    const { job } = await take(second);
    expect(job?.job.id).not.toBe(lost?.job.id);
    const late = await say(lost, { status: 'running' });
    expect([late.status, await codeOf(late)]).toEqual([409, 'HANDED_CLOSED']);

    await finish(job);
    await house.reaches(id, 'done');
    expect((await house.recordings.get(id))?.failedAttempts).toBe(0);
  });

  it('gives a step back: it costs no attempt', async () => {
    await open();
    const key = await join_();
    const id = await begin();
    const { job: first } = await take(key);
    expect(await (await say(first, { status: 'returned' })).json()).toEqual({
      status: 'returned',
      repeated: false,
    });
    expect(await (await say(first, { status: 'returned' })).json()).toMatchObject({ repeated: true });
    const { job } = await take(key);
    await finish(job);
    await house.reaches(id, 'done');
    expect((await house.recordings.get(id))?.failedAttempts).toBe(0);
  });

  it('waits as long as it takes for one: a step that nobody comes for does not fail', async () => {
    await open(1);
    const id = await begin();
    await expect.poll(async () => (await seenWorkers()).waiting).toMatchObject([{ task: 'trim', count: 1 }]);
    const key = await join_();
    // Longer than the silence that a step of somebody is allowed.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const { job } = await take(key);
    await finish(job);
    await house.reaches(id, 'done');
    expect((await house.recordings.get(id))?.failedAttempts).toBe(0);
  });

  it('is one of two that come at once: each step is given to one', async () => {
    await open();
    const keys = [await join_('one'), await join_('two')];
    const ids = [await begin('a'), await begin('b')];
    const taken = await Promise.all(keys.map((key) => take(key)));
    expect(new Set(taken.map(({ job }) => job?.job.id)).size).toBe(2);
    for (const { job } of taken) await finish(job);
    for (const id of ids) await house.reaches(id, 'done');
  });
});

describe('an operator', () => {
  it('drains a worker: what it has it ends, and it is given no more until it is let work again', async () => {
    await open();
    const key = await join_();
    const id = await begin();
    const { job } = await take(key);
    expect((await house.post('/api/workers/GPU-1/drain', {})).status).toBe(200);
    await finish(job);
    await house.reaches(id, 'done');

    await begin('more');
    expect(await take(key, 5)).toEqual({ state: 'drained', job: null });
    expect((await house.post('/api/workers/gpu-1/resume', {})).status).toBe(200);
    expect((await take(key)).job?.job.task).toBe('trim');
  });

  it('revokes a worker: its key opens nothing, and what it has waits for another', async () => {
    await open();
    const key = await join_();
    const id = await begin();
    const { job: lost } = await take(key);
    expect((await house.post('/api/workers/gpu-1/revoke', {})).status).toBe(200);
    const refused = await house.post('/api/workers/take', { wait_s: 0 }, bearer(key));
    expect([refused.status, await codeOf(refused)]).toEqual([401, 'WORKER_KEY_WRONG']);
    expect((await say(lost, { status: 'running' })).status).toBe(409);

    const { job } = await take(await join_('gpu-1'));
    await finish(job);
    await house.reaches(id, 'done');
    const unknown = await house.post('/api/workers/gpu-9/revoke', {});
    expect([unknown.status, await codeOf(unknown)]).toEqual([404, 'NOT_FOUND']);
  });
});

describe('a stranger', () => {
  it('registers nobody without an invitation, or with one that was used', async () => {
    await open();
    for (const shown of ['', 'sluice_invitation_made-up']) {
      const refused = await register(shown);
      expect([refused.status, await codeOf(refused)]).toEqual([401, 'INVITATION_WRONG']);
    }
    const invitation = await invite();
    expect((await register(invitation)).status).toBe(201);
    expect(await codeOf(await register(invitation, { name: 'gpu-2' }))).toBe('INVITATION_WRONG');
  });

  it('does not get the name of another, and the invitation stays good', async () => {
    await open();
    await join_('GPU-1');
    const invitation = await invite();
    const taken = await register(invitation);
    expect([taken.status, await codeOf(taken)]).toEqual([409, 'WORKER_NAME_TAKEN']);
    expect((await register(invitation, { name: 'gpu-2' })).status).toBe(201);
  });

  it.each([
    ['no name', { name: ' ' }],
    ['no tasks', { tasks: [] }],
    ['a task that is none', { tasks: ['../trim'] }],
    ['a name that turns the line around', { name: 'a\u202eb' }],
    ['words that nobody asked for', { role: 'operator' }],
  ])('is told what is wrong with %s, and its invitation stays good', async (_what, more) => {
    await open();
    const invitation = await invite();
    const refused = await register(invitation, more);
    expect([refused.status, await codeOf(refused)]).toEqual([400, 'REQUEST_INVALID']);
    expect((await register(invitation)).status).toBe(201);
  });

  it('takes nothing without a key', async () => {
    await open();
    for (const headers of [{}, bearer('sluice_worker_made-up')]) {
      const refused = await house.post('/api/workers/take', { wait_s: 0 }, headers);
      expect([refused.status, await codeOf(refused)]).toEqual([401, 'WORKER_KEY_WRONG']);
    }
  });
});

describe('our own program', () => {
  const options = async (more: object) => {
    const executor = await openExecutor({
      PATH: process.env['PATH'],
      LOG_LEVEL: 'error',
      FFMPEG_NICENESS: '0',
    });
    return {
      executor,
      options: {
        server: house.config.pipeline.url,
        invitation: undefined,
        keyFile: join(folder, 'key.json'),
        name: 'office',
        tasks: executor.tasks,
        signal: executor.stop.signal,
        log: SILENT,
        work: (job: Parameters<typeof executor.work>[0]) => executor.work(job).catch(() => {}),
        ...more,
      },
    };
  };

  it('registers once, keeps its key to itself, and does one step after the other', async () => {
    await open();
    const { executor, options: first } = await options({ invitation: await invite() });
    const taking = takeJobs(first);
    for (const title of ['a', 'b']) await house.reaches(await begin(title), 'done');
    expect((await stat(first.keyFile)).mode & 0o777).toBe(0o600);
    executor.stop.abort(new Error('stopped'));
    await taking;

    const { executor: again, options: second } = await options({});
    const takingAgain = takeJobs(second);
    await house.reaches(await begin('c'), 'done');
    again.stop.abort(new Error('stopped'));
    await takingAgain;
    expect((await seenWorkers()).workers).toHaveLength(1);
  });

  it('gives its step back when it is stopped', async () => {
    await open();
    const { executor, options: stopped } = await options({ invitation: await invite() });
    let begun = (): void => {};
    const isBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const taking = takeJobs({
      ...stopped,
      work(job) {
        const working = executor.work(job).catch(() => {});
        begun();
        return working;
      },
    });
    const id = await begin();
    await isBegun;
    executor.stop.abort(new Error('stopped'));
    await taking;

    const { job } = await take(await join_('next'));
    await finish(job);
    await house.reaches(id, 'done');
    expect((await house.recordings.get(id))?.failedAttempts).toBe(0);
  });

  it.each([
    ['without an invitation, before it has a key', undefined, 'CONFIG_INVALID'],
    ['with an invitation that is none', 'sluice_invitation_no', 'INVITATION_WRONG'],
  ])('ends with a reason %s', async (_what, invitation, code) => {
    await open();
    const { options: wrong } = await options({ invitation });
    await expect(takeJobs(wrong)).rejects.toMatchObject({ code });
  });

  it('ends with a reason where its key is of another server', async () => {
    await open();
    const { options: wrong } = await options({});
    await writeFile(wrong.keyFile, JSON.stringify({ server: 'https://other.example', key: 'k' }));
    await expect(takeJobs(wrong)).rejects.toThrow(/is of https:\/\/other\.example/);
  });
});
