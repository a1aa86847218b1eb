import { afterEach, describe, expect, it } from 'vitest';
import {
  arrive,
  expectHome,
  happens,
  pauseLine,
  QUICK_SETTINGS,
  resumeLine,
  sendMeeting,
  UNWATCHED,
  writeSource,
} from '../support/faults-house.ts';
import { buildCrashCopy, startCrashWorker } from '../support/faults-worker.ts';
import { type House, openHouse } from '../support/house.ts';

const B2_UPLOAD = 'POST /b2api/v3/b2_upload_file/*';

/** In-place attempts at one upload; see TRANSFER_ATTEMPTS. */
const IN_PLACE = 5;

let house: House;

afterEach(() => house.close());

async function open(settings: Readonly<Record<string, string>> = {}): Promise<void> {
  house = await openHouse({ ...QUICK_SETTINGS, ...UNWATCHED, ...settings });
}

interface Status {
  readonly paused: boolean;
  readonly circuits: readonly { service: string; failures: number; open_until: string | null }[];
}

async function readStatus(): Promise<Status> {
  const response = await fetch(`${house.config.pipeline.url}/api/status`);
  return (await response.json()) as Status;
}

const countOf = (history: readonly string[], event: string) =>
  history.filter((each) => each === event).length;

describe('a service that is down', () => {
  const DOWN = { CIRCUIT_THRESHOLD: '3', CIRCUIT_OPEN_MIN_S: '0.3', CIRCUIT_OPEN_MAX_S: '0.6' };

  it('is left alone after as many failures as are allowed, and recordings wait for it at no cost', async () => {
    await open({ ...DOWN, CIRCUIT_OPEN_MIN_S: '600', CIRCUIT_OPEN_MAX_S: '600', RETRY_ATTEMPTS: '4' });
    house.b2.fail({ on: B2_UPLOAD, status: 503, count: 1_000_000 });
    const source = await writeSource(house, 'source');
    const sent = [];
    for (const title of ['A', 'B', 'C', 'D']) sent.push(await sendMeeting(house, title, source));
    await house.startWorker();
    for (const { id } of sent) await happens(house, id, 'attempt.postponed');

    const waiting = await Promise.all(sent.map(({ id }) => house.recordings.get(id)));
    expect(waiting.map((recording) => recording?.state)).toEqual(sent.map(() => 'waiting'));
    expect(waiting.map((recording) => recording?.lastError?.code)).toEqual(sent.map(() => 'SERVICE_DOWN'));
    expect(waiting.map((recording) => recording?.failedAttempts)).toEqual(sent.map(() => 0));
    expect((await readStatus()).circuits).toMatchObject([
      { service: 'b2', failures: 3, open_until: expect.any(String) },
    ]);
    // Each of the three has also asked B2 whether it fails everybody.
    expect(house.b2.requests.filter(({ status }) => status === 503)).toHaveLength(3 * (IN_PLACE + 1));
  });

  it('may be down for days, over many openings, and nothing is lost', async () => {
    await open({ ...DOWN, CIRCUIT_OPEN_MIN_S: '0.03', CIRCUIT_OPEN_MAX_S: '0.05', RETRY_ATTEMPTS: '4' });
    house.b2.fail({ on: B2_UPLOAD, status: 503, count: 1_000_000 });
    const source = await writeSource(house, 'source');
    const sent = [];
    for (const title of ['A', 'B', 'C']) sent.push(await sendMeeting(house, title, source));
    await house.startWorker();

    await expect
      .poll(async () => (await readStatus()).circuits[0]?.failures ?? 0, { timeout: 30_000 })
      .toBeGreaterThan(15);
    for (const { id } of sent) {
      const recording = await house.recordings.get(id);
      expect(recording?.state).not.toBe('failed');
      expect(recording?.failedAttempts).toBe(0);
    }
    house.b2.faults.clear();
    for (const each of sent) await arrive(house, each);

    for (const each of sent) await expectHome(house, each);
    expect((await readStatus()).circuits).toEqual([]);
  });

  it('is tried by one recording at a time once its pause is over, and by all once that has gone well', async () => {
    await open({ ...DOWN, CIRCUIT_OPEN_MIN_S: '1', CIRCUIT_OPEN_MAX_S: '1' });
    // Three attempts that fail, each with the question whether it is so for everybody, and one more when the pause is over.
    const failing = 3 * (IN_PLACE + 1);
    house.b2.fail({ on: B2_UPLOAD, status: 503, count: failing + IN_PLACE - 1 });
    const source = await writeSource(house, 'source');
    const sent = [];
    for (const title of ['A', 'B', 'C']) sent.push(await sendMeeting(house, title, source));
    await house.startWorker();
    for (const each of sent) await arrive(house, each);

    const refused = house.b2.requests.filter(({ status }) => status === 503).map(({ atMs }) => atMs);
    const probe = refused.slice(failing);
    expect(probe).toHaveLength(IN_PLACE - 1);
    // Nothing was asked of it while the circuit was open.
    expect((probe[0] ?? 0) - (refused[failing - 1] ?? 0)).toBeGreaterThan(700);
    for (const each of sent) await expectHome(house, each);
  });

  it('holds up no recording that is past it', async () => {
    await open({ ...DOWN, CIRCUIT_OPEN_MIN_S: '600', CIRCUIT_OPEN_MAX_S: '600' });
    const source = await writeSource(house, 'source');
    house.bunny.fail({ on: 'POST /library/*/videos', status: 503, count: 1_000_000 });
    await house.startWorker();
    const sent = [];
    for (const title of ['A', 'B', 'C']) sent.push(await sendMeeting(house, title, source));
    for (const { id } of sent) await happens(house, id, 'stage.done archive');

    expect(await house.b2.files()).toHaveLength(3);
  });
});

describe('a disk that is full', () => {
  it('has downloads wait at no cost, while what needs no room goes on', async () => {
    await open({ DISK_RESERVE_BYTES: String(Number.MAX_SAFE_INTEGER) });
    await house.startWorker();
    const source = await writeSource(house, 'source');
    const waiting = await sendMeeting(house, 'Needs room', source);
    const local = await house.addCustom('Needs none');
    await house.reaches(local.id, 'done');
    await happens(house, waiting.id, 'attempt.postponed');

    expect(await house.recordings.get(waiting.id)).toMatchObject({
      state: 'waiting',
      failedAttempts: 0,
      lastError: { code: 'DISK_FULL' },
    });
    expect(house.zoom.cdn.requests).toEqual([]);
  });
});

describe('a line that is paused', () => {
  it('moves nothing until it is resumed, and lets the running recording come home', async () => {
    await open();
    await house.startWorker();
    const source = await writeSource(house, 'source', 4_000_000);
    house.zoom.cdn.link.bytesPerSecond = 4_000_000;
    const running = await sendMeeting(house, 'Running', source);
    await happens(house, running.id, 'stage.started fetch');
    await pauseLine(house);
    const waiting = await sendMeeting(house, 'Waiting', source);
    await arrive(house, running);

    expect(await readStatus()).toMatchObject({ paused: true });
    expect(await house.history(waiting.id)).toEqual(['recording.accepted']);

    await resumeLine(house);
    await arrive(house, waiting);
    for (const each of [running, waiting]) await expectHome(house, each);
  });
});

describe('a recording that kills its worker each time', () => {
  it('is set aside after as many starts as are allowed, is announced as failed, and the line moves on', async () => {
    await buildCrashCopy();
    await open();
    // Only what is downloaded passes this point, so the file of this server is not poisonous.
    const settings = { CRASH_LIMIT: '3', ...UNWATCHED };
    const poison = await sendMeeting(house, 'Poison', await writeSource(house, 'source', 9_000_000));
    const next = await house.addCustom('Next', { keep_file: true });

    for (let death = 1; death <= 3; death += 1) {
      const worker = startCrashWorker(house, { crashAt: 'fetch:mid-download', settings });
      expect(await worker.ended, worker.output()).toBe('SIGKILL');
      expect(await house.recordings.get(poison.id)).toMatchObject({ state: 'moving', openStarts: death });
    }
    const worker = startCrashWorker(house, { crashAt: 'fetch:mid-download', settings });
    await house.reaches(poison.id, 'failed');
    await house.reaches(next.id, 'done');
    await expect.poll(() => house.heard('recording.failed').length, { timeout: 20_000 }).toBe(1);
    await worker.kill();

    expect(await house.recordings.get(poison.id)).toMatchObject({ lastError: { code: 'WORKER_CRASHED' } });
    expect(countOf(await house.history(poison.id), 'attempt.started')).toBe(3);
    expect(house.heard('recording.failed')[0]?.body).toMatchObject({
      data: { id: poison.id, error: { code: 'WORKER_CRASHED' } },
    });
  });
});
