import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createPieces, type PieceNews } from '../../../src/desk/pieces.ts';

let looks: number;
let nowMs: number;
let stop: AbortController;

beforeEach(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  nowMs = 1000;
  looks = 0;
  stop = new AbortController();
});
afterEach(() => {
  stop.abort();
  vi.restoreAllMocks();
});

const recording = { id: 'rec_1', state: 'moving' };
const started = { seq: 1, atMs: 0, type: 'stage.started', data: { stage: 'pieces' } };

/** Hears all that is told of a run whose step has begun, and is at its fourth second from then on. */
function follow(): PieceNews[] {
  const pieces = createPieces({
    ledger: {
      recordings: { get: async () => recording },
      history: {
        async ofRecordingAfter(_id: string, afterSeq: number) {
          looks += 1;
          return afterSeq === 0 ? [started] : [];
        },
      },
    } as never,
    book: { planOf: async () => ({ steps: [{ id: 'pieces', task: 'chunk' }] }) } as never,
    tasks: new Map(),
    progress: { of: () => ({ encodings: { pieces: { doneS: 4, totalS: 10 } } }) } as never,
  });
  const heard: PieceNews[] = [];
  void (async () => {
    for await (const news of pieces.follow('rec_1', stop.signal)) heard.push(news);
  })();
  return heard;
}

/** Until it has looked twice more: what it tells of the moment that is now, it has told. */
async function looksTwice(): Promise<void> {
  const before = looks;
  await expect.poll(() => looks).toBeGreaterThanOrEqual(before + 2);
}

it('P31 how far a run is that is worked on is told once every 500 ms, and not before', async () => {
  const heard = follow();
  const progress = () => heard.filter((news) => news.kind === 'processing' && news.progress !== undefined);
  await looksTwice();
  expect(heard).toMatchObject([{ kind: 'processing', step: 'pieces' }]);

  for (const number of [1, 2, 3]) {
    nowMs += 499;
    await looksTwice();
    expect(progress()).toHaveLength(number - 1);
    nowMs += 1;
    await looksTwice();
    expect(progress()).toHaveLength(number);
  }
  expect(progress()).toMatchObject([
    { step: 'pieces', progress: { doneS: 4, totalS: 10 } },
    { step: 'pieces', progress: { doneS: 4, totalS: 10 } },
    { step: 'pieces', progress: { doneS: 4, totalS: 10 } },
  ]);
});
