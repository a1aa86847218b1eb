import { type RunOptions, readRunOptions } from '../chaos/options.ts';

export const HELP = `Usage: npm run hosts -- [options]

Runs three hosts of Sluice on this machine, each in a network of its own with its own folder, disk and clock (one is 90 s
ahead, one is an hour behind), over one Postgres, one Redis and one nginx in front of their doors; sends recordings through all
doors of all hosts and jobs of films through those of programs, and kills processes and whole hosts, cuts links both ways and one way, halts hosts, kills the database or
fails it over to its standby, empties Redis and fills disks meanwhile. At the end it compares what was accepted with what is there.

Networks of their own need root; without, the hosts share this machine's loopback, and no link is cut. Settings in .env are
not used, everything lies in a temporary folder, and nothing of this machine's network is changed.

Options:
  --minutes M      how long to do damage (default 2); the drain after it takes as long as it takes
  --seed S         a whole number; the same seed makes the same plan (default: one by chance, printed)
  --recordings N   how many recordings are sent (default 25 a minute)
  --jobs N         how many jobs programs ask for, by gRPC and GraphQL in turn (default 4 a minute)
  --json           print the result as JSON on standard output, and everything else on standard error
  --keep           leave the temporary folder, with all logs, where it is
  --verbose        print each step as it happens
  --help           this text

Exit code: 0 if nothing was lost, doubled or left behind; 1 if something was; 2 for a wrong option.
`;

/** @throws UsageError */
export function readOptions(args: readonly string[], randomSeed: () => number): RunOptions {
  return readRunOptions(args, randomSeed, { perMinute: 25, least: 6 });
}
