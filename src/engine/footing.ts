import { hasCode } from '../domain/errors.ts';
import type { Plan, PlannedStep } from '../domain/recipe.ts';
import { type Recording, TAKING_BACK_STATES } from '../domain/recording.ts';
import type { LateEffect } from '../ledger/late-looks.ts';
import type { Moves } from '../ledger/moves.ts';
import { type Progress, type Recordings, UNREADABLE } from '../ledger/recordings.ts';
import { crashPoint } from '../lib/crash-point.ts';
import type { Attempt } from './attempt.ts';
import { isServiceTrouble } from './blame.ts';
import { held } from './held.ts';
import type { AnyTask, Tasks, WithdrawContext } from './task.ts';

/** What all that steps are given have in common, whether they go forward or back; and how they go back. */
export function createFooting({
  tasks,
  recordings,
  moves,
}: {
  readonly tasks: Tasks;
  readonly recordings: Pick<Recordings, 'progress'>;
  readonly moves: Moves;
}) {
  /** @throws KnownError `TASK_MISSING`: it waits until somebody has brought the task back. */
  function taskOf({ id, task: name }: PlannedStep): AnyTask {
    const task = tasks.get(name);
    if (task !== undefined) return task;
    throw held(`The step "${id}" is of the task "${name}", which is not there`, 'TASK_MISSING');
  }

  /**
   * Of what is not wanted any more all that is known otherwise is taken back.
   *
   * @throws KnownError `CHECKPOINT_UNREADABLE`: it waits until somebody has put it right
   */
  function resumeFrom(step: PlannedStep, task: AnyTask, isWanted: boolean, kept: unknown): Resumed {
    const resumed = readCheckpoint(task, kept);
    if (resumed.why === undefined || !isWanted) return resumed;
    throw held(
      `What the step "${step.id}" would resume from cannot be read: ${resumed.why}`,
      'CHECKPOINT_UNREADABLE',
    );
  }

  function serviceOf(step: PlannedStep, recording: Recording, { facts }: Pick<Progress, 'facts'>) {
    return tasks.get(step.task)?.serviceFor?.({ recording, params: step.params, facts });
  }

  /** @param isWanted Whether the step is to be made, or made further. */
  function contextOf(
    step: PlannedStep,
    task: AnyTask,
    { attempt, plan, at, isWanted }: { attempt: Attempt; plan: Plan; at: Progress; isWanted: boolean },
  ) {
    const { recording, lease, signal } = attempt;
    const service = serviceOf(step, recording, at);
    const late = (place: string): LateEffect => {
      if (service === undefined) throw new Error(`step ${step.id} asks nothing of a service`);
      return { recordingId: recording.id, service, place };
    };
    const { checkpoint, why } = resumeFrom(step, task, isWanted, at.checkpoints[step.id]);
    const given = {
      recording,
      step,
      params: step.params,
      proved: (name: string) =>
        plan.steps.flatMap((each) => {
          const fact: unknown = at.facts[each.id];
          return each.task === name && fact !== undefined ? [{ step: each.id, fact }] : [];
        }),
      fence: lease.fence,
      checkpoint,
      checkLease: () => lease.check(),
      expectLate: (place: string) => moves.expectLate(late(place), lease.fence),
      cameInTime: (place: string) => moves.cameInTime(late(place), lease.fence),
      note: (type: Parameters<Moves['note']>[1], data: object) =>
        moves.note(recording.id, type, data, lease.fence),
      signal,
    };
    return { given, service, whyUnreadable: why };
  }

  /** Takes back what a step has made, half or whole; returns whether there was any, and what kept its checkpoint from being read. */
  async function takeBack(step: PlannedStep, plan: Plan, attempt: Attempt, isWanted: boolean) {
    const at = await recordings.progress(attempt.recording.id);
    const fact: unknown = at.facts[step.id];
    const hasMadeAny = fact !== undefined || at.checkpoints[step.id] !== undefined;
    const isSure = !hasMadeAny && !tasks.get(step.task)?.leavesUnrecorded;
    if (isSure && attempt.recording.state !== 'deleting') return { hasMadeAny, whyUnreadable: undefined };
    const task = taskOf(step);
    const { given, whyUnreadable } = contextOf(step, task, { attempt, plan, at, isWanted });
    const context: WithdrawContext = { ...given, fact, log: attempt.log };
    await task.withdraw?.(context);
    crashPoint('withdraw:after-stage');
    return { hasMadeAny, whyUnreadable };
  }

  return {
    taskOf,
    serviceOf,
    contextOf,

    /** Takes back what a step has made, so that it could be made anew. */
    async withdraw(step: PlannedStep, plan: Plan, attempt: Attempt, reason: string): Promise<void> {
      const { recording, lease } = attempt;
      const isWanted = !TAKING_BACK_STATES.includes(recording.state);
      const { hasMadeAny, whyUnreadable } = await takeBack(step, plan, attempt, isWanted);
      const known =
        whyUnreadable === undefined
          ? reason
          : `${reason}, as far as it was known: its checkpoint was unreadable`;
      if (hasMadeAny) await moves.undoStage(recording.id, step.id, known, lease.fence);
    },

    /**
     * Has a step end that is to: takes back what it has made. What cannot be removed though its service is well is left to the
     * sweeper, which finds it where no fact names it.
     *
     * @throws what keeps it from that for now
     */
    async end(step: PlannedStep, plan: Plan, attempt: Attempt): Promise<void> {
      const { recording, lease, signal, log } = attempt;
      crashPoint('output:before-removal');
      try {
        await takeBack(step, plan, attempt, false);
      } catch (error) {
        if (signal.aborted || hasCode(error, 'LEASE_LOST') || mayHeal(error)) throw error;
        log.warn({ event: 'output.left', stage: step.id, err: error }, 'left to the sweeper');
      }
      crashPoint('output:after-removal');
      await moves.outputEnded(recording.id, step.id, lease.fence);
      log.info({ event: 'output.ended', stage: step.id }, 'an output has ended');
    },
  };
}

/** Whether what has kept something from being removed will be over: nothing is known of the rest. */
function mayHeal(error: unknown): boolean {
  return isServiceTrouble(error) || retryOf(error) !== 'never';
}

function retryOf(error: unknown): unknown {
  return error instanceof Error && 'retry' in error ? error.retry : 'never';
}

/** Where a step resumes, or what keeps it from that. */
interface Resumed {
  readonly checkpoint?: unknown;
  readonly why?: string;
}

function readCheckpoint(task: AnyTask, kept: unknown): Resumed {
  if (kept === UNREADABLE) return { why: 'it is no JSON' };
  if (kept === undefined || task.checkpoint === undefined) return { checkpoint: kept };
  const { data, error } = task.checkpoint.safeParse(kept);
  if (error === undefined) return { checkpoint: data };
  const [issue] = error.issues;
  return { why: [issue?.path.join('.'), issue?.message].filter(Boolean).join(': ') };
}
