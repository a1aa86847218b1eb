import { setTimeout as sleep } from 'node:timers/promises';
import Sqlite from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dumpLedger, fileRecording, openTestLedger, type TestLedger } from '../support/ledger.ts';

describe('a ledger that somebody else is writing to', () => {
  let ledger: TestLedger;
  let other: Sqlite.Database;

  beforeEach(async () => {
    ledger = await openTestLedger();
    other = new Sqlite(ledger.address);
    other.exec('begin immediate');
  });
  afterEach(async () => {
    other.close();
    await ledger.close();
  });

  const accept = (key: string) => ledger.recordings.accept(fileRecording(key));
  const keysOnDisk = async () =>
    (await dumpLedger(ledger.address))['recordings']?.map((row) => Object(row)['natural_key'] as string);

  it('takes a recording in as soon as the other is ready, and halts nothing meanwhile', async () => {
    let isAccepted = false;
    const accepted = accept('one').then(() => {
      isAccepted = true;
    });
    for (let ticks = 0; ticks < 10; ticks += 1) await sleep(1);
    expect(isAccepted).toBe(false);

    other.exec('commit');

    await accepted;
    expect(await keysOnDisk()).toEqual(['one']);
  });

  it('changes a single value as soon as the other is ready', async () => {
    const paused = ledger.switches.set('line.paused', 'yes');
    await sleep(20);

    other.exec('commit');

    await paused;
    expect(await ledger.switches.get('line.paused')).toBe('yes');
  });

  it('refuses after a while, and loses nothing that it takes in later', async () => {
    await expect(accept('one')).rejects.toMatchObject({ code: 'LEDGER_BUSY' });
    await expect(ledger.switches.set('line.paused', 'yes')).rejects.toMatchObject({ code: 'LEDGER_BUSY' });
    other.exec('commit');

    await accept('two');
    await ledger.switches.set('line.paused', 'no');

    expect(await keysOnDisk()).toEqual(['two']);
    expect((await dumpLedger(ledger.address))['switches']).toMatchObject([{ value: 'no' }]);
  });
});
