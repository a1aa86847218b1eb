import { expect, it } from 'vitest';
import { createTurns } from '../../../src/lib/turns.ts';

const NEVER = new AbortController().signal;

/** Work that ends when it is told to, and a list of what has begun. */
function work(begun: string[]) {
  const ends = new Map<string, () => void>();
  return {
    of: (name: string) => () => {
      begun.push(name);
      return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
    },
    end: (name: string) => ends.get(name)?.(),
  };
}

it('so many go on at once, and others in the order in which they came', async () => {
  const begun: string[] = [];
  const { of, end } = work(begun);
  const turns = createTurns(2);
  const all = ['a', 'b', 'c', 'd'].map((name) => turns.take(of(name), NEVER));
  await Promise.resolve();
  expect(begun).toEqual(['a', 'b']);

  end('b');
  await all[1];
  await expect.poll(() => begun).toEqual(['a', 'b', 'c']);
  end('a');
  end('c');
  await expect.poll(() => begun).toEqual(['a', 'b', 'c', 'd']);
  end('d');
  expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd']);
});

it('whoever gives up keeps nobody waiting, and neither does what fails', async () => {
  const begun: string[] = [];
  const { of, end } = work(begun);
  const turns = createTurns(1);
  const failing = turns.take(async () => {
    throw new Error('no good');
  }, NEVER);
  await expect(failing).rejects.toThrow('no good');

  const first = turns.take(of('first'), NEVER);
  const impatient = new AbortController();
  const second = turns.take(of('second'), impatient.signal);
  const third = turns.take(of('third'), NEVER);
  impatient.abort(new Error('enough'));
  await expect(second).rejects.toThrow('enough');
  end('first');
  await first;
  await expect.poll(() => begun).toEqual(['first', 'third']);
  end('third');
  expect(await third).toBe('third');
});

it('what nobody wants any more is not begun', async () => {
  const begun: string[] = [];
  const { of } = work(begun);
  const gone = AbortSignal.abort(new Error('gone'));
  await expect(createTurns(1).take(of('never'), gone)).rejects.toThrow('gone');
  expect(begun).toEqual([]);
});
