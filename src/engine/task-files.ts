import { readdir } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { KnownError } from '../domain/errors.ts';
import type { TaskShape, TaskShapes } from '../domain/recipe.ts';
import type { AnyTask, Task } from './task.ts';

/** A file of the folder of tasks: what recipes may ask of the task, and how it is made of the tools of the house. */
export interface TaskFile<Tools> {
  readonly shape: TaskShape;
  makeTask(tools: Tools): Behaviour;
}

/** What of a task its file adds to its shape. */
export type Behaviour = Omit<AnyTask, keyof TaskShape> & Pick<AnyTask, 'run'>;

/**
 * Reads every task of these folders: one per file, called as its file is.
 *
 * @throws KnownError `CONFIG_INVALID`, which lists every file that is no task
 */
export async function loadTaskFiles<Tools>(
  folders: readonly string[],
): Promise<ReadonlyMap<string, TaskFile<Tools>>> {
  const files = new Map<string, TaskFile<Tools>>();
  const problems: string[] = [];
  for (const folder of folders) {
    for (const path of await pathsIn(folder)) {
      const name = basename(path, extname(path));
      const found = await readTask<Tools>(path, name).catch((error: unknown) => String(error));
      if (typeof found === 'string') problems.push(`  ${path}: ${found}`);
      else if (files.has(name)) problems.push(`  ${path}: there is a task "${name}" already`);
      else files.set(name, found);
    }
  }
  if (problems.length === 0) return files;
  throw new KnownError(`The tasks are not right:\n${problems.join('\n')}`, { code: 'CONFIG_INVALID' });
}

/** What recipes may ask of the tasks in these files. */
export function shapesOf(files: ReadonlyMap<string, TaskFile<never>>): TaskShapes {
  return new Map([...files].map(([name, { shape }]) => [name, shape]));
}

/** The tasks, ready to run. */
export function makeTasks<Tools>(
  files: ReadonlyMap<string, TaskFile<Tools>>,
  tools: Tools,
): ReadonlyMap<string, AnyTask> {
  return new Map(
    [...files].map(([name, file]) => [name, { ...file.makeTask(tools), ...file.shape } as Task]),
  );
}

async function pathsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new KnownError(`The folder of tasks ${folder} cannot be read: ${String(error)}`, {
      code: 'CONFIG_INVALID',
    });
  });
  const isTask = (name: string) => /\.[mc]?[jt]s$/.test(name) && !/\.(d|test)\.[mc]?ts$/.test(name);
  return entries
    .filter((entry) => entry.isFile() && isTask(entry.name))
    .map((entry) => join(folder, entry.name))
    .sort();
}

/** The task in a file, or why there is none. */
async function readTask<Tools>(path: string, name: string): Promise<TaskFile<Tools> | string> {
  const { shape, makeTask } = (await import(pathToFileURL(path).href)) as Partial<TaskFile<Tools>>;
  if (typeof shape !== 'object' || shape === null) return 'it exports no "shape"';
  if (typeof makeTask !== 'function') return 'it exports no function "makeTask"';
  if (shape.name !== name) return `its shape is called "${shape.name}", and its file "${name}"`;
  if (typeof shape.label !== 'string' || shape.label === '') return 'its shape has no "label"';
  if (typeof shape.lane !== 'string' || !/^[a-z][a-z-]*$/.test(shape.lane)) return 'its shape has no "lane"';
  return { shape, makeTask };
}
