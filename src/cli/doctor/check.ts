import { KnownError, summarize } from '../../domain/errors.ts';
import { type Finding, fail } from '../../domain/finding.ts';
import { untilAborted } from '../../lib/abort.ts';
import { SERVICES } from '../../outside/words.ts';
import { troubleOf } from '../failure.ts';

export interface Check {
  readonly name: string;
  /** The one that is asked, whose settings the advice names. */
  readonly service?: string | undefined;
  /** What it throws counts as failed. */
  run(signal: AbortSignal): Promise<Finding>;
}

export interface Diagnosis extends Finding {
  readonly check: string;
  readonly ms: number;
}

/** Runs all checks at the same time, each for so long at most; tells of each as soon as it has ended. */
export async function diagnose(
  checks: readonly Check[],
  options: {
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    readonly onDone: (diagnosis: Diagnosis) => void;
  },
): Promise<Diagnosis[]> {
  const { timeoutMs, signal, onDone } = options;
  return await Promise.all(
    checks.map(async (check) => {
      const startedMs = performance.now();
      const finding = await runInTime(check, timeoutMs, signal);
      signal.throwIfAborted();
      const diagnosis = { check: check.name, ...finding, ms: Math.round(performance.now() - startedMs) };
      onDone(diagnosis);
      return diagnosis;
    }),
  );
}

async function runInTime(check: Check, timeoutMs: number, stop: AbortSignal): Promise<Finding> {
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([stop, deadline]);
  try {
    return await untilAborted(check.run(signal), signal);
  } catch (error) {
    stop.throwIfAborted();
    if (deadline.aborted) {
      return fail(
        `no answer within ${timeoutMs / 1000} s`,
        'Check the network and the firewall, or give it more --timeout.',
      );
    }
    const advice =
      check.service !== undefined && error instanceof KnownError
        ? SERVICES.adviceFor(check.service, error.code)
        : troubleOf(error).advice;
    return fail(summarize(error).message, advice);
  }
}
