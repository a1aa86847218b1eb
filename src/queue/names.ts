import { FIRST_LANE } from '../domain/recipe.ts';

/** The queue of recordings: one at a time, first in, first out. */
export const RECORDINGS_QUEUE = 'recordings';

/** The queue of announcements, apart, so that a website that is down holds up no recording. */
export const DELIVERIES_QUEUE = 'deliveries';

/** The queue of announcements to the addresses of runs, apart, so that one that is down holds up nothing for the website. */
export const RUN_WEBHOOKS_QUEUE = 'run-webhooks';

/** The queue of published videos that are not playable yet. */
export const WATCHES_QUEUE = 'watches';

/** The queue of what is gone on with in a lane. */
export function laneQueue(lane: string): string {
  return `lane-${lane}`;
}

/** The queue of what one host alone may do of another queue. */
export function hostQueue(name: string, host: string): string {
  return `${name}@${host}`;
}

/** How many turns of a lane are under way at once; the gate says how many of them may move. */
export const LANE_CONCURRENCY = 4;

/** The same over all hosts: each takes no more than it moves at once. */
export const SHARED_LANE_CONCURRENCY = 1000;

/** How many turns of a lane one host has under way at once: one that only waited here could move elsewhere. */
export function turnsAtOnce(
  lane: string,
  { isShared, slots }: { readonly isShared: boolean; readonly slots: Readonly<Record<string, number>> },
): number {
  if (lane === FIRST_LANE) return 1;
  return isShared ? Math.min(LANE_CONCURRENCY, slots[lane] ?? 1) : LANE_CONCURRENCY;
}

/** How many announcements are under way at once. */
export const DELIVERIES_CONCURRENCY = 4;
