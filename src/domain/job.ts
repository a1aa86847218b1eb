import { recordingId } from './ids.ts';
import type { Plan, PlannedStep, TaskShapes } from './recipe.ts';
import type { Recording } from './recording.ts';

/*
 * A job is a run that a program has asked for by a door whose clients know it by a tracking id of their own and ask again and
 * again how it stands: it is taken in before anything is looked at, and once it has told them that it has ended it stays so.
 */

const JOB = 'job:';

/** The natural key of a job. @param trackingId A UUID, which nobody else has. */
export function jobKey(trackingId: string): string {
  return `${JOB}${trackingId}`;
}

/** The recording of a job. */
export function idOfJob(trackingId: string): string {
  return recordingId(jobKey(trackingId));
}

/** What the clients of a job know it by; `undefined`: it is none. */
export function trackingIdOf({ naturalKey }: Pick<Recording, 'naturalKey'>): string | undefined {
  return naturalKey.startsWith(JOB) ? naturalKey.slice(JOB.length) : undefined;
}

/** How the announcements are called that a job has ended. Clients of jobs want them once, if at all: what they refuse is not sent again. */
export const JOB_ENDED = { done: 'job.done', failed: 'job.failed' } as const;

export function isJobEnded(type: string): boolean {
  return type === JOB_ENDED.done || type === JOB_ENDED.failed;
}

/** The outputs of a plan, in its order. */
export function outputsIn({ steps }: Plan, tasks: TaskShapes): readonly PlannedStep[] {
  return steps.filter(({ task }) => tasks.get(task)?.makesOutputs === true);
}
