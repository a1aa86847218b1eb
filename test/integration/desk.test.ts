import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Desk } from '../../src/desk/desk.ts';
import type { News } from '../../src/desk/live.ts';
import { createTestDesk } from '../support/doors.ts';
import { fileRecording, openTestLedger, type TestLedger } from '../support/ledger.ts';

let ledger: TestLedger;
let desk: Desk;
let hurried: string[];

beforeEach(async () => {
  ledger = await openTestLedger();
  hurried = [];
  const line = { poke() {}, reconcile() {}, hurry: (id: string) => void hurried.push(id) };
  ({ desk } = await createTestDesk({ ledger, line }));
});
afterEach(() => ledger.close());

const accept = async (key: string) => (await ledger.recordings.accept(fileRecording(key))).id;

/** Somebody who listens by no door at all, and takes nothing while it is busy. */
async function listen(afterSeq?: number) {
  const heard: News[] = [];
  const listener = {
    isBusy: false,
    isReady: () => !listener.isBusy,
    tell: (news: News) => void heard.push(news),
  };
  const leave = await desk.live.follow(listener, afterSeq);
  const happened = () =>
    heard.flatMap((news) => (news.kind === 'happened' ? [[news.event.recordingId, news.event.words]] : []));
  return { listener, heard, happened, leave };
}

describe('the desk, without any door before it', () => {
  it('answers a deed with how the recording stands, has its line hear of it, and its history by whom', async () => {
    const id = await accept('a');

    const { recording } = await desk.control.as('Anna').setAside(id);

    expect(recording.state).toBe('set-aside');
    expect(hurried).toEqual([id]);
    const { events } = await desk.query.recordings.get(id);
    expect(events.at(-1)).toMatchObject({ words: 'Set aside', data: { by: 'Anna' } });
  });

  it('refuses what there is not, and what is not possible, by codes that every door can tell', async () => {
    const id = await accept('a');
    const anna = desk.control.as('Anna');

    await expect(anna.retry('rec_none')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(anna.publishAgain(id)).rejects.toMatchObject({ code: 'WRONG_STATE' });
    await expect(anna.schedule(id, '2020-01-01T00:00:00Z')).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
    });
    await expect(desk.query.deliveries.get('msg_none')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(desk.control.replay('msg_none')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('tells a listener how things stand, and then what happens, later if it is busy', async () => {
    await accept('before');
    const { listener, heard, happened, leave } = await listen();
    expect(heard.map(({ kind }) => kind)).toEqual(['standing', 'from']);

    listener.isBusy = true;
    const other = await listen();
    const id = await accept('meanwhile');
    await expect.poll(other.happened, { timeout: 5000 }).toEqual([[id, 'Accepted']]);
    expect(happened()).toEqual([]);

    listener.isBusy = false;
    await expect.poll(happened, { timeout: 5000 }).toEqual([[id, 'Accepted']]);
    leave();
    other.leave();
  });

  it('tells whoever comes later the last of the progress, unless what moved has come to rest', async () => {
    const id = await accept('a');
    const leg = { doneBytes: 1, totalBytes: 2, bytesPerS: 1, leftS: 1, idleS: 0 };
    desk.progress.told({ recordingId: id, legs: { fetch: leg }, encodings: {} });
    const atRest = await listen();
    expect(atRest.heard.filter(({ kind }) => kind === 'progress')).toEqual([]);

    const lease = await ledger.gate.acquire({ recordingId: id, holder: 'test', onLost: () => {} });
    await ledger.moves.startAttempt(id, lease?.fence ?? 0);
    const moving = await listen();
    expect(moving.heard).toContainEqual({
      kind: 'progress',
      message: {
        recordingId: id,
        legs: { fetch: expect.objectContaining({ doneBytes: 1 }) },
        encodings: {},
      },
    });
    await lease?.release();
    atRest.leave();
    moving.leave();
  });
});
