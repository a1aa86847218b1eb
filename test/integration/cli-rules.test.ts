import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const CHECKOUT = join(import.meta.dirname, '../..');
const EVENT = join(CHECKOUT, 'test/fixtures/zoom/five-views.json');

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs `sluice rules test`, in a folder without settings. */
async function test(rules: string, ...args: string[]) {
  const path = join(folder, 'rules.yaml');
  await writeFile(path, rules);
  const command = [
    '--import',
    'tsx',
    join(CHECKOUT, 'src/cli/main.ts'),
    'rules',
    'test',
    ...args,
    '--rules',
    path,
  ];
  const tsx = { NODE_PATH: join(CHECKOUT, 'node_modules') };
  return await promisify(execFile)(process.execPath, command, {
    cwd: CHECKOUT,
    env: { PATH: process.env['PATH'], DATA_DIR: folder, ...tsx },
  }).catch((error: { stdout: string; stderr: string; code: number }) => error);
}

describe('sluice rules test', () => {
  it('says what would become of each file, to people and to scripts', async () => {
    const rules =
      'rules: [{ name: Lessons, match: { topic: "algebra*" }, set: { folder: "lessons/{year}" } }]';

    const [text, json] = await Promise.all([test(rules, EVENT), test(rules, EVENT, '--json')]);

    expect(text.stdout).toContain('The rule "Lessons" applies.');
    expect(text.stdout).toContain('lessons/2026/Algebra-group-2-<id>.mp4');
    const { rule, files } = JSON.parse(json.stdout);
    expect(rule).toBe('Lessons');
    expect(files.map(({ outcome, reason }: Record<string, string>) => reason ?? outcome)).toEqual([
      'taken',
      ...Array(4).fill('another-view'),
      'not-wanted',
    ]);
  });

  it('says in one message what is wrong with the rules, by their lines, and fails', async () => {
    const result = await test('rules:\n  - mach: {}\n', EVENT);

    expect(result).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('line 2') });
    expect(result.stderr).not.toContain('at ');
  });
});
