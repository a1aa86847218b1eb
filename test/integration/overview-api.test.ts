import Sqlite from 'libsql';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Reply, startTestApp, type TestApp } from '../support/app.ts';
import { fillLedger, KEPT } from '../support/filled-ledger.ts';
import { fileRecording, openTestLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
let app: TestApp;

beforeEach(async () => {
  ledger = await openTestLedger();
  app = await startTestApp(ledger);
});
afterEach(async () => {
  await app.close();
  await ledger.close();
});

const titlesOf = (recordings: { title: string }[]) => recordings.map(({ title }) => title);
const causesOf = (causes: Reply['body'][]) =>
  causes.map(({ reason, code, service, count }) => [reason, code, service, count]);

async function overview(query = ''): Promise<Reply['body']> {
  const { status, body } = await app.get(`/api/overview${query}`);
  expect(status).toBe(200);
  return body;
}

describe('GET /api/overview', () => {
  it('shows all that waits by what it waits for, and all that has failed by what it has met', async () => {
    await fillLedger(ledger.address);

    const { in_line, line, held, failed, done_since, done } = await overview('?each=2');

    expect(in_line).toBe(8);
    expect(titlesOf(line)).toEqual(
      KEPT.filter(({ state, inMs }) => state === 'waiting' && inMs === undefined)
        .map(({ title }) => title)
        .slice(0, 6),
    );
    expect(causesOf(held).sort()).toEqual(
      [
        ['set-aside', null, null, 2],
        ['taking-back', null, null, 1],
        ['time', null, null, 1],
        ['trouble', 'REMOTE_REJECTED', null, 1],
        ['trouble', 'SERVICE_DOWN', 'b2', 4],
      ].sort(),
    );
    const b2 = held.find(({ service }: { service: string }) => service === 'b2');
    expect(b2.recordings.map(({ not_before }: { not_before: string }) => not_before)[0]).toBe(b2.next_at);
    expect(b2.recordings).toHaveLength(2);
    expect(causesOf(failed)).toEqual([
      ['failed', 'ZOOM_DELETED', null, 1],
      ['failed', 'NOT_MEDIA', null, 1],
      ['failed', 'DOWNLOAD_NOT_MEDIA', null, 5],
    ]);
    expect(failed.map(({ retry_can_help }: { retry_can_help: boolean }) => retry_can_help)).toEqual([
      false,
      true,
      true,
    ]);
    expect(titlesOf(failed[2].recordings)[0]).toBe('World history');
    expect([done_since, done.length]).toEqual([8, 6]);
  });

  it('says of a companion what it is and of which video', async () => {
    const ids = await fillLedger(ledger.address);
    const { body } = await app.get(`/api/recordings/${ids[1]}`);
    expect(body).toMatchObject({
      companion: 'chat',
      of_video: { id: ids[0], title: 'Algebra II: quadratic forms' },
    });
    expect((await app.get(`/api/recordings/${ids[0]}`)).body).toMatchObject({
      companion: null,
      of_video: null,
    });
  });

  it('counts what waits for its time as that, whatever it has met before', async () => {
    const { id } = await ledger.recordings.accept(fileRecording('a'));
    const lease = await ledger.gate.acquire({ recordingId: id, holder: 'test', onLost: () => {} });
    await ledger.moves.fail(id, { code: 'SOURCE_GONE', message: 'gone' }, undefined, lease?.fence ?? 0);
    await ledger.operator.retry(id);
    await ledger.operator.schedule(id, Date.now() + 3_600_000);

    expect(causesOf((await overview()).held)).toEqual([['time', null, null, 1]]);
  });
});

describe('the list of recordings', () => {
  it.each([
    ['waits=turn', 8],
    ['waits=time', 1],
    ['waits=something', 9],
    ['waits=something&code=SERVICE_DOWN&service=b2', 4],
    ['state=failed&code=DOWNLOAD_NOT_MEDIA', 5],
    ['state=set-aside', 2],
  ])('holds with %s what the overview has counted', async (query, count) => {
    await fillLedger(ledger.address);
    expect((await app.get(`/api/recordings?limit=200&${query}`)).body.recordings).toHaveLength(count);
  });

  it('holds what ended within a time', async () => {
    await fillLedger(ledger.address);
    const at = (ms: number) => encodeURIComponent(new Date(ms).toISOString());
    const found = async (from: number, to: number) =>
      (await app.get(`/api/recordings?state=done&ended_from=${at(from)}&ended_before=${at(to)}`)).body
        .recordings;
    expect(await found(Date.now() - 3_600_000, Date.now())).toHaveLength(8);
    expect(await found(0, Date.now() - 3_600_000)).toHaveLength(0);
  });
});

describe('POST /api/recordings/retry', () => {
  it('lets all of a cause go on, tells how many, and is harmless twice', async () => {
    const ids = await fillLedger(ledger.address);
    const again = () => app.post('/api/recordings/retry', { code: 'DOWNLOAD_NOT_MEDIA' });

    expect((await again()).body).toEqual({ retried: 5, retry_can_help: true });
    expect((await again()).body).toEqual({ retried: 0, retry_can_help: true });

    const states = await Promise.all(ids.map(async (id) => (await ledger.recordings.get(id))?.state));
    const before = KEPT.map(({ state }) => state);
    const moved = KEPT.flatMap(({ error }, index) => (error?.code === 'DOWNLOAD_NOT_MEDIA' ? [index] : []));
    expect(states).toEqual(before.map((state, index) => (moved.includes(index) ? 'waiting' : state)));
    const id = ids[moved[0] ?? 0] ?? '';
    expect((await ledger.recordings.events(id)).map(({ type }) => type)).toEqual(['recording.retried']);
    expect(app.hurried).toEqual(moved.map((index) => ids[index]));
  });

  it('takes all that have failed, or that were set aside, and says where it cannot help', async () => {
    await fillLedger(ledger.address);
    expect((await app.post('/api/recordings/retry', { code: 'ZOOM_DELETED' })).body).toEqual({
      retried: 1,
      retry_can_help: false,
    });
    expect((await app.post('/api/recordings/retry', { state: 'set-aside' })).body.retried).toBe(2);
    expect((await app.post('/api/recordings/retry', {})).body.retried).toBe(6);
    expect((await overview()).failed).toEqual([]);
  });

  it.each([
    [{ code: 'NO_SUCH_CODE' }, 'NO_SUCH_CODE'],
    [{ state: 'done' }, 'state'],
  ])('refuses %j', async (body, words) => {
    const reply = await app.post('/api/recordings/retry', body);
    expect([reply.status, reply.body.code]).toEqual([400, 'REQUEST_INVALID']);
    expect(reply.body.detail).toContain(words);
  });
});

describe('GET /api/days', () => {
  /** Lets one be done at a time. */
  async function done(key: string, at: string, bytes: number): Promise<void> {
    const { id } = await ledger.recordings.accept(
      fileRecording(key, { origin: { kind: 'file', path: `/${key}`, bytes, modifiedAtMs: 1, keep: true } }),
    );
    const sqlite = new Sqlite(ledger.address);
    sqlite
      .prepare("update recordings set state = 'done', ended_at_ms = ? where id = ?")
      .run(Date.parse(at), id);
    sqlite.close();
  }

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-03-31T20:00:00Z') });
    await done('a', '2026-03-31T18:29:00Z', 1);
    await done('b', '2026-03-31T18:31:00Z', 20);
    await done('c', '2026-03-02T00:30:00Z', 300);
    await done('d', '2026-03-01T23:59:00Z', 4000);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    ['', '2026-03-02', '2026-03-31', [1, 300], [2, 21]],
    // There it is half past one of the first of April.
    ['&zone=Asia/Colombo', '2026-03-03', '2026-04-01', [0, 0], [1, 20]],
    ['&zone=America/New_York', '2026-03-02', '2026-03-31', [0, 0], [2, 21]],
  ])('tells what was done on each of 30 days%s', async (zone, first, last, atFirst, atLast) => {
    const { status, body } = await app.get(`/api/days?days=30${zone}`);

    expect([status, body.days.length]).toEqual([200, 30]);
    const of = (day: string) => body.days.find((each: { day: string }) => each.day === day);
    expect(body.days[0].day).toBe(first);
    expect(body.days.at(-1).day).toBe(last);
    expect(of(first)).toEqual({ day: first, recordings: atFirst[0], bytes: atFirst[1] });
    expect(of(last)).toEqual({ day: last, recordings: atLast[0], bytes: atLast[1] });
  });

  it.each(['days=0', 'days=1000', 'zone=Nowhere/Land'])('refuses %s', async (query) => {
    expect(await app.get(`/api/days?${query}`)).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID' },
    });
  });
});
