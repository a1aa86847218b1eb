import { z } from 'zod';
import { type Places, planRun, type Recipe, type TaskShapes } from '../domain/recipe.ts';
import { readYamlFile } from '../lib/yaml-file.ts';
import { BUILT_IN_NAMES } from './built-in.ts';

const NAME = /^[a-z][a-z0-9-]{0,39}$/;

const name = z.string().regex(NAME, { error: 'must be small letters, digits and hyphens, a letter first' });

const stepShape = z.strictObject({
  id: z.string(),
  task: z.string(),
  params: z.record(z.string(), z.unknown()).optional(),
  takes: z.record(z.string(), z.string()).optional(),
  after: z.union([z.string().transform((id) => [id]), z.array(z.string())]).optional(),
});

const recipeShape = z.strictObject({
  name,
  version: z.int().min(1).default(1),
  steps: z.array(stepShape).max(100),
});

/** What the operator's file of recipes says. */
export interface RecipesFile {
  readonly recipes: readonly Recipe[];
  /** The one of videos that nobody has chosen another for. */
  readonly defaultName: string | undefined;
}

/**
 * Reads the operator's recipes; each is planned, so that what is in it can run.
 *
 * @param places What is set up, by its kind.
 * @throws KnownError `CONFIG_INVALID`, which lists every problem by its line, with the step and what would be allowed
 */
export function readRecipesFile(path: string, tasks: TaskShapes, places?: Places): RecipesFile {
  const file = readYamlFile(path, fileShape(tasks, places));
  return {
    recipes: file.recipes.map(toRecipe),
    defaultName: file.default,
  };
}

function fileShape(tasks: TaskShapes, places: Places | undefined) {
  return z
    .strictObject({ default: name.optional(), recipes: z.array(recipeShape).max(100).default([]) })
    .superRefine(({ default: chosen, recipes }, context) => {
      const say = (path: (string | number)[], message: string) =>
        context.addIssue({ code: 'custom', path, message });
      recipes.forEach((recipe, at) => {
        if (BUILT_IN_NAMES.includes(recipe.name)) {
          say(['recipes', at, 'name'], `"${recipe.name}" is a recipe of Sluice: choose another name`);
        }
        if (recipes.findIndex((other) => other.name === recipe.name) !== at) {
          say(['recipes', at, 'name'], `"${recipe.name}" is there twice`);
        }
        const { problems = [] } = planRun(toRecipe(recipe), tasks, places);
        for (const { step, path, text } of problems) {
          if (step === undefined) say(['recipes', at, ...path], text);
          else {
            const id = recipe.steps[step]?.id ?? step;
            say(['recipes', at, 'steps', step, ...path], `(recipe "${recipe.name}", step "${id}") ${text}`);
          }
        }
      });
      const names = [...BUILT_IN_NAMES, ...recipes.map((recipe) => recipe.name)];
      if (chosen !== undefined && !names.includes(chosen)) {
        say(['default'], `there is no recipe "${chosen}": there are ${names.join(', ')}`);
      }
    });
}

function toRecipe({ name: called, version, steps }: z.output<typeof recipeShape>): Recipe {
  return { name: called, version, steps };
}
