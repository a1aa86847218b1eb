import fc from 'fast-check';
import { DOOR_FUZZES } from './doors.ts';
import { GRAPHQL_FUZZES } from './graphql.ts';
import { GRPC_FUZZES } from './grpc.ts';
import { TEXT_FUZZES } from './texts.ts';
import { TUS_FUZZES } from './tus.ts';
import type { FuzzWorld } from './world.ts';

type Property = fc.IRawProperty<unknown[]>;

/** Something that has to be true of whatever anybody sends. */
export interface Fuzz {
  readonly name: string;
  /** How many of a run's cases it gets; cheap ones and important ones get more. */
  readonly share: number;
  property(world: FuzzWorld): unknown;
}

export const FUZZES: readonly Fuzz[] = [
  ...DOOR_FUZZES,
  ...TUS_FUZZES,
  ...GRPC_FUZZES,
  ...GRAPHQL_FUZZES,
  ...TEXT_FUZZES,
];

const ALL_SHARES = FUZZES.reduce((sum, { share }) => sum + share, 0);

/** How many of so many cases one of them gets. */
export function casesOf({ share }: Fuzz, cases: number): number {
  return Math.max(1, Math.round((cases * share) / ALL_SHARES));
}

/**
 * Tries so many cases. @throws Error with the smallest case that breaks it and the seed, or with what the servers have
 * logged as unforeseen
 */
export async function runFuzz(
  fuzz: Fuzz,
  world: FuzzWorld,
  options: { cases: number; seed: number },
): Promise<void> {
  const { cases: numRuns, seed } = options;
  const property = (await fuzz.property(world)) as Property;
  const details = await fc.check(property, { numRuns, seed });
  if (details.failed) {
    const why = details.errorInstance instanceof Error ? details.errorInstance.message : '';
    const report = fc.defaultReportMessage(details) ?? '';
    throw new Error(`${fuzz.name}:\n${why}\n${shortened(report)}`);
  }
  const bugs = world.bugs.splice(0);
  if (bugs.length > 0)
    throw new Error(`${fuzz.name}: ${bugs.length} unforeseen, such as\n${bugs[0]} (seed ${seed})`);
}

/** Bytes are written out one by one; nobody reads a million of them. */
function shortened(report: string): string {
  return report.length > 5000 ? `${report.slice(0, 4000)} ... ${report.slice(-1000)}` : report;
}
