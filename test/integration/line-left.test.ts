import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lineLeft } from '../../src/desk/line-left.ts';
import type { Legs } from '../../src/domain/progress.ts';
import type { NewRecording } from '../../src/domain/recording.ts';
import { fileRecording, openTestLedger, stepOf, type TestLedger, zoomRecording } from '../support/ledger.ts';

let ledger: TestLedger;

beforeEach(async () => {
  ledger = await openTestLedger();
});
afterEach(() => ledger.close());

const file = (key: string, bytes: number): NewRecording =>
  fileRecording(key, { origin: { kind: 'file', path: `/${key}`, bytes, modifiedAtMs: 1, keep: true } });

async function accept(recording: NewRecording): Promise<string> {
  return (await ledger.recordings.accept(recording)).id;
}

/** What an earlier day has moved: so many bytes, in two stages that ran at the same time; returns how long they took. */
async function brought(key: string, bytes: number, ms: number): Promise<number> {
  const id = await accept(file(key, bytes));
  const lease = await ledger.gate.acquire({ recordingId: id, holder: 'test', onLost: () => {} });
  const fence = lease?.fence ?? 0;
  await ledger.moves.startAttempt(id, fence);
  for (const stage of ['archive', 'publish'] as const)
    await ledger.moves.startStage(id, stage, fence, stepOf(stage));
  await new Promise((resolve) => setTimeout(resolve, ms));
  await ledger.moves.finishStage(
    id,
    'archive',
    { bucket: 'b', fileId: key, fileName: key, sha1: null },
    fence,
  );
  await ledger.moves.finishStage(id, 'publish', { libraryId: '1', videoId: key }, fence);
  await ledger.moves.finish(id, fence);
  await lease?.release();
  const times = Object.values(await ledger.recordings.stageTimes(id));
  const startedAtMs = Math.min(...times.map((each) => each.startedAtMs ?? 0));
  return Math.max(...times.map((each) => each.doneAtMs ?? 0)) - startedAtMs;
}

const left = (more: Partial<Parameters<typeof lineLeft>[0]> = {}) =>
  lineLeft({ lineAhead: ledger.lineAhead, moving: undefined, legs: undefined, isPaused: false, ...more });

const leg = (doneBytes: number, bytesPerS: number, leftS: number | undefined) => ({
  doneBytes,
  totalBytes: 1000,
  bytesPerS,
  leftS,
  idleS: 0,
});
const moving = { kind: 'video', bytes: 1000 } as const;

describe('what is left of the line', () => {
  it('is nothing where nothing waits', async () => {
    expect(await left()).toEqual({ leftBytes: 0, leftS: 0 });
  });

  it('is not known where nothing has moved yet', async () => {
    await accept(file('a', 1000));
    expect(await left()).toEqual({ leftBytes: 1000, leftS: undefined });
  });

  it('is told by how fast the last ones came home, whose stages ran at the same time', async () => {
    const tookMs = await brought('done', 1_000_000, 200);
    await accept(file('a', 20_000_000));
    await accept(file('b', 30_000_000));

    expect(await left()).toEqual({ leftBytes: 50_000_000, leftS: Math.ceil((50 * tookMs) / 1000) });
  });

  it('has of what moves what its slowest leg still has before it', async () => {
    const legs: Legs = {
      fetch: leg(1000, 0, 0),
      archive: leg(600, 40, 10),
      publish: leg(200, 40, 20),
    };
    expect(await left({ moving, legs })).toEqual({ leftBytes: 800, leftS: 20 });

    await accept(file('a', 4000));
    // Nothing has come home yet: what moves says how fast the others will.
    expect(await left({ moving, legs })).toEqual({ leftBytes: 4800, leftS: 120 });
  });

  it('is not known while what moves stands still, or the line is paused', async () => {
    const standing: Legs = { fetch: leg(300, 0, undefined) };
    expect(await left({ moving, legs: standing })).toEqual({ leftBytes: 700, leftS: undefined });
    const legs: Legs = { fetch: leg(300, 70, 10) };
    expect(await left({ moving, legs, isPaused: true })).toEqual({ leftBytes: 700, leftS: undefined });
  });

  it('is not known while the length of a video is not', async () => {
    const { origin, ...more } = zoomRecording('a', 1, 'v1');
    await accept({ ...more, origin: { ...origin, bytes: null } as NewRecording['origin'] });
    expect(await left()).toEqual({ leftBytes: undefined, leftS: undefined });
  });

  it('has neither what waits for its time nor the unknown length of a chat', async () => {
    await accept({ ...file('later', 5000), notBeforeMs: Date.now() + 3_600_000 });
    const { origin, ...more } = zoomRecording('chat', 1, 'v1');
    await accept({
      ...more,
      kind: 'companion',
      origin: { ...origin, bytes: null } as NewRecording['origin'],
    });
    expect(await left()).toEqual({ leftBytes: 0, leftS: 0 });
  });
});
