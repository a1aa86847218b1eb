import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'libsql';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KnownError, machineTrouble } from '../../src/domain/errors.ts';
import { createRecordingRunner } from '../../src/engine/recording-runner.ts';
import { createWishes } from '../../src/engine/wishes.ts';
import { createDeliveryRunner } from '../../src/errands/delivery-runner.ts';
import { createDiskWatch } from '../../src/errands/disk-watch.ts';
import { createLedgerAlarm } from '../../src/errands/ledger-alarm.ts';
import { startSweeping } from '../../src/errands/sweeper.ts';
import { createDisk, probeDisk } from '../../src/lib/disk.ts';
import { writeWhole } from '../../src/lib/files.ts';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import { createSpool } from '../../src/tasks/support/spool.ts';
import { type House, openHouse } from '../support/house.ts';
import { fileRecording, openTestLedger, type TestLedger } from '../support/ledger.ts';
import { canMakeDisks, mountSmallDisk, type SmallDisk } from '../support/small-disk.ts';
import { DAY_MS, openSweepWorld } from '../support/sweep-world.ts';

const MIB = 1024 * 1024;
const log = pino({ level: 'silent' });

/** The error of a system or of SQLite with this code. */
function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: so it is`), { code });
}

describe('an error of the machine', () => {
  it.each([
    ['ENOSPC', 'DISK_FULL'],
    ['EDQUOT', 'DISK_FULL'],
    ['SQLITE_FULL', 'DISK_FULL'],
    ['EROFS', 'DISK_UNUSABLE'],
    ['EIO', 'DISK_UNUSABLE'],
    ['EMFILE', 'DISK_UNUSABLE'],
    ['ENFILE', 'DISK_UNUSABLE'],
    ['SQLITE_IOERR_WRITE', 'DISK_UNUSABLE'],
    ['SQLITE_IOERR_SHMSIZE', 'DISK_UNUSABLE'],
    ['SQLITE_CANTOPEN', 'DISK_UNUSABLE'],
    ['SQLITE_READONLY', 'DISK_UNUSABLE'],
    ['SQLITE_BUSY', 'LEDGER_BUSY'],
    ['SQLITE_BUSY_SNAPSHOT', 'LEDGER_BUSY'],
    ['SQLITE_LOCKED', 'LEDGER_BUSY'],
  ])('%s is told as %s and costs nobody an attempt', (code, ours) => {
    expect(machineTrouble(systemError(code))).toMatchObject({
      code: ours,
      retry: { waitMs: expect.any(Number) },
      details: { system: code },
    });
  });

  it.each(['ENOENT', 'EACCES', 'ECONNRESET', 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_ERROR'])(
    'is not %s',
    (code) => {
      expect(machineTrouble(systemError(code))).toBeUndefined();
    },
  );
});

describe('what the ledger cannot take at this moment', () => {
  let ledger: TestLedger;
  beforeEach(async () => {
    ledger = await openTestLedger();
  });
  afterEach(() => ledger.close());

  /** Fails so often with what SQLite says of a full disk, and then does what it should. */
  function failing<A extends unknown[], R>(times: number, really: (...args: A) => Promise<R>) {
    let left = times;
    return async (...args: A): Promise<R> => {
      left -= 1;
      if (left >= 0) throw machineTrouble(systemError('SQLITE_FULL'));
      return await really(...args);
    };
  }

  it('is recorded later of an announcement that the website has heard, which is not sent again', async () => {
    const { id: recordingId } = await ledger.recordings.accept(fileRecording('a'));
    const { id } = await ledger.deliveries.add({ recordingId, type: 'recording.published', body: '{}' });
    let sent = 0;
    const run = createDeliveryRunner({
      ledger: {
        ...ledger,
        deliveries: { ...ledger.deliveries, delivered: failing(2, ledger.deliveries.delivered) },
      },
      site: {
        async announce() {
          sent += 1;
        },
      },
      webhookUrl: 'http://127.0.0.1/',
      scheduleMs: [1000],
      log,
    });

    expect(await run(id, new AbortController().signal)).toBe('finished');

    expect(sent).toBe(1);
    expect(await ledger.deliveries.get(id)).toMatchObject({ state: 'delivered', attempts: 1 });
  });

  it('is recorded later of an attempt, whose start does not count as one that killed its worker', async () => {
    const { id } = await ledger.recordings.accept(fileRecording('a'));
    const { moves } = ledger;
    const endings = { finish: failing(1, moves.finish), postpone: failing(1, moves.postpone) };
    let attempts = 0;
    const run = createRecordingRunner({
      ledger: { ...ledger, moves: { ...moves, ...endings } },
      flight: {
        async run() {
          attempts += 1;
          if (attempts === 1) throw systemError('EDQUOT');
          return undefined;
        },
        async withdraw() {},
        async settle() {},
        heldBy: async () => undefined,
      },
      wishes: createWishes(),
      backoff: { attempts: 2, minMs: 1, maxMs: 1 },
      maxCrashes: 1,
      holder: 'test',
      onHandedOver: () => {},
      onAnnounced: () => {},
      log,
    });
    const { signal } = new AbortController();

    expect(await run(id, signal)).toEqual({ againAtMs: expect.any(Number) });
    expect(await ledger.recordings.get(id)).toMatchObject({
      state: 'waiting',
      failedAttempts: 0,
      openStarts: 0,
      lastError: { code: 'DISK_FULL' },
    });
    await ledger.operator.retry(id);

    expect(await run(id, signal)).toBe('finished');
    expect(attempts).toBe(2);
    expect(await ledger.recordings.get(id)).toMatchObject({ state: 'done', openStarts: 0 });
  });

  it('is told to people without it, once when it lasts and once when it is over', async () => {
    const subjects: string[] = [];
    const channel = {
      name: 'mail' as const,
      async send({ subject }: { subject: string }) {
        subjects.push(subject);
      },
    };
    const { signal } = new AbortController();
    const alarm = createLedgerAlarm({ channels: [channel], signal, log, patienceMs: 0 });

    await alarm.failed(new Error('something else'));
    await alarm.failed(machineTrouble(systemError('SQLITE_FULL')));
    await alarm.failed(machineTrouble(systemError('SQLITE_FULL')));
    await alarm.worked();
    await alarm.worked();

    expect(subjects).toEqual([
      'Sluice: the ledger cannot be written',
      'Sluice: Resolved: the ledger cannot be written',
    ]);
  });
});

describe('a ledger that another process keeps while the worker sweeps', () => {
  it('leaves that sweep for later, and ends no process', async () => {
    const world = await openSweepWorld();
    const origin = {
      kind: 'zoom',
      downloadUrl: 'https://zoom.us/rec/1',
      downloadToken: 'x',
      bytes: null,
      eventAtMs: 1,
    } as const;
    await world.recording('a', 'failed', { origin });
    world.pass(3 * DAY_MS);
    const other = new Sqlite(world.config.ledgerAddress);
    other.exec('begin immediate');

    const { items, problems } = await world.sweep();
    const broken = { sweep: () => Promise.reject(machineTrouble(systemError('SQLITE_IOERR'))) };
    const sweeping = startSweeping({ sweeper: broken, everyMs: 3_600_000, log: world.log });
    await sweeping.stop();
    other.close();
    await world.close();

    expect(items).toEqual([]);
    expect(problems).toEqual([{ kind: 'token', message: expect.stringContaining('locked') }]);
    expect(world.logLines.filter(({ event }) => event === 'sweep.failed')).toHaveLength(2);
  });
});

describe.skipIf(!canMakeDisks)('a disk that is really full', () => {
  const closing: (() => Promise<unknown>)[] = [];
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-disk-'));
    closing.push(() => rm(folder, { recursive: true, force: true }));
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function mounted(options: { bytes: number; inodes?: number }): Promise<SmallDisk> {
    const disk = await mountSmallDisk(folder, options);
    closing.push(() => disk.unmount());
    return disk;
  }

  it('of inodes has no room, however many bytes are free, and makes no folder for a download', async () => {
    await mounted({ bytes: 4 * MIB, inodes: 5 });
    for (let count = 1; count < 5; count += 1)
      await writeFile(join(folder, `file-${count}`), '').catch(() => {});

    const disk = createDisk(folder, 0);
    expect(await disk.usableBytes()).toBeLessThan(0);
    await expect(disk.requireBytes(1)).rejects.toMatchObject({
      code: 'DISK_FULL',
      retry: { waitMs: 30_000 },
    });
    await expect(createSpool(join(folder, 'spool')).pathFor('rec_1')).rejects.toMatchObject({
      code: 'DISK_FULL',
    });
    expect(await createDiskWatch(folder).trouble()).toMatchObject({ code: 'DISK_FULL' });
  });

  it('keeps nothing of a small file that does not fit, and is found by writing to it', async () => {
    const disk = await mounted({ bytes: 64 * 1024 });
    await disk.fill();

    await expect(writeWhole(join(folder, 'note.json'), 'x'.repeat(9000))).rejects.toThrow('ENOSPC');
    await expect(probeDisk(folder)).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(await readdir(folder)).toEqual(['filler']);

    await disk.free();
    await probeDisk(folder);
    expect(await createDiskWatch(folder).trouble()).toBeUndefined();
  });

  it('that nobody may write to is told as that', async () => {
    const disk = await mounted({ bytes: MIB });
    await disk.setReadOnly(true);

    await expect(probeDisk(folder)).rejects.toMatchObject({ code: 'DISK_UNUSABLE' });
    expect(await createDiskWatch(folder).trouble()).toMatchObject({ code: 'DISK_UNUSABLE' });
  });

  it('under the ledger is told in our words, and forgotten once there is room', async () => {
    const disk = await mounted({ bytes: 2 * MIB });
    const ledger = await openWholeLedger({ address: join(folder, 'ledger.db'), leaseMs: 1000 });
    closing.push(() => ledger.close());
    await disk.fill();

    let error: unknown;
    for (let count = 0; error === undefined; count += 1) {
      await ledger.recordings.accept(fileRecording(`${count}`)).catch((thrown) => {
        error = thrown;
      });
    }
    expect(error).toBeInstanceOf(KnownError);
    expect(error).toMatchObject({ code: 'DISK_FULL' });
    await expect(ledger.switches.set('line.paused', 'x'.repeat(9000))).rejects.toMatchObject({
      code: 'DISK_FULL',
    });
    await disk.free();

    await ledger.switches.set('line.paused', 'yes');
    expect(await ledger.recordings.accept(fileRecording('later'))).toMatchObject({ isDuplicate: false });
  });

  it('under everything holds up what comes and what moves, costs no attempt, and heals by itself', async () => {
    const disk = await mounted({ bytes: 8 * MIB });
    const house: House = await openHouse({ DATA_DIR: join(folder, 'data') });
    closing.push(() => house.close());
    await mkdir(join(folder, 'data'), { recursive: true });
    house.zoom.cdn.link.bytesPerSecond = 2 * MIB;
    const { id } = await house.addZoom('algebra', 4 * MIB);
    await house.startWorker();
    await expect
      .poll(async () => (await house.staged()).some((name) => name.endsWith('recording')), {
        timeout: 20_000,
      })
      .toBe(true);

    await disk.fill();
    const refused = await refusedByAFullLedger(house);
    // The download has met it as well once its request is over.
    await expect.poll(() => house.zoom.cdn.requests.length, { timeout: 30_000 }).toBeGreaterThan(0);
    house.zoom.cdn.link.bytesPerSecond = undefined;
    await disk.free();

    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('30');
    expect(await refused.json()).toMatchObject({ code: 'DISK_FULL', status: 503 });
    await expect
      .poll(async () => (await house.recordings.get(id))?.lastError?.code, { timeout: 30_000 })
      .toBe('DISK_FULL');
    expect(await house.recordings.get(id)).toMatchObject({ failedAttempts: 0 });
    expect((await house.post(`/api/recordings/${id}/retry`, {})).status).toBe(200);
    await house.reaches(id, 'done');
    expect(await house.b2.files()).toHaveLength(1);
    expect(house.bunny.videos()).toHaveLength(1);
    expect(await house.history(id)).not.toContain('attempt.failed');
  });

  /** Hands in what there is until the ledger has no room for more, as it soon has not. */
  async function refusedByAFullLedger(house: House): Promise<Response> {
    const path = join(house.files, 'one.mp4');
    await house.addCustom('one').catch(() => {});
    for (let count = 0; ; count += 1) {
      const answer = await house.post('/custom-upload', { path, title: 'One', ace_id: `lesson-${count}` });
      if (answer.status !== 202) return answer;
    }
  }
});
