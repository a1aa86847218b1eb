/** The processes that Sluice consists of. */
export const APPS = ['pipeline', 'worker', 'tus'] as const;
export type App = (typeof APPS)[number];
