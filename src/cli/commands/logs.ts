import { createInterface } from 'node:readline';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { logFolderOf } from '../../config/config.ts';
import { pause } from '../../lib/abort.ts';
import { EXIT } from '../exit-codes.ts';
import { Failure, usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import {
  LOG_APPS,
  type LogApp,
  lastLines,
  lastWrittenMs,
  logFiles,
  newLines,
  type Wanted,
} from '../logs/log-files.ts';
import { LEVELS, type Level, type LogLine, readLogLine } from '../logs/log-line.ts';
import { createReadable } from '../logs/readable.ts';
import { idOf } from '../recording-id.ts';
import { openSession, type Session } from '../session.ts';
import { localTime, parseDuration, parseTime } from '../times.ts';

const LINES = '100';

/** How often it is looked for new lines, in milliseconds. */
const LOOK_EVERY_MS = 250;

/** After so long without a line it is said where else they may be, in milliseconds. */
const QUIET_MS = 3_600_000;

const JOURNAL = `journalctl -u 'sluice*' -o cat | sluice logs --stdin`;

const NOTES = `
It reads the files below DATA_DIR/logs of this machine, also those that were put aside for their size; Sluice need not run.
Of a recording it shows all lines that name it, else the last ${LINES}. A day or a time is that of this machine.

Where Sluice runs under systemd without pm2, the journal has the lines: --stdin reads them from there.

Examples:
  sluice logs
  sluice logs rec_8821bfdde5e03edd33995107
  sluice logs --follow --level warn
  sluice logs --app worker --since 2h
  sluice logs --json --lines 1000 | jq -r 'select(.event == "attempt.failed") | .msg'
  ${JOURNAL}`;

interface LogsOptions {
  readonly follow?: boolean;
  readonly lines?: string;
  readonly level?: Level;
  readonly app?: readonly LogApp[];
  readonly since?: string;
  readonly stdin?: boolean;
}

/** `sluice logs [ID]`: what the processes have written, readable. */
export function addLogsCommand(program: Command, io: Io): void {
  program
    .command('logs')
    .summary('what the processes say, readable')
    .description('Shows what the processes have written to their logs, in the order of time.')
    .argument('[id]', 'only lines that name this: a recording (or its ace_id), an upload, an announcement')
    .option('-f, --follow', 'go on with what is written from now on, until Ctrl+C')
    .option('-n, --lines <n>', `as many of the last ones; else ${LINES}, or all that name the id`)
    .addOption(new Option('--level <level>', 'only these and worse ones').choices(LEVELS))
    .addOption(
      new Option('--app <apps>', 'only of these, with commas between').choices(LOG_APPS).argParser(readApps),
    )
    .option('--since <time>', 'only from then on: 30m or 2h ago, or a time such as 2026-11-28T18:00')
    .option('--stdin', 'read lines from standard input and no files')
    .addHelpText('after', NOTES)
    .action(async (id: string | undefined, options: LogsOptions, command: Command) => {
      const session = openSession(io, command);
      const apps = options.app ?? LOG_APPS;
      const sinceMs = readSince(options.since);
      const limit = readLimit(options.lines ?? (id === undefined ? LINES : 'all'));
      const wanted = wantedBy({
        id,
        sinceMs,
        leastLevel: LEVELS.indexOf(options.level ?? LEVELS[0]),
      });
      const print = await printer(session);
      try {
        if (options.stdin) return await readStdin(io, wanted, apps, print);
        const files = logFiles(logFolderOf(io.env), apps);
        const writtenMs = await lastWrittenMs(files);
        if (writtenMs === undefined && !options.follow) throw noLogs(logFolderOf(io.env));
        const lines = await lastLines(files, wanted, { limit, sinceMs });
        lines.forEach(print);
        if (lines.length === 0)
          session.remark(['dim', id === undefined ? 'No such lines.' : `No line names ${id}.`]);
        if (writtenMs !== undefined && Date.now() - writtenMs > QUIET_MS) {
          const since = localTime(new Date(writtenMs).toISOString());
          session.remark(['dim', `Nothing was written since ${since}. Under systemd: ${JOURNAL}`]);
        }
        while (options.follow) {
          await pause(LOOK_EVERY_MS, session.signal);
          (await newLines(files, wanted)).forEach(print);
        }
      } catch (error) {
        if (!session.signal.aborted) throw error;
        io.setExitCode(options.follow || options.stdin ? EXIT.ok : EXIT.interrupted);
      }
    });
}

function wantedBy(terms: {
  readonly id: string | undefined;
  readonly sinceMs: number;
  readonly leastLevel: number;
}): Wanted {
  const { id, sinceMs, leastLevel } = terms;
  const names = id === undefined ? [''] : [id, idOf(id)];
  const mayBe = (text: string) => names.some((name) => text.includes(name));
  return {
    mayBe,
    is: ({ text, timeMs, level }) => mayBe(text) && timeMs >= sinceMs && LEVELS.indexOf(level) >= leastLevel,
  };
}

/** Prints a line: for people on one line, with what it says beside its message; for programs as it is. */
async function printer(session: Session): Promise<(line: LogLine) => void> {
  if (session.isJson) {
    return ({ text, fields }) => session.print(text.startsWith('{') ? text : JSON.stringify(fields));
  }
  const readable = await createReadable({ isColoured: session.paint('red', 'x') !== 'x' });
  return (line) => session.write(readable(line));
}

async function readStdin(
  io: Io,
  wanted: Wanted,
  apps: readonly string[],
  print: (line: LogLine) => void,
): Promise<void> {
  for await (const text of createInterface({ input: io.stdin, signal: io.signal })) {
    const line = readLogLine(text, { app: 'sluice', level: 'info', timeMs: Date.now() });
    if ((line.app === 'sluice' || apps.includes(line.app)) && wanted.is(line)) print(line);
  }
}

/** @throws InvalidArgumentError */
function readApps(text: string): LogApp[] {
  return text.split(',').map((name) => {
    const app = LOG_APPS.find((known) => known === name.trim());
    if (app === undefined) throw new InvalidArgumentError(`The apps are ${LOG_APPS.join(', ')}.`);
    return app;
  });
}

function readLimit(text: string): number {
  if (text === 'all') return Number.POSITIVE_INFINITY;
  if (/^\d{1,7}$/.test(text) && Number(text) > 0) return Number(text);
  throw usageFailure(`--lines: ${text} is no number of lines.`, 'Write a number from 1 on, or all.');
}

function readSince(text: string | undefined): number {
  if (text === undefined) return 0;
  const agoMs = parseDuration(text);
  const ms = agoMs === undefined ? parseTime(text, Date.now()) : Date.now() - agoMs;
  if (ms !== undefined) return ms;
  throw usageFailure(`--since: ${text} is no time.`, 'Write 30m, 2h or 2026-11-28T18:00.');
}

function noLogs(folder: string): Failure {
  return new Failure({
    code: 'NO_LOGS',
    title: `There are no logs in ${folder}.`,
    detail: '',
    advice: `pm2 writes them there from the first start on (DATA_DIR says where). Under systemd without pm2 the journal has them: ${JOURNAL}`,
  });
}
