import { statSync } from 'node:fs';
import Sqlite from 'libsql';
import { systemCode } from '../domain/errors.ts';
import { compareSchema } from './dialects/sqlite.ts';

/** What a look at the ledger's file has found, without changing it. */
export type LedgerInspection =
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'found';
      readonly bytes: number;
      /** Whether others than its user may read it. */
      readonly isExposed: boolean;
      /** What SQLite finds wrong with it; nothing if all is well. */
      readonly damages: readonly string[];
      readonly recordings: number;
      /** Steps of the schema that the next start takes. */
      readonly pending: readonly string[];
      /** Steps that this version does not know: a newer one has had the ledger. */
      readonly unknown: readonly string[];
    };

/** Looks at the ledger beside the processes that use it. Throws what SQLite throws if it cannot be read. */
export function inspectLedger(path: string): LedgerInspection {
  const found = statIfThere(path);
  if (found === undefined) return { kind: 'absent' };
  const sqlite = new Sqlite(path, { readonly: true, fileMustExist: true } as Sqlite.Options);
  try {
    sqlite.pragma('busy_timeout = 3000');
    const rows = sqlite.prepare('pragma quick_check').all() as { quick_check: string }[];
    const damages = rows.map((row) => row.quick_check).filter((line) => line !== 'ok');
    const [{ n } = { n: 0 }] = sqlite.prepare('select count(*) as n from recordings').all() as {
      n: number;
    }[];
    return {
      kind: 'found',
      bytes: found.size,
      isExposed: (found.mode & 0o077) !== 0,
      damages,
      recordings: n,
      ...compareSchema(sqlite),
    };
  } finally {
    sqlite.close();
  }
}

function statIfThere(path: string) {
  try {
    return statSync(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
