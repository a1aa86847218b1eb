import { resolve } from 'node:path';
import type { Command } from 'commander';
import { z } from 'zod';
import { KnownError } from '../../domain/errors.ts';
import type { Io } from '../io.ts';
import { openSession, type Session } from '../session.ts';
import { renderTable } from '../table.ts';

const recipesShape = z.looseObject({
  recipes: z.array(
    z.looseObject({
      name: z.string(),
      version: z.number(),
      is_default: z.boolean(),
      steps: z.array(
        z.looseObject({
          id: z.string(),
          task: z.string(),
          lane: z.string(),
          params: z.record(z.string(), z.unknown()),
          takes: z.record(z.string(), z.string()),
          after: z.array(z.string()),
        }),
      ),
    }),
  ),
});
type Recipe = z.output<typeof recipesShape>['recipes'][number];

const tasksShape = z.looseObject({
  tasks: z.array(
    z.looseObject({
      name: z.string(),
      label: z.string(),
      lane: z.string(),
      takes: z.record(z.string(), z.string()),
      makes: z.array(z.string()),
    }),
  ),
});

const EXAMPLES = `
Examples:
  sluice recipes
  sluice recipes tasks
  sluice recipes check new-recipes.yaml`;

/** `sluice recipes`: the ways that recordings may go, and whether a file of new ones is right. */
export function addRecipesCommand(program: Command, io: Io): void {
  const recipes = program
    .command('recipes')
    .summary('the ways that recordings may go')
    .description('Shows the recipes that there are, step by step.')
    .addHelpText('after', EXAMPLES)
    .action(async (_options: object, command: Command) => {
      const session = openSession(io, command);
      const found = await session.api.get('/api/recipes', recipesShape, session.signal);
      if (session.isJson) session.printJson(found);
      else for (const [at, recipe] of found.recipes.entries()) tell(session, recipe, at > 0);
    });
  recipes
    .command('tasks')
    .description('Shows what the steps of a recipe can be.')
    .addHelpText('after', '\nExample:\n  sluice recipes tasks --json | jq .tasks[].name')
    .action(async (_options: object, command: Command) => {
      const session = openSession(io, command);
      const found = await session.api.get('/api/tasks', tasksShape, session.signal);
      if (session.isJson) session.printJson(found);
      else
        session.print(
          ...renderTable(
            found.tasks,
            [
              { heading: 'TASK', text: ({ name }) => name },
              { heading: 'WHAT', text: ({ label }) => label },
              { heading: 'LANE', text: ({ lane }) => lane },
              { heading: 'TAKES', text: ({ takes }) => pairs(takes) },
              { heading: 'MAKES', text: ({ makes }) => makes.join(', ') },
            ],
            session,
          ),
        );
    });
  recipes
    .command('check')
    .description('Says whether a file of recipes is right; changes nothing, and needs no running Sluice.')
    .argument('[file]', 'in place of RECIPES_FILE')
    .addHelpText(
      'after',
      '\nExamples:\n  sluice recipes check\n  sluice recipes check new-recipes.yaml --json',
    )
    .action(async (given: string | undefined, _options: object, command: Command) => {
      const session = openSession(io, command);
      const named = given ?? io.env['RECIPES_FILE']?.trim();
      if (!named) {
        throw new KnownError('There is no file of recipes: name one, or set RECIPES_FILE in .env', {
          code: 'REQUEST_INVALID',
        });
      }
      const path = given === undefined ? resolve(named) : resolve(io.cwd, named);
      const file = await io.readRecipes(path);
      const names = file.recipes.map(({ name }) => name);
      if (session.isJson)
        session.printJson({ file: path, recipes: names, default: file.defaultName ?? null });
      else session.print(`${path} is right: ${names.length === 0 ? 'no recipe' : names.join(', ')}.`);
    });
}

function tell(
  session: Session,
  { name, version, is_default: isDefault, steps }: Recipe,
  isNext: boolean,
): void {
  session.print(
    ...(isNext ? [''] : []),
    `${name} (version ${version}${isDefault ? ', the default' : ''})`,
    ...renderTable(
      steps,
      [
        { heading: 'STEP', text: ({ id }) => id },
        { heading: 'TASK', text: ({ task }) => task },
        { heading: 'LANE', text: ({ lane }) => lane },
        { heading: 'TAKES', text: ({ takes }) => pairs(takes) },
        { heading: 'AFTER', text: ({ after }) => after.join(', ') },
        {
          heading: 'WITH',
          text: ({ params }) =>
            pairs(Object.fromEntries(Object.entries(params).map(([key, value]) => [key, String(value)]))),
        },
      ],
      session,
    ).map((line) => `  ${line}`),
  );
}

function pairs(of: Readonly<Record<string, string>>): string {
  return Object.entries(of)
    .map(([key, value]) => `${key}: ${value}`)
    .join(', ');
}
