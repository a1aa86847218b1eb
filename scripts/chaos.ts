import { randomInt } from 'node:crypto';
import { HELP, readOptions } from './chaos/options.ts';
import { type Result, runChaos } from './chaos/run.ts';
import { optionsOrExit, runAsScript } from './chaos/script.ts';

const options = optionsOrExit(() => readOptions(process.argv.slice(2), () => randomInt(2 ** 31)), HELP);
process.exit(
  typeof options === 'number'
    ? options
    : await runAsScript(options, { name: 'chaos run', run: runChaos, summary }),
);

function summary(result: Result): string[] {
  const { p50S, maxS, n } = result.recovery;
  const seconds = (value: number | null) => (value === null ? '-' : value.toFixed(1));
  const spoiled =
    result.spoiledMeasurements === 0 ? '' : ` (${result.spoiledMeasurements} more kills not measurable)`;
  const byApp = Object.entries(result.killsByApp).map(([app, count]) => `${app} ${count}`);
  const { kills, faults, recordings, jobs, keptTwice, runs, lost, doubled, left, wrong } = result;
  return [
    `kills: ${byApp.join(', ')}; drained in ${result.drainS} s`,
    ...(result.databaseKills > 0 ? [`kills of the database: ${result.databaseKills}`] : []),
    `recovery: p50 ${seconds(p50S)} s, max ${seconds(maxS)} s, n ${n}${spoiled}`,
    `archived to the folder as well: ${keptTwice}; further runs: ${runs}`,
    `chaos: kills ${kills}, faults ${faults}, recordings ${recordings}, jobs ${jobs}, lost ${lost}, doubled ${doubled}, left ${left}, wrong ${wrong}`,
  ];
}
