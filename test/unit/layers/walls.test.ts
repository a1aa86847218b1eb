import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = join(import.meta.dirname, '../../../src');

/** What stands behind each wall may be seen from in front of it only through these rooms. */
const WALLS = [
  { name: 'the server', folder: 'server', least: 16, sees: ['desk', 'domain', 'lib', 'server'] },
  { name: 'the upload server', folder: 'tus', least: 16, sees: ['desk', 'domain', 'lib', 'tus'] },
  {
    name: 'the desk',
    folder: 'desk',
    least: 16,
    sees: ['desk', 'domain', 'ledger', 'lib', 'queue', 'recipes'],
  },
  { name: 'the gRPC door', folder: 'grpc', least: 8, sees: ['desk', 'domain', 'grpc', 'lib'] },
  { name: 'GraphQL', folder: 'graphql', least: 5, sees: ['desk', 'domain', 'graphql', 'lib', 'server'] },
] as const;

function filesIn(folder: string): string[] {
  return readdirSync(join(SRC, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('main.ts'))
    .map((file) => join(folder, file));
}

/** The files of ours that one names, be it for a type, for what an import runs, or for what is loaded later. */
function namedBy(file: string, text = readFileSync(join(SRC, file), 'utf8')): string[] {
  return [...text.matchAll(/(?:from|import|import\()\s*'(\.[^']+)'/g)].map(([, path = '']) =>
    relative(SRC, join(SRC, dirname(file), path)),
  );
}

const outOfSight = (file: string, sees: readonly string[], text?: string) =>
  namedBy(file, text)
    .filter((named) => !sees.includes(named.split('/')[0] ?? ''))
    .map((named) => `${file}: ${named}`);

describe('the walls of the house', () => {
  it.each(WALLS)('$name sees only $sees', ({ folder, least, sees }) => {
    const files = filesIn(folder);
    expect(files.length).toBeGreaterThanOrEqual(least);
    expect(files.flatMap((file) => outOfSight(file, sees))).toEqual([]);
  });

  it.each([
    ["import type { Ledger } from '../../ledger/ledger.ts';", 'ledger/ledger.ts'],
    ["import {\n  SERVICES,\n} from '../../outside/words.ts';", 'outside/words.ts'],
    ["import '../../queue/line.ts';", 'queue/line.ts'],
    ["type Row = import('../../ledger/schema.ts').Tables;", 'ledger/schema.ts'],
    ["export type { Plan } from '../../recipes/book.ts';", 'recipes/book.ts'],
  ])('would not let a door say %j', (text, named) => {
    expect(outOfSight('server/api/some.ts', WALLS[0].sees, text)).toEqual([`server/api/some.ts: ${named}`]);
  });

  it('has wings take of the server only what routes are made of', () => {
    const named = filesIn('outside')
      .flatMap((file) => namedBy(file).map((other) => ({ file, other })))
      .filter(({ other }) => other.startsWith('server/'));

    expect(named.length).toBeGreaterThan(5);
    expect(named.filter(({ other }) => !other.startsWith('server/routes/'))).toEqual([]);
    expect(
      filesIn('graphql')
        .flatMap((file) => namedBy(file))
        .filter((other) => other.startsWith('server/') && !other.startsWith('server/routes/')),
    ).toEqual([]);
    expect(named.filter(({ file }) => !/^outside\/[^/]+\/routes\//.test(file))).toEqual([]);
  });
});
