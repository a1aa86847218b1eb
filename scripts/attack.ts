import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { runAttacks } from './attack/run.ts';

const HELP = `Usage: npm run attack -- [options]

Starts all of Sluice behind nginx on this machine, with simulated services, and attacks it while an honest tutor uploads:
forged and replayed webhooks, tokens of others, paths that lead elsewhere, pages of other origins, smuggled requests,
floods, downloads that lead inside. In the end nothing may have changed but what the honest upload and the webhooks that
were rightly signed have made. Settings in .env are not used, and everything lies in a temporary folder.

Options:
  --quick      with fewer connections and tries (about half a minute)
  --json FILE  write the result to a file as JSON
  --help       this text

Exit code: 0 if every attack was met as it should be; 1 if one was NOT; 2 for a wrong option.
`;

process.exit(await main());

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 2;
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const result = await runAttacks({
    isQuick: options.quick,
    say: ({ group, name, expected, happened, isOk }) =>
      process.stdout.write(
        `${isOk ? 'ok ' : 'NOT'}  ${group}: ${name}\n     expected ${expected}; happened: ${happened}\n`,
      ),
  });
  const memory = Object.entries(result.peakMemoryMib).map(([name, mib]) => `${name} ${mib} MiB`);
  process.stdout.write(`memory at most: ${memory.join(', ')}\n`);
  const failed = result.lines.filter(({ isOk }) => !isOk).length;
  process.stdout.write(`attack: ${result.lines.length} lines, ${failed} NOT, ${result.durationS} s\n`);
  if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(result, undefined, 2)}\n`);
  return result.isSafe ? 0 : 1;
}

function readOptions() {
  const flag = { type: 'boolean', default: false } as const;
  try {
    return parseArgs({ options: { quick: flag, json: { type: 'string' }, help: { ...flag, short: 'h' } } })
      .values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)} See --help.\n`);
    return undefined;
  }
}
