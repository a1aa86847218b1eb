import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '../../../src');
const ROOMS = ['engine', 'ledger', 'queue'];
const SYSTEMS = ['zoom', 'b2', 'bunny', 'backblaze'];

/** What is named there all the same, and why. */
const MAY_STAY: Readonly<Record<string, RegExp>> = {
  // Steps that have been released keep their names.
  'ledger/migrations.ts': /\d{3}-zoom-|: zoom[A-Z]|import \{ zoom/,
  // The name of the command by which Redis passes a message on.
  'queue/progress.ts': /'publish'/,
  // What the status says of announcements that nobody wants any more.
  'cli/doctor/line.ts': /Correct SITE_WEBHOOK_URL/,
};

/** Steps that have been released are never edited; they speak of what there was when they were. */
const files = ROOMS.flatMap((room) => filesOf(room).filter((file) => !file.includes('/migrations/')));

/** A task's name is the name of its file. */
const tasks = readdirSync(join(SRC, 'tasks'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.slice(0, -'.ts'.length));

function wordOf(system: string): RegExp {
  return new RegExp(`(?<![a-z])${system}(?![a-z])|${system}[A-Z_]`, 'i');
}

function filesOf(room: string): string[] {
  return readdirSync(join(SRC, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${room}/${file}`);
}

function named(pattern: RegExp, among = files): string[] {
  return among.flatMap((file) =>
    readFileSync(join(SRC, file), 'utf8')
      .split('\n')
      .filter((line) => pattern.test(line) && !MAY_STAY[file]?.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  );
}

describe('the engine, the ledger and the queue', () => {
  it.each(SYSTEMS)('name nothing of %s', (system) => {
    expect(files.length).toBeGreaterThan(40);
    expect(named(wordOf(system))).toEqual([]);
  });

  it.each(tasks)('do not name the task %s', (task) => {
    expect(tasks.length).toBeGreaterThan(5);
    expect(named(new RegExp(`['"\`]${task}['"\`]|facts\\.${task}\\b|\\{ ${task} \\}`))).toEqual([]);
  });

  it.each(Object.entries(MAY_STAY))('would be seen to name what may stay in %s', (file, pattern) => {
    expect(readFileSync(join(SRC, file), 'utf8')).toMatch(pattern);
  });
});

describe('the doctor', () => {
  it.each([...SYSTEMS, 'site_webhook', 'folder_store', 'folder_publisher'])(
    'names nothing of %s, whose wing says what to look at',
    (system) => {
      const doctor = filesOf('cli/doctor');
      expect(doctor.length).toBeGreaterThan(12);
      expect(named(wordOf(system), doctor)).toEqual([]);
    },
  );
});
