import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dumpLedger } from '../../test/support/ledger.ts';
import type { AttackHouse } from './house.ts';

/** Of which rows change with the time, whoever asks what: who may move recordings, how services have answered, what was counted. */
const RESTLESS_TABLES: ReadonlySet<string> = new Set([
  ...['gate', 'circuits', 'positions', 'heartbeats', 'clock'],
  // Counters; that somebody knocked is to be seen.
  ...['tallies', 'zoom_checks'],
  // Who has asked for what, refused or done; what it did stands in the other tables.
  'audit',
  // The ways that recordings go, each once; which recordings there are stands in their table.
  'plans',
  // How the telling went; what is told is a delivery.
  'delivery_attempts',
  // What was rightly signed and nobody can read.
  'zoom_ignored',
]);

/** Everything that an attack may have changed, one line each. */
export async function stateOf({ sluice, b2, bunny, site }: AttackHouse): Promise<string[]> {
  const rows = Object.entries(await dumpLedger(join(sluice.dataDir, 'ledger.db'))).flatMap(
    ([table, entries]) =>
      RESTLESS_TABLES.has(table) ? [] : entries.map((row) => `ledger ${table} ${JSON.stringify(row)}`),
  );
  const files = await Promise.all(
    ['spool', 'uploads', 'incoming'].map((name) => filesIn(sluice.dataDir, name)),
  );
  return [
    ...rows,
    ...files.flat(),
    ...(await b2.files()).map((file) => `b2 ${JSON.stringify(file)}`),
    ...bunny.videos().map((video) => `bunny ${JSON.stringify(video)}`),
    ...site.received().map(({ body }) => `site ${JSON.stringify(body)}`),
  ].sort();
}

/** What is there now and was not, or the other way, and has to do with none of these. */
export function differences(
  before: readonly string[],
  after: readonly string[],
  intended: readonly string[],
): string[] {
  const isIntended = (line: string) => intended.some((text) => line.includes(text));
  const [then, now] = [new Set(before), new Set(after)];
  return [
    ...before.filter((line) => !now.has(line)).map((line) => `gone: ${line}`),
    ...after.filter((line) => !then.has(line)).map((line) => `new: ${line}`),
  ].filter((line) => !isIntended(line));
}

async function filesIn(dataDir: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(dataDir, folder), { recursive: true }).catch(() => []);
  const lines = await Promise.all(
    entries.map(async (name) => {
      const path = join(dataDir, folder, name);
      const { size } = await stat(path);
      const digest = await readFile(path).then(
        (content) => createHash('sha256').update(content).digest('hex').slice(0, 16),
        () => 'folder',
      );
      return `file ${folder}/${name} ${size} ${digest}`;
    }),
  );
  return lines.filter((line) => !line.endsWith(' folder'));
}
