import { describe, expect, it } from 'vitest';
import { layOut } from '../../../web/dashboard/timeline.ts';
import type { RecordingDetail } from '../../../web/dashboard/types.ts';

const at = (s: number) => new Date(s * 1000).toISOString();

function attempt(number: number, fromS: number, toS: number | null, outcome: string, stages: object[] = []) {
  return {
    number,
    started_at: at(fromS),
    ended_at: toS === null ? null : at(toS),
    outcome,
    error: null,
    stages,
  };
}

function detail(state: string, attempts: object[]): RecordingDetail {
  return { state, accepted_at: at(0), attempts } as unknown as RecordingDetail;
}

describe('the timeline', () => {
  it('gives waits of any length the same width, and attempts the rest by their length', () => {
    const waited = detail('done', [attempt(1, 36_000, 36_010, 'failed'), attempt(2, 40_000, 40_030, 'done')]);
    const { stretches } = layOut(waited, 600, 50_000_000);

    const [firstWait, first, secondWait, second] = stretches;
    expect(stretches.map(({ kind }) => kind)).toEqual(['wait', 'attempt', 'wait', 'attempt']);
    expect(firstWait?.width).toBe(secondWait?.width);
    expect((second?.width ?? 0) - 40).toBeCloseTo(3 * ((first?.width ?? 0) - 40));
    expect((second?.x ?? 0) + (second?.width ?? 0)).toBeCloseTo(600);
  });

  it('lets what goes on, and what waits, reach until now', () => {
    const moving = layOut(detail('moving', [attempt(1, 0, null, 'running')]), 600, 7000).stretches;
    const waiting = layOut(detail('backing-off', [attempt(1, 0, 5, 'failed')]), 600, 9000).stretches;

    expect(moving.at(-1)).toMatchObject({ kind: 'attempt', toMs: 7000 });
    expect(waiting.at(-1)).toMatchObject({ kind: 'wait', fromMs: 5000, toMs: 9000 });
  });

  it('ends an attempt whose worker died at the last that was heard of it', () => {
    const stages = [{ stage: 'fetch', started_at: at(1), done_at: at(4) }];
    const died = detail('done', [attempt(1, 0, null, 'interrupted', stages), attempt(2, 100, 110, 'done')]);

    expect(layOut(died, 600, 200_000).stretches[0]).toMatchObject({ kind: 'attempt', toMs: 4000 });
  });

  it('places every time within its width, in order', () => {
    const busy = detail(
      'done',
      Array.from({ length: 30 }, (_, index) =>
        attempt(index + 1, index * 100 + 1, index * 100 + 2, 'failed'),
      ),
    );
    const { xOf } = layOut(busy, 280, 4_000_000);
    const places = Array.from({ length: 300 }, (_, index) => xOf(index * 10_000));

    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places.every((x) => x >= 0 && x <= 280.01)).toBe(true);
  });
});
