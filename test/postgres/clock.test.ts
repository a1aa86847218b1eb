import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { checkLedger } from '../../src/cli/doctor/ledger.ts';
import type { Config } from '../../src/config/config.ts';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { fileRecording } from '../support/ledger.ts';
import { order } from '../support/ledger-orders.ts';
import { createDatabase } from '../support/postgres-floor.ts';

const SCRIPT = join(import.meta.dirname, '../support/ledger-process.ts');
const HOUR_S = 3600;
const MINUTE_MS = 60_000;

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A process whose machine's clock is wrong by so much. */
async function startAt(offsetS: number, address: string, leaseMs: number) {
  const clock = await createFakeClock();
  ends.push(() => clock.remove());
  await clock.setOffset(offsetS);
  const child = fork(SCRIPT, {
    execArgv: ['--import', 'tsx'],
    env: { ...process.env, ...clock.environment },
  });
  const exited = once(child, 'exit');
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  ends.push(kill);
  await once(child, 'message');
  await order(child, { do: 'open', address, leaseMs });
  return { child, kill };
}

it.each([
  ['ahead', HOUR_S],
  ['behind', -HOUR_S],
])('a process whose clock is an hour %s writes the time of the database', async (_what, offsetS) => {
  const address = await createDatabase();
  const { child } = await startAt(offsetS, address, 5000);

  await order(child, { do: 'accept', keys: ['a'] });

  const ledger = await openWholeLedger({ address, leaseMs: 5000 });
  ends.push(() => ledger.close());
  const [row] = await ledger.base.db.selectFrom('recordings').select('accepted_at_ms').execute();
  expect(Math.abs(Number(row?.accepted_at_ms) - Date.now())).toBeLessThan(MINUTE_MS);
});

it('a lease lasts as long as its holder lives, whatever the clock of its machine says, and no longer', async () => {
  const address = await createDatabase();
  const ledger = await openWholeLedger({ address, leaseMs: 400 });
  ends.push(() => ledger.close());
  const { id } = await ledger.recordings.accept(fileRecording('a'));
  const { child, kill } = await startAt(-HOUR_S, address, 400);
  const acquire = () => ledger.gate.acquire({ recordingId: id, holder: 'here', onLost: () => {} });
  expect(await order(child, { do: 'acquire', recordingId: id, attempts: 1 })).toBe(1);

  for (let times = 0; times < 20; times += 1) expect(await acquire()).toBeUndefined();
  await kill();

  await expect.poll(acquire).toMatchObject({ fence: 2 });
});

it('doctor says how far the clock of this machine is from the one of the database', async () => {
  const address = await createDatabase();
  const realNow = Date.now;
  Date.now = () => realNow() - HOUR_S * 1000;
  try {
    const finding = await checkLedger({ ledgerAddress: address, dataDir: '/nowhere' } as Config);

    expect(finding).toMatchObject({
      state: 'warn',
      text: expect.stringMatching(/^this machine's clock is 1 h behind/),
    });
  } finally {
    Date.now = realNow;
  }
});
