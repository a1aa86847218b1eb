import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileRecording, openTestLedger, type TestLedger } from '../support/ledger.ts';

describe('recordings that are accepted at the same moment', () => {
  let ledger: TestLedger;

  beforeEach(async () => {
    ledger = await openTestLedger();
  });
  afterEach(() => ledger.close());

  it('are all taken in, in their order', async () => {
    const keys = Array.from({ length: 250 }, (_, n) => `key-${n}`);
    const accepted = await Promise.all(keys.map((key) => ledger.recordings.accept(fileRecording(key))));

    const inOrder = (await ledger.recordings.newest(1000)).reverse();
    expect(inOrder.map(({ id }) => id)).toEqual(accepted.map(({ id }) => id));
    expect(await ledger.recordings.events()).toHaveLength(keys.length);
  });

  it('are one recording if they are the same', async () => {
    const twice = [fileRecording('same'), fileRecording('same')];
    const accepted = await Promise.all(twice.map((input) => ledger.recordings.accept(input)));

    expect(accepted.map(({ isDuplicate }) => isDuplicate)).toEqual([false, true]);
  });

  it('do not suffer from one that cannot be taken in', async () => {
    const broken = fileRecording('broken', { title: null as never });
    const crowd = [fileRecording('first'), broken, fileRecording('last')];
    const settled = await Promise.allSettled(crowd.map((input) => ledger.recordings.accept(input)));

    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((await ledger.recordings.newest(10)).map(({ naturalKey }) => naturalKey)).toEqual([
      'last',
      'first',
    ]);
  });
});
