import { type ParseArgsConfig, parseArgs } from 'node:util';
import { type Bench, UsageError } from './bench.ts';

export interface BenchOptions {
  /** Those asked for, in the order of the list. */
  readonly benches: readonly Bench[];
  /** As asked for: a name, several, or `all`. */
  readonly asked: string;
  /** Where the figures go, besides the terminal. */
  readonly jsonPath: string | undefined;
  /** Unless each bench uses its own number. */
  readonly rounds: number | undefined;
  /** Whether those that can measure with TLS as well. */
  readonly withTls: boolean;
  /** The other flags that were given. */
  readonly settings: ReadonlyMap<string, string>;
  readonly wantsHelp: boolean;
}

export function helpText(all: readonly Bench[]): string {
  const width =
    Math.max(
      8,
      ...all.flatMap(({ name, settings }) => [name, ...Object.keys(settings)]).map((each) => each.length),
    ) + 4;
  const list = all.map(({ name, description, rounds, settings }) => [
    `  ${name.padEnd(width)}  ${description} (${rounds} rounds)`,
    ...Object.entries(settings).map(([flag, about]) => `    --${flag.padEnd(width - 4)}  ${about}`),
  ]);
  return `Usage: npm run bench -- NAME [NAME ...] [options]

Measures Sluice on this machine, beside what a user would otherwise run, in the same run: real built processes, a real
Redis, and simulated services in processes of their own, on loopback only. Prints a table; see docs/performance.md.

Options:
  --rounds N    how often each thing is measured (default: the bench's own number)
  --tls         measure with every service behind TLS as well (${all
    .filter(({ knowsTls }) => knowsTls)
    .map(({ name }) => name)
    .join(', ')})
  --json FILE   also write machine, figures and samples there, as JSON
  --help        this text

Benches, and the settings that each takes ("all" runs all):
${list.flat().join('\n')}

Exit code: 0 if everything was measured; 1 if not; 2 for a wrong option.
`;
}

/** Reads the command line. @throws UsageError */
export function readOptions(args: readonly string[], all: readonly Bench[]): BenchOptions {
  const names = new Set(all.flatMap(({ settings }) => Object.keys(settings)));
  const { values, positionals } = parse(args, names);
  const benches = choose(positionals, all);
  const settings = new Map<string, string>();
  for (const name of names) {
    const value = values[name];
    if (typeof value !== 'string') continue;
    if (benches.length > 0 && !benches.some((bench) => name in bench.settings)) {
      throw new UsageError(`--${name} is no setting of ${positionals.join(', ')}.`);
    }
    settings.set(name, value);
  }
  const { rounds, json } = values;
  const withTls = values['tls'] === true;
  if (withTls && benches.length > 0 && !benches.some(({ knowsTls }) => knowsTls)) {
    throw new UsageError(`--tls is nothing that ${positionals.join(', ')} can measure.`);
  }
  return {
    benches,
    asked: positionals.join(' '),
    jsonPath: typeof json === 'string' ? json : undefined,
    rounds: typeof rounds === 'string' ? toNumber('rounds', rounds, /^[1-9]\d{0,3}$/) : undefined,
    withTls,
    settings,
    wantsHelp: values['help'] === true,
  };
}

/** The value of a setting, of the default's type. @throws UsageError */
export function readSetting<T extends number | string>(
  settings: ReadonlyMap<string, string>,
  name: string,
  byDefault: T,
): number | string {
  const given = settings.get(name);
  if (given === undefined) return byDefault;
  return typeof byDefault === 'number' ? toNumber(name, given, /^\d+(\.\d+)?$/) : given;
}

function parse(args: readonly string[], settings: ReadonlySet<string>) {
  const options: ParseArgsConfig['options'] = {
    json: { type: 'string' },
    rounds: { type: 'string' },
    tls: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
    ...Object.fromEntries([...settings].map((name) => [name, { type: 'string' as const }])),
  };
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${message.replace(/\.?$/, '.')}`, { cause });
  }
}

function choose(names: readonly string[], all: readonly Bench[]): readonly Bench[] {
  const unknown = names.find((name) => name !== 'all' && !all.some((bench) => bench.name === name));
  if (unknown !== undefined) {
    throw new UsageError(
      `There is no bench "${unknown}": there are ${all.map(({ name }) => name).join(', ')}.`,
    );
  }
  return all.filter(({ name }) => names.includes(name) || names.includes('all'));
}

function toNumber(name: string, text: string, shape: RegExp): number {
  if (!shape.test(text)) throw new UsageError(`--${name} takes a number, not "${text}".`);
  return Number(text);
}
