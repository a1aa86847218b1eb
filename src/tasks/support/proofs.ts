import type { Facts } from '../../domain/recording.ts';
import type { TaskContext } from '../../engine/task.ts';

/** What the steps of a task have proved, in the plan's order. */
export function proofsOf<T extends keyof Facts>(
  context: Pick<TaskContext, 'proved'>,
  task: T,
): { readonly step: string; readonly fact: Facts[T] }[] {
  return context.proved(task).map(({ step, fact }) => ({ step, fact: fact as Facts[T] }));
}

/** What the first step of a task has proved; that it has is the promise of whoever plans the run. */
export function requireFact<T extends keyof Facts>(context: Pick<TaskContext, 'proved'>, task: T): Facts[T] {
  const first = proofsOf(context, task)[0];
  if (first === undefined) throw new Error(`no step of the task ${task} has proved anything yet`);
  return first.fact;
}
