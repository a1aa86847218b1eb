import { execFile } from 'node:child_process';
import { getPriority } from 'node:os';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const MODULE = new URL('../../src/lib/give-way.ts', import.meta.url).href;

/** What a process is like that begins like this and then says it: the niceness of each of its threads and of what it starts. */
async function nicenessAfter(...asked: readonly number[]): Promise<{ threads: number[]; started: number }> {
  const program = `
    import { execFileSync } from 'node:child_process';
    import { readdirSync } from 'node:fs';
    import { getPriority } from 'node:os';
    import { giveWay } from ${JSON.stringify(MODULE)};
    for (const niceness of ${JSON.stringify(asked)}) giveWay(niceness);
    const threads = readdirSync('/proc/self/task').map((thread) => getPriority(Number(thread)));
    console.log(JSON.stringify({ threads, started: Number(execFileSync('nice')) }));
  `;
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...['--import', 'tsx', '--input-type=module', '--eval', program],
  ]);
  return JSON.parse(stdout);
}

it('a process that gives way does so with all its threads and with what it starts', async () => {
  const niceness = Math.min(19, getPriority() + 5);
  const { threads, started } = await nicenessAfter(niceness);
  expect(new Set(threads)).toEqual(new Set([niceness]));
  expect(started).toBe(niceness);
});

it('and never takes back what it gives', async () => {
  const [most, less] = [Math.min(19, getPriority() + 6), getPriority() + 2];
  expect((await nicenessAfter(most, less)).started).toBe(most);
});
