import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Listener, listenForJobs } from '../../../src/executor/listen.ts';
import type { Job } from '../../../src/executor/work.ts';

let listener: Listener;
let taken: Job[];
let ends: (() => void)[];

const JOB = {
  job: { id: 'one', task: 'trim', params: {} },
  inputUrl: 'http://127.0.0.1:1/input',
  outputPrefix: 'http://127.0.0.1:1/outputs/',
  token: 'token',
  callbackUrl: 'http://127.0.0.1:1/callback',
};

beforeEach(async () => {
  taken = [];
  ends = [];
  listener = await listenForJobs({
    host: '127.0.0.1',
    port: 0,
    secret: 'between us',
    log: pino({ level: 'silent' }),
    work: (job) => {
      taken.push(job);
      return new Promise<void>((resolve) => ends.push(resolve));
    },
  });
});
afterEach(async () => {
  for (const end of ends) end();
  await listener.stop();
});

function send(body: unknown, headers: Record<string, string> = { authorization: 'Bearer between us' }) {
  return fetch(`http://127.0.0.1:${listener.port}/`, {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

it('takes a job once, however often it is sent, and another beside it', async () => {
  const first = await send(JOB);
  const again = await send(JOB);
  await send({ ...JOB, job: { ...JOB.job, id: 'two' } });

  expect([first.status, await first.json()]).toEqual([202, { ref: 'one' }]);
  expect(again.status).toBe(202);
  expect(taken.map(({ job }) => job.id)).toEqual(['one', 'two']);
});

it.each<[string, unknown, Record<string, string> | undefined, number]>([
  ['without the secret', JOB, {}, 401],
  ['with another secret', JOB, { authorization: 'Bearer between you' }, 401],
  ['that is no JSON', '<job/>', undefined, 400],
  ['without a token', { ...JOB, token: undefined }, undefined, 400],
  ['that leads to a file', { ...JOB, inputUrl: 'file:///etc/passwd' }, undefined, 400],
  ['that is too large', { ...JOB, more: 'x'.repeat(1024 * 1024) }, undefined, 413],
])('takes nothing %s', async (_what, body, headers, status) => {
  const answer = await (headers === undefined ? send(body) : send(body, headers));

  expect(answer.status).toBe(status);
  expect(await answer.json()).toHaveProperty('error');
  expect(taken).toEqual([]);
});

it('says to whoever shows another secret that it is the wrong one, whatever they ask', async () => {
  for (const method of ['GET', 'HEAD', 'POST']) {
    const headers = { authorization: 'Bearer another' };
    const answer = await fetch(`http://127.0.0.1:${listener.port}/`, { method, headers });
    expect([method, answer.status]).toEqual([method, 401]);
  }
});

it('says that it is there', async () => {
  const answer = await fetch(`http://127.0.0.1:${listener.port}/`);

  expect([answer.status, await answer.json()]).toEqual([200, { status: 'ok' }]);
});
