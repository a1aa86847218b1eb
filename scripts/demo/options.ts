import { parseArgs } from 'node:util';
import { DemoFailure } from './failure.ts';

export const HELP = `Usage: npm run demo -- [options]

Runs all of Sluice on this machine against local stand-ins for Zoom, Backblaze B2, Bunny Stream and the website,
sends recordings through all three doors, checks what arrived, and stays up until Ctrl-C. Settings in .env are not
used, and everything lies in a temporary folder.

Options:
  --once      end after the check, with exit code 0 only if all is well
  --bytes N   size of the larger recordings (default 50331648)
  --keep      leave the temporary folder, with the logs of the processes, where it is
  --help      this text

Environment:
  REDIS_URL   use this Redis and not one of the demo's own
  NO_COLOR    print without colours
`;

const MIN_BYTES = 1_000_000;

/** What the command line asks for. */
export interface DemoOptions {
  readonly isOnce: boolean;
  /** Size of the larger recordings. */
  readonly bytes: number;
  readonly keepsFolder: boolean;
  readonly wantsHelp: boolean;
}

/** Reads the command line. @throws DemoFailure for what is no option. */
export function readOptions(args: readonly string[]): DemoOptions {
  const { values } = parse(args);
  const bytes = Number(values.bytes);
  if (!Number.isSafeInteger(bytes) || bytes < MIN_BYTES) {
    throw new DemoFailure(`--bytes takes a whole number from ${MIN_BYTES} on, not "${values.bytes}".`);
  }
  return { isOnce: values.once, bytes, keepsFolder: values.keep, wantsHelp: values.help };
}

function parse(args: readonly string[]) {
  const flag = { type: 'boolean', default: false } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        once: flag,
        bytes: { type: 'string', default: String(48 * 1024 * 1024) },
        keep: flag,
        help: { ...flag, short: 'h' },
      },
    });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new DemoFailure(`${message.replace(/\.?$/, '.')} See --help.`, { cause });
  }
}
