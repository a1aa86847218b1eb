import { resolve } from 'node:path';
import type { Command } from 'commander';
import { BEATS_PER_SILENCE } from '../../domain/apps.ts';
import { durationText } from '../../lib/duration-text.ts';
import { isPostgresUrl, namesPostgresDatabase, shownPostgresUrl } from '../../lib/postgres-url.ts';
import { usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { createLiveBlock } from '../live-block.ts';
import { openSession } from '../session.ts';

const NOTES = `
Sluice has to be stopped, on every host: it is refused while somebody writes to one of the two. The other ledger is new, or has
never been used: a database that is empty, or a file that is not there yet. All is copied or nothing; each table is read again there
and has to hold the same rows; the ledger that was copied stays as it is.

Examples:
  sluice ledger copy --to postgres://sluice:password@db.internal:5432/sluice
  sluice ledger copy --from postgres://sluice:password@db.internal:5432/sluice --to /srv/sluice/data/ledger.db`;

/** `sluice ledger`: the file or the database that all is kept in. */
export function addLedgerCommand(program: Command, io: Io): void {
  const ledger = program
    .command('ledger')
    .summary('move the ledger to a database, or back')
    .description(
      'Copies the ledger from a file to a Postgres database, from there to a file, or to another of its kind.',
    );
  ledger
    .command('copy')
    .summary('copy the ledger, while Sluice is stopped')
    .description('Copies the ledger to another place, and says what to set then.')
    .requiredOption('--to <address>', 'a postgres:// address, or the path of a file')
    .option('--from <address>', 'the ledger to copy; by default the one of the settings')
    .addHelpText('after', NOTES)
    .action(async (options: { to: string; from?: string }, command: Command) => {
      const session = openSession(io, command);
      const { config } = io.examineConfig();
      const from = options.from === undefined ? config.ledgerAddress : addressOf(options.from, io.cwd);
      const to = addressOf(options.to, io.cwd);
      if (from === to) throw usageFailure('--to names the ledger that is copied.', 'Name another place.');

      const { copyLedger } = await import('../../ledger/copy.ts');
      const block = session.isLive ? createLiveBlock(session.screen) : undefined;
      try {
        const tables = await copyLedger({
          from,
          to,
          beatEveryMs: config.vitals.silentAfterMs / BEATS_PER_SILENCE,
          signal: session.signal,
          onLook: (ms) =>
            session.remark(['dim', `Looking for ${durationText(ms)} whether Sluice still runs ...`]),
          onTable: (name, rows) => block?.draw([`${name}: ${rows} rows`]),
        });
        block?.end();
        const rows = tables.reduce((sum, table) => sum + table.rows, 0);
        if (session.isJson) return session.printJson({ from: shown(from), to: shown(to), rows, tables });
        session.print(
          `${rows} rows of ${tables.length} tables were copied from ${shown(from)} to ${shown(to)}, and are the same there.`,
          '',
          'Set this now, in .env or the environment of every host, and start Sluice:',
          `  DATABASE_URL=${isPostgresUrl(to) ? '<the address that was given>' : to}`,
          'The ledger that was copied is as it was: keep it until you are sure, and start nothing on it.',
        );
      } finally {
        block?.end();
      }
    });
}

function addressOf(text: string, cwd: string): string {
  if (!isPostgresUrl(text)) return resolve(cwd, text.replace(/^file:/, ''));
  if (!namesPostgresDatabase(text)) {
    throw usageFailure(
      'This is no address of a Postgres database.',
      'Give one such as postgres://user:password@host:5432/database; characters such as @ and / in a password as %40 and %2F.',
    );
  }
  return text;
}

function shown(address: string): string {
  return isPostgresUrl(address) ? shownPostgresUrl(address) : address;
}
