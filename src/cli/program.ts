import { Command, CommanderError } from 'commander';
import { addAccessCommand } from './commands/access.ts';
import { addAddCommand } from './commands/add.ts';
import { addAlarmsCommand } from './commands/alarms.ts';
import { addAuditCommand } from './commands/audit.ts';
import { addCancelCommand } from './commands/cancel.ts';
import { addCompletionCommand } from './commands/completion.ts';
import { addDeleteCommand } from './commands/delete.ts';
import { addDeliveriesCommand } from './commands/deliveries.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addFrontCommand } from './commands/front.ts';
import { addHostsCommand } from './commands/hosts.ts';
import { addLedgerCommand } from './commands/ledger.ts';
import { addLibraryCommand } from './commands/library.ts';
import { addLinkCommand } from './commands/link.ts';
import { addListCommand } from './commands/list.ts';
import { addLogsCommand } from './commands/logs.ts';
import { addOutputCommand } from './commands/output.ts';
import { addPauseCommand } from './commands/pause.ts';
import { addPresetsCommand } from './commands/presets.ts';
import { addProbeCommand } from './commands/probe.ts';
import { addPublishAgainCommand } from './commands/publish-again.ts';
import { addRecipesCommand } from './commands/recipes.ts';
import { addRenameCommand } from './commands/rename.ts';
import { addReplayCommand } from './commands/replay.ts';
import { addResumeCommand } from './commands/resume.ts';
import { addRetryCommand } from './commands/retry.ts';
import { addRulesCommand } from './commands/rules.ts';
import { addRunCommand } from './commands/run.ts';
import { addScheduleCommand } from './commands/schedule.ts';
import { addSetAsideCommand } from './commands/set-aside.ts';
import { addShowCommand } from './commands/show.ts';
import { addStatusCommand } from './commands/status.ts';
import { addSweepCommand } from './commands/sweep.ts';
import { addTokenCommand } from './commands/token.ts';
import { addWatchCommand } from './commands/watch.ts';
import { addWorkersCommand } from './commands/workers.ts';
import { addZoomCommand } from './commands/zoom.ts';
import { EXIT, EXIT_CODES_HELP } from './exit-codes.ts';
import { Failure, type Trouble, troubleOf, usageFailure } from './failure.ts';
import type { Io } from './io.ts';
import { complain } from './session.ts';

const EXAMPLES = `
Examples:
  sluice doctor                            is everything set up, and does it run?
  sluice status                            what moves, and what does not
  sluice add /srv/videos/*.mp4             bring files of this server home
  sluice list --state failed,backing-off   what is in trouble?
  sluice list algebra anna@example.com     look for recordings
  sluice watch                             look on
  sluice retry --failed                    give all that failed a new beginning
`;

/** The `sluice` command. */
export function createProgram(io: Io, version: string): Command {
  const program = new Command('sluice')
    .description('Looks after a Sluice: brings recordings home, and tells how they are.')
    .version(version, '-V, --version', 'print the version')
    .option('--json', 'answer in JSON, for programs; errors too, on standard error')
    .option('--url <address>', 'of the pipeline server; else SLUICE_URL, else by the PIPELINE_* settings')
    .option('--token <token>', 'a token; else SLUICE_TOKEN, else ADMIN_TOKEN, which no other user can see')
    .option('--no-color', 'no colours; the variable NO_COLOR does the same')
    .helpOption('-h, --help', 'print this')
    .helpCommand(false)
    .addHelpText('after', `${EXAMPLES}\n${EXIT_CODES_HELP}`)
    .configureHelp({ showGlobalOptions: true, helpWidth: io.stdout.isTTY ? io.stdout.columns : 100 })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      // Told as every other error, below.
      outputError: () => {},
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showSuggestionAfterError()
    .exitOverride();

  for (const add of [
    addStatusCommand,
    addAddCommand,
    addListCommand,
    addShowCommand,
    addWatchCommand,
    addLogsCommand,
    addRetryCommand,
    addCancelCommand,
    addSetAsideCommand,
    addFrontCommand,
    addScheduleCommand,
    addRenameCommand,
    addPublishAgainCommand,
    addDeleteCommand,
    addPauseCommand,
    addResumeCommand,
    addDeliveriesCommand,
    addReplayCommand,
    addSweepCommand,
    addLedgerCommand,
    addHostsCommand,
    addDoctorCommand,
    addAlarmsCommand,
    addTokenCommand,
    addAccessCommand,
    addAuditCommand,
    addRulesCommand,
    addRecipesCommand,
    addPresetsCommand,
    addLibraryCommand,
    addProbeCommand,
    addRunCommand,
    addLinkCommand,
    addOutputCommand,
    addWorkersCommand,
    addZoomCommand,
    addCompletionCommand,
  ]) {
    add(program, io);
  }
  return program;
}

/** Runs a command line to its end; whatever happens is told, and becomes an exit code. */
export async function runProgram(io: Io, args: readonly string[], version: string): Promise<void> {
  const program = createProgram(io, version);
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version end this way too, with 0.
      if (error.exitCode !== 0 && error.code !== 'commander.help') tell(usageFailure(wordsOf(error)).trouble);
      io.setExitCode(error.exitCode === 0 ? EXIT.ok : EXIT.usage);
      return;
    }
    if (io.signal.aborted) {
      io.setExitCode(EXIT.interrupted);
      return;
    }
    tell(troubleOf(error));
    io.setExitCode(error instanceof Failure ? error.exitCode : EXIT.failed);
  }

  function tell(trouble: Trouble): void {
    const isJson = program.opts<{ json?: boolean }>().json ?? args.includes('--json');
    complain(io, { isJson, isDeclined: args.includes('--no-color') }, trouble);
  }
}

/** What commander says of a mistake, as one sentence. */
function wordsOf({ message }: CommanderError): string {
  const text = message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .trim();
  return /[.)?]$/.test(text) ? text : `${text}.`;
}
