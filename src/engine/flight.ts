import {
  type ErrorSummary,
  hasCode,
  isAboutBytes,
  KnownError,
  orMachineTrouble,
  stopAsked,
  summarize,
} from '../domain/errors.ts';
import { nextAttempt } from '../domain/next-attempt.ts';
import type { OutputStands } from '../domain/output-stand.ts';
import type { ProgressListener } from '../domain/progress.ts';
import { FIRST_LANE, type Plan, type PlannedStep } from '../domain/recipe.ts';
import type { Recording } from '../domain/recording.ts';
import type { Circuits } from '../ledger/circuits.ts';
import type { Made } from '../ledger/claim-rows.ts';
import type { Moves } from '../ledger/moves.ts';
import type { Progress, Recordings } from '../ledger/recordings.ts';
import { untilAborted } from '../lib/abort.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { wallMs } from '../lib/wall-time.ts';
import type { Attempt } from './attempt.ts';
import { createBlame, isServiceTrouble, type Probes, serviceDown } from './blame.ts';
import type { Bytes, OfferedBytes } from './bytes.ts';
import { createFooting } from './footing.ts';
import type { AnyTask, Tasks } from './task.ts';
import { createWay } from './way.ts';
import type { Wishes } from './wishes.ts';

/** An output is tried again, and has paid for that itself. */
export class OutputTriedAgain extends Error {
  readonly error: unknown;
  readonly afterMs: number;

  constructor(error: unknown, afterMs: number) {
    super('an output is tried again', { cause: error });
    this.error = error;
    this.afterMs = afterMs;
  }
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
  /** Has those outputs of a recording end that are to, whatever else becomes of it now. */
  settle(attempt: Attempt): Promise<void>;
  /** Takes back all that a recording's steps have made, on local disk and in the services, the last step first. */
  withdraw(attempt: Attempt): Promise<void>;
}

export interface FlightOptions {
  readonly tasks: Tasks;
  /** The way that a recording goes. */
  readonly planOf: (recording: Recording) => Promise<Plan>;
  readonly recordings: Pick<Recordings, 'progress' | 'outputs'>;
  readonly moves: Moves;
  readonly circuits: Circuits;
  readonly probes: Probes;
  readonly wishes: Wishes;
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
  const { tasks, planOf, recordings, moves, circuits, probes, wishes, progress } = options;
  const { withService } = createBlame({ circuits, probes });
  const footing = createFooting({ tasks, recordings, moves });
  const { taskOf, serviceOf, contextOf } = footing;

  return {
    async run(attempt) {
      return await createSitting(attempt, await planOf(attempt.recording)).fly();
    },

    async heldBy(recording) {
      const open = (await circuits.all()).filter(({ openUntilMs }) => openUntilMs > wallMs());
      if (open.length === 0) return undefined;
      const plan = await planOf(recording);
      const { facts } = await recordings.progress(recording.id);
      const stands = await recordings.outputs(recording.id);
      if (toEnd(plan, stands).length > 0) return undefined;
      const way = createWay(plan, { tasks, facts, isReopened: recording.isReopened === true });
      way.hear(stands);
      const lane = laneOf(recording);
      const next = plan.steps.filter((step) => step.lane === lane && way.canBegin(step));
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

    async settle(attempt) {
      const plan = await planOf(attempt.recording);
      const stands = await recordings.outputs(attempt.recording.id);
      for (const step of toEnd(plan, stands)) await footing.end(step, plan, attempt);
    },

    async withdraw(attempt) {
      const { recording, signal } = attempt;
      const plan = await planOf(recording);
      const troubles: unknown[] = [];
      // One service that is away keeps nothing from going from another.
      for (const step of plan.steps.toReversed()) {
        const task = taskOf(step);
        if (task.withdraw === undefined || !isTakenBack(task, recording)) continue;
        await footing.withdraw(step, plan, attempt, 'taken back').catch((error) => {
          signal.throwIfAborted();
          if (hasCode(error, 'LEASE_LOST')) throw error;
          troubles.push(error);
        });
      }
      if (troubles.length > 0) throw troubles[0];
    },
  };

  /** One attempt: what runs at once, and the bytes between them. */
  function createSitting(attempt: Attempt, plan: Plan) {
    const { recording, lease } = attempt;
    const lane = laneOf(recording);
    const stop = new AbortController();
    const either = AbortSignal.any([attempt.signal, stop.signal]);
    const streams = new Map<string, Stream>();
    const running = new Map<string, Promise<Ended>>();
    /** What stops one step that ends by itself. */
    const stops = new Map<string, AbortController>();
    const stuck = new Set<string>();
    /** What keeps outputs from being made, or taken back, for now. */
    const left: { readonly error: unknown; readonly afterMs: number; readonly isOwn: boolean }[] = [];
    let way = createWay(plan, { tasks, facts: {}, isReopened: false });
    const hasOutputs = plan.steps.some(way.isOutput);
    let stands: OutputStands = {};
    let failure: { readonly error: unknown } | undefined;
    let down: { readonly error: unknown } | undefined;
    let hasMoved = false;
    /** Whether there is something to look at that nobody has looked at yet. */
    let isCalled = false;
    let wake = () => {};

    async function fly(): Promise<string | undefined> {
      const { facts } = await recordings.progress(recording.id);
      way = createWay(plan, { tasks, facts, isReopened: recording.isReopened === true });
      either.addEventListener('abort', () => failStreams(either.reason), { once: true });
      const endWatch = hasOutputs ? wishes.watch(recording.id, lookForWishes) : () => {};
      try {
        await settleOutputs();
        await undoWhatTidiesUp();
        await reopenWhatIsNeeded(facts);
        startWhatCan();
        while (running.size > 0) {
          const woken = new Promise<undefined>((resolve) => {
            wake = () => resolve(undefined);
            if (isCalled) wake();
          });
          const ended = await Promise.race([...running.values(), woken]);
          isCalled = false;
          try {
            if (ended !== undefined) await heard(ended);
            await settleOutputs();
            startWhatCan();
          } catch (error) {
            failure ??= { error };
            stop.abort(error);
          }
        }
        if (failure !== undefined && isAboutBytes(failure.error)) await withdrawHalfMade();
      } finally {
        endWatch();
        if (hasMoved) progress?.rests(recording.id);
        for (const { current } of streams.values()) await current?.close();
      }
      if (failure !== undefined) throw failure.error;
      attempt.signal.throwIfAborted();
      if (down !== undefined) throw down.error;
      const [soonest] = left.sort((a, b) => a.afterMs - b.afterMs);
      if (soonest !== undefined) {
        throw soonest.isOwn ? new OutputTriedAgain(soonest.error, soonest.afterMs) : soonest.error;
      }
      const next = way.next();
      const lost = way.lostBy();
      if (next === undefined && lost !== undefined) {
        const { code = 'UNEXPECTED', message = '' } = lost.stand.error ?? {};
        throw new KnownError(message, { code });
      }
      return next?.lane;
    }

    /** Each step that has all that it needs; once one has failed no more. */
    function startWhatCan(): void {
      for (const step of plan.steps) {
        if (either.aborted) return;
        if (stuck.has(step.id) || running.has(step.id) || step.lane !== lane) continue;
        if (!way.canBegin(step, (id) => running.has(id))) continue;
        for (const output of tasks.get(step.task)?.makes ?? []) openStream(step.id, output);
        const work = runStep(step).then(
          (): Ended => ({ step }),
          (error: unknown): Ended => ({ step, error }),
        );
        running.set(step.id, work);
      }
    }

    async function heard({ step, error }: Ended): Promise<void> {
      running.delete(step.id);
      stops.delete(step.id);
      if (error === undefined) {
        way.done.add(step.id);
        for (const output of tasks.get(step.task)?.makes ?? []) {
          streams.get(`${step.id}.${output}`)?.current?.prove();
        }
        await closeWhatNobodyReads();
        return;
      }
      if (isAlone(step) && !either.aborted && !endsTheAttempt(error)) return await outputFailed(step, error);
      // What waits keeps the others from nothing, for addresses run out; but nobody reads what does not come.
      if (!either.aborted && isWaiting(error) && !isRead(step)) {
        down ??= { error };
        stuck.add(step.id);
        return;
      }
      failure ??= { error };
      stop.abort(error);
    }

    /** Whether what fails it leaves the others: nobody waits for bytes that it is about to make. */
    function isAlone(step: PlannedStep): boolean {
      return (way.isOutput(step) || stands[step.id]?.ending != null) && !isRead(step);
    }

    /** An attempt at an output has failed: it waits for the next one, or it is to end. */
    async function outputFailed(step: PlannedStep, thrown: unknown): Promise<void> {
      const log = attempt.log.child({ stage: step.id });
      stands = await recordings.outputs(recording.id);
      const { ending = null, failedAttempts = 0 } = stands[step.id] ?? {};
      // Revoked meanwhile: that is why.
      if (ending !== null) return;
      const error = orMachineTrouble(thrown);
      if (!(error instanceof KnownError)) log.error({ event: 'bug', err: error }, 'unforeseen error');
      const next = nextAttempt(error, attempt.pauseMs(failedAttempts + 1));
      if (next.kind === 'none') {
        log.error({ event: 'output.failed', err: error }, 'an output cannot be made');
        const how = { ending: 'failed', error: summarize(error) } as const;
        return await moves.endOutput(recording.id, step.id, how, lease.fence);
      }
      log.warn({ event: 'output.attempt-failed', err: error, afterMs: next.afterMs }, 'tried again');
      const isOwn = next.kind === 'again';
      if (isOwn) await moves.outputFailed(recording.id, step.id, summarize(error), lease.fence);
      left.push({ error, afterMs: next.afterMs, isOwn });
      stuck.add(step.id);
    }

    function call(): void {
      isCalled = true;
      wake();
    }

    /** Stops at once what somebody has revoked, and has the sitting look again where there is something to do. */
    function lookForWishes(): void {
      recordings.outputs(recording.id).then(
        (now) => {
          for (const { id } of toEnd(plan, now)) {
            if (running.has(id)) stops.get(id)?.abort(stopAsked());
            else call();
          }
          if (plan.steps.some(({ id }) => way.ended.has(id) && now[id]?.isOver !== true)) call();
        },
        // A look that fails is repeated a moment later.
        () => {},
      );
    }

    /** Has those outputs end that are to, and with them whatever needs their bytes. */
    async function settleOutputs(): Promise<void> {
      if (!hasOutputs || either.aborted) return;
      stands = await recordings.outputs(recording.id);
      for (const step of toEnd(plan, stands)) {
        if (!running.has(step.id) && !stuck.has(step.id)) await endOutput(step);
      }
      way.hear(stands);
      for (;;) {
        const orphan = way.orphans().find(({ step }) => stands[step.id]?.ending == null);
        if (orphan === undefined) break;
        const { step, maker, stand } = orphan;
        const { error } = stand;
        const ending = stand.ending ?? 'failed';
        const message = `The output "${maker.id}", whose bytes it reads, has failed: ${error?.message}`;
        const how = { ending, error: error === null ? undefined : { ...error, message } };
        await moves.endOutput(recording.id, step.id, how, lease.fence);
        stands = await recordings.outputs(recording.id);
        if (running.has(step.id)) stops.get(step.id)?.abort(stopAsked());
        else await endOutput(step);
        way.hear(stands);
      }
      await closeWhatNobodyReads();
    }

    async function endOutput(step: PlannedStep): Promise<void> {
      try {
        await footing.end(step, plan, { ...attempt, signal: either });
        stands = await recordings.outputs(recording.id);
      } catch (error) {
        if (either.aborted || endsTheAttempt(error)) throw error;
        attempt.log.warn({ event: 'output.left', stage: step.id, err: error }, 'taken back later');
        const next = nextAttempt(error, attempt.pauseMs(1) ?? LEFT_PAUSE_MS);
        const afterMs = next.kind === 'none' ? LEFT_PAUSE_MS : next.afterMs;
        left.push({ error, afterMs, isOwn: next.kind !== 'postponed' });
        stuck.add(step.id);
      }
    }

    /** What only tidies up behind outputs does so again once one of them is to be made anew. */
    async function undoWhatTidiesUp(): Promise<void> {
      const open = new Set(
        plan.steps.filter((step) => way.isOutput(step) && !way.isOver(step.id)).map(({ id }) => id),
      );
      for (const step of plan.steps) {
        if (!step.after.some((id) => open.has(id))) continue;
        open.add(step.id);
        const isTidying = tasks.get(step.task)?.isAgain === true && !step.isFinal && step.takes.length === 0;
        if (!way.done.has(step.id) || !isTidying) continue;
        await moves.undoStage(recording.id, step.id, 'an output before it is made anew', lease.fence);
        way.done.delete(step.id);
      }
    }

    /** Whether these are the bytes that the recording came as, and nothing that was made of them. */
    function isAsItCame({ step: maker }: PlannedStep['takes'][number]): boolean {
      return plan.steps.some(({ id, takes }) => id === maker && takes.length === 0);
    }

    /** Whether other steps read what it makes, now. */
    function isRead(step: PlannedStep): boolean {
      return plan.steps.some(
        ({ id, takes }) => running.has(id) && takes.some((edge) => edge.step === step.id),
      );
    }

    /** The bytes of earlier attempts that are still needed; where they are gone, their step runs once more. */
    async function reopenWhatIsNeeded(facts: Progress['facts']): Promise<void> {
      const isMissing = (step: PlannedStep) => !way.isOver(step.id) && step.lane === lane;
      const reports = ({ task }: PlannedStep) => tasks.get(task)?.reports === 'bytes';
      for (const maker of plan.steps) {
        const readers = plan.steps.filter(({ takes }) => takes.some(({ step }) => step === maker.id));
        if (!way.done.has(maker.id) || !readers.some(isMissing)) continue;
        const task = taskOf(maker);
        for (const output of task.makes ?? []) {
          const bytes = await task.reopen?.({ recording, fact: facts[maker.id], output });
          if (bytes === undefined) {
            const why = 'the file is no longer on disk';
            await moves.undoStage(recording.id, maker.id, why, lease.fence);
            way.done.delete(maker.id);
            break;
          }
          openStream(maker.id, output).offer(bytes);
          bytes.prove();
          // Where nobody will say how far it is, what is there already is no news either.
          if (!readers.some((step) => isMissing(step) && reports(step))) continue;
          const { totalBytes } = bytes;
          for (const step of [maker, ...readers]) {
            if (!way.done.has(step.id) || !reports(step)) continue;
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
            !way.isOver(id) &&
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
        await footing
          .withdraw(step, plan, attempt, 'the bytes were not the recording')
          .catch((error) =>
            attempt.log.warn({ event: 'stage.left', stage: step.id, err: error }, 'not taken back'),
          );
      }
    }

    async function take(step: PlannedStep, input: string, signal: AbortSignal): Promise<Bytes> {
      const edge = step.takes.find((each) => each.input === input);
      const stream = edge && streams.get(`${edge.step}.${edge.output}`);
      if (stream === undefined) throw new Error(`step ${step.id} takes no ${input}`);
      return await untilAborted(stream.offered, signal);
    }

    /** Runs a step, and records what it has proved. */
    async function runStep(step: PlannedStep): Promise<void> {
      const task = taskOf(step);
      const log = attempt.log.child({ stage: step.id });
      const at = await recordings.progress(recording.id);
      const startedMs = performance.now();
      const isOutput = way.isOutput(step);
      const kind = {
        isOutput,
        task: step.task,
        isFinal: step.isFinal,
        isAgain: task.isAgain === true,
        movesBytes: task.reports === 'bytes',
      };
      const own = new AbortController();
      stops.set(step.id, own);
      const signal = hasOutputs ? AbortSignal.any([either, own.signal]) : either;
      const { given, service } = contextOf(step, task, {
        attempt: { ...attempt, signal },
        plan,
        at,
        isWanted: true,
      });
      await moves.startStage(recording.id, step.id, lease.fence, kind);
      log.info({ event: 'stage.started' }, 'stage started');

      let checkpoint = given.checkpoint;
      /** What it has made with its service, by all that it has said. */
      const made = (fact?: unknown): Made | undefined => {
        if (task.claims === undefined || service === undefined) return undefined;
        const refs = task.claims({ checkpoint, fact }).filter((ref) => ref !== undefined && ref !== null);
        return { service, refs: [...new Set(refs)] };
      };

      const dependent = { service, recordingId: recording.id, signal, log };
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
          encodes: (doneS, totalS) => {
            hasMoved = true;
            progress?.told({ recordingId: recording.id, stage: step.id, doneS, totalS });
          },
          take: (input) => take(step, input, signal),
          make: (output, bytes) => openStream(step.id, output).offer(bytes),
        }),
      );

      const recalls = [...tasks].filter(([, other]) => other.recalledBy === step.task).map(([name]) => name);
      const isSecured = task.secures === true && step.takes.some(isAsItCame);
      await moves.finishStage(recording.id, step.id, proof as object, lease.fence, made(proof), {
        recalls,
        isSecured,
      });
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

/** How soon it is tried again to take back what could not be, in milliseconds. */
const LEFT_PAUSE_MS = 60_000;

/** The steps that are to end, the last first: it may stand on the others. */
function toEnd({ steps }: Plan, stands: OutputStands): PlannedStep[] {
  return steps.filter(({ id }) => stands[id]?.ending != null && stands[id]?.isOver === false).toReversed();
}

/** Whether a step waits for what others have to bring: a service that is down, a video that is on its way. */
function isWaiting(error: unknown): boolean {
  return isServiceTrouble(error) || hasCode(error, 'WAITING_FOR_VIDEO');
}

/** Whether it is the attempt that is over, whatever the step. */
function endsTheAttempt(error: unknown): boolean {
  return hasCode(error, 'LEASE_LOST');
}

/** What was archived, and what else was there before, stays if a recording was to be published again and is not. */
function isTakenBack(task: AnyTask, recording: Recording): boolean {
  return !recording.isFromArchive || recording.state === 'deleting' || !task.isHome;
}
