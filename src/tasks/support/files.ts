import type { TaskShapes } from '../../domain/recipe.ts';
import { loadTaskFiles, shapesOf, type TaskFile } from '../../engine/task-files.ts';
import type { Tools } from './tools.ts';

/** The tasks of Sluice, a file each in this folder's parent, and those of the operator. */
export function loadTasks(
  operatorsFolder?: string | undefined,
): Promise<ReadonlyMap<string, TaskFile<Tools>>> {
  const ours = new URL('..', import.meta.url).pathname;
  return loadTaskFiles<Tools>([
    decodeURIComponent(ours),
    ...(operatorsFolder === undefined ? [] : [operatorsFolder]),
  ]);
}

/** What recipes may ask of them, for whoever runs none. */
export async function loadTaskShapes(operatorsFolder?: string | undefined): Promise<TaskShapes> {
  return shapesOf(await loadTasks(operatorsFolder));
}
