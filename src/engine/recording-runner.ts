import type { Logger } from 'pino';
import { failedBody, jobEndedBody, runEndedBody } from '../domain/announcement.ts';
import { type Backoff, backoffMs } from '../domain/backoff.ts';
import {
  type ErrorSummary,
  hasCode,
  KnownError,
  leaseLost,
  orMachineTrouble,
  stopAsked,
  summarize,
} from '../domain/errors.ts';
import { JOB_ENDED, trackingIdOf } from '../domain/job.ts';
import { endlessPauseMs, nextAttempt } from '../domain/next-attempt.ts';
import type { Outcome } from '../domain/outcome.ts';
import { FIRST_LANE } from '../domain/recipe.ts';
import {
  isRun,
  type Recording,
  TAKING_BACK_STATES,
  UNFINISHED_STATES,
  WAITING_STATES,
} from '../domain/recording.ts';
import type { NewDelivery } from '../ledger/deliveries.ts';
import type { Lease } from '../ledger/gate.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { untilRecorded } from '../ledger/until-recorded.ts';
import { pause } from '../lib/abort.ts';
import { wallMs } from '../lib/wall-time.ts';
import { type Flight, OutputTriedAgain } from './flight.ts';
import type { Wishes } from './wishes.ts';

/** How often a taken gate, or a paused line, is looked at again, in milliseconds. */
const GATE_POLL_MS = 100;

/** How long one lets those of other hosts pass that are before it in line, in milliseconds; one of them may be slow to come. */
const MOST_POLITE_MS = 1000;

/** How long one that comes before its time is kept, in milliseconds. */
const EARLY_PAUSE_MS = 500;

/** How soon to look again at a recording that another worker took over, in milliseconds. */
const TAKEN_OVER_PAUSE_MS = 5000;

/** The share of a service's pause over which the recordings that wait for it are spread, and the most of that. */
const SPREAD = 0.1;
const MAX_SPREAD_MS = 5000;

/** What ends work early: the process is stopping, or that or the lease is lost. */
interface Signals {
  readonly shutdown: AbortSignal;
  readonly either: AbortSignal;
}

export interface RecordingRunnerOptions {
  readonly ledger: Pick<Ledger, 'recordings' | 'moves' | 'gate' | 'switches'>;
  readonly flight: Flight;
  readonly wishes: Wishes;
  readonly backoff: Backoff;
  /** After so many starts that each killed the worker a recording is set aside. */
  readonly maxCrashes: number;
  /** Names this process in the gate. */
  readonly holder: string;
  /** Called before a recording counts as done; called again for the same one if the worker dies then. */
  readonly beforeDone?: (recording: Recording) => Promise<void>;
  /** Called when one has failed. */
  readonly onFailed?: (recording: Recording) => Promise<void>;
  /** Called when one is done. */
  readonly onDone?: (recording: Recording) => void;
  /** The lane whose recordings it moves; default: the one in which all begin. */
  readonly lane?: string;
  /** How many may move in this lane at once; default 1. */
  readonly slots?: number;
  /** What its lane is called at the gate; default: as it is, for all hosts together. */
  readonly gateLane?: string;
  /** Called with one that is for another host to move. */
  readonly onElsewhere?: (recordingId: string) => void;
  /** Called with one that is to be gone on with in another lane. */
  readonly onHandedOver: (recordingId: string, lane: string) => void;
  /** Called when there is something to deliver. */
  readonly onAnnounced: () => void;
  /** Called with what has put one back without costing an attempt. */
  readonly onPostponed?: (error: unknown) => void;
  readonly log: Logger;
  readonly random?: () => number;
}

/**
 * Makes one attempt at a recording: takes the gate, runs its flight, and records what came of it.
 *
 * The line says whose turn it is; the ledger knows better what an operator wants: a recording that is to be taken back,
 * or was moved to the front, goes through the gate in place of the one whose turn it is, which then keeps its place.
 */
export function createRecordingRunner(options: RecordingRunnerOptions) {
  const { flight, backoff, maxCrashes, lane = FIRST_LANE, slots = 1, random = Math.random } = options;
  const { gateLane = lane } = options;
  const { recordings, moves, gate, switches } = options.ledger;
  const pauseMs = (failedAttempts: number) => backoffMs(backoff, failedAttempts, random);

  return async function run(id: string, signal: AbortSignal): Promise<Outcome> {
    const waiting = await recordings.get(id);
    const outcome = await runOnce(id, waiting, signal);
    // By a clock that is ahead it would come again at once, and again.
    if (typeof outcome === 'object' && waiting !== undefined && waiting.notBeforeMs > wallMs()) {
      await pause(Math.min(EARLY_PAUSE_MS, waiting.notBeforeMs - wallMs()), signal).catch(() => {});
    }
    return outcome;
  };

  async function runOnce(id: string, waiting: Recording | undefined, signal: AbortSignal): Promise<Outcome> {
    if (waiting !== undefined && !(await recordings.isOurs(waiting))) return leaveToOthers(id);
    const held = waiting && (await hold(waiting));
    if (held !== undefined) return held;
    const taken = new AbortController();
    if (waiting !== undefined) await letOthersPass(waiting, signal);
    const lease = await waitForGate(id, taken, signal);
    if (lease === undefined) return 'given-back';
    try {
      // Read after the gate is ours: until then another worker may have moved it on.
      const recording = await recordings.get(id);
      if (recording === undefined) return 'finished';
      // It waits in another lane by now, where there is a turn of its own.
      if ((recording.lane ?? FIRST_LANE) !== lane) return 'finished';
      if (!(await recordings.isOurs(recording))) return leaveToOthers(id);
      const signals = { either: AbortSignal.any([signal, taken.signal]), shutdown: signal };
      if (!UNFINISHED_STATES.includes(recording.state)) {
        return (await settle(recording, lease, signals)) ?? 'finished';
      }

      const first = await whoseTurn(recording);
      if (first?.id === id) return await move(recording, lease, signals);
      if (first !== undefined) {
        const isOurs = await lease.turnTo(first.id);
        if (isOurs) await move(first, lease, signals);
      }
      return 'given-back';
    } catch (error) {
      // Lost while the end of an attempt was being recorded.
      if (!hasCode(error, 'LEASE_LOST')) throw error;
      return { againAtMs: wallMs() + TAKEN_OVER_PAUSE_MS };
    } finally {
      // One that cannot be recorded as released ends by itself.
      await lease.release().catch((error: unknown) => {
        options.log.warn({ event: 'lease.not-released', err: error }, 'the lease is left to expire');
      });
    }
  }

  /**
   * Has a recording wait that could not get any further, because the service that it needs next is left alone: at no cost,
   * without the gate and without a word in its history, however often the service is tried meanwhile.
   */
  async function hold(recording: Recording): Promise<Outcome | undefined> {
    const { id, state, notBeforeMs } = recording;
    if (!WAITING_STATES.includes(state) || notBeforeMs > wallMs()) return undefined;
    const held = await flight.heldBy(recording);
    if (held === undefined) return undefined;
    const { untilMs, error } = held;
    const spreadMs = Math.min(MAX_SPREAD_MS, (untilMs - wallMs()) * SPREAD) * random();
    const againAtMs = Math.round(untilMs + Math.max(0, spreadMs));
    await recordings.hold(id, againAtMs, error);
    return { againAtMs };
  }

  /** Its turn is in the line of another host, where its bytes are. */
  function leaveToOthers(id: string): Outcome {
    options.onElsewhere?.(id);
    return 'finished';
  }

  /** Waits a moment for another host that has one before it in line, and would never find the gate free. */
  async function letOthersPass(recording: Recording, signal: AbortSignal): Promise<void> {
    if (lane !== FIRST_LANE) return;
    for (let waitedMs = 0; waitedMs < MOST_POLITE_MS && !signal.aborted; waitedMs += GATE_POLL_MS) {
      if (!(await recordings.isAnothersTurn(recording))) return;
      await pause(GATE_POLL_MS, signal).catch(() => {});
    }
  }

  /** Waits until the gate is free and something may pass it. */
  async function waitForGate(
    id: string,
    taken: AbortController,
    signal: AbortSignal,
  ): Promise<Lease | undefined> {
    const onLost = () => taken.abort(leaseLost());
    while (!signal.aborted) {
      const lease = (await mayMove())
        ? await gate.acquire({ recordingId: id, holder: options.holder, onLost, lane: gateLane, slots })
        : undefined;
      if (lease !== undefined) return lease;
      await pause(GATE_POLL_MS, signal).catch(() => {});
    }
    return undefined;
  }

  /** Whether anything may: a paused line still takes back what is not wanted any more. */
  async function mayMove(): Promise<boolean> {
    if ((await switches.get('line.paused')) === undefined) return true;
    return lane === FIRST_LANE && (await recordings.takingBack()) !== undefined;
  }

  async function whoseTurn(recording: Recording): Promise<Recording | undefined> {
    if ((await switches.get('line.paused')) !== undefined) {
      return lane === FIRST_LANE ? await recordings.takingBack() : undefined;
    }
    return isTakenBack(recording) ? recording : ((await recordings.before(recording)) ?? recording);
  }

  /** Makes an attempt, or takes back what earlier ones have made; and the second after the first, if it is asked to. */
  async function move(recording: Recording, lease: Lease, signals: Signals): Promise<Outcome> {
    const { id, notBeforeMs } = recording;
    const log = options.log.child({ recordingId: id });
    if (notBeforeMs > wallMs()) {
      return (await settle(recording, lease, signals)) ?? { againAtMs: notBeforeMs };
    }
    if (isTakenBack(recording)) return await withdraw(recording, lease, signals, log);
    const held = await hold(recording);
    if (held !== undefined) return held;

    const outcome = await attempt(recording, lease, signals, log);
    const after = signals.either.aborted ? undefined : await recordings.get(id);
    return after !== undefined && isTakenBack(after) ? await withdraw(after, lease, signals, log) : outcome;
  }

  /** Has those outputs end that are to, of one that does not move now; `undefined`: all have. */
  async function settle(
    recording: Recording,
    lease: Lease,
    { either, shutdown }: Signals,
  ): Promise<Outcome | undefined> {
    const log = options.log.child({ recordingId: recording.id });
    try {
      await flight.settle({ recording, lease, signal: either, log, pauseMs });
      return undefined;
    } catch (thrown) {
      const error = orMachineTrouble(thrown);
      if (hasCode(error, 'LEASE_LOST')) return { againAtMs: wallMs() + TAKEN_OVER_PAUSE_MS };
      if (shutdown.aborted) return 'given-back';
      const againAtMs = wallMs() + endlessPauseMs(backoff, 1, random);
      log.warn({ event: 'output.left', err: error, againAtMs }, 'an output is taken back later');
      return { againAtMs };
    }
  }

  async function attempt(
    recording: Recording,
    lease: Lease,
    { either, shutdown }: Signals,
    log: Logger,
  ): Promise<Outcome> {
    const { id } = recording;
    const asked = watchForStop(id);
    // However an attempt ends is recorded for as long as it takes: else its start counts as one that killed the worker.
    const how = { signal: shutdown, log };
    try {
      if (recording.openStarts >= maxCrashes) throw crashedTooOften(recording.openStarts);
      if (!(await moves.startAttempt(id, lease.fence))) return 'finished';
      const moving = (await recordings.get(id)) ?? recording;
      const signal = AbortSignal.any([either, asked.signal]);
      const lane = await flight.run({ recording: moving, lease, signal, log, pauseMs });
      if (lane !== undefined) {
        await untilRecorded(() => moves.handOver(id, lane, lease.fence), how);
        log.info({ event: 'lane.changed', lane }, 'goes on in another lane');
        options.onHandedOver(id, lane);
        return 'finished';
      }
      await options.beforeDone?.(moving);
      const nowMs = wallMs();
      const isDone = await untilRecorded(
        async () => moves.finish(id, lease.fence, await endOf(moving, undefined, nowMs)),
        how,
      );
      if (!isDone) return { againAtMs: nowMs };
      options.onDone?.(moving);
      if (moving.webhookUrl !== undefined) options.onAnnounced();
      log.info({ event: 'recording.done' }, 'recording done');
      return 'finished';
    } catch (thrown) {
      const error = orMachineTrouble(thrown);
      if (hasCode(error, 'LEASE_LOST')) {
        log.warn({ event: 'lease.lost' }, 'lease lost');
        return { againAtMs: wallMs() + TAKEN_OVER_PAUSE_MS };
      }
      if (shutdown.aborted) {
        await moves.giveBack(id, 'the worker was stopped', lease.fence);
        return 'given-back';
      }
      if (asked.signal.aborted || hasCode(error, 'STOP_ASKED')) {
        log.info({ event: 'attempt.stopped' }, 'stopped, as an operator has asked');
        await untilRecorded(() => moves.giveBack(id, 'an operator has asked', lease.fence), how);
        return 'finished';
      }
      if (error instanceof OutputTriedAgain) return await recordOutput(recording, lease, error, how);
      if (!(error instanceof KnownError)) log.error({ event: 'bug', err: error }, 'unforeseen error');
      return await recordFailure(recording, lease, error, how);
    } finally {
      asked.end();
    }
  }

  /** Looks, while a recording moves, whether an operator wants it to stop. */
  function watchForStop(id: string) {
    const asking = new AbortController();
    const end = options.wishes.watch(id, () => {
      // A look that fails is repeated a moment later.
      recordings.wanted(id).then(
        (wanted) => wanted !== null && asking.abort(stopAsked()),
        () => {},
      );
    });
    return { signal: asking.signal, end };
  }

  /** Takes back what a cancelled or deleted recording has made, for as long as it takes: until then it is not over. */
  async function withdraw(
    recording: Recording,
    lease: Lease,
    { either, shutdown }: Signals,
    log: Logger,
  ): Promise<Outcome> {
    const { id } = recording;
    try {
      await flight.withdraw({ recording, lease, signal: either, log, pauseMs });
      const isRenewed = await untilRecorded(() => moves.withdrawn(id, lease.fence), {
        signal: shutdown,
        log,
      });
      log.info({ event: 'recording.taken-back' }, 'all that was made is taken back');
      return isRenewed ? { againAtMs: wallMs() } : 'finished';
    } catch (thrown) {
      const error = orMachineTrouble(thrown);
      if (hasCode(error, 'LEASE_LOST')) return { againAtMs: wallMs() + TAKEN_OVER_PAUSE_MS };
      if (shutdown.aborted) return 'given-back';
      const notBeforeMs = wallMs() + endlessPauseMs(backoff, recording.failedAttempts + 1, random);
      log.warn({ event: 'withdrawal.failed', err: error, notBeforeMs }, 'not all taken back, tried again');
      const record = () => moves.withdrawalFailed(id, summarize(error), notBeforeMs, lease.fence);
      await untilRecorded(record, { signal: shutdown, log });
      return { againAtMs: notBeforeMs };
    }
  }

  /** What is told of how one ends, if anything is. Of one that is published again the earlier one is still there. */
  async function endOf(
    recording: Recording,
    error: ErrorSummary | undefined,
    nowMs: number,
  ): Promise<NewDelivery | undefined> {
    const { id, kind, webhookUrl, isFromArchive } = recording;
    if (isFromArchive) return undefined;
    // It may be given a new beginning, and end again.
    const occasionOf = (type: string) => ({ recordingId: id, type, occasion: `${type} ${nowMs}` });
    if (isRun(recording)) {
      if (webhookUrl === undefined) return undefined;
      const trackingId = trackingIdOf(recording);
      if (trackingId !== undefined) {
        return {
          ...occasionOf(error === undefined ? JOB_ENDED.done : JOB_ENDED.failed),
          body: jobEndedBody({ trackingId, reference: recording.reference ?? '' }),
          url: webhookUrl,
        };
      }
      const { facts } = await recordings.progress(id);
      return {
        ...occasionOf(error === undefined ? 'run.done' : 'run.failed'),
        body: runEndedBody({ recording, facts, error, nowMs }),
        url: webhookUrl,
      };
    }
    // The website hears of videos only.
    if (error === undefined || kind !== 'video') return undefined;
    return { ...occasionOf('recording.failed'), body: failedBody({ recording, error, nowMs }) };
  }

  /** An attempt that has failed for the sake of outputs costs them theirs, and the recording none. */
  async function recordOutput(
    { id }: Recording,
    lease: Lease,
    { error, afterMs }: OutputTriedAgain,
    how: { readonly signal: AbortSignal; readonly log: Logger },
  ): Promise<Outcome> {
    const summary = summarize(orMachineTrouble(error));
    const notBeforeMs = wallMs() + afterMs;
    how.log.warn({ event: 'attempt.failed', code: summary.code, notBeforeMs }, 'an output is tried again');
    const free = { isCounted: false };
    await untilRecorded(() => moves.backOff(id, summary, notBeforeMs, lease.fence, free), how);
    return { againAtMs: notBeforeMs };
  }

  async function recordFailure(
    recording: Recording,
    lease: Lease,
    error: unknown,
    how: { readonly signal: AbortSignal; readonly log: Logger },
  ): Promise<Outcome> {
    const { id } = recording;
    const { log } = how;
    const summary = summarize(error);
    const failedAttempts = recording.failedAttempts + 1;
    const next = nextAttempt(error, backoffMs(backoff, failedAttempts, random));

    if (next.kind === 'postponed') {
      const notBeforeMs = wallMs() + next.afterMs;
      log.warn({ event: 'attempt.postponed', err: error, notBeforeMs }, 'attempt postponed');
      options.onPostponed?.(error);
      await untilRecorded(() => moves.postpone(id, summary, notBeforeMs, lease.fence), how);
      return { againAtMs: notBeforeMs };
    }

    if (next.kind === 'none') {
      log.error({ event: 'recording.failed', err: error, failedAttempts }, 'recording failed');
      const nowMs = wallMs();
      await untilRecorded(
        async () => moves.fail(id, summary, await endOf(recording, summary, nowMs), lease.fence),
        how,
      );
      await options.onFailed?.(recording);
      options.onAnnounced();
      return 'finished';
    }
    const notBeforeMs = wallMs() + next.afterMs;
    log.warn({ event: 'attempt.failed', err: error, failedAttempts, notBeforeMs }, 'attempt failed');
    await untilRecorded(() => moves.backOff(id, summary, notBeforeMs, lease.fence), how);
    return { againAtMs: notBeforeMs };
  }
}

function isTakenBack({ state }: Recording): boolean {
  return TAKING_BACK_STATES.includes(state);
}

function crashedTooOften(starts: number): KnownError {
  return new KnownError(`The worker has died ${starts} times while it moved this recording`, {
    code: 'WORKER_CRASHED',
  });
}
