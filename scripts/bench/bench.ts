import type { Scope } from './scope.ts';

/** One measurement. It ends what it starts and removes what it writes, also when `signal` cuts it short. */
export interface Bench {
  /** One word, by which it is asked for. */
  readonly name: string;
  /** One line. */
  readonly description: string;
  /** What may be set on the command line: each flag's name, without dashes, and a line about it. */
  readonly settings: Readonly<Record<string, string>>;
  /** How many rounds unless told otherwise. */
  readonly rounds: number;
  /** It can measure the same with every service behind TLS. */
  readonly knowsTls?: true;
  run(context: BenchContext): Promise<BenchResult>;
}

/** What a bench is given; `defer` has something undone when the bench is over. */
export interface BenchContext extends Scope {
  readonly rounds: number;
  /** Whether it is to measure the same with every service behind TLS as well. */
  readonly withTls: boolean;
  /** Prints a line of progress on standard error. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** The value of a flag that the bench has among its settings, of the default's type. @throws UsageError */
  readonly setting: <T extends number | string>(name: string, byDefault: T) => Widened<T>;
}

type Widened<T> = T extends number ? number : string;

export interface BenchResult {
  /** Named `bench.figure`. */
  readonly figures: Readonly<Record<string, number>>;
  /** What some of the figures are to be: a number is the most. */
  readonly goals?: Readonly<Record<string, number | { readonly atLeast: number }>>;
  /** A table; its first row holds the headings. */
  readonly rows: readonly (readonly string[])[];
  /** What a reader of the table should know, a line each. */
  readonly notes: readonly string[];
  /** What each round gave, under the same kind of names as the figures. */
  readonly samples?: Readonly<Record<string, readonly number[]>>;
}

/** The command line asks for something that there is not. */
export class UsageError extends Error {}

/** The bench cannot run here; the message says what is missing and how to get it. */
export class BenchFailure extends Error {}
