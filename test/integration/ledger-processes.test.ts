import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Accepted } from '../../src/ledger/recordings.ts';
import { dumpLedger } from '../support/ledger.ts';
import { order } from '../support/ledger-orders.ts';
import { createDatabase, isRunOnPostgres } from '../support/postgres-floor.ts';

const SCRIPT = join(import.meta.dirname, '../support/ledger-process.ts');

let folder: string;
let address: string;
let children: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-ledger-'));
  address = isRunOnPostgres() ? await createDatabase({ isEmpty: true }) : join(folder, 'ledger.db');
  children = [];
});

afterEach(async () => {
  await Promise.all(children.map(kill));
  await rm(folder, { recursive: true });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Starts processes that wait for orders. */
async function startChildren(count: number): Promise<ChildProcess[]> {
  const started = Array.from({ length: count }, () => fork(SCRIPT, { execArgv: ['--import', 'tsx'] }));
  children.push(...started);
  await Promise.all(started.map((child) => once(child, 'message')));
  return started;
}

const open = (child: ChildProcess, leaseMs = 60_000) => order(child, { do: 'open', address, leaseMs });

describe('several processes', () => {
  it('open a fresh ledger at the same moment, and all succeed', async () => {
    const three = await startChildren(3);

    await expect(Promise.all(three.map((child) => open(child)))).resolves.toEqual(['open', 'open', 'open']);

    expect((await dumpLedger(address))['gate']).toHaveLength(1);
  });

  it('accept the same recordings at the same moment, each of them once', async () => {
    const four = await startChildren(4);
    await Promise.all(four.map((child) => open(child)));
    const keys = Array.from({ length: 25 }, (_, n) => `key-${n}`);

    const answers = await Promise.all(four.map((child) => order<Accepted[]>(child, { do: 'accept', keys })));

    const firsts = answers.flat().filter(({ isDuplicate }) => !isDuplicate);
    expect(new Set(firsts.map(({ id }) => id)).size).toBe(25);
    expect(firsts).toHaveLength(25);
    const { recordings, events } = await dumpLedger(address);
    expect(recordings).toHaveLength(25);
    expect(events).toHaveLength(100);
  });

  it('accept different recordings at the same moment, and lose none', async () => {
    const four = await startChildren(4);
    await Promise.all(four.map((child) => open(child)));

    await Promise.all(
      four.map((child, process) =>
        order(child, { do: 'accept', keys: Array.from({ length: 25 }, (_, n) => `${process}-${n}`) }),
      ),
    );

    const seqs = ((await dumpLedger(address))['recordings'] as { seq: number }[]).map(({ seq }) =>
      Number(seq),
    );
    expect(seqs.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
  });

  it('pass the gate one at a time', async () => {
    const four = await startChildren(4);
    await Promise.all(four.map((child) => open(child)));

    const fences = await Promise.all(
      four.map((child) => order<number | null>(child, { do: 'acquire', recordingId: 'rec_1', attempts: 50 })),
    );

    expect(fences.filter((fence) => fence !== null)).toEqual([1]);
  });

  it('inherit the gate from one that was killed, once its lease has run out', async () => {
    const [first, second] = await startChildren(2);
    if (first === undefined || second === undefined) throw new Error('no children');
    await Promise.all([open(first, 1000), open(second, 1000)]);
    await order(first, { do: 'acquire', recordingId: 'rec_1', attempts: 1 });
    const take = () => order<number | null>(second, { do: 'acquire', recordingId: 'rec_1', attempts: 1 });
    expect(await take()).toBeNull();

    await kill(first);

    await expect.poll(take, { timeout: 20_000 }).toBe(2);
  });

  it('keep what was accepted when they are killed at once', async () => {
    const [child] = await startChildren(1);
    if (child === undefined) throw new Error('no child');
    await open(child);
    await order(child, { do: 'accept', keys: ['a', 'b'] });

    await kill(child);

    expect((await dumpLedger(address))['recordings']).toHaveLength(2);
  });
});
