import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '../../../src');
const ROOMS = ['engine', 'ledger', 'queue'];

/** What is named there all the same, and why. */
const MAY_STAY: Readonly<Record<string, RegExp>> = {
  // Steps that have been released keep their names.
  'ledger/migrations.ts': /\d{3}-zoom-|: zoom[A-Z]|import \{ zoom/,
  // The name of the command by which Redis passes a message on.
  'queue/progress.ts': /'publish'/,
};

/** Steps that have been released are never edited; they speak of what there was when they were. */
const files = ROOMS.flatMap((room) =>
  readdirSync(join(SRC, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('migrations/'))
    .map((file) => `${room}/${file}`),
);

/** A task's name is the name of its file. */
const tasks = readdirSync(join(SRC, 'tasks'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));

function named(pattern: RegExp): string[] {
  return files.flatMap((file) =>
    readFileSync(join(SRC, file), 'utf8')
      .split('\n')
      .filter((line) => pattern.test(line) && !MAY_STAY[file]?.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  );
}

describe('the engine, the ledger and the queue', () => {
  it.each(['zoom', 'b2', 'bunny', 'backblaze'])('name nothing of %s', (system) => {
    expect(files.length).toBeGreaterThan(40);
    expect(named(new RegExp(`(?<![a-z])${system}(?![a-z])|${system}[A-Z_]`, 'i'))).toEqual([]);
  });

  it.each(tasks)('do not name the task %s', (task) => {
    expect(tasks.length).toBeGreaterThan(5);
    expect(named(new RegExp(`['"\`]${task}['"\`]|facts\\.${task}\\b|\\{ ${task} \\}`))).toEqual([]);
  });

  it.each(Object.entries(MAY_STAY))('would be seen to name what may stay in %s', (file, pattern) => {
    expect(readFileSync(join(SRC, file), 'utf8')).toMatch(pattern);
  });
});
