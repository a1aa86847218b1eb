import { randomInt } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { dirname } from 'node:path';
import { HELP, readOptions, UsageError } from './chaos/options.ts';
import { type Result, runChaos } from './chaos/run.ts';
import { Interrupted, listenForEnding } from './ending.ts';

process.exit(await main());

/** Runs, and gives back the exit code. */
async function main(): Promise<number> {
  const ending = listenForEnding();
  // Every sender waits with it.
  setMaxListeners(0, ending.signal);

  try {
    const options = readOptions(process.argv.slice(2), () => randomInt(2 ** 31));
    if (options.wantsHelp) {
      process.stdout.write(HELP);
      return 0;
    }
    const stream = options.printsJson ? process.stderr : process.stdout;
    const say = (line: string) => void stream.write(`${line}\n`);
    const result = await runChaos({
      root: dirname(import.meta.dirname),
      options,
      say,
      signal: ending.signal,
    });
    printResult(result, say);
    if (options.printsJson) process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
    return result.findings.length === 0 && result.stuck === undefined ? 0 : 1;
  } catch (error) {
    const reason: unknown = ending.signal.aborted ? ending.signal.reason : error;
    if (reason instanceof Interrupted) {
      process.stderr.write('\nStopped; everything is cleaned up.\n');
      return reason.exitCode;
    }
    if (reason instanceof UsageError) {
      process.stderr.write(`${reason.message} See --help.\n`);
      return 2;
    }
    process.stderr.write(`The chaos run broke: ${reason instanceof Error ? reason.stack : String(reason)}\n`);
    return 1;
  }
}

function printResult(result: Result, say: (line: string) => void): void {
  for (const { kind, text, history } of result.findings) {
    say(`${kind.toUpperCase()}: ${text}`);
    for (const line of history) say(`    ${line}`);
  }
  if (result.stuck !== undefined) say(`STUCK: ${JSON.stringify(result.stuck)}`);
  const { p50S, maxS, n } = result.recovery;
  const seconds = (value: number | null) => (value === null ? '-' : value.toFixed(1));
  const spoiled =
    result.spoiledMeasurements === 0 ? '' : ` (${result.spoiledMeasurements} more kills not measurable)`;
  say(
    `kills: ${Object.entries(result.killsByApp)
      .map(([app, count]) => `${app} ${count}`)
      .join(', ')}; drained in ${result.drainS} s`,
  );
  if (result.databaseKills > 0) say(`kills of the database: ${result.databaseKills}`);
  say(`recovery: p50 ${seconds(p50S)} s, max ${seconds(maxS)} s, n ${n}${spoiled}`);
  const { kills, faults, recordings, keptTwice, runs, lost, doubled, left, wrong } = result;
  say(`archived to the folder as well: ${keptTwice}; further runs: ${runs}`);
  say(
    `chaos: kills ${kills}, faults ${faults}, recordings ${recordings}, lost ${lost}, doubled ${doubled}, left ${left}, wrong ${wrong}`,
  );
}
