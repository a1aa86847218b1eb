import { setMaxListeners } from 'node:events';
import { appendFile, writeFile } from 'node:fs/promises';
import { Interrupted, listenForEnding } from '../ending.ts';
import { BenchFailure, UsageError } from './bench.ts';
import { BENCHES } from './benches.ts';
import { runBenches } from './harness.ts';
import { helpText, readOptions } from './options.ts';

process.exit(await main());

/** Measures what is asked for, and gives back the exit code. */
async function main(): Promise<number> {
  const ending = listenForEnding();
  setMaxListeners(0, ending.signal);

  try {
    const options = readOptions(process.argv.slice(2), BENCHES);
    if (options.wantsHelp || options.benches.length === 0) {
      process.stdout.write(helpText(BENCHES));
      return 0;
    }
    const { jsonPath } = options;
    // A place that cannot be written to shall be heard of now, not after minutes.
    if (jsonPath !== undefined) await appendFile(jsonPath, '');
    const report = await runBenches({
      options,
      signal: ending.signal,
      print: (text) => void process.stdout.write(`${text}\n`),
      say: (line) => void process.stderr.write(`${line}\n`),
    });
    if (jsonPath !== undefined) await writeFile(jsonPath, `${JSON.stringify(report, undefined, 2)}\n`);
    return 0;
  } catch (error) {
    return report(ending.signal.aborted ? ending.signal.reason : error);
  }
}

/** Says what went wrong; gives back the exit code. */
function report(reason: unknown): number {
  if (reason instanceof Interrupted) {
    process.stderr.write('\nStopped; everything is cleaned up.\n');
    return reason.exitCode;
  }
  if (reason instanceof UsageError) {
    process.stderr.write(`${reason.message} See --help.\n`);
    return 2;
  }
  const text = reason instanceof Error && !(reason instanceof BenchFailure) ? reason.stack : String(reason);
  process.stderr.write(`\nThe bench failed: ${text}\n`);
  return 1;
}
