import { existsSync } from 'node:fs';
import { dirname, extname, join, relative, sep } from 'node:path';

/** The folder of this installation: the one that its package.json lies in. */
export const ROOT = findRoot(import.meta.dirname);

/** Where the code that runs lies: `dist`, as it is built, or `src`. */
export const CODE = join(ROOT, relative(ROOT, import.meta.dirname).split(sep)[0] ?? '');

/** The ending of the files in it. */
export const CODE_ENDING = extname(import.meta.filename);

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error(`There is no package.json in or above ${import.meta.dirname}.`);
  return findRoot(parent);
}
