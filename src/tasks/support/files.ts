import { join } from 'node:path';
import type { TaskShapes } from '../../domain/recipe.ts';
import { loadTaskFiles, shapesOf, type TaskFile } from '../../engine/task-files.ts';
import { CODE } from '../../lib/root.ts';
import type { Tools } from './tools.ts';

/** The tasks of Sluice, a file each in this folder's parent, and those of the operator. */
export function loadTasks(
  operatorsFolder?: string | undefined,
): Promise<ReadonlyMap<string, TaskFile<Tools>>> {
  return loadTaskFiles<Tools>([
    join(CODE, 'tasks'),
    ...(operatorsFolder === undefined ? [] : [operatorsFolder]),
  ]);
}

/** What recipes may ask of them, for whoever runs none. */
export async function loadTaskShapes(operatorsFolder?: string | undefined): Promise<TaskShapes> {
  return shapesOf(await loadTasks(operatorsFolder));
}
