import { KnownError } from '../domain/errors.ts';
import {
  canBePreset,
  JOB_RUN,
  type NewOutput,
  type NewPreset,
  PRESET_RUN,
  PRESET_RUN_STEPS,
  type Preset,
  type PresetSeen,
} from '../domain/preset.ts';
import {
  type Places,
  type Plan,
  planRun,
  type RecipeProblem,
  type RecipeStep,
  STEP_ID,
  type TaskShape,
  type TaskShapes,
} from '../domain/recipe.ts';
import type { Presets } from '../ledger/presets.ts';
import type { StepParams } from '../recipes/book.ts';
import { BUILT_IN_PRESETS } from '../recipes/built-in-presets.ts';

/** How the outputs of presets are made, beside what the presets say. */
export interface PresetWishes {
  /** The place of outputs, in place of those of the presets. */
  readonly to?: string | undefined;
  /** Parameters in place of those of a preset, by its name. */
  readonly params?: StepParams | undefined;
}

/** The presets that there are: Sluice's own, and those of operators. */
export interface PresetBook {
  /** Sluice's own first, the others by their names. */
  all(): Promise<readonly PresetSeen[]>;
  /** @throws KnownError `NOT_FOUND` */
  get(name: string): Promise<PresetSeen>;
  /** @throws KnownError `REQUEST_INVALID` with all that is wrong with it, `PRESET_TAKEN`, `PRESET_BUILT_IN` */
  create(preset: NewPreset, by: string): Promise<PresetSeen>;
  /** @throws KnownError `REQUEST_INVALID` with all that is wrong with it, `NOT_FOUND`, `PRESET_BUILT_IN` */
  change(preset: NewPreset, by: string): Promise<PresetSeen>;
  /** Runs that go by it go on. @throws KnownError `NOT_FOUND`, `PRESET_BUILT_IN` */
  remove(name: string, by: string): Promise<PresetSeen>;
  /**
   * The way of a run that makes one output by each of these: fetched once, one step for each, and tidied up.
   *
   * @throws KnownError `PRESET_UNKNOWN`, `REQUEST_INVALID` with all that is wrong
   */
  plan(
    names: readonly string[],
    wishes: PresetWishes,
  ): Promise<{ readonly plan: Plan; readonly presets: readonly Preset[] }>;
  /**
   * The way of a run that makes these outputs, likewise.
   *
   * @throws KnownError `REQUEST_INVALID` with all that is wrong
   */
  planOutputs(outputs: readonly NewOutput[]): Plan;
  /**
   * The way of a job that makes these outputs: what has to be there is looked for first, and the film is looked into before
   * anything is made of it.
   *
   * @param checksFor What is to be looked for, given the way without that: parameters of the task `preflight`, one step each.
   * @throws KnownError `REQUEST_INVALID` with all that is wrong
   */
  planJob(
    outputs: readonly NewOutput[],
    checksFor: (plan: Plan) => readonly Readonly<Record<string, unknown>>[],
  ): Plan;
}

/** @param places What is set up, by its kind. */
export function createPresetBook({
  tasks,
  places,
  kept,
}: {
  readonly tasks: TaskShapes;
  readonly places?: Places | undefined;
  readonly kept: Presets;
}): PresetBook {
  const ours = BUILT_IN_PRESETS.map(
    (preset): Preset => ({ ...preset, version: 1, isBuiltIn: true, changedAtMs: null, changedBy: null }),
  );

  const seen = (preset: Preset): PresetSeen => ({ ...preset, problems: problemsOf(preset) });

  /** An operator's own of a name that has become Sluice's since stays the operator's. */
  async function find(name: string): Promise<Preset | undefined> {
    return (await kept.get(name)) ?? ours.find((preset) => preset.name === name);
  }

  async function all(): Promise<Preset[]> {
    const theirs = await kept.all();
    const names = theirs.map(({ name }) => name);
    return [...ours.filter(({ name }) => !names.includes(name)), ...theirs];
  }

  /** @throws KnownError `NOT_FOUND` */
  async function require(name: string): Promise<Preset> {
    const preset = await find(name);
    if (preset === undefined) throw noSuchPreset(name);
    return preset;
  }

  /** @throws KnownError `NOT_FOUND`, `PRESET_BUILT_IN` */
  async function requireTheirs(name: string): Promise<void> {
    if ((await require(name)).isBuiltIn) throw builtIn(name);
  }

  function flawsOfName(name: string): string[] {
    if (!STEP_ID.test(name))
      return ['has to be small letters, digits and hyphens, a letter first, and 40 at the most'];
    if (!PRESET_RUN_STEPS.includes(name)) return [];
    return [`"${name}" is a step that every run of presets has: choose another name`];
  }

  /** The task of an output, or what is wrong with it. */
  function outputTask(task: string): TaskShape | string {
    const shape = tasks.get(task);
    if (shape !== undefined && canBePreset(shape)) return shape;
    const fit = [...tasks.values()].filter(canBePreset).map((each) => each.name);
    return `"${task}" makes no output: there are ${fit.join(', ')}`;
  }

  /** Everything that is wrong with one, each with where it is. */
  function problemsOf({ name, task, params }: NewPreset): string[] {
    const said = flawsOfName(name).map((text) => `name: ${text}`);
    const shape = outputTask(task);
    if (typeof shape === 'string') return [...said, `task: ${shape}`];
    const { problems = [] } = planRun(recipeOf([stepOf('preset', shape, params)]), tasks, places);
    return [...said, ...problems.map(({ path, text }) => `${path.join('.')}: ${text}`)];
  }

  function requireRight(preset: NewPreset): void {
    const problems = problemsOf(preset);
    if (problems.length > 0) throw new KnownError(problems.join('; '), { code: 'REQUEST_INVALID' });
  }

  /** @throws KnownError `REQUEST_INVALID` with all that is wrong */
  function planned(steps: readonly RecipeStep[]): Plan {
    const { plan, problems = [] } = planRun(recipeOf(steps), tasks, places, { mayNameAddresses: true });
    if (plan !== undefined) return plan;
    const words = problems.map((problem) => textOf(problem, steps));
    throw new KnownError(words.join('; '), { code: 'REQUEST_INVALID' });
  }

  return {
    all: async () => (await all()).map(seen),

    get: async (name) => seen(await require(name)),

    async create(preset, by) {
      if (ours.some(({ name }) => name === preset.name)) throw builtIn(preset.name);
      requireRight(preset);
      return seen(await kept.create(preset, by));
    },

    async change(preset, by) {
      await requireTheirs(preset.name);
      requireRight(preset);
      const changed = await kept.change(preset, by);
      if (changed === undefined) throw noSuchPreset(preset.name);
      return seen(changed);
    },

    async remove(name, by) {
      await requireTheirs(name);
      const removed = await kept.remove(name, by);
      if (removed === undefined) throw noSuchPreset(name);
      return seen(removed);
    },

    async plan(names, { to, params = {} }) {
      const known = await all();
      const presets = names.map((name) => {
        const preset = known.find((each) => each.name === name);
        if (preset !== undefined) return preset;
        throw new KnownError(
          `There is no preset "${name}": there are ${known.map((each) => each.name).join(', ')}`,
          { code: 'PRESET_UNKNOWN' },
        );
      });
      const twice = names.filter((name, at) => names.indexOf(name) !== at);
      const unknown = Object.keys(params).filter((name) => !names.includes(name));
      const said = [
        ...[...new Set(twice)].map((name) => `presets: "${name}" is there twice`),
        ...unknown.map((name) => `params: "${name}" is none of the presets of this run`),
        ...presets
          .filter(({ task }) => !tasks.has(task))
          .map(({ name, task }) => `${name}: there is no task "${task}"`),
      ];
      if (said.length > 0) throw new KnownError(said.join('; '), { code: 'REQUEST_INVALID' });

      const steps = presets.map(({ name, task, params: own }) => {
        const shape = tasks.get(task) as TaskShape;
        return stepOf(name, shape, { ...own, ...placed(shape, to), ...params[name] });
      });
      return { plan: planned(steps), presets };
    },

    planOutputs: (outputs) => planned(stepsFor(outputs)),

    planJob(outputs, checksFor) {
      const steps = stepsFor(outputs);
      const checks = checksFor(planned(steps)).map(
        (params, at): RecipeStep => ({ id: `preflight-${at}`, task: 'preflight', params }),
      );
      const all: RecipeStep[] = [
        ...checks,
        { id: 'fetch', task: 'fetch', after: checks.map(({ id }) => id) },
        { id: 'probe', task: 'probe', params: { requires: 'pictures' }, takes: { file: 'fetch.file' } },
        ...steps.map((step) => ({ ...step, after: ['probe'] })),
        cleanupAfter(steps),
      ];
      const { plan, problems = [] } = planRun({ name: JOB_RUN, version: 1, steps: all }, tasks, places, {
        mayNameAddresses: true,
      });
      if (plan !== undefined) return plan;
      throw new Error(`a job cannot be planned: ${problems.map(({ text }) => text).join('; ')}`);
    },
  };

  /** @throws KnownError `REQUEST_INVALID` */
  function stepsFor(outputs: readonly NewOutput[]): RecipeStep[] {
    const said: string[] = [];
    const steps = outputs.flatMap(({ id, task, params }) => {
      const shape = outputTask(task);
      said.push(...flawsOfName(id).map((text) => `id: ${text}`));
      if (typeof shape !== 'string') return [stepOf(id, shape, params)];
      said.push(`${id}.task: ${shape}`);
      return [];
    });
    if (said.length > 0) throw new KnownError(said.join('; '), { code: 'REQUEST_INVALID' });
    return steps;
  }
}

/** Fetched, one step for each output, and the local file removed once all are made. */
function recipeOf(outputs: readonly RecipeStep[]) {
  const steps: readonly RecipeStep[] = [{ id: 'fetch', task: 'fetch' }, ...outputs, cleanupAfter(outputs)];
  return { name: PRESET_RUN, version: 1, steps };
}

function cleanupAfter(outputs: readonly RecipeStep[]): RecipeStep {
  return { id: 'cleanup', task: 'cleanup', after: outputs.map(({ id }) => id) };
}

function stepOf(id: string, shape: TaskShape, params: NewPreset['params']): RecipeStep {
  const takes = Object.fromEntries(Object.keys(shape.takes ?? {}).map((input) => [input, 'fetch.file']));
  return { id, task: shape.name, params, takes };
}

/** The parameters of a task that name a place of outputs, all with this one. */
function placed({ places = {} }: TaskShape, to: string | undefined): NewPreset['params'] {
  if (to === undefined) return {};
  const names = Object.entries(places).filter(([, kind]) => kind === 'output-place');
  return Object.fromEntries(names.map(([param]) => [param, to]));
}

function textOf({ step, path, text }: RecipeProblem, steps: readonly RecipeStep[]): string {
  // The first step of all is the fetch.
  const id = step === undefined ? undefined : steps[step - 1]?.id;
  return `${[...(id === undefined ? [] : [id]), ...path].join('.')}: ${text}`;
}

function noSuchPreset(name: string): KnownError {
  return new KnownError(`There is no preset ${name}`, { code: 'NOT_FOUND' });
}

function builtIn(name: string): KnownError {
  return new KnownError(`${name} is a preset of Sluice`, { code: 'PRESET_BUILT_IN' });
}
