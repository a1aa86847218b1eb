import { expect, it } from 'vitest';
import { createSeldomLog } from '../../../src/lib/seldom-log.ts';

function listening() {
  const lines: { event: string; repeats?: number }[] = [];
  let nowMs = 0;
  const note = (fields: object) => void lines.push(fields as { event: string });
  const log = createSeldomLog({ warn: note, error: note } as never, () => nowMs);
  return { lines, log, passes: (ms: number) => (nowMs += ms) };
}

it('says what goes on failing once, and after a minute how often it was', () => {
  const { lines, log, passes } = listening();
  for (let n = 0; n < 100; n += 1) {
    log.warn({ event: 'line.failed', err: new Error(`could not renew lock for job rec_${n} of ${n}`) }, 'x');
    passes(1000);
  }

  expect(lines.map(({ event, repeats }) => [event, repeats])).toEqual([
    ['line.failed', undefined],
    ['line.failed', 59],
  ]);
});

it('says at once what is another thing', () => {
  const { lines, log } = listening();
  for (const [event, message] of [
    ['line.failed', 'READONLY'],
    ['line.failed', 'OOM'],
    ['worker.error', 'OOM'],
    ['worker.error', 'OOM'],
  ] as const) {
    log.error({ event, err: new Error(message) }, 'x');
  }
  expect(lines).toHaveLength(3);
});

it('remembers a bounded number of things', () => {
  const { lines, log } = listening();
  const letters = [...'abcdefghijklmnopqrstuvwxyz'];
  const all = letters.flatMap((one) => letters.map((other) => `${one}${other}`));
  for (const message of [...all, 'aa']) log.warn({ event: 'e', err: new Error(message) }, 'x');

  expect(lines).toHaveLength(all.length + 1);
});
