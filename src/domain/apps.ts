/** The processes that Sluice consists of. */
export const APPS = ['pipeline', 'worker', 'tus'] as const;
export type App = (typeof APPS)[number];

/** How many signs of life of a process may get lost before it counts as silent. */
export const BEATS_PER_SILENCE = 6;
