import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ProgressMessage } from '../../../src/domain/progress.ts';
import { createProgressTeller } from '../../../src/queue/progress.ts';

const MIB = 1024 * 1024;

let told: { atMs: number; message: ProgressMessage }[];
let teller: ReturnType<typeof createProgressTeller>;
let atMs: number;

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  atMs = 0;
  teller = createProgressTeller({
    connection: {
      status: 'ready',
      publish: (async (_channel: string, text: string) => {
        told.push({ atMs, message: JSON.parse(text) });
        return 1;
      }) as never,
    },
    now: () => atMs,
  });
});
afterEach(() => {
  teller.rests('rec_1');
  vi.useRealTimers();
});

async function passes(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 50) {
    atMs += Math.min(50, left);
    await vi.advanceTimersByTimeAsync(Math.min(50, left));
  }
}

const tell = (
  doneBytes: number,
  { how = 'moved' as 'moved' | 'found', stage = 'archive' as const, totalBytes = 100 * MIB } = {},
) => teller.told({ recordingId: 'rec_1', stage, doneBytes, totalBytes, how });

/** Moves bytes at this rate in steps of this size, after what fills the machine's own buffers at once. */
async function moves(options: { bytesPerS: number; stepBytes: number; forS: number; fillBytes?: number }) {
  const { bytesPerS, stepBytes, forS, fillBytes = 0 } = options;
  tell(0, { how: 'found' });
  let doneBytes = fillBytes;
  if (fillBytes > 0) {
    await passes(250);
    tell(doneBytes);
  }
  while (atMs < forS * 1000) {
    await passes((stepBytes / bytesPerS) * 1000);
    doneBytes += stepBytes;
    tell(doneBytes);
  }
  return doneBytes;
}

const legs = () => told.map(({ message }) => message.legs['archive']).filter((leg) => leg !== undefined);

describe('what is told of progress', () => {
  it.each([
    ['of a mebibyte', 200_000, MIB, 0],
    ['of 64 KiB', 200_000, 64 * 1024, 0],
    ['that come together, behind full buffers', 200_000, MIB, 3 * MIB],
    ['on a line that is slower still', 30_000, 128 * 1024, MIB],
    ['on a quick line', 50_000_000, MIB, 0],
  ])('has the speed of the line, in steps %s', async (_name, bytesPerS, stepBytes, fillBytes) => {
    vi.useFakeTimers();
    await moves({ bytesPerS, stepBytes, fillBytes, forS: bytesPerS > MIB ? 2 : 60 });

    const late = legs().slice(-8, -1);
    for (const { bytesPerS: speed } of late) {
      expect(Math.abs(speed - bytesPerS)).toBeLessThan(bytesPerS * 0.15);
    }
    const begun = legs().filter(({ doneBytes, totalBytes }) => doneBytes > 0 && doneBytes < totalBytes);
    expect(begun.filter(({ leftS }) => leftS === undefined)).toEqual([]);
  });

  it('comes at least every two seconds while bytes move, however rare their steps', async () => {
    await moves({ bytesPerS: 200_000, stepBytes: MIB, forS: 30 });

    const pauses = told.map((each, at) => each.atMs - (told[at - 1]?.atMs ?? 0));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(2000);
  });

  it('counts of one that goes on only what moves now', async () => {
    tell(0, { how: 'found' });
    tell(80 * MIB, { how: 'found' });
    for (let n = 1; n <= 20; n += 1) {
      await passes(500);
      tell(80 * MIB + n * 100_000);
    }

    expect(legs().at(-1)).toMatchObject({ doneBytes: 80 * MIB + 2_000_000 });
    expect(legs().at(-1)?.bytesPerS).toBeLessThan(240_000);
  });

  it('does not lose its speed when a part is sent again', async () => {
    const doneBytes = await moves({ bytesPerS: 1_000_000, stepBytes: 500_000, forS: 10 });
    tell(doneBytes - 5_000_000);
    await passes(500);
    tell(doneBytes - 4_500_000);

    expect(legs().at(-1)?.bytesPerS).toBeGreaterThan(800_000);
    expect(legs().at(-1)?.bytesPerS).toBeLessThan(1_200_000);
  });

  it('says of what stands still for how long, and no speed; of what goes on again its speed of now', async () => {
    const doneBytes = await moves({ bytesPerS: 1_000_000, stepBytes: 500_000, forS: 10 });
    await passes(25_000);
    expect(legs().at(-1)).toMatchObject({ bytesPerS: 0, idleS: 24 + 1 });
    expect(legs().at(-1)?.leftS).toBeUndefined();

    for (let n = 1; n <= 10; n += 1) {
      tell(doneBytes + n * 100_000);
      await passes(500);
    }
    expect(legs().at(-1)).toMatchObject({ idleS: 0 });
    expect(legs().at(-1)?.bytesPerS).toBeGreaterThan(150_000);
    expect(legs().at(-1)?.bytesPerS).toBeLessThan(250_000);
  });

  it('has no time left of what nobody knows the length of', async () => {
    tell(0, { totalBytes: 0 });
    await passes(500);
    tell(1000, { totalBytes: 0 });

    expect(legs().at(-1)).toMatchObject({ doneBytes: 1000, totalBytes: 0, bytesPerS: 2000 });
    expect(legs().at(-1)?.leftS).toBeUndefined();
  });

  it('ends when the bytes rest', async () => {
    await moves({ bytesPerS: 1_000_000, stepBytes: 500_000, forS: 5 });
    teller.rests('rec_1');
    const before = told.length;
    await passes(10_000);

    expect(told).toHaveLength(before);
  });

  it('tells in seconds what a step encodes, and in bytes what it sends of that then', async () => {
    const encode = (doneS: number) =>
      teller.told({ recordingId: 'rec_1', stage: 'package', doneS, totalS: 100 });
    for (let doneS = 0; doneS <= 50; doneS += 2) {
      encode(doneS);
      await passes(500);
    }
    const encoding = told.at(-1)?.message.encodings['package'];
    expect(encoding).toMatchObject({ doneS: 50, totalS: 100 });
    expect(encoding?.speed).toBeCloseTo(4, 0);
    expect(encoding?.leftS).toBeGreaterThan(10);

    teller.told({ recordingId: 'rec_1', stage: 'package', doneBytes: 5, totalBytes: 10, how: 'moved' });
    await passes(1000);
    expect(told.at(-1)?.message).toMatchObject({ encodings: {}, legs: { package: { doneBytes: 5 } } });
  });

  it('tells of each of two recordings that move beside each other', async () => {
    for (let n = 0; n < 10; n += 1) {
      tell(n * MIB);
      teller.told({ recordingId: 'rec_2', stage: 'package', doneS: n, totalS: 100 });
      await passes(500);
    }
    teller.rests('rec_2');

    expect(legs().at(-1)?.bytesPerS).toBeGreaterThan(MIB);
    const other = told.filter(({ message }) => message.recordingId === 'rec_2').at(-1)?.message;
    expect(other?.encodings['package']?.speed).toBeGreaterThan(1);
  });
});
