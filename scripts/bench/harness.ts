import { type Bench, type BenchContext, type BenchResult, UsageError } from './bench.ts';
import { describeMachine, type Machine } from './machine.ts';
import { type BenchOptions, readSetting } from './options.ts';
import { withScope } from './scope.ts';
import { renderTable } from './table.ts';

/** What `--json` writes. */
export interface Report {
  readonly machine: Machine;
  /** What was asked for: a name, several, or `all`. */
  readonly bench: string;
  readonly startedAt: string;
  /** Of the bench with most. */
  readonly rounds: number;
  readonly figures: Readonly<Record<string, number>>;
  /** What some of the figures are to be at most. */
  readonly goals: Readonly<Record<string, number>>;
  readonly samples: Readonly<Record<string, readonly number[]>>;
}

export interface HarnessOptions {
  readonly options: BenchOptions;
  readonly signal: AbortSignal;
  /** Takes a finished bench's table. */
  readonly print: (text: string) => void;
  /** Takes a line of progress. */
  readonly say: (line: string) => void;
}

/** Runs the benches asked for, one after another, and prints each one's table when it is done. */
export async function runBenches({ options, signal, print, say }: HarnessOptions): Promise<Report> {
  const machine = await describeMachine();
  const startedAt = new Date().toISOString();
  const figures: Record<string, number> = {};
  const goals: Record<string, number> = {};
  const samples: Record<string, readonly number[]> = {};
  let most = 0;

  for (const bench of options.benches) {
    const rounds = options.rounds ?? bench.rounds;
    most = Math.max(most, rounds);
    say(`${bench.name}: ${bench.description}`);
    const { settings } = options;
    const withTls = options.withTls && bench.knowsTls === true;
    const result = await runOne(bench, { rounds, settings, withTls, signal, say });
    requireNumbers(bench, result);
    Object.assign(figures, result.figures);
    Object.assign(goals, result.goals);
    Object.assign(samples, result.samples);
    print(renderResult(bench, rounds, result));
  }
  return { machine, bench: options.asked, startedAt, rounds: most, figures, goals, samples };
}

interface RunOptions {
  readonly rounds: number;
  readonly settings: ReadonlyMap<string, string>;
  readonly withTls: boolean;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** Runs one bench and undoes what it has asked to be undone. */
async function runOne(bench: Bench, { settings, say, ...given }: RunOptions): Promise<BenchResult> {
  const startedMs = performance.now();
  const elapsed = () => ((performance.now() - startedMs) / 1000).toFixed(0).padStart(3);
  return await withScope(async ({ defer }) => {
    const context: BenchContext = {
      ...given,
      defer,
      say: (line) => say(`[${bench.name} ${elapsed()} s] ${line}`),
      setting(name, byDefault) {
        if (!(name in bench.settings)) throw new UsageError(`${bench.name} has no setting "${name}".`);
        return readSetting(settings, name, byDefault) as never;
      },
    };
    given.signal.throwIfAborted();
    return await bench.run(context);
  });
}

/** A figure that is no number would vanish from the JSON. */
function requireNumbers({ name }: Bench, { figures }: BenchResult): void {
  const broken = Object.entries(figures).find(([, value]) => !Number.isFinite(value));
  if (broken) throw new Error(`${name}: ${broken[0]} is ${broken[1]}`);
}

function verdictOf(value: number, goal: NonNullable<BenchResult['goals']>[string] | undefined): string {
  if (goal === undefined) return '';
  const [words, isKept] =
    typeof goal === 'number'
      ? [`at most ${goal}`, value <= goal]
      : [`at least ${goal.atLeast}`, value >= goal.atLeast];
  return ` (goal: ${words}; ${isKept ? 'kept' : 'missed'})`;
}

function renderResult(
  { name, description }: Bench,
  rounds: number,
  { rows, notes, figures, goals = {} }: BenchResult,
): string {
  const list = Object.entries(figures).map(([figure, value]) => {
    const goal = goals[figure];
    return `${figure} = ${Number(value.toPrecision(5))}${verdictOf(value, goal)}`;
  });
  return [
    '',
    `${name}: ${description}, ${rounds} ${rounds === 1 ? 'round' : 'rounds'}`,
    '',
    renderTable(rows),
    '',
    ...notes.map((note) => `* ${note}`),
    ...list,
    '',
  ].join('\n');
}
