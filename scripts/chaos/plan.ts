import type { Step } from './action.ts';
import { createDice, type Dice } from './dice.ts';
import { EPISODES, type Episode, measuredKill, storm } from './episodes.ts';
import { type JobOrder, planJobs } from './job-orders.ts';
import { planShipments, type Shipment } from './shipments.ts';

/** Sets the dice of jobs apart from those of all else. */
export const JOB_SEED = 0x10b5;

/** All that happens, decided before anything does. */
export interface Plan {
  readonly durationMs: number;
  readonly steps: readonly Step[];
  readonly shipments: readonly Shipment[];
  readonly jobs: readonly JobOrder[];
}

/** The same numbers make the same plan. */
export function makePlan(options: {
  seed: number;
  durationMs: number;
  recordings: number;
  jobs: number;
}): Plan {
  const { seed, durationMs, recordings, jobs } = options;
  return {
    durationMs,
    steps: planSteps(createDice(seed), durationMs),
    shipments: planShipments(createDice(seed ^ 0x5eed), durationMs, recordings),
    jobs: planJobs(createDice(seed ^ JOB_SEED), durationMs, jobs),
  };
}

/**
 * Faults that nothing has met yet stay for the next episode. Every third episode is a kill that is measured; the others
 * come in ever new order, each before any comes again.
 */
function planSteps(dice: Dice, durationMs: number): Step[] {
  const steps: Step[] = [];
  let atMs = 3000;
  let deck: ((dice: Dice) => Episode)[] = [];
  for (let count = 0; atMs < durationMs; count += 1) {
    if (deck.length === 0) deck = dice.shuffled(EPISODES);
    const make = count % 3 === 0 ? measuredKill : (deck.pop() ?? storm);
    const episode = make(dice);
    const begin = atMs;
    steps.push(...episode.steps.map((step) => ({ ...step, atMs: begin + step.atMs })));
    atMs += episode.durationMs;
  }
  return steps
    .map((step, index) => ({ step, index }))
    .sort((a, b) => a.step.atMs - b.step.atMs || a.index - b.index)
    .map(({ step }) => step)
    .filter((step) => step.atMs <= durationMs);
}
