import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createLive as createNews } from '../../src/desk/live.ts';
import { createProgressBoard } from '../../src/desk/progress-board.ts';
import { WORDS } from '../../src/outside/words.ts';
import { startServer } from '../../src/processes/pipeline.ts';
import { createLive } from '../../src/server/api/live.ts';
import { type EventStream, openEventStream } from '../support/event-stream.ts';
import { QUICK_SETTINGS, UNWATCHED } from '../support/faults-house.ts';
import { freePort } from '../support/free-port.ts';
import { type House, openHouse } from '../support/house.ts';
import { fileRecording, openTestLedger } from '../support/ledger.ts';

let house: House;
let streams: EventStream[] = [];

beforeAll(async () => {
  house = await openHouse({ ...QUICK_SETTINGS, ...UNWATCHED });
  await house.startWorker();
});
afterAll(() => house.close());
afterEach(() => {
  for (const stream of streams) stream.close();
  streams = [];
});

async function listen(headers: Record<string, string> = {}, query = ''): Promise<EventStream> {
  const stream = await openEventStream(`${house.config.pipeline.url}/api/events${query}`, headers);
  streams.push(stream);
  await vi.waitFor(() => expect(stream.text()).toMatch(/^id: \d+$/m), 5000);
  return stream;
}

/** The types of what a stream has said of a recording. */
const toldOf = (stream: EventStream, id: string) =>
  stream.of('recording').filter(({ data }) => data.recording_id === id);
const typesOf = (stream: EventStream, id: string) => toldOf(stream, id).map(({ data }) => data.type);

describe('GET /api/events', () => {
  it('C36 tells what happens to a recording in its order, with the recording as it is then', async () => {
    const stream = await listen();
    const { id } = await house.addCustom('Live');
    await house.reaches(id, 'done');
    await vi.waitFor(() => expect(typesOf(stream, id)).toContain('recording.done'), 5000);

    const told = toldOf(stream, id);
    expect(told.map(({ data }) => data.type)).toEqual(
      (await house.recordings.events(id)).map(({ type }) => type),
    );
    const seqs = told.map(({ data }) => data.seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    expect(told.map((message) => message.id)).toEqual(seqs.map(String));
    expect(told.at(-1)?.data.recording).toMatchObject({ id, state: 'done', title: 'Live' });
  });

  it('tells one that comes back what it has missed, each thing once', async () => {
    const first = await listen();
    const before = await house.addCustom('Before');
    await house.reaches(before.id, 'done');
    await vi.waitFor(() => expect(typesOf(first, before.id)).toContain('recording.done'), 5000);
    const lastId = first.of('recording').at(-1)?.id ?? '';
    first.close();
    const missed = await house.addCustom('Missed');
    await house.reaches(missed.id, 'done');

    for (const again of [
      await listen({ 'last-event-id': lastId }),
      await listen({}, `?last_event_id=${lastId}`),
    ]) {
      const after = await house.addCustom(`After ${Math.random()}`);
      await house.reaches(after.id, 'done');
      await vi.waitFor(() => expect(typesOf(again, after.id)).toContain('recording.done'), 5000);

      const ids = again.of('recording').map((message) => Number(message.id));
      expect(ids[0]).toBe(Number(lastId) + 1);
      expect(ids).toEqual(ids.map((_, index) => Number(lastId) + 1 + index));
      expect(typesOf(again, missed.id)).toContain('recording.done');
    }
  });

  it.each(['999999999', 'nonsense'])(
    'has one that comes back with %s read everything anew',
    async (lastId) => {
      const stream = await listen({ 'last-event-id': lastId });
      expect(stream.of('reset')).toHaveLength(1);
    },
  );

  it('tells how far the moving recording is, not more than four times a second', async () => {
    house.zoom.cdn.link.bytesPerSecond = 6_000_000;
    const stream = await listen();
    const startedMs = performance.now();
    const { id } = await house.addZoom('Slow', 12_000_000);
    await house.reaches(id, 'done');
    house.zoom.cdn.link.bytesPerSecond = undefined;

    const told = stream.of('progress').filter(({ data }) => data.recording_id === id);
    const fetched = told.flatMap(({ data }) => (data.legs.fetch ? [data.legs.fetch] : []));
    expect(fetched.length).toBeGreaterThan(3);
    // Besides, three legs tell at once that they have arrived, and all of them that they rest.
    expect(told.length).toBeLessThan(4 * ((performance.now() - startedMs) / 1000) + 8);
    expect(fetched.map((leg) => leg.done_bytes)).toEqual(
      fetched.map((leg) => leg.done_bytes).sort((a, b) => a - b),
    );
    expect(fetched.at(-1)).toMatchObject({ done_bytes: 12_000_000, total_bytes: 12_000_000, left_s: 0 });
    expect(fetched.some((leg) => leg.bytes_per_s > 1_000_000 && leg.left_s > 0)).toBe(true);
    expect(Object.keys(told.at(-1)?.data.legs).sort()).toEqual(['archive', 'fetch', 'publish']);
  });

  it('tells one that comes later how far it is, of a server that was started meanwhile as well', async () => {
    const slow = [house.b2.link, house.bunny.link];
    for (const link of slow) link.bytesPerSecond = 1_500_000;
    const port = await freePort();
    const other = await startServer(
      { ...house.config, pipeline: { ...house.config.pipeline, port } },
      pino({ level: 'silent' }),
    );
    try {
      const first = await listen();
      const { id } = await house.addCustom('Later', { bytes: 30_000_000 });
      const ofIt = (stream: EventStream) =>
        stream.of('progress').flatMap(({ data }) => (data.recording_id === id ? [data.legs] : []));
      await vi.waitFor(
        () =>
          expect(ofIt(first).at(-1)).toMatchObject({
            archive: { done_bytes: expect.any(Number) },
            publish: { done_bytes: expect.any(Number) },
          }),
        20_000,
      );

      const second = await listen();
      expect(Object.keys(ofIt(second)[0] ?? {}).sort()).toEqual(['archive', 'fetch', 'publish']);
      expect(ofIt(second)[0].fetch).toMatchObject({ left_s: 0 });
      // What left within a chunk is told as well, and with it the time that is left.
      await vi.waitFor(() => {
        const sent = ofIt(second).flatMap(({ archive }) => (archive ? [archive] : []));
        expect(new Set(sent.map((leg) => leg.done_bytes)).size).toBeGreaterThan(3);
        const moved = sent.filter((leg) => leg.bytes_per_s > 0);
        expect(moved.filter((leg) => leg.left_s === null)).toEqual([]);
      }, 20_000);
      const url = `http://127.0.0.1:${port}/api/events`;
      const elsewhere = await openEventStream(url);
      streams.push(elsewhere);
      await vi.waitFor(() => expect(ofIt(elsewhere)[0]?.archive?.done_bytes).toBeGreaterThan(0), 10_000);

      for (const link of slow) link.bytesPerSecond = undefined;
      await house.reaches(id, 'done');
      const third = await listen();
      expect(ofIt(third)).toEqual([]);
    } finally {
      for (const link of slow) link.bytesPerSecond = undefined;
      await other.stop();
    }
  });

  it('tells that the line is paused, once', async () => {
    const stream = await listen();
    expect(stream.of('status')[0]?.data).toMatchObject({ paused: false, redis: 'ok', counts: {} });

    await house.post('/api/line/pause', {});
    await vi.waitFor(() => expect(stream.of('status').map(({ data }) => data.paused)).toContain(true), 5000);
    await house.post('/api/line/resume', {});
    await vi.waitFor(() => expect(stream.of('status').at(-1)?.data.paused).toBe(false), 5000);
    expect(stream.of('status').filter(({ data }) => data.paused === true)).toHaveLength(1);
  });

  it('P39 goes on without Redis, says so, and tells progress again when Redis is back', async () => {
    const stream = await listen();
    await house.redis.kill();
    const { id } = await house.addCustom('Without Redis', { bytes: 6_000_000 });
    await vi.waitFor(() => expect(typesOf(stream, id)).toEqual(['recording.accepted']), 5000);
    await vi.waitFor(() => expect(stream.of('status').at(-1)?.data.redis).toBe('away'), 5000);

    await house.redis.start();
    await house.reaches(id, 'done');
    await vi.waitFor(() => expect(typesOf(stream, id)).toContain('recording.done'), 5000);
    await vi.waitFor(async () => {
      const next = await house.addCustom(`With Redis ${Math.random()}`, { bytes: 6_000_000 });
      await house.reaches(next.id, 'done');
      expect(stream.of('progress').map(({ data }) => data.recording_id)).toContain(next.id);
    }, 10_000);
  });

  it('lets no more than 50 listen', async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => listen()));
    const url = `${house.config.pipeline.url}/api/events`;
    const response = await fetch(url);
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      503,
      'TOO_MANY_LISTENERS',
    ]);

    all[0]?.close();
    await vi.waitFor(async () => {
      const stream = await openEventStream(url);
      streams.push(stream);
      expect(stream.status).toBe(200);
    }, 5000);
  });
});

describe('a listener that does not read', () => {
  it('is let go, and the others hear on', async () => {
    const ledger = await openTestLedger();
    const surroundings = {
      isPaused: false,
      siteGone: undefined,
      redis: 'ok' as const,
      services: [],
      troubles: [],
      apps: [],
      hosts: [],
      givenUp: 0,
      line: { leftS: undefined, leftBytes: undefined },
    };
    const disk = { freeBytes: 1, totalBytes: 2, reserveBytes: 0 };
    const log = pino({ level: 'silent' });
    const news = createNews({
      ledger,
      status: { surroundings: async () => ({ ...surroundings, disk }) },
      steps: { of: async () => [] },
      progress: createProgressBoard(),
      words: WORDS,
      log,
    });
    const live = createLive({ news, log, heartbeatMs: 1000 });
    const server = createServer((_request, response) => void live.attach(response, undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const slow = await openEventStream(`http://127.0.0.1:${port}`);
      const quick = await openEventStream(`http://127.0.0.1:${port}`);
      await vi.waitFor(
        () => expect([slow, quick].every((each) => /^id: \d+$/m.test(each.text()))).toBe(true),
        5000,
      );
      slow.stopReading();

      // Far more than the system keeps for a socket.
      const details = { padding: 'x'.repeat(100_000) };
      for (let n = 0; n < 120; n += 1) {
        await ledger.recordings.accept(fileRecording(`k${n}`, { details }));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await vi.waitFor(() => expect(quick.of('recording')).toHaveLength(120), 10_000);
      const beats = () => quick.text().split(': still here').length;
      const beatsNow = beats();
      await vi.waitFor(() => expect(beats()).toBe(beatsNow + 3), { timeout: 10_000, interval: 20 });
      slow.resumeReading();
      await slow.ended;
      expect(slow.of('recording').length).toBeLessThan(120);
      quick.close();
    } finally {
      live.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await ledger.close();
    }
  });
});

describe('a server that stops', () => {
  it('ends all streams at once', async () => {
    const other = await openHouse();
    const stream = await openEventStream(`${other.config.pipeline.url}/api/events`);
    await vi.waitFor(() => expect(stream.of('status')).toHaveLength(1), 5000);

    const startedMs = performance.now();
    await other.close();
    await stream.ended;
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });
});
