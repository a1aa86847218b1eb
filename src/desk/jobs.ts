import { randomUUID } from 'node:crypto';
import { KnownError } from '../domain/errors.ts';
import { filenameOf, inputText, readInput, shownInput } from '../domain/input.ts';
import { idOfJob, jobKey, outputsIn, trackingIdOf } from '../domain/job.ts';
import { titleOfFile } from '../domain/names.ts';
import { JOB_RUN, type NewOutput } from '../domain/preset.ts';
import type { ProgressMessage } from '../domain/progress.ts';
import type { Plan, PlannedStep, TaskShapes } from '../domain/recipe.ts';
import { type State, UNFINISHED_STATES } from '../domain/recording.ts';
import type { Head, Jobs as JobRows, Reached } from '../ledger/jobs.ts';
import type { Stopped } from '../ledger/output-acts.ts';
import { keepLast } from '../lib/keep-last.ts';
import type { RecipeBook } from '../recipes/book.ts';
import type { Deeds } from './control.ts';
import type { Intake } from './intake.ts';
import { planChecks } from './output-addresses.ts';
import type { PresetBook } from './presets.ts';
import type { ProgressBoard } from './progress-board.ts';

/** A job that a program asks for. */
export interface NewJob {
  /** `s3://bucket/key`. */
  readonly input: string;
  /** Pictures that are drawn on outputs, as inputs. */
  readonly marks: readonly string[];
  /** Where they go to addresses, those. */
  readonly outputs: readonly NewOutput[];
  /** The caller's; any number of jobs may have the same one. */
  readonly reference: string;
  readonly webhookUrl: string | undefined;
}

/** A job as whoever asks for it sees it; the same object as long as nothing changes. */
export interface JobInSight extends Reached {
  readonly trackingId: string;
  readonly recording: Head;
  readonly plan: Plan;
  readonly outputs: readonly PlannedStep[];
  /** The last that was told of how far it is, as it is by now. */
  readonly progress: ProgressMessage | undefined;
}

/** What programs do with jobs. */
export interface Jobs {
  /**
   * Takes one in, before anything is looked at, and returns its tracking id.
   *
   * @throws KnownError `REQUEST_INVALID`, `INPUT_INVALID`
   */
  create(job: NewJob): Promise<string>;
  /** How they stand, in the order in which they were asked for; those that there are not are left out. */
  read(trackingIds: readonly string[]): Promise<JobInSight[]>;
  /** Has one stop and what it has made be removed, unless it has ended; `undefined`: there is none. */
  revoke(trackingId: string, by: string): Promise<JobInSight | undefined>;
  /** Has one output of a job not be, by its step: how it stands. */
  stopOutput(job: JobInSight, step: string, by: string): Promise<Stopped>;
}

/** The states in which nothing happens to a job any more. */
const ENDED: readonly State[] = ['done', 'failed', 'cancelled'];

/** Those of jobs that nobody knows any more. */
const GONE: readonly State[] = ['deleting', 'deleted'];

/** Of so many it is remembered how they were last seen. */
const MOST_REMEMBERED = 2000;

interface Seen {
  readonly job: JobInSight;
  readonly reached: Reached;
}

export interface JobOptions {
  readonly intake: Intake;
  readonly jobs: JobRows;
  readonly book: Pick<RecipeBook, 'planOf'>;
  readonly presets: Pick<PresetBook, 'planJob'>;
  readonly tasks: TaskShapes;
  readonly progress: Pick<ProgressBoard, 'of'>;
  readonly as: (by: string) => Pick<Deeds, 'cancel' | 'stopOutput'>;
}

export function createJobDesk(options: JobOptions): Jobs {
  const { intake, presets, tasks, book, progress } = options;

  /** The last that were asked for, as they were then. */
  const last = new Map<string, Seen>();

  async function seen(recording: Head, trackingId: string, reached: Reached): Promise<JobInSight> {
    const { id, state } = recording;
    // Nothing moves any more in one that has ended.
    const moving = ENDED.includes(state) ? undefined : progress.of(id);
    const known = last.get(trackingId);
    const isSame = known?.job.recording === recording && known.reached === reached;
    if (isSame && known.job.progress === undefined && moving === undefined) return known.job;
    const plan = await book.planOf(recording);
    const outputs = outputsIn(plan, tasks);
    const job = { ...reached, trackingId, recording, plan, outputs, progress: moving };
    keepLast(last, trackingId, { job, reached }, MOST_REMEMBERED);
    return job;
  }

  /** Those that had ended when they were last seen, and nothing has become of them since but what is the same. */
  async function readEnded(trackingIds: readonly string[]): Promise<JobInSight[]> {
    const known = trackingIds.flatMap((trackingId) => {
      const job = last.get(trackingId)?.job;
      return job !== undefined && ENDED.includes(job.recording.state) ? job : [];
    });
    if (known.length === 0) return [];
    const ends = await options.jobs.ends(known.map(({ recording }) => recording.id));
    const now = new Map(ends.map((end) => [end.id, end]));
    return known.filter(({ recording: { id, state, endedAtMs } }) => {
      const end = now.get(id);
      return end?.state === state && end.endedAtMs === endedAtMs;
    });
  }

  const idOf = (trackingId: string) => last.get(trackingId)?.job.recording.id ?? idOfJob(trackingId);

  async function read(trackingIds: readonly string[]): Promise<JobInSight[]> {
    const asked = [...new Set(trackingIds)];
    const found = new Map((await readEnded(asked)).map((job) => [job.trackingId, job]));
    const open = asked.flatMap((trackingId) => (found.has(trackingId) ? [] : idOf(trackingId)));
    const heads = (await options.jobs.heads(open)).filter(({ state }) => !GONE.includes(state));
    const reached = await options.jobs.reached(heads.map(({ id }) => id));
    for (const head of heads) {
      const steps = reached.get(head.id);
      const trackingId = trackingIdOf(head);
      if (steps === undefined || trackingId === undefined) continue;
      found.set(trackingId, await seen(head, trackingId, steps));
    }
    return asked.flatMap((trackingId) => found.get(trackingId) ?? []);
  }

  return {
    read,

    async create({ input, marks, outputs, reference, webhookUrl }) {
      const address = readInput(input);
      const looked = [inputText(address), ...new Set(marks)].map((each) => ({ input: each }));
      const plan = presets.planJob(outputs, (way) => [
        ...looked,
        ...planChecks(way, tasks).map((place) => ({ outputs: place })),
      ]);
      const filename = filenameOf(address);
      const trackingId = randomUUID();
      await intake.accept(
        {
          source: 'library',
          naturalKey: jobKey(trackingId),
          aceId: null,
          title: `${titleOfFile(filename) || 'Input'} (${outputs.map(({ id }) => id).join(', ')})`.slice(
            0,
            500,
          ),
          origin: { kind: 'input', address: inputText(address), bytes: null, validator: null },
          details: { input: shownInput(address), filename, recipe: JOB_RUN },
          ...(reference === '' ? {} : { reference }),
          ...(webhookUrl === undefined ? {} : { webhookUrl }),
          plan,
        },
        { isAlone: true },
      );
      return trackingId;
    },

    async revoke(trackingId, by) {
      const [job] = await read([trackingId]);
      if (job === undefined) return undefined;
      const { id, state } = job.recording;
      if (!UNFINISHED_STATES.includes(state) && state !== 'set-aside') return job;
      await options.as(by).cancel(id).catch(leaveEnded);
      return job;
    },

    stopOutput: async (job, step, by) => await options.as(by).stopOutput(job.recording.id, step),
  };
}

/** It has ended since it was looked at: there is nothing to stop. */
function leaveEnded(error: unknown): void {
  if (!(error instanceof KnownError) || error.code !== 'WRONG_STATE') throw error;
}
