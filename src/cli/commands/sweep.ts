import type { Command } from 'commander';
import type { Io } from '../io.ts';
import { openSession } from '../session.ts';

const EXAMPLES = `
It works on the ledger and the services of this machine's settings, whether Sluice runs or not.

Examples:
  sluice sweep --dry-run
  sluice sweep`;

/** `sluice sweep`: what failures have left behind. */
export function addSweepCommand(program: Command, io: Io): void {
  program
    .command('sweep')
    .summary('remove what failures have left behind')
    .description(
      'Removes what failures have left behind and no recording needs any more, as the worker does once a day.',
    )
    .option('--dry-run', 'remove nothing, and list what would be removed')
    .addHelpText('after', EXAMPLES)
    .action(async (options: { dryRun?: boolean }, command: Command) => {
      const { isJson } = openSession(io, command);
      const args = [...(options.dryRun ? ['--dry-run'] : []), ...(isJson ? ['--json'] : [])];
      io.setExitCode(await io.runSweeper(args));
    });
}
