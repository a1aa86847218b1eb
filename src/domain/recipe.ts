import type { z } from 'zod';
import { isOutputAddress, readOutputAddress } from './output-address.ts';

/** The lane of what moves bytes, in which recordings begin unless their first step says otherwise: one at a time in all, for links are what is short. */
export const FIRST_LANE = 'upload';

/** The lane of what only looks, and takes no time: nothing of it waits behind an encode, or behind bytes that move. */
export const LOOK_LANE = 'look';

/** How a task wants bytes that another step makes: while they still arrive, or once all of them are proved. */
export type Taking = 'growing' | 'proved';

/** What is known of a task without running it: what a recipe may ask of it. */
export interface TaskShape {
  /** What recipes call it; the name of its file. */
  readonly name: string;
  /** What people call it, as the heading of a column. */
  readonly label: string;
  /** What it works in: steps of different lanes never hold each other up. */
  readonly lane: string;
  readonly params?: z.ZodType;
  /** The bytes it reads, by the name it has for them. */
  readonly takes?: Readonly<Record<string, Taking>>;
  /** The bytes it makes, by name. */
  readonly makes?: readonly string[];
  /** It makes outputs, and stands alone: one that fails for good, or is revoked, leaves the other steps as they are. */
  readonly makesOutputs?: true;
  /**
   * It makes one output, which may go to a key that the caller of a run names: the keys at which somebody finds it then. Absent:
   * it goes to a place of outputs only.
   */
  // biome-ignore lint/suspicious/noExplicitAny: each task has parameters of its own
  readonly keysAt?: (key: string, params: any) => readonly string[];
  /** What is begun here can no longer be stopped or taken back. */
  readonly isFinal?: true;
  /** It is gone through once more when a recording is published again. */
  readonly isAgain?: true;
  /**
   * The task that has it gone through once more: once a step of that is proved of a recording, or of a further run of one, the
   * companions of that recording do this again, those that are done and those that wait.
   */
  readonly recalledBy?: string;
  /** Its parameters that name a place which has to be set up, and what kind of place. */
  readonly places?: Readonly<Record<string, string>>;
  /** What it has read can be had from where it has put it, once it has proved that: the disk is not needed for it any more. */
  readonly secures?: true;
  /** It says how far it has come: in bytes, or in seconds of the film while it encodes, and then in bytes while it sends. */
  readonly reports?: 'bytes' | 'seconds';
}

export type TaskShapes = ReadonlyMap<string, TaskShape>;

/** A task in a recipe. */
export interface RecipeStep {
  /** Unique in its recipe; what it has proved is kept under this name. */
  readonly id: string;
  readonly task: string;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  /** Which step's bytes it reads: `{ file: 'fetch.file' }`. */
  readonly takes?: Readonly<Record<string, string>> | undefined;
  /** The steps that have to be done before it, beside those whose bytes it reads. */
  readonly after?: readonly string[] | undefined;
}

/** The way that a recording goes: its steps, in the order in which people read them. */
export interface Recipe {
  readonly name: string;
  /** Rises with each change that a run under way may not see. */
  readonly version: number;
  readonly steps: readonly RecipeStep[];
}

/** The bytes that a step takes: whose, and under which name they are made. */
export interface Edge {
  readonly input: string;
  readonly step: string;
  readonly output: string;
  readonly how: Taking;
}

/** A step as it was planned. */
export interface PlannedStep {
  readonly id: string;
  readonly task: string;
  readonly lane: string;
  readonly params: unknown;
  readonly takes: readonly Edge[];
  readonly after: readonly string[];
  readonly isFinal: boolean;
}

/** A recipe as one run has it, whatever becomes of the recipe meanwhile. Each step stands behind those that it needs. */
export interface Plan {
  readonly recipe: string;
  readonly version: number;
  readonly steps: readonly PlannedStep[];
}

/** What is wrong with a recipe, and where: the step's place in it, and the field. */
export interface RecipeProblem {
  /** `undefined`: of the recipe as a whole. */
  readonly step: number | undefined;
  readonly path: readonly (string | number)[];
  readonly text: string;
}

/** The names of what is set up, by what kind of place it is: a store, a publisher. */
export type Places = Readonly<Record<string, readonly string[]>>;

/** What else a run may say than recipes do. */
export interface RunTerms {
  /** Its outputs may go to addresses: of a recipe all its recordings would go to the same one. */
  readonly mayNameAddresses?: boolean;
}

/** In a place of this kind each step has what it makes to itself: any number of them may go there. */
const SHARED_KIND = 'output-place';

/** What a step may be called. */
export const STEP_ID = /^[a-z][a-z0-9-]{0,39}$/;

/**
 * Plans a run: each step with its parameters as its task reads them, and in an order in which every step stands behind
 * those that it needs.
 *
 * @param places What is set up, by its kind; of other kinds every name is taken.
 * @returns the plan, or every problem at once: an unknown task, an id that is there twice, bytes that nobody makes, a
 * circle, bytes that would grow from one lane into another, two final steps, parameters that the task does not take
 */
export function planRun(
  recipe: Recipe,
  tasks: TaskShapes,
  places: Places = {},
  { mayNameAddresses = false }: RunTerms = {},
): { plan: Plan; problems?: undefined } | { plan?: undefined; problems: readonly RecipeProblem[] } {
  const problems: RecipeProblem[] = [];
  const say = (step: number | undefined, path: RecipeProblem['path'], text: string) =>
    problems.push({ step, path, text });
  const steps = recipe.steps.map((step, at) => ({ step, at, task: tasks.get(step.task) }));
  /** The steps that go to a place, by their task and the place. */
  const taken = new Map<string, string>();
  const byId = new Map(steps.map((each) => [each.step.id, each]));

  if (steps.length === 0) say(undefined, ['steps'], 'has no step');
  const planned = steps.map(({ step, at, task }): PlannedStep => {
    if (!STEP_ID.test(step.id)) {
      say(at, ['id'], `"${step.id}" is no name of a step: small letters, digits and hyphens, a letter first`);
    }
    if (byId.get(step.id)?.at !== at) say(at, ['id'], `"${step.id}" is the name of another step as well`);
    if (task === undefined) {
      say(at, ['task'], `there is no task "${step.task}": there are ${listed(tasks.keys())}`);
    }
    return {
      id: step.id,
      task: step.task,
      lane: task?.lane ?? '',
      params: task === undefined ? {} : readParams(task, step, at),
      takes: task === undefined ? [] : readEdges(task, step, at),
      after: readOrder(step, at),
      isFinal: task?.isFinal === true,
    };
  });

  const finals = steps.filter(({ task }) => task?.isFinal);
  for (const { step, at } of finals.slice(1)) {
    say(at, ['task'], `"${finals[0]?.step.id}" and "${step.id}" both cannot be taken back: one is the most`);
  }
  const ordered = inOrder(planned);
  if (ordered === undefined) {
    const circle = circleIn(planned);
    say(byId.get(circle[0] ?? '')?.at, ['after'], `the steps wait for each other: ${circle.join(' → ')}`);
  }
  if (problems.length > 0 || ordered === undefined) return { problems };
  return { plan: { recipe: recipe.name, version: recipe.version, steps: ordered } };

  function readParams(task: TaskShape, { params = {} }: RecipeStep, at: number): unknown {
    const read = task.params?.safeParse(params);
    if (read === undefined) {
      for (const name of Object.keys(params)) {
        say(at, ['params', name], `the task "${task.name}" has no parameter "${name}": it has none`);
      }
      return {};
    }
    for (const issue of read.error?.issues ?? []) {
      const path = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key));
      if (issue.code !== 'unrecognized_keys') say(at, ['params', ...path], issue.message);
      else
        for (const key of issue.keys)
          say(at, ['params', ...path, key], `the task "${task.name}" has no such parameter`);
    }
    readPlaces(task, read.data, at);
    return read.data;
  }

  function readPlaces(task: TaskShape, params: unknown, at: number): void {
    for (const [name, kind] of Object.entries(task.places ?? {})) {
      const named: unknown = Reflect.get(Object(params), name);
      const known = places[kind];
      if (typeof named !== 'string') continue;
      if (kind === SHARED_KIND && isOutputAddress(named)) {
        const flaw = flawOfAddress(task, named);
        if (flaw !== undefined) say(at, ['params', name], flaw);
        continue;
      }
      if (known !== undefined && !known.includes(named)) {
        say(at, ['params', name], `there is no ${kind} "${named}" set up: there are ${listed(known)}`);
      }
      if (kind === SHARED_KIND) continue;
      const place = `${task.name} ${kind} ${named}`;
      const other = taken.get(place);
      if (other === undefined) taken.set(place, steps[at]?.step.id ?? '');
      else say(at, ['params', name], `the step "${other}" goes to the ${kind} "${named}" as well`);
    }
  }

  function flawOfAddress(task: TaskShape, address: string): string | undefined {
    if (task.keysAt === undefined)
      return `the outputs of "${task.name}" go to a place of outputs, and not to an address`;
    if (!mayNameAddresses)
      return 'is the address of one file: name it where a run begins, and here a place of outputs';
    try {
      readOutputAddress(address);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  function readEdges(task: TaskShape, { takes = {} }: RecipeStep, at: number): Edge[] {
    const wanted = Object.entries(task.takes ?? {});
    for (const name of Object.keys(takes)) {
      if (task.takes?.[name] === undefined) {
        const what = wanted.length === 0 ? 'nothing' : listed(wanted.map(([each]) => each));
        say(at, ['takes', name], `the task "${task.name}" takes no "${name}": it takes ${what}`);
      }
    }
    return wanted.flatMap(([input, how]) => {
      const from = takes[input];
      if (from === undefined) {
        say(at, ['takes'], `does not say which bytes are its "${input}", such as ${input}: fetch.file`);
        return [];
      }
      const dot = from.indexOf('.');
      const [stepId, output] = [from.slice(0, dot), from.slice(dot + 1)];
      const maker = byId.get(stepId);
      if (maker === undefined) {
        say(at, ['takes', input], `"${from}" names no step: there are ${listed(byId.keys())}`);
        return [];
      }
      if (maker.task === undefined) return [];
      if (!maker.task.makes?.includes(output)) {
        const makes = maker.task.makes ?? [];
        const what = makes.length === 0 ? 'no bytes' : listed(makes.map((each) => `${stepId}.${each}`));
        say(at, ['takes', input], `nobody makes "${from}": the step "${stepId}" makes ${what}`);
        return [];
      }
      if (how === 'growing' && maker.task.lane !== task.lane) {
        say(
          at,
          ['takes', input],
          `"${from}" would have to grow from the lane "${maker.task.lane}" into the lane "${task.lane}"`,
        );
      }
      return [{ input, step: stepId, output, how }];
    });
  }

  function readOrder({ after = [] }: RecipeStep, at: number): string[] {
    return after.filter((id, index) => {
      if (byId.has(id)) return after.indexOf(id) === index;
      say(at, ['after', index], `there is no step "${id}": there are ${listed(byId.keys())}`);
      return false;
    });
  }
}

/** The lane in which a run begins. */
export function firstLaneOf({ steps }: Pick<Plan, 'steps'>): string {
  return steps[0]?.lane ?? FIRST_LANE;
}

/** The steps that one needs before it, those whose bytes it reads first. */
export function needsOf({ takes, after }: PlannedStep): string[] {
  return [...new Set([...takes.map(({ step }) => step), ...after])];
}

/** The steps that read what one makes, and those that read what these make: without it none of them can be. */
export function readersOf({ steps }: Pick<Plan, 'steps'>, id: string): string[] {
  const found = [id];
  // Each stands behind those that it needs.
  for (const step of steps) if (step.takes.some((edge) => found.includes(edge.step))) found.push(step.id);
  return found.slice(1);
}

/** Each behind what it needs and otherwise as they stand; `undefined` if they wait for each other. */
function inOrder(steps: readonly PlannedStep[]): PlannedStep[] | undefined {
  const ordered: PlannedStep[] = [];
  const left = [...steps];
  while (left.length > 0) {
    const at = left.findIndex((step) =>
      needsOf(step).every((id) => ordered.some((before) => before.id === id) || !isAmong(steps, id)),
    );
    const [next] = at < 0 ? [] : left.splice(at, 1);
    if (next === undefined) return undefined;
    ordered.push(next);
  }
  return ordered;
}

/** One circle, from a step back to it. */
function circleIn(steps: readonly PlannedStep[]): string[] {
  const way: string[] = [];
  // Whoever cannot be put in order stands in a circle or behind one: to follow the needs ends in it.
  let stuck = steps.filter((step) => !isDoable(step, steps))[0];
  while (stuck !== undefined && !way.includes(stuck.id)) {
    way.push(stuck.id);
    const next: string | undefined = needsOf(stuck).find((id) =>
      steps.some((step) => step.id === id && !isDoable(step, steps)),
    );
    stuck = steps.find(({ id }) => id === next);
  }
  const first = stuck?.id ?? '';
  return [...way.slice(way.indexOf(first)), first];
}

function isDoable(step: PlannedStep, steps: readonly PlannedStep[]): boolean {
  const seen = new Set<string>();
  const walk = (id: string, above: readonly string[]): boolean => {
    if (above.includes(id)) return false;
    if (seen.has(id)) return true;
    const found = steps.find((each) => each.id === id);
    const isFine = found === undefined || needsOf(found).every((need) => walk(need, [...above, id]));
    if (isFine) seen.add(id);
    return isFine;
  };
  return walk(step.id, []);
}

function isAmong(steps: readonly PlannedStep[], id: string): boolean {
  return steps.some((step) => step.id === id);
}

function listed(names: Iterable<string>): string {
  const all = [...names].map((name) => `"${name}"`);
  return all.length === 0 ? 'none' : all.join(', ');
}
