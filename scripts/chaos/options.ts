import { parseArgs } from 'node:util';

export const HELP = `Usage: npm run chaos -- [options]

Runs all of Sluice under pm2 on this machine against local stand-ins for Zoom, Backblaze B2, Bunny Stream and the
website, sends recordings through all three doors and jobs of films through those of programs, and does what it can to break the promises of docs/design.md: faults
of every service, kill -9 of every process, an emptied Redis, a full disk. At the end it compares what was accepted with
what is there. Settings in .env are not used, and everything lies in a temporary folder.

Options:
  --minutes M      how long to do damage (default 2); the drain after it takes as long as it takes
  --seed S         a whole number; the same seed makes the same plan (default: one by chance, printed)
  --recordings N   how many recordings are sent (default 14 a minute)
  --jobs N         how many jobs programs ask for, by gRPC and GraphQL in turn (default 4 a minute)
  --postgres       keep the ledger in a Postgres, and kill that too, again and again
  --json           print the result as JSON on standard output, and everything else on standard error
  --keep           leave the temporary folder, with all logs and the ledger, where it is
  --verbose        print the whole plan first, and each step as it happens
  --help           this text

Exit code: 0 if nothing was lost, doubled or left behind; 1 if something was; 2 for a wrong option.
`;

/** How many jobs are asked for unless told otherwise: one by each door at least. */
const JOBS_PER_MINUTE = 4;
const LEAST_JOBS = 2;

/** What every run that does damage may be told. */
export interface RunOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly recordings: number;
  /** How many jobs programs ask for. */
  readonly jobs: number;
  readonly printsJson: boolean;
  readonly keepsFolder: boolean;
  readonly isVerbose: boolean;
  readonly wantsHelp: boolean;
}

export interface ChaosOptions extends RunOptions {
  readonly usesPostgres: boolean;
}

/** The command line asks for something that there is not. */
export class UsageError extends Error {}

/** @throws UsageError */
export function readOptions(args: readonly string[], randomSeed: () => number): ChaosOptions {
  const { options, values } = readRun(args, randomSeed, { perMinute: 14, least: 4, flags: ['postgres'] });
  return { ...options, usesPostgres: values['postgres'] === true };
}

/** @throws UsageError */
export function readRunOptions(
  args: readonly string[],
  randomSeed: () => number,
  terms: { readonly perMinute: number; readonly least: number },
): RunOptions {
  return readRun(args, randomSeed, { ...terms, flags: [] }).options;
}

/** @param terms How many recordings are sent a minute unless told otherwise, how many at least, and which flags there are besides */
function readRun(
  args: readonly string[],
  randomSeed: () => number,
  terms: { readonly perMinute: number; readonly least: number; readonly flags: readonly string[] },
) {
  const values = parse(args, terms.flags);
  const minutes = amount('--minutes', values.minutes, 0.1);
  const options: RunOptions = {
    minutes,
    seed: values.seed === undefined ? randomSeed() : whole('--seed', values.seed, 0),
    recordings:
      values.recordings === undefined
        ? Math.max(terms.least, Math.round(terms.perMinute * minutes))
        : whole('--recordings', values.recordings, 1),
    jobs:
      values.jobs === undefined
        ? Math.max(LEAST_JOBS, Math.round(JOBS_PER_MINUTE * minutes))
        : whole('--jobs', values.jobs, 0),
    printsJson: values.json,
    keepsFolder: values.keep,
    isVerbose: values.verbose,
    wantsHelp: values.help,
  };
  return { options, values: values as Readonly<Record<string, unknown>> };
}

function parse(args: readonly string[], flags: readonly string[]) {
  const flag = { type: 'boolean', default: false } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        minutes: { type: 'string', default: '2' },
        seed: { type: 'string' },
        recordings: { type: 'string' },
        jobs: { type: 'string' },
        json: flag,
        keep: flag,
        verbose: flag,
        help: { ...flag, short: 'h' },
        ...Object.fromEntries(flags.map((name) => [name, flag])),
      },
    }).values;
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function amount(name: string, text: string, min: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= min) return value;
  throw new UsageError(`${name} takes a number from ${min} on, not "${text}".`);
}

function whole(name: string, text: string, min: number): number {
  const value = amount(name, text, min);
  if (Number.isSafeInteger(value)) return value;
  throw new UsageError(`${name} takes a whole number, not "${text}".`);
}
