import { KnownError } from '../domain/errors.ts';
import type { Places, TaskShapes } from '../domain/recipe.ts';
import type { ZoomAccount } from '../domain/zoom-account.ts';
import { BUILT_IN_NAMES } from '../recipes/built-in.ts';
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

/** @throws KnownError `CONFIG_INVALID` if a rule sends recordings a way that there is not */
export function requireRulesKnow(accounts: readonly ZoomAccount[], names: readonly string[]): void {
  const problems = accounts
    .flatMap(({ rules }) => rules)
    .flatMap(({ name, action }) =>
      action === 'ignore' || action.recipe === undefined || names.includes(action.recipe)
        ? []
        : [`  the rule "${name}": there is no recipe "${action.recipe}": there are ${names.join(', ')}`],
    );
  if (problems.length === 0) return;
  throw new KnownError(`The rules for Zoom are not right:\n${problems.join('\n')}`, {
    code: 'CONFIG_INVALID',
  });
}
