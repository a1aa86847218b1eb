import type { Places, TaskShapes } from '../domain/recipe.ts';
import { BUILT_IN_NAMES } from './built-in.ts';
import { type RecipesFile, readRecipesFile } from './recipes-file.ts';

/** The operator's recipes, and the names of all that there are. */
export interface LoadedRecipes extends RecipesFile {
  readonly names: readonly string[];
}

/**
 * The operator's recipes, and none where there is no file of them.
 *
 * @param places What is set up, by its kind.
 * @throws KnownError `CONFIG_INVALID`
 */
export function loadRecipes(path: string | undefined, tasks: TaskShapes, places?: Places): LoadedRecipes {
  const file =
    path === undefined ? { recipes: [], defaultName: undefined } : readRecipesFile(path, tasks, places);
  return { ...file, names: [...BUILT_IN_NAMES, ...file.recipes.map(({ name }) => name)] };
}
