import { KnownError } from '../domain/errors.ts';
import { type Plan, planRun, type Recipe, type RecipeProblem, type TaskShapes } from '../domain/recipe.ts';
import type { NewRecording, Recording } from '../domain/recording.ts';
import { BUILT_IN, builtInFor, DEFAULT_RECIPE } from './built-in.ts';

/** The recipes that there are, and which of them a recording goes by. */
export interface RecipeBook {
  readonly recipes: readonly Recipe[];
  /** The one of videos that nobody has chosen another for. */
  readonly defaultName: string;
  has(name: string): boolean;
  /**
   * @param params Parameters of steps in place of those of the recipe, by the step's id.
   * @throws KnownError `RECIPE_UNKNOWN`; `REQUEST_INVALID` where its steps do not take these parameters
   */
  require(name: string, params?: StepParams): Plan;
  /**
   * The way of one that comes in: by the recipe that was chosen for it, else as all of its kind go.
   *
   * @throws KnownError `RECIPE_UNKNOWN`
   */
  planFor(input: Pick<NewRecording, 'kind' | 'details' | 'recipe'>): Plan;
  /** The way of one that is here: as it was planned, or for want of that as all of its kind went then. */
  planOf(recording: Pick<Recording, 'planKey' | 'kind' | 'details'>): Promise<Plan>;
}

export type StepParams = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface RecipeBookOptions {
  readonly tasks: TaskShapes;
  /** Those of the operator. */
  readonly recipes?: readonly Recipe[];
  readonly defaultName?: string | undefined;
  /** The plans that were made, by their keys. */
  readonly kept: { get(key: string): Promise<Plan> };
}

/** @throws Error if a recipe cannot be planned: those of operators are checked where they are read */
export function createRecipeBook(options: RecipeBookOptions): RecipeBook {
  const { tasks, recipes: written = [], defaultName = DEFAULT_RECIPE, kept } = options;
  const recipes = [...BUILT_IN, ...written];
  const plans = new Map(recipes.map((recipe) => [recipe.name, planned(recipe, tasks)]));

  function require(name: string, params: StepParams = {}): Plan {
    const plan = plans.get(name);
    if (plan !== undefined) return Object.keys(params).length === 0 ? plan : withParams(name, params);
    throw new KnownError(`There is no recipe "${name}": there are ${[...plans.keys()].join(', ')}`, {
      code: 'RECIPE_UNKNOWN',
    });
  }

  function withParams(name: string, params: StepParams): Plan {
    const recipe = recipes.find((each) => each.name === name);
    const steps = recipe?.steps ?? [];
    const unknown = Object.keys(params).filter((id) => !steps.some((step) => step.id === id));
    const changed = steps.map((step) => ({ ...step, params: { ...step.params, ...params[step.id] } }));
    const changedRecipe = { name, version: recipe?.version ?? 1, steps: changed };
    const { plan, problems = [] } = planRun(changedRecipe, tasks, {}, { mayNameAddresses: true });
    if (plan !== undefined && unknown.length === 0) return plan;
    const words = [...unknown.map((id) => `params: the recipe has no step "${id}"`), ...problems.map(textOf)];
    throw new KnownError(words.join('; '), { code: 'REQUEST_INVALID' });
  }

  return {
    recipes,
    defaultName,
    has: (name) => plans.has(name),
    require,
    planFor({ kind = 'video', details, recipe }) {
      if (recipe !== undefined) return require(recipe);
      return require(kind === 'video' ? defaultName : builtInFor({ kind, details }).name);
    },
    async planOf({ planKey, kind, details }) {
      return planKey === undefined ? require(builtInFor({ kind, details }).name) : await kept.get(planKey);
    },
  };
}

function planned(recipe: Recipe, tasks: TaskShapes): Plan {
  const { plan, problems = [] } = planRun(recipe, tasks);
  if (plan !== undefined) return plan;
  throw new Error(`the recipe ${recipe.name} cannot be planned: ${problems.map(textOf).join('; ')}`);
}

function textOf({ step, path, text }: RecipeProblem): string {
  return `${step === undefined ? '' : `steps[${step}].`}${path.join('.')}: ${text}`;
}
