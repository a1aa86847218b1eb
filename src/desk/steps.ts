import { needsOf, type PlannedStep, type TaskShapes } from '../domain/recipe.ts';
import type { Recording } from '../domain/recording.ts';
import type { Services } from '../domain/services.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { RecipeBook } from '../recipes/book.ts';

/** A step of the way that a recording goes, as people see it. */
export interface Step {
  readonly id: string;
  readonly task: string;
  /** What people call it, as the heading of a column; unique in its plan. */
  readonly label: string;
  /** The same with where its bytes come from or go to. */
  readonly words: string;
  /** Whether it says how far it has come. */
  readonly reports: 'bytes' | 'seconds' | null;
  readonly isDone: boolean;
  /** It makes outputs, and stands alone. */
  readonly isOutput: boolean;
  readonly lane: string;
  /** The steps that it needs before it, by their ids. */
  readonly needs: readonly string[];
}

/** The steps of the ways that recordings go, in the order of their plans. */
export interface Steps {
  of(recording: Recording): Promise<Step[]>;
}

export function createSteps(options: {
  readonly book: Pick<RecipeBook, 'planOf'>;
  readonly tasks: TaskShapes;
  readonly recordings: Pick<Ledger['recordings'], 'stageTimes'>;
  readonly services: Services;
}): Steps {
  const { book, tasks, recordings, services } = options;

  function view(step: PlannedStep, steps: readonly PlannedStep[], recording: Recording) {
    const shape = tasks.get(step.task);
    const plain = shape?.label ?? step.task;
    const places = Object.entries(shape?.places ?? {}).flatMap(([param, kind]) => {
      const name: unknown = Reflect.get(Object(step.params), param);
      return typeof name === 'string' ? [{ kind, name }] : [];
    });
    // Any number of steps go to one place of outputs, which so tells none of them apart.
    const own = places.filter(({ kind }) => kind !== 'output-place');
    const isAlone = steps.filter(({ task }) => task === step.task).length === 1;
    const isFirst = step.takes.length === 0 && (shape?.makes?.length ?? 0) > 0;
    const ways = isFirst
      ? [`from ${originOf(recording, services)}`]
      : places.map(({ kind, name }) => `to ${placeWords(kind, name, services)}`);
    return {
      id: step.id,
      task: step.task,
      label: isAlone ? plain : `${plain} (${own.map(({ name }) => name).join(', ') || step.id})`,
      words: [plain, ...ways].join(' '),
      reports: shape?.reports ?? null,
      isOutput: shape?.makesOutputs === true,
      lane: step.lane,
      needs: needsOf(step),
    };
  }

  return {
    async of(recording) {
      const { steps } = await book.planOf(recording);
      const times = await recordings.stageTimes(recording.id);
      return steps.map((step) => ({
        ...view(step, steps, recording),
        isDone: (times[step.id]?.doneAtMs ?? null) !== null,
      }));
    },
  };
}

/** What people call a step of this recording; one that is not in its plan goes by its own name. */
export function labelOf(steps: readonly Pick<Step, 'id' | 'label'>[], id: string): string {
  return steps.find((step) => step.id === id)?.label ?? id;
}

/** Where its bytes come from. */
function originOf({ source, origin, isFromArchive }: Recording, services: Services): string {
  if (isFromArchive || origin.kind === 'archived') return 'the archive';
  return services.all.find((each) => each.source === source)?.name ?? 'the disk';
}

/** What people call a place that a recipe names. */
function placeWords(kind: string, name: string, services: Services): string {
  const found = services.all.find((each) => (kind === 'store' ? each.store : each.publisher) === name);
  return found?.name ?? name;
}
