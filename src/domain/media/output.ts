import type { Cost } from './cost.ts';

/** A file that a step has made and brought to a place of outputs. */
export interface Output {
  readonly key: string;
  /** Where a browser fetches it; null if the place has no public address. */
  readonly address: string | null;
  readonly mediaType: string;
  readonly bytes: number;
  /** Null of what has no length, such as a picture. */
  readonly durationS: number | null;
}

/** What every step has proved that makes outputs. */
export interface OutputsFact {
  /** The place, by its name. */
  readonly to: string;
  /** The key that the caller of the run has named for it. */
  readonly named?: string;
  /** What its keys begin with. */
  readonly prefix: string;
  /** In the order in which they were brought there. */
  readonly outputs: readonly Output[];
  readonly cost: Cost;
}

/** What several runs have cost together. */
export function sumOf(costs: readonly Cost[]): Cost {
  const sum = (of: (cost: Cost) => number) =>
    Math.round(1000 * costs.reduce((all, cost) => all + of(cost), 0)) / 1000;
  return {
    cpuS: sum(({ cpuS }) => cpuS),
    wallS: sum(({ wallS }) => wallS),
    peakRssBytes: Math.max(0, ...costs.map(({ peakRssBytes }) => peakRssBytes)),
  };
}

/** What an output may lack of its length, or have too much, in seconds. */
export function slackS(wantedS: number): number {
  return Math.max(0.5, 0.01 * wantedS);
}

/** Whether something is as long as it had to be, or longer: some files say less than they have. */
export function isWhole(durationS: number, wantedS: number): boolean {
  return wantedS - durationS <= slackS(wantedS);
}

/** Whether something is as long as it had to be. */
export function isAsLong(durationS: number, wantedS: number): boolean {
  return Math.abs(durationS - wantedS) <= slackS(wantedS);
}
