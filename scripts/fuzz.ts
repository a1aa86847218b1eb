import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { casesOf, FUZZES, runFuzz } from './fuzz/properties.ts';
import { openFuzzWorld } from './fuzz/world.ts';

const HELP = `Usage: npm run fuzz -- [options]

Sends what nobody should send to every door of Sluice, in this process and on a ledger of its own: webhooks signed and
not, names, paths, queries, tokens, uploads, rules. Nothing may crash, every refusal has to be a problem document, and
what was refused may have changed nothing.

Options:
  --cases N   how many cases (default 100000)
  --seed S    a whole number; the same seed makes the same cases (default: one by chance, printed)
  --only TEXT only what has this text in its name
  --help      this text

Exit code: 0 if all held; 1 if something did not, with the smallest case that shows it; 2 for a wrong option.
`;

process.exit(await main());

async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) return 2;
  const { cases, seed, only, help } = options;
  if (help) {
    process.stdout.write(HELP);
    return 0;
  }
  process.stdout.write(`seed ${seed}\n`);
  const startedMs = performance.now();
  const world = await openFuzzWorld();
  let isAllWell = true;
  try {
    for (const fuzz of FUZZES.filter(({ name }) => name.includes(only))) {
      const runs = casesOf(fuzz, cases);
      const beganMs = performance.now();
      const failure = await runFuzz(fuzz, world, { cases: runs, seed }).then(
        () => undefined,
        (error: Error) => error,
      );
      const seconds = ((performance.now() - beganMs) / 1000).toFixed(1);
      process.stdout.write(
        `${failure === undefined ? 'ok ' : 'NOT'}  ${runs} cases, ${seconds} s: ${fuzz.name}\n`,
      );
      if (failure !== undefined) {
        isAllWell = false;
        process.stdout.write(`${failure.message}\n`);
      }
    }
  } finally {
    await world.close();
  }
  process.stdout.write(
    `fuzz: ${isAllWell ? 'all held' : 'NOT all held'}, ${Math.round((performance.now() - startedMs) / 1000)} s\n`,
  );
  return isAllWell ? 0 : 1;
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        cases: { type: 'string', default: '100000' },
        seed: { type: 'string', default: String(randomInt(2 ** 31)) },
        only: { type: 'string', default: '' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const { only, help } = values;
    return { cases: whole('--cases', values.cases), seed: whole('--seed', values.seed), only, help };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)} See --help.\n`);
    return undefined;
  }
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${name} takes a whole number, not "${text}".`);
}
