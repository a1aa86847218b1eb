import { runProgram } from './programs.ts';

/** What a program cost, all of its processes together. */
export interface Cost {
  readonly wallMs: number;
  readonly cpuS: number;
}

const SCRIPT = '"$@" >&2 || exit; times';

/** Runs a program to its end and says what it has cost, with all that it has started. @throws BenchFailure */
export async function timeProgram(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
  { env, folder = '/' }: { readonly env?: Readonly<Record<string, string>>; readonly folder?: string } = {},
): Promise<Cost> {
  const startedMs = performance.now();
  const shell = ['-c', `cd "$1" && shift && ${SCRIPT}`, 'sh', folder, program, ...args];
  const output = await runProgram('sh', shell, signal, env);
  return { wallMs: performance.now() - startedMs, cpuS: cpuSecondsIn(output) };
}

/** What a shell's `times` says of itself and of its children, in seconds. */
export function cpuSecondsIn(output: string): number {
  const times = [...output.matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => Number(minutes) * 60 + Number(seconds),
  );
  if (times.length !== 4) throw new Error(`the shell's times are not understood: ${output}`);
  return times.reduce((sum, seconds) => sum + seconds, 0);
}
