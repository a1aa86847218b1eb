import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { loadConfig, loadEnvFile, secretsOf } from '../config/config.ts';
import { THIS_SERVER } from '../domain/access.ts';
import { KnownError, scrubSummaries } from '../domain/errors.ts';
import { sweepTable } from '../errands/sweep-table.ts';
import { isPostgresUrl } from '../lib/postgres-url.ts';
import { createLogger } from '../telemetry/logger.ts';
import { createScrub } from '../telemetry/scrub.ts';
import { openSweeper } from './worker.ts';

const HELP = `Removes what failures have left behind and no recording needs any more: folders of downloads and of
half-made videos, uploads, unfinished large files in B2, empty videos in Bunny Stream and outputs that nothing names. The worker does the same once a day; this may
run beside it.

Usage: node dist/processes/sweep-main.js [--dry-run] [--json] [--help]

  --dry-run  removes nothing, and lists what would be removed
  --json     prints {"items": [{kind, name, bytes, reason}], "problems": [{kind, name, message}]}
  --help     prints this

Exit code: 0; 1 if the settings or the ledger cannot be used; 2 if an option is unknown.
`;

process.umask(0o077);
process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const options = {
    'dry-run': { type: 'boolean' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  } as const;
  let wanted: { 'dry-run'?: boolean; json?: boolean; help?: boolean };
  try {
    wanted = parseArgs({ args: [...args], options }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nSee --help.\n`);
    return 2;
  }
  if (wanted.help) {
    process.stdout.write(HELP);
    return 0;
  }
  try {
    await sweep(wanted['dry-run'] ?? false, wanted.json ?? false);
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof KnownError ? error.message : String((error as Error).stack)}\n`);
    return 1;
  }
}

async function sweep(dryRun: boolean, isJson: boolean): Promise<void> {
  loadEnvFile();
  const config = loadConfig(process.env);
  if (!isPostgresUrl(config.ledgerAddress) && !existsSync(config.ledgerAddress)) {
    throw new KnownError(
      `There is no ledger at ${config.ledgerAddress}, so nothing can be told to be a leftover: is DATA_DIR right?`,
      { code: 'LEDGER_UNUSABLE' },
    );
  }
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());

  const scrub = createScrub(secretsOf(config));
  scrubSummaries(scrub);
  // Standard output is for the answer.
  const log = createLogger({
    level: config.log.level,
    scrub,
    name: 'sweep',
    toStderr: true,
  });
  const sweeper = await openSweeper(config, log);
  try {
    if (!dryRun) {
      await sweeper.audit.add({
        who: THIS_SERVER.name,
        role: THIS_SERVER.role,
        way: 'this machine',
        session: null,
        caller: nameOfUser(),
        act: 'sweep',
        subject: null,
        outcome: 'done',
        status: null,
      });
    }
    const sweeping = await sweeper.sweep({ dryRun, signal: stopping.signal });
    process.stdout.write(isJson ? `${JSON.stringify(sweeping)}\n` : sweepTable(sweeping, dryRun));
  } finally {
    await sweeper.close();
  }
}

/** Whoever has begun this, by the name or the number that the system knows. */
function nameOfUser(): string {
  try {
    return `user ${userInfo().username}`;
  } catch {
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}
