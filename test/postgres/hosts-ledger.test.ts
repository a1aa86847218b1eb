import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { claimFiles } from '../../src/errands/claim-files.ts';
import type { HostIdentity } from '../../src/ledger/hosts.ts';
import { openWholeLedger, type WholeLedger } from '../../src/outside/whole-ledger.ts';
import { fileRecording, zoomRecording } from '../support/ledger.ts';
import { asking, createDatabase } from '../support/postgres-floor.ts';

const LEASE_MS = 1500;
const STATE = { freeBytes: 1, totalBytes: 2, uploads: 0, uploadBytes: 0 };

let address: string;
const open: WholeLedger[] = [];

function identity(id: string, more: Partial<HostIdentity> = {}): HostIdentity {
  return {
    id,
    key: `key of ${id}`,
    machine: 'one start',
    address: `http://${id}:1080`,
    version: '1',
    ...more,
  };
}

/** The ledger as a host has it. */
async function at(host: HostIdentity): Promise<WholeLedger> {
  const ledger = await openWholeLedger({ address, leaseMs: LEASE_MS, host });
  open.push(ledger);
  return ledger;
}

/** Lets a host have been silent for long. */
const silence = (id: string) =>
  asking(address, (client) => client.query('update hosts set seen_at_ms = 0 where id = $1', [id]));

beforeEach(async () => {
  address = await createDatabase();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((ledger) => ledger.close()));
});

describe('where a recording may move', () => {
  let a: WholeLedger;
  let b: WholeLedger;
  beforeEach(async () => {
    a = await at(identity('a'));
    b = await at(identity('b'));
    await a.hosts.beat(STATE);
    await b.hosts.beat(STATE);
  });

  const hostsInLine = async (ledger: WholeLedger) =>
    (await ledger.recordings.unfinished()).map(({ host }) => host);

  async function mayMove(ledger: WholeLedger, id: string) {
    const recording = await ledger.recordings.get(id);
    return recording !== undefined && (await ledger.recordings.isOurs(recording));
  }

  /** Begins an attempt at a host, and leaves it as a worker does that dies. */
  async function begin(ledger: WholeLedger, recordingId: string) {
    const lease = await ledger.gate.acquire({ recordingId, holder: 'test', onLost: () => {} });
    if (lease === undefined) throw new Error('the gate is taken');
    await ledger.moves.startAttempt(recordingId, lease.fence);
    return lease;
  }

  it('a file moves on the host that it lies on, whether that is heard of or not', async () => {
    const { id } = await a.recordings.accept(fileRecording('lesson'));
    expect(await hostsInLine(b)).toEqual(['a']);
    expect([await mayMove(a, id), await mayMove(b, id)]).toEqual([true, false]);

    await silence('a');
    expect(await hostsInLine(b)).toEqual(['a']);
    expect(await mayMove(b, id)).toBe(false);
  });

  it('what anybody can fetch is for any host, then for the one that has begun, as long as that lives', async () => {
    const { id } = await a.recordings.accept(zoomRecording('lesson', 1, '1'));
    expect(await hostsInLine(b)).toEqual([undefined]);
    const lease = await begin(a, id);
    await a.moves.giveBack(id, 'stopped', lease.fence);
    await lease.release();
    expect(await hostsInLine(b)).toEqual(['a']);
    expect([await mayMove(a, id), await mayMove(b, id)]).toEqual([true, false]);

    await silence('a');
    expect(await hostsInLine(b)).toEqual([undefined]);
    expect(await mayMove(b, id)).toBe(true);
  });

  it('a file that is archived may be gone on with elsewhere once its host is silent', async () => {
    const { id } = await a.recordings.accept(fileRecording('lesson'));
    const lease = await begin(a, id);
    const step = { task: 'archive', isFinal: false, isAgain: false, movesBytes: true };
    await a.moves.startStage(id, 'archive', lease.fence, step);
    await a.moves.finishStage(id, 'archive', { fileId: '1' }, lease.fence, undefined, { isSecured: true });
    expect(await mayMove(b, id)).toBe(false);

    await silence('a');
    expect(await mayMove(b, id)).toBe(true);
    // It still says where it came in.
    expect((await b.recordings.get(id))?.origin).toMatchObject({ kind: 'file', host: 'a' });
  });

  it('a new beginning with a file of another host lies there', async () => {
    const { id } = await a.recordings.accept(fileRecording('lesson'));
    const lease = await begin(a, id);
    await a.moves.fail(id, { code: 'NOT_MEDIA', message: 'no' }, undefined, lease.fence);
    await lease.release();

    await b.recordings.accept(fileRecording('lesson'));

    expect((await a.recordings.get(id))?.host).toBe('b');
    expect(await hostsInLine(a)).toEqual(['b']);
  });

  it('one that is before it in line at another host is let pass', async () => {
    const first = await a.recordings.accept(fileRecording('first'));
    const second = await b.recordings.accept(fileRecording('second'));
    const [one, two] = [await a.recordings.get(first.id), await b.recordings.get(second.id)];
    if (one === undefined || two === undefined) throw new Error('not there');

    expect(await b.recordings.isAnothersTurn(two)).toBe(true);
    expect(await a.recordings.isAnothersTurn(one)).toBe(false);
    await silence('a');
    expect(await b.recordings.isAnothersTurn(two)).toBe(false);
  });

  it('what is for all of them is done by the first of those that live', async () => {
    expect([await a.hosts.isFirst(), await b.hosts.isFirst()]).toEqual([true, false]);
    await silence('a');
    expect([await a.hosts.isFirst(), await b.hosts.isFirst()]).toEqual([false, true]);
  });

  it('a host that is heard of is not forgotten, one that is silent is, and what lies there alone waits on', async () => {
    const { id } = await a.recordings.accept(fileRecording('lesson'));
    expect(await b.hosts.forget('a')).toBe('alive');
    expect(await b.hosts.forget('c')).toBe('unknown');
    await silence('a');

    expect(await b.hosts.forget('a')).toBe('forgotten');
    expect((await b.hosts.all()).map((host) => host.id)).toEqual(['b']);
    expect(await mayMove(b, id)).toBe(false);
  });

  it('says of each host what lies on its disk', async () => {
    await a.recordings.accept(fileRecording('one'));
    await a.recordings.accept(fileRecording('two'));
    const { id } = await b.recordings.accept(zoomRecording('three', 1, '1'));
    await begin(b, id);
    const held = (await a.hosts.all()).map(({ id: host, recordings, bound }) => [host, recordings, bound]);
    expect(held).toEqual([
      ['a', 2, 2],
      ['b', 1, 0],
    ]);
  });
});

describe('two machines of one name', () => {
  it('the second one is refused, for it has another folder', async () => {
    await at(identity('a'));
    await expect(at(identity('a', { key: 'another folder' }))).rejects.toMatchObject({ code: 'HOST_TAKEN' });
  });

  it('the same folder on another machine is refused while the first gives signs of life', async () => {
    const first = await at(identity('a'));
    await first.hosts.beat(STATE);
    const beating = setInterval(() => void first.hosts.beat(STATE), 50);
    const copy = at(identity('a', { machine: 'another start' }));
    await expect(copy).rejects.toMatchObject({ code: 'HOST_TAKEN' });
    clearInterval(beating);
  });

  it('the same folder after the machine was started anew goes on', async () => {
    await at(identity('a'));
    await silence('a');
    await at(identity('a', { machine: 'another start' }));
  });
});

describe('work about one thing', () => {
  it('is done by one host after the other', async () => {
    const [a, b] = [await at(identity('a')), await at(identity('b'))];
    let atOnce = 0;
    let most = 0;
    const work = async () => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await new Promise((resolve) => setTimeout(resolve, 20));
      atOnce -= 1;
    };
    await Promise.all([a, b, a, b, b].map(({ locks }) => locks.hold('a meeting', work)));
    expect(most).toBe(1);
  });

  it('is gone on with when the host that was at it has died', async () => {
    const [a, b] = [await at(identity('a')), await at(identity('b'))];
    let end = (): void => {};
    const held = a.locks.hold(
      'a meeting',
      () =>
        new Promise<void>((resolve) => {
          end = resolve;
        }),
    );
    await expect
      .poll(async () => (await asking(address, (client) => client.query('select name from locks'))).rowCount)
      .toBe(1);
    await asking(address, (client) => client.query('update locks set until_ms = 0'));

    await b.locks.hold('a meeting', async () => {});

    end();
    await held;
  });
});

describe('a file that was handed over before there were several hosts', () => {
  it('is moved by nobody until the host that it lies on has claimed it', async () => {
    const before = await openWholeLedger({ address, leaseMs: LEASE_MS });
    open.push(before);
    const { id } = await before.recordings.accept(fileRecording('lesson'));
    const [a, b] = [await at(identity('a')), await at(identity('b'))];
    const isOurs = async (ledger: WholeLedger) => {
      const recording = await ledger.recordings.get(id);
      return recording !== undefined && (await ledger.recordings.isOurs(recording));
    };
    expect([await isOurs(a), await isOurs(b)]).toEqual([false, false]);

    const log = pino({ level: 'silent' });
    await claimFiles({ hosts: a.hosts, pathOf: async () => '/nowhere/at/all', log });
    expect([await isOurs(a), await isOurs(b)]).toEqual([false, false]);
    await claimFiles({ hosts: b.hosts, pathOf: async () => import.meta.filename, log });

    expect([await isOurs(a), await isOurs(b)]).toEqual([false, true]);
    expect(await a.recordings.get(id)).toMatchObject({ host: 'b', isBound: true, origin: { host: 'b' } });
  });
});
