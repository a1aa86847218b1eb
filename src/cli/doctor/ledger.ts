import { accessSync, constants, existsSync } from 'node:fs';
import type { Config } from '../../config/config.ts';
import { KnownError } from '../../domain/errors.ts';
import { type Finding, fail, ok, warn } from '../../domain/finding.ts';
import type { PostgresInspection } from '../../ledger/dialects/postgres.ts';
import { inspectLedger } from '../../ledger/inspect.ts';
import { byteSize } from '../../lib/byte-size.ts';
import { durationText } from '../../lib/duration-text.ts';
import { isPostgresUrl, shownPostgresUrl } from '../../lib/postgres-url.ts';

/** How wrong this machine's clock may be beside the database's, in milliseconds. */
const CLOCK_TOLERANCE_MS = 5000;

export async function checkLedger({ ledgerAddress, dataDir }: Config): Promise<Finding> {
  if (existsSync(dataDir) && !isWritable(dataDir)) {
    return fail(`${dataDir} cannot be written`, 'Run this, and Sluice, as the user that owns DATA_DIR.');
  }
  return isPostgresUrl(ledgerAddress) ? await checkDatabase(ledgerAddress) : checkFile(ledgerAddress);
}

async function checkDatabase(url: string): Promise<Finding> {
  let found: PostgresInspection;
  try {
    // Its client is read by those alone who have a server.
    const { inspectPostgres } = await import('../../ledger/dialects/postgres.ts');
    found = await inspectPostgres(url);
  } catch (error) {
    if (!(error instanceof KnownError)) throw error;
    return fail(
      `${shownPostgresUrl(url)}: ${error.message}`,
      error.code === 'LEDGER_AWAY'
        ? 'See that the server runs and can be reached from here (DATABASE_URL). The doors answer 503 meanwhile, and nothing is lost.'
        : 'Correct DATABASE_URL, or the database (docs/postgres.md). Nothing has been changed.',
    );
  }
  const { version, bytes, recordings, pending, clockAheadMs } = found;
  if (Math.abs(clockAheadMs) > CLOCK_TOLERANCE_MS) {
    return warn(
      `this machine's clock is ${durationText(Math.abs(clockAheadMs))} ${clockAheadMs > 0 ? 'behind' : 'ahead of'} the database's`,
      'Work goes by the clock of the database; log lines, and what services sign, by this one. Set it: timedatectl set-ntp true.',
    );
  }
  if (pending.length > 0 && recordings > 0) return olderVersion(recordings, pending);
  return ok(
    `${recordings} recordings, ${byteSize(bytes)}, in ${shownPostgresUrl(url)} (Postgres ${version})`,
  );
}

function olderVersion(recordings: number, pending: readonly string[]): Finding {
  return warn(
    `${recordings} recordings, sound, of an older version: the next start takes ${pending.join(', ')}`,
    'There is no way back but a backup: make one before you start this version (docs/upgrading.md).',
  );
}

function checkFile(path: string): Finding {
  const found = inspectLedger(path);
  if (found.kind === 'absent') return ok(`${path} is made by the first start`);
  if (found.damages.length > 0) {
    const [first = ''] = found.damages;
    return fail(
      `${path} is damaged: ${first}`,
      'Stop Sluice, keep a copy of the file, and restore the last backup (docs/operations.md); check the disk.',
    );
  }
  if (found.unknown.length > 0) {
    return fail(
      `${path} belongs to a newer version of Sluice (${found.unknown.join(', ')})`,
      'Run that version again, or restore the backup from before it (docs/upgrading.md). Nothing has been changed.',
    );
  }
  if (found.pending.length > 0) {
    return olderVersion(found.recordings, found.pending);
  }
  if (found.isExposed) {
    return warn(`${path} can be read by others`, `It holds names and tokens: chmod 600 ${path}*`);
  }
  return ok(`${found.recordings} recordings, ${byteSize(found.bytes)}, sound`);
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
