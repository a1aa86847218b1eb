import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import { openTestLedger, type TestLedger, zoomRecording } from '../support/ledger.ts';

const HOUR_MS = 3_600_000;

let ledger: TestLedger;

beforeEach(async () => {
  ledger = await openTestLedger();
});

afterEach(() => ledger.close());

async function accept(key: string): Promise<string> {
  return (await ledger.recordings.accept(zoomRecording(key, 1, key))).id;
}

async function end(id: string, how: 'done' | 'failed'): Promise<void> {
  const lease = await ledger.gate.acquire({ recordingId: id, holder: 'test', onLost: () => {} });
  const fence = lease?.fence ?? 0;
  await ledger.moves.startAttempt(id, fence);
  const error = { code: 'DOWNLOAD_REFUSED', message: 'no' } as const;
  if (how === 'done') await ledger.moves.finish(id, fence);
  else await ledger.moves.fail(id, error, { recordingId: id, type: 'recording.failed', body: '{}' }, fence);
  await lease?.release();
}

async function tokenOf(id: string): Promise<unknown> {
  return (await ledger.recordings.get(id))?.origin;
}

const withToken = (key: string) => expect.objectContaining({ downloadToken: `token-${key}` });
const without = expect.objectContaining({
  downloadToken: null,
  downloadUrl: expect.stringContaining('/rec/'),
});

describe("a recording's download token", () => {
  it('is forgotten once the recording is done, and gone from the file as well', async () => {
    const id = await accept('one');
    expect(await tokenOf(id)).toEqual(withToken('one'));

    await end(id, 'done');

    expect(await tokenOf(id)).toEqual(without);
  });

  it('that is forgotten is gone from the file as well', async () => {
    const id = await accept('one');
    await end(id, 'done');
    // Another of the processes goes.
    await (await openWholeLedger({ address: ledger.address, leaseMs: 5000 })).close();

    const files = [await readFile(ledger.address), await readFile(`${ledger.address}-wal`)];
    const file = Buffer.concat(files);

    expect(file.includes('/rec/one')).toBe(true);
    expect(file.includes('token-one')).toBe(false);
  });

  it('that is forgotten is gone from the log as well, once it is swept, while all processes run', async () => {
    const id = await accept('one');
    await end(id, 'done');
    expect((await readFile(`${ledger.address}-wal`)).includes('token-one')).toBe(true);

    await ledger.claims.forgetOldTokens(Date.now());

    expect((await readFile(ledger.address)).includes('token-one')).toBe(false);
    expect((await readFile(`${ledger.address}-wal`)).includes('token-one')).toBe(false);
  });

  it('of one that has failed is kept for a day, in which it may be retried with it', async () => {
    const id = await accept('one');
    await end(id, 'failed');

    await ledger.claims.forgetOldTokens(Date.now() + 23 * HOUR_MS);
    expect(await tokenOf(id)).toEqual(withToken('one'));

    await ledger.claims.forgetOldTokens(Date.now() + 25 * HOUR_MS);
    expect(await tokenOf(id)).toEqual(without);
  });

  it('of one that has not ended is kept, however old', async () => {
    const id = await accept('one');

    await ledger.claims.forgetOldTokens(Date.now() + 1000 * HOUR_MS);

    expect(await tokenOf(id)).toEqual(withToken('one'));
  });
});
