import type { Dice } from './dice.ts';

interface Shared {
  readonly atMs: number;
  readonly name: string;
  /** The process behind the door is killed so long after the first call was sent. */
  readonly doorKillAfterMs: number | undefined;
}

/** What a program wants made of a film. */
export type JobOrder =
  | (Shared & {
      readonly door: 'grpc';
      /** Whether it wants a package beside the picture. */
      readonly hasPackage: boolean;
    })
  | (Shared & {
      readonly door: 'graphql';
      readonly makes: 'picture' | 'part';
      /** The length of the film, which is one of its own. */
      readonly filmBytes: number;
    });

/** By both doors in turn: the first two at once, the others over three quarters of the time. */
export function planJobs(dice: Dice, durationMs: number, jobs: number): JobOrder[] {
  return Array.from({ length: jobs }, (_, index) => planJob(dice, index, durationMs)).sort(
    (a, b) => a.atMs - b.atMs,
  );
}

function planJob(dice: Dice, index: number, durationMs: number): JobOrder {
  const shared = {
    atMs: index < 2 ? 1000 : dice.whole(1000, durationMs * 0.75),
    name: `j${String(index).padStart(3, '0')}`,
    doorKillAfterMs: dice.happens(0.4) ? dice.whole(0, 60) : undefined,
  };
  if (index % 2 === 0) return { ...shared, door: 'grpc', hasPackage: dice.happens(0.25) };
  return {
    ...shared,
    door: 'graphql',
    makes: dice.pick(['picture', 'part'] as const),
    filmBytes: dice.whole(400_000, 4_000_000),
  };
}
