import { setMaxListeners } from 'node:events';
import { dirname } from 'node:path';
import { Interrupted, listenForEnding } from '../ending.ts';
import type { Remaining } from './drain.ts';
import { type RunOptions, UsageError } from './options.ts';
import type { Finding } from './verdict.ts';

/** What every run that does damage ends with. */
export interface Judged {
  readonly stuck: Remaining | undefined;
  readonly findings: readonly (Finding & { readonly history: readonly string[] })[];
}

/** What a run is given. */
export interface RunContext<Options> {
  /** The checkout. */
  readonly root: string;
  readonly options: Options;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Does a run as a script, tells what came of it, and gives back the exit code.
 *
 * @param script.name As people call the run
 * @param script.summary The last lines, behind what was found
 */
export async function runAsScript<Options extends RunOptions, Result extends Judged>(
  options: Options,
  script: {
    readonly name: string;
    readonly run: (context: RunContext<Options>) => Promise<Result>;
    readonly summary: (result: Result) => readonly string[];
  },
): Promise<number> {
  const ending = listenForEnding();
  // Every sender waits with it.
  setMaxListeners(0, ending.signal);
  try {
    const stream = options.printsJson ? process.stderr : process.stdout;
    const say = (line: string) => void stream.write(`${line}\n`);
    const root = dirname(dirname(import.meta.dirname));
    const result = await script.run({ root, options, say, signal: ending.signal });
    for (const { kind, text, history } of result.findings) {
      say(`${kind.toUpperCase()}: ${text}`);
      for (const line of history) say(`    ${line}`);
    }
    if (result.stuck !== undefined) say(`STUCK: ${JSON.stringify(result.stuck)}`);
    for (const line of script.summary(result)) say(line);
    if (options.printsJson) process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
    return result.findings.length === 0 && result.stuck === undefined ? 0 : 1;
  } catch (error) {
    const reason: unknown = ending.signal.aborted ? ending.signal.reason : error;
    if (reason instanceof Interrupted) {
      process.stderr.write('\nStopped; everything is cleaned up.\n');
      return reason.exitCode;
    }
    process.stderr.write(
      `The ${script.name} broke: ${reason instanceof Error ? reason.stack : String(reason)}\n`,
    );
    return 1;
  }
}

/** Reads the options; where there is nothing to run, the exit code instead. */
export function optionsOrExit<Options extends RunOptions>(
  read: () => Options,
  help: string,
): Options | number {
  let options: Options;
  try {
    options = read();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message} See --help.\n`);
    return 2;
  }
  if (!options.wantsHelp) return options;
  process.stdout.write(help);
  return 0;
}
