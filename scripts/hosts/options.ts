import { parseArgs } from 'node:util';
import { UsageError } from '../chaos/options.ts';

export const HELP = `Usage: npm run hosts -- [options]

Runs three hosts of Sluice on this machine, each in a network of its own with its own folder, disk and clock (one is 90 s
ahead, one is an hour behind), over one Postgres, one Redis and one nginx in front of their doors; sends recordings through all
doors of all hosts, and kills processes and whole hosts, cuts links both ways and one way, halts hosts, kills the database,
empties Redis and fills disks meanwhile. At the end it compares what was accepted with what is there.

Networks of their own need root; without, the hosts share this machine's loopback, and no link is cut. Settings in .env are
not used, everything lies in a temporary folder, and nothing of this machine's network is changed.

Options:
  --minutes M      how long to do damage (default 2); the drain after it takes as long as it takes
  --seed S         a whole number; the same seed makes the same plan (default: one by chance, printed)
  --recordings N   how many recordings are sent (default 25 a minute)
  --json           print the result as JSON on standard output, and everything else on standard error
  --keep           leave the temporary folder, with all logs, where it is
  --verbose        print each step as it happens
  --help           this text

Exit code: 0 if nothing was lost, doubled or left behind; 1 if something was; 2 for a wrong option.
`;

export interface HostsOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly recordings: number;
  readonly printsJson: boolean;
  readonly keepsFolder: boolean;
  readonly isVerbose: boolean;
  readonly wantsHelp: boolean;
}

/** @throws UsageError */
export function readOptions(args: readonly string[], randomSeed: () => number): HostsOptions {
  const { values } = parse(args);
  const minutes = amount('--minutes', values.minutes, 0.1);
  return {
    minutes,
    seed: values.seed === undefined ? randomSeed() : amount('--seed', values.seed, 0),
    recordings:
      values.recordings === undefined
        ? Math.max(6, Math.round(25 * minutes))
        : amount('--recordings', values.recordings, 1),
    printsJson: values.json,
    keepsFolder: values.keep,
    isVerbose: values.verbose,
    wantsHelp: values.help,
  };
}

function parse(args: readonly string[]) {
  const flag = { type: 'boolean', default: false } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        minutes: { type: 'string', default: '2' },
        seed: { type: 'string' },
        recordings: { type: 'string' },
        json: flag,
        keep: flag,
        verbose: flag,
        help: { ...flag, short: 'h' },
      },
    });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function amount(name: string, text: string, min: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= min) return value;
  throw new UsageError(`${name} takes a number from ${min} on, not "${text}".`);
}
