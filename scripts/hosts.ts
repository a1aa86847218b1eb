import { randomInt } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { dirname } from 'node:path';
import { UsageError } from './chaos/options.ts';
import { Interrupted, listenForEnding } from './ending.ts';
import { enterOwnNetwork } from './hosts/network.ts';
import { HELP, type HostsOptions, readOptions } from './hosts/options.ts';
import { type Result, runHosts } from './hosts/run.ts';

process.exit(await main());

/** Runs, and gives back the exit code. */
async function main(): Promise<number> {
  let options: HostsOptions;
  try {
    options = readOptions(process.argv.slice(2), () => randomInt(2 ** 31));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message} See --help.\n`);
    return 2;
  }
  if (options.wantsHelp) {
    process.stdout.write(HELP);
    return 0;
  }
  return (await enterOwnNetwork()) ?? (await runHere(options));
}

async function runHere(options: HostsOptions): Promise<number> {
  const ending = listenForEnding();
  // Every sender waits with it.
  setMaxListeners(0, ending.signal);
  try {
    const stream = options.printsJson ? process.stderr : process.stdout;
    const say = (line: string) => void stream.write(`${line}\n`);
    const root = dirname(import.meta.dirname);
    const result = await runHosts({ root, options, say, signal: ending.signal });
    printResult(result, say);
    if (options.printsJson) process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
    return result.findings.length === 0 && result.stuck === undefined ? 0 : 1;
  } catch (error) {
    const reason: unknown = ending.signal.aborted ? ending.signal.reason : error;
    if (reason instanceof Interrupted) {
      process.stderr.write('\nStopped; everything is cleaned up.\n');
      return reason.exitCode;
    }
    process.stderr.write(
      `The run of hosts broke: ${reason instanceof Error ? reason.stack : String(reason)}\n`,
    );
    return 1;
  }
}

function printResult(result: Result, say: (line: string) => void): void {
  for (const { kind, text, history } of result.findings) {
    say(`${kind.toUpperCase()}: ${text}`);
    for (const line of history) say(`    ${line}`);
  }
  if (result.stuck !== undefined) say(`STUCK: ${JSON.stringify(result.stuck)}`);
  const kinds = Object.entries(result.byKind).map(([kind, times]) => `${kind} ${times}`);
  say(`${kinds.join(', ')}; drained in ${result.drainS} s; leases lost and noticed: ${result.refusedFences}`);
  const { kills, recordings, runs, lost, doubled, left, wrong } = result;
  say(
    `hosts: kills and cuts ${kills}, recordings ${recordings}, runs ${runs}, lost ${lost}, doubled ${doubled}, left ${left}, wrong ${wrong}`,
  );
}
