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

/** How many turns of a lane are under way at once; the gate says how many of them may move. */
export const LANE_CONCURRENCY = 4;

/** How many announcements are under way at once. */
export const DELIVERIES_CONCURRENCY = 4;
