import { goBy } from '../../lib/wall-time.ts';

/** How often the database is asked what time it is, in milliseconds. */
const EVERY_MS = 10_000;

/** An answer that took longer says too little. */
const MOST_ROUND_TRIP_MS = 1000;

/**
 * Makes the database's clock that of this process. Between two questions time goes on by a clock that nobody sets, so that this
 * machine's own may be wrong, or be put right at any moment, and changes nothing.
 *
 * @param askMs Resolves with the time of the database, in milliseconds since 1970
 * @returns Goes by the machine's own again
 */
export async function followClock(askMs: () => Promise<number>): Promise<() => void> {
  let aheadOfSteadyMs: number | undefined;

  async function look(): Promise<void> {
    const askedMs = performance.now();
    const clockMs = await askMs();
    const answeredMs = performance.now();
    const isSure = answeredMs - askedMs <= MOST_ROUND_TRIP_MS;
    if (isSure || aheadOfSteadyMs === undefined) aheadOfSteadyMs = clockMs - (askedMs + answeredMs) / 2;
  }

  await look();
  // One that is away has its clock as before when it is back.
  const timer = setInterval(() => look().catch(() => {}), EVERY_MS).unref();
  const goBack = goBy(() => Math.round(performance.now() + (aheadOfSteadyMs ?? 0)));
  return () => {
    clearInterval(timer);
    goBack();
  };
}
