import { KnownError, systemCode } from '../../domain/errors.ts';

/** How soon a database that cannot be reached is tried again, in milliseconds; and one that is kept by others. */
const AWAY_PAUSE_MS = 5000;
const BUSY_PAUSE_MS = 1000;

/** What systems say of a connection that is not there, or no more. */
const NO_CONNECTION: readonly string[] = [
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOENT', 'ENOTFOUND', 'EAI_AGAIN'],
  ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN'],
];

/**
 * What Postgres says of itself, by its codes (its documentation, appendix A): a connection that failed (08), one that was
 * ended or is not taken yet (57P01 to 57P05), too many of them (53300), no room or memory (53), a standby that takes no changes
 * (25006), broken files (58, XX001, XX002).
 */
const AWAY = /^(08...|25P03|57P0[1-5]|53...|25006|58...|XX00[12])$/;

/** Others keep it: a lock that was waited for, a statement that took too long, what may be tried once more. */
const BUSY = /^(55P03|57014|40001|40P01)$/;

/** What the client says by itself, without a code. */
const AWAY_WORDS =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client (has encountered a connection error|was closed))/i;

/** Whether a connection that has met this is of no more use. */
export function isAway(error: unknown): boolean {
  const code = systemCode(error);
  if (code !== undefined) return AWAY.test(code) || NO_CONNECTION.includes(code);
  return error instanceof Error && AWAY_WORDS.test(error.message);
}

/** The error itself, or what it says of the database rather than of the statement. */
export function orDatabaseTrouble(error: unknown): unknown {
  if (error instanceof KnownError) return error;
  const words = error instanceof Error ? error.message : String(error);
  const system = systemCode(error) ?? null;
  const known = (code: 'LEDGER_AWAY' | 'LEDGER_BUSY', message: string, waitMs: number) =>
    new KnownError(message, { code, retry: { waitMs }, cause: error, details: { system } });
  if (isAway(error)) return known('LEDGER_AWAY', `The database does not take it (${words})`, AWAY_PAUSE_MS);
  if (system !== null && BUSY.test(system)) {
    return known('LEDGER_BUSY', `Others keep the database (${words})`, BUSY_PAUSE_MS);
  }
  return error;
}
