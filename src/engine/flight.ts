import type { Logger } from 'pino';
import { type ErrorSummary, hasCode, isAboutBytes, summarize } from '../domain/errors.ts';
import type { ProgressListener } from '../domain/progress.ts';
import { FIRST_LANE, needsOf, type Plan, type PlannedStep } from '../domain/recipe.ts';
import { type Recording, TAKING_BACK_STATES } from '../domain/recording.ts';
import type { Circuits } from '../ledger/circuits.ts';
import type { Made } from '../ledger/claims.ts';
import type { Lease } from '../ledger/gate.ts';
import type { LateEffect } from '../ledger/late-looks.ts';
import type { Moves } from '../ledger/moves.ts';
import { type Progress, type Recordings, UNREADABLE } from '../ledger/recordings.ts';
import { untilAborted } from '../lib/abort.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { createBlame, isServiceTrouble, type Probes, serviceDown } from './blame.ts';
import type { Bytes, OfferedBytes } from './bytes.ts';
import { held } from './held.ts';
import type { AnyTask, Tasks, WithdrawContext } from './task.ts';

/** One attempt at one recording. */
export interface Attempt {
  readonly recording: Recording;
  readonly lease: Lease;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

export interface Flight {
  /**
   * Moves a recording through the steps of its lane that it has not done yet. Each begins as soon as what it needs is
   * there: proved, or, where it reads bytes as they grow, being made beside it.
   *
   * @returns the lane in which it is to be gone on with; `undefined`: all is done
   */
  run(attempt: Attempt): Promise<string | undefined>;
  /**
   * Until when a recording could not get any further, because what it needs next is left alone, and why; `undefined` if
   * it could.
   */
  heldBy(recording: Recording): Promise<{ untilMs: number; error: ErrorSummary } | undefined>;
  /** Takes back all that a recording's steps have made, on local disk and in the services, the last step first. */
  withdraw(attempt: Attempt): Promise<void>;
}

export interface FlightOptions {
  readonly tasks: Tasks;
  /** The way that a recording goes. */
  readonly planOf: (recording: Recording) => Promise<Plan>;
  readonly recordings: Pick<Recordings, 'progress'>;
  readonly moves: Moves;
  readonly circuits: Circuits;
  readonly probes: Probes;
  readonly progress?: ProgressListener;
}

/** Bytes of one step of this sitting, of which nobody may know yet what they are. */
interface Stream {
  readonly maker: string;
  readonly offered: Promise<OfferedBytes>;
  offer(bytes: OfferedBytes): void;
  current: OfferedBytes | undefined;
}

type Ended = { readonly step: PlannedStep; readonly error?: unknown };

export function createFlight(options: FlightOptions): Flight {
  const { tasks, planOf, recordings, moves, circuits, probes, progress } = options;
  const { withService } = createBlame({ circuits, probes });

  return {
    async run(attempt) {
      return await createSitting(attempt, await planOf(attempt.recording)).fly();
    },

    async heldBy(recording) {
      const open = (await circuits.all()).filter(({ openUntilMs }) => openUntilMs > Date.now());
      if (open.length === 0) return undefined;
      const { steps } = await planOf(recording);
      const { facts } = await recordings.progress(recording.id);
      const isDone = (id: string) => facts[id] !== undefined;
      const lane = laneOf(recording);
      const next = steps.filter(
        (step) => step.lane === lane && !isDone(step.id) && needsOf(step).every(isDone),
      );
      if (next.length === 0) return undefined;
      const holding = next.map((step) => {
        const service = serviceOf(step, recording, { facts });
        return open.find((circuit) => circuit.service === service);
      });
      const [first, ...others] = holding.filter((each) => each !== undefined);
      if (first === undefined || holding.includes(undefined)) return undefined;
      const { service, openUntilMs } = others.reduce(
        (soonest, each) => (each.openUntilMs < soonest.openUntilMs ? each : soonest),
        first,
      );
      return { untilMs: openUntilMs, error: summarize(serviceDown(service, openUntilMs)) };
    },

    async withdraw(attempt) {
      const { recording, signal } = attempt;
      const plan = await planOf(recording);
      const troubles: unknown[] = [];
      // One service that is away keeps nothing from going from another.
      for (const step of plan.steps.toReversed()) {
        const task = taskOf(step);
        if (task.withdraw === undefined || !isTakenBack(task, recording)) continue;
        await withdrawStep(step, plan, attempt, 'taken back').catch((error) => {
          signal.throwIfAborted();
          if (hasCode(error, 'LEASE_LOST')) throw error;
          troubles.push(error);
        });
      }
      if (troubles.length > 0) throw troubles[0];
    },
  };

  /** @throws KnownError `TASK_MISSING`: it waits until somebody has brought the task back. */
  function taskOf({ id, task: name }: PlannedStep): AnyTask {
    const task = tasks.get(name);
    if (task !== undefined) return task;
    throw held(`The step "${id}" is of the task "${name}", which is not there`, 'TASK_MISSING');
  }

  /**
   * Of what is not wanted any more all that is known otherwise is taken back.
   *
   * @throws KnownError `CHECKPOINT_UNREADABLE`: it waits until somebody has put it right
   */
  function resumeFrom(step: PlannedStep, task: AnyTask, { state }: Recording, kept: unknown): Resumed {
    const resumed = readCheckpoint(task, kept);
    if (resumed.why === undefined || TAKING_BACK_STATES.includes(state)) return resumed;
    throw held(
      `What the step "${step.id}" would resume from cannot be read: ${resumed.why}`,
      'CHECKPOINT_UNREADABLE',
    );
  }

  function serviceOf(step: PlannedStep, recording: Recording, { facts }: Pick<Progress, 'facts'>) {
    return tasks.get(step.task)?.serviceFor?.({ recording, params: step.params, facts });
  }

  /** What all that a step is given have in common, whether it goes forward or back. */
  function contextOf(step: PlannedStep, task: AnyTask, attempt: Attempt, plan: Plan, at: Progress) {
    const { recording, lease, signal } = attempt;
    const service = serviceOf(step, recording, at);
    const late = (place: string): LateEffect => {
      if (service === undefined) throw new Error(`step ${step.id} asks nothing of a service`);
      return { recordingId: recording.id, service, place };
    };
    const { checkpoint, why } = resumeFrom(step, task, recording, at.checkpoints[step.id]);
    const given = {
      recording,
      step,
      params: step.params,
      proved: (name: string) =>
        plan.steps.flatMap((each) => {
          const fact: unknown = at.facts[each.id];
          return each.task === name && fact !== undefined ? [{ step: each.id, fact }] : [];
        }),
      fence: lease.fence,
      checkpoint,
      checkLease: () => lease.check(),
      expectLate: (place: string) => moves.expectLate(late(place), lease.fence),
      cameInTime: (place: string) => moves.cameInTime(late(place), lease.fence),
      note: (type: Parameters<Moves['note']>[1], data: object) =>
        moves.note(recording.id, type, data, lease.fence),
      signal,
    };
    return { given, service, whyUnreadable: why };
  }

  async function withdrawStep(
    step: PlannedStep,
    plan: Plan,
    attempt: Attempt,
    reason: string,
  ): Promise<void> {
    const { recording, lease } = attempt;
    const task = taskOf(step);
    const at = await recordings.progress(recording.id);
    const fact: unknown = at.facts[step.id];
    const hasMadeAny = fact !== undefined || at.checkpoints[step.id] !== undefined;
    if (!hasMadeAny && !task.leavesUnrecorded && recording.state !== 'deleting') return;
    const { given, whyUnreadable } = contextOf(step, task, attempt, plan, at);
    const context: WithdrawContext = { ...given, fact, log: attempt.log };
    await task.withdraw?.(context);
    crashPoint('withdraw:after-stage');
    const known =
      whyUnreadable === undefined
        ? reason
        : `${reason}, as far as it was known: its checkpoint was unreadable`;
    if (hasMadeAny) await moves.undoStage(recording.id, step.id, known, lease.fence);
  }

  /** One attempt: what runs at once, and the bytes between them. */
  function createSitting(attempt: Attempt, plan: Plan) {
    const { recording, lease } = attempt;
    const lane = laneOf(recording);
    const stop = new AbortController();
    const either = AbortSignal.any([attempt.signal, stop.signal]);
    const streams = new Map<string, Stream>();
    const running = new Map<string, Promise<Ended>>();
    const done = new Set<string>();
    const stuck = new Set<string>();
    let failure: { readonly error: unknown } | undefined;
    let down: { readonly error: unknown } | undefined;
    let hasMoved = false;

    async function fly(): Promise<string | undefined> {
      const { facts } = await recordings.progress(recording.id);
      for (const { id } of plan.steps) if (facts[id] !== undefined) done.add(id);
      either.addEventListener('abort', () => failStreams(either.reason), { once: true });
      try {
        await reopenWhatIsNeeded(facts);
        startWhatCan();
        while (running.size > 0) {
          await heard(await Promise.race(running.values()));
          startWhatCan();
        }
        if (failure !== undefined && isAboutBytes(failure.error)) await withdrawHalfMade();
      } finally {
        if (hasMoved) progress?.rests(recording.id);
        for (const { current } of streams.values()) await current?.close();
      }
      if (failure !== undefined) throw failure.error;
      attempt.signal.throwIfAborted();
      if (down !== undefined) throw down.error;
      return plan.steps.find((step) => !done.has(step.id) && needsOf(step).every((id) => done.has(id)))?.lane;
    }

    /** Each step that has all that it needs; once one has failed no more. */
    function startWhatCan(): void {
      for (const step of plan.steps) {
        if (either.aborted) return;
        const isOver = done.has(step.id) || stuck.has(step.id) || running.has(step.id);
        if (isOver || step.lane !== lane || !canStart(step)) continue;
        for (const output of tasks.get(step.task)?.makes ?? []) openStream(step.id, output);
        const work = runStep(step).then(
          (): Ended => ({ step }),
          (error: unknown): Ended => ({ step, error }),
        );
        running.set(step.id, work);
      }
    }

    function canStart({ takes, after }: PlannedStep): boolean {
      return (
        after.every((id) => done.has(id)) &&
        takes.every(({ step, how }) => done.has(step) || (how === 'growing' && running.has(step)))
      );
    }

    async function heard({ step, error }: Ended): Promise<void> {
      running.delete(step.id);
      if (error === undefined) {
        done.add(step.id);
        for (const output of tasks.get(step.task)?.makes ?? []) {
          streams.get(`${step.id}.${output}`)?.current?.prove();
        }
        await closeWhatNobodyReads();
        return;
      }
      // A service that is down keeps the others from nothing, for addresses run out; but nobody reads what does not come.
      if (!either.aborted && isServiceTrouble(error) && !isRead(step)) {
        down ??= { error };
        stuck.add(step.id);
        return;
      }
      failure ??= { error };
      stop.abort(error);
    }

    /** Whether other steps read what it makes, now. */
    function isRead(step: PlannedStep): boolean {
      return plan.steps.some(
        ({ id, takes }) => running.has(id) && takes.some((edge) => edge.step === step.id),
      );
    }

    /** The bytes of earlier attempts that are still needed; where they are gone, their step runs once more. */
    async function reopenWhatIsNeeded(facts: Progress['facts']): Promise<void> {
      const isMissing = (step: PlannedStep) => !done.has(step.id) && step.lane === lane;
      const reports = ({ task }: PlannedStep) => tasks.get(task)?.reports === 'bytes';
      for (const maker of plan.steps) {
        const readers = plan.steps.filter(({ takes }) => takes.some(({ step }) => step === maker.id));
        if (!done.has(maker.id) || !readers.some(isMissing)) continue;
        const task = taskOf(maker);
        for (const output of task.makes ?? []) {
          const bytes = await task.reopen?.({ recording, fact: facts[maker.id], output });
          if (bytes === undefined) {
            const why = 'the file is no longer on disk';
            await moves.undoStage(recording.id, maker.id, why, lease.fence);
            done.delete(maker.id);
            break;
          }
          openStream(maker.id, output).offer(bytes);
          bytes.prove();
          // Where nobody will say how far it is, what is there already is no news either.
          if (!readers.some((step) => isMissing(step) && reports(step))) continue;
          const { totalBytes } = bytes;
          for (const step of [maker, ...readers]) {
            if (!done.has(step.id) || !reports(step)) continue;
            hasMoved = true;
            const found = { doneBytes: totalBytes, totalBytes, how: 'found' } as const;
            progress?.told({ recordingId: recording.id, stage: step.id, ...found });
          }
        }
      }
    }

    function openStream(stepId: string, output: string): Stream {
      const key = `${stepId}.${output}`;
      const open = streams.get(key);
      if (open !== undefined) return open;
      let resolve: (bytes: OfferedBytes) => void = () => {};
      const stream: Stream = {
        maker: stepId,
        offered: new Promise((given) => {
          resolve = given;
        }),
        current: undefined,
        offer(bytes) {
          stream.current = bytes;
          if (either.aborted) bytes.fail(either.reason);
          resolve(bytes);
        },
      };
      streams.set(key, stream);
      return stream;
    }

    /** Whoever waits for bytes is to hear that no more will come. */
    function failStreams(reason: unknown): void {
      for (const { current } of streams.values()) current?.fail(reason);
    }

    async function closeWhatNobodyReads(): Promise<void> {
      for (const [key, stream] of streams) {
        const isWanted = plan.steps.some(
          ({ id, lane: where, takes }) =>
            where === lane &&
            !done.has(id) &&
            !stuck.has(id) &&
            takes.some((edge) => `${edge.step}.${edge.output}` === key),
        );
        if (isWanted || running.has(stream.maker)) continue;
        streams.delete(key);
        await stream.current?.close();
        if (streams.size === 0 && hasMoved) {
          hasMoved = false;
          progress?.rests(recording.id);
        }
      }
    }

    /** What was made of bytes that turned out wrong. What cannot be taken back now, the sweeper finds. */
    async function withdrawHalfMade(): Promise<void> {
      const { facts } = await recordings.progress(recording.id);
      for (const step of plan.steps.toReversed()) {
        if (step.takes.length === 0 || facts[step.id] !== undefined) continue;
        if (tasks.get(step.task)?.withdraw === undefined) continue;
        await withdrawStep(step, plan, attempt, 'the bytes were not the recording').catch((error) =>
          attempt.log.warn({ event: 'stage.left', stage: step.id, err: error }, 'not taken back'),
        );
      }
    }

    async function take(step: PlannedStep, input: string): Promise<Bytes> {
      const edge = step.takes.find((each) => each.input === input);
      const stream = edge && streams.get(`${edge.step}.${edge.output}`);
      if (stream === undefined) throw new Error(`step ${step.id} takes no ${input}`);
      return await untilAborted(stream.offered, either);
    }

    /** Runs a step, and records what it has proved. */
    async function runStep(step: PlannedStep): Promise<void> {
      const task = taskOf(step);
      const log = attempt.log.child({ stage: step.id });
      const at = await recordings.progress(recording.id);
      const startedMs = performance.now();
      const kind = {
        task: step.task,
        isFinal: step.isFinal,
        isAgain: task.isAgain === true,
        movesBytes: task.reports === 'bytes',
      };
      const { given, service } = contextOf(step, task, { ...attempt, signal: either }, plan, at);
      await moves.startStage(recording.id, step.id, lease.fence, kind);
      log.info({ event: 'stage.started' }, 'stage started');

      let checkpoint = given.checkpoint;
      /** What it has made with its service, by all that it has said. */
      const made = (fact?: unknown): Made | undefined => {
        if (task.claims === undefined || service === undefined) return undefined;
        const refs = task.claims({ checkpoint, fact }).filter((ref) => ref !== undefined && ref !== null);
        return { service, refs: [...new Set(refs)] };
      };

      const dependent = { service, recordingId: recording.id, signal: either, log };
      const proof = await withService(dependent, () =>
        task.run({
          ...given,
          saveCheckpoint: (said: unknown) => {
            checkpoint = said;
            return moves.saveCheckpoint(recording.id, step.id, said, lease.fence, made());
          },
          log,
          progress: (doneBytes, totalBytes, moved = 'moved') => {
            hasMoved = true;
            progress?.told({ recordingId: recording.id, stage: step.id, doneBytes, totalBytes, how: moved });
          },
          take: (input) => take(step, input),
          make: (output, bytes) => openStream(step.id, output).offer(bytes),
        }),
      );

      await moves.finishStage(recording.id, step.id, proof as object, lease.fence, made(proof));
      crashPoint(`after-fact:${step.id}`);
      log.info({ event: 'stage.done', ms: Math.round(performance.now() - startedMs) }, 'stage done');
    }

    return { fly };
  }
}

/** The lane in which a recording waits or moves. */
function laneOf({ lane = FIRST_LANE }: Recording): string {
  return lane;
}

/** Where a step resumes, or what keeps it from that. */
interface Resumed {
  readonly checkpoint?: unknown;
  readonly why?: string;
}

function readCheckpoint(task: AnyTask, kept: unknown): Resumed {
  if (kept === UNREADABLE) return { why: 'it is no JSON' };
  if (kept === undefined || task.checkpoint === undefined) return { checkpoint: kept };
  const { data, error } = task.checkpoint.safeParse(kept);
  if (error === undefined) return { checkpoint: data };
  const [issue] = error.issues;
  return { why: [issue?.path.join('.'), issue?.message].filter(Boolean).join(': ') };
}

/** What was archived, and what else was there before, stays if a recording was to be published again and is not. */
function isTakenBack(task: AnyTask, recording: Recording): boolean {
  return !recording.isFromArchive || recording.state === 'deleting' || !task.isHome;
}
