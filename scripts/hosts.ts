import { randomInt } from 'node:crypto';
import { optionsOrExit, runAsScript } from './chaos/script.ts';
import { enterOwnNetwork } from './hosts/network.ts';
import { HELP, readOptions } from './hosts/options.ts';
import { type Result, runHosts } from './hosts/run.ts';

const options = optionsOrExit(() => readOptions(process.argv.slice(2), () => randomInt(2 ** 31)), HELP);
process.exit(
  typeof options === 'number'
    ? options
    : ((await enterOwnNetwork()) ??
        (await runAsScript(options, { name: 'run of hosts', run: runHosts, summary }))),
);

function summary(result: Result): string[] {
  const kinds = Object.entries(result.byKind).map(([kind, times]) => `${kind} ${times}`);
  const { kills, recordings, runs, jobs, lost, doubled, left, wrong } = result;
  return [
    `${kinds.join(', ')}; drained in ${result.drainS} s; leases lost and noticed: ${result.refusedFences}`,
    `hosts: kills and cuts ${kills}, recordings ${recordings}, runs ${runs}, jobs ${jobs}, lost ${lost}, doubled ${doubled}, left ${left}, wrong ${wrong}`,
  ];
}
