import type { OutputStand, OutputStands } from '../domain/output-stand.ts';
import { needsOf, type Plan, type PlannedStep } from '../domain/recipe.ts';
import type { Tasks } from './task.ts';

/** How far a run is: which steps are done, which have ended without that, and so which may begin. */
export interface Way {
  readonly done: Set<string>;
  /** The steps that have ended without being done, and how. */
  readonly ended: Map<string, OutputStand>;
  isOver(id: string): boolean;
  isOutput(step: PlannedStep): boolean;
  /** What is known of the steps that end by themselves. */
  hear(stands: OutputStands): void;
  /**
   * Whether it has all that it needs, and what that needed: a step that is gone through once more is waited for also by those that
   * come after its readers. What only comes after a step that has ended goes on; what reads its bytes does not.
   *
   * @param isGrowing Whether the bytes of a step are being made beside it.
   */
  canBegin(step: PlannedStep, isGrowing?: (id: string) => boolean): boolean;
  /** The next step that may begin, in whatever lane. */
  next(): PlannedStep | undefined;
  /** Those that are still to be, and need bytes of one that has ended: they end with it. */
  orphans(): { readonly step: PlannedStep; readonly maker: PlannedStep; readonly stand: OutputStand }[];
  /** Why the run has failed: outputs were all that was still to be had of it, and there will be none. The first one tells. */
  lostBy(): { readonly step: PlannedStep; readonly stand: OutputStand } | undefined;
}

/** @param isReopened The run was done before: what cannot be made anew does not undo that. */
export function createWay(
  { steps }: Plan,
  { tasks, facts, isReopened }: { tasks: Tasks; facts: object; isReopened: boolean },
): Way {
  const isMade = (id: string) => Reflect.get(facts, id) !== undefined;
  const done = new Set(steps.map(({ id }) => id).filter(isMade));
  const ended = new Map<string, OutputStand>();
  const isOver = (id: string) => done.has(id) || ended.has(id);
  const isOutput = ({ task }: PlannedStep) => tasks.get(task)?.makesOutputs === true;
  const outputs = steps.filter(isOutput);
  /** Whether a step is over, and all that it needed: none of those is gone through once more. */
  function isSettled(id: string): boolean {
    const step = steps.find((each) => each.id === id);
    return isOver(id) && (step === undefined || needsOf(step).every(isSettled));
  }
  const behindOutputs = new Set<string>();
  for (const step of steps) {
    const isBehind = ({ id }: PlannedStep) => behindOutputs.has(id) || outputs.some((each) => each.id === id);
    const needs = new Set(needsOf(step));
    if (steps.some((each) => needs.has(each.id) && isBehind(each))) behindOutputs.add(step.id);
  }

  function lostBy() {
    if (isReopened || outputs.length === 0 || !outputs.every(({ id }) => ended.has(id))) return undefined;
    for (const step of outputs) {
      const stand = ended.get(step.id);
      if (stand?.ending === 'failed') return { step, stand };
    }
    return undefined;
  }

  const way: Way = {
    done,
    ended,
    isOver,
    isOutput,
    hear(stands) {
      for (const { id } of steps) {
        const stand = stands[id];
        if (stand?.isOver !== true) ended.delete(id);
        else {
          ended.set(id, stand);
          done.delete(id);
        }
      }
    },
    canBegin({ id, takes, after }, isGrowing = () => false) {
      return (
        !isOver(id) &&
        after.every(isSettled) &&
        takes.every(
          ({ step, how }) => (done.has(step) && isSettled(step)) || (how === 'growing' && isGrowing(step)),
        ) &&
        // What a failed run would end with stays undone: it may be tried again.
        !(behindOutputs.has(id) && lostBy() !== undefined)
      );
    },
    next: () => steps.find((step) => way.canBegin(step)),
    orphans: () =>
      steps.flatMap((step) => {
        const maker = step.takes
          .map((edge) => steps.find(({ id }) => id === edge.step))
          .find((each) => each !== undefined && ended.has(each.id));
        const stand = maker && ended.get(maker.id);
        return maker === undefined || stand === undefined || isOver(step.id) ? [] : [{ step, maker, stand }];
      }),
    lostBy,
  };
  return way;
}
