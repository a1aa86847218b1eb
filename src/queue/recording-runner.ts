import type { Logger } from 'pino';
import { failedBody } from '../domain/announcement.ts';
import { type Backoff, backoffMs } from '../domain/backoff.ts';
import { KnownError, leaseLost, type Retry, summarize } from '../domain/errors.ts';
import type { Recording } from '../domain/recording.ts';
import type { Lease } from '../ledger/gate.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { pause } from '../lib/abort.ts';
import type { Pipeline } from '../tasks/pipeline.ts';
import type { Outcome } from './jobs.ts';

/** How often a taken gate, or a paused line, is looked at again, in milliseconds. */
const GATE_POLL_MS = 100;

/** How soon to look again at a recording that another worker took over, in milliseconds. */
const TAKEN_OVER_PAUSE_MS = 5000;

export interface RecordingRunnerOptions {
  readonly ledger: Pick<Ledger, 'recordings' | 'moves' | 'gate' | 'switches'>;
  readonly pipeline: Pipeline;
  readonly backoff: Backoff;
  /** After so many starts that each killed the worker a recording is set aside. */
  readonly maxCrashes: number;
  /** Names this process in the gate. */
  readonly holder: string;
  /** Called when there is something to deliver. */
  readonly onFailed: () => void;
  readonly log: Logger;
  readonly random?: () => number;
}

/** Makes one attempt at a recording: takes the gate, runs the pipeline, and records what came of it. */
export function createRecordingRunner(options: RecordingRunnerOptions) {
  const { pipeline, backoff, maxCrashes, random = Math.random } = options;
  const { recordings, moves, gate, switches } = options.ledger;

  return async function run(id: string, signal: AbortSignal): Promise<Outcome> {
    const log = options.log.child({ recordingId: id });
    const taken = new AbortController();
    const lease = await waitForGate(id, taken, signal);
    if (lease === undefined) return 'given-back';
    try {
      // Read after the gate is ours: until then another worker may have moved it on.
      const recording = await recordings.get(id);
      if (recording === undefined || recording.state === 'done' || recording.state === 'failed')
        return 'finished';
      if (recording.notBeforeMs > Date.now()) return { againAtMs: recording.notBeforeMs };
      return await attempt(recording, lease, AbortSignal.any([signal, taken.signal]), signal, log);
    } finally {
      await lease.release();
    }
  };

  async function waitForGate(
    id: string,
    taken: AbortController,
    signal: AbortSignal,
  ): Promise<Lease | undefined> {
    const onLost = () => taken.abort(leaseLost());
    while (!signal.aborted) {
      const isPaused = (await switches.get('line.paused')) !== undefined;
      const lease = isPaused
        ? undefined
        : await gate.acquire({ recordingId: id, holder: options.holder, onLost });
      if (lease !== undefined) return lease;
      await pause(GATE_POLL_MS, signal).catch(() => {});
    }
    return undefined;
  }

  async function attempt(
    recording: Recording,
    lease: Lease,
    either: AbortSignal,
    shutdown: AbortSignal,
    log: Logger,
  ): Promise<Outcome> {
    const { id } = recording;
    try {
      if (recording.openStarts >= maxCrashes) throw crashedTooOften(recording.openStarts);
      await moves.startAttempt(id, lease.fence);
      const moving = (await recordings.get(id)) ?? recording;
      await pipeline.run({ recording: moving, lease, signal: either, log });
      await moves.finish(id, lease.fence);
      log.info({ event: 'recording.done' }, 'recording done');
      return 'finished';
    } catch (error) {
      if (error instanceof KnownError && error.code === 'LEASE_LOST') {
        log.warn({ event: 'lease.lost' }, 'lease lost');
        return { againAtMs: Date.now() + TAKEN_OVER_PAUSE_MS };
      }
      if (shutdown.aborted) {
        await moves.giveBack(id, 'the worker was stopped', lease.fence);
        return 'given-back';
      }
      if (!(error instanceof KnownError)) log.error({ event: 'bug', err: error }, 'unforeseen error');
      return await recordFailure(recording, lease, error, log);
    }
  }

  async function recordFailure(
    recording: Recording,
    lease: Lease,
    error: unknown,
    log: Logger,
  ): Promise<Outcome> {
    const { id } = recording;
    const retry: Retry = error instanceof KnownError ? error.retry : 'backoff';
    const summary = summarize(error);

    if (typeof retry === 'object' && 'waitMs' in retry) {
      const notBeforeMs = Date.now() + retry.waitMs;
      log.warn({ event: 'attempt.postponed', err: error, notBeforeMs }, 'attempt postponed');
      await moves.postpone(id, summary, notBeforeMs, lease.fence);
      return { againAtMs: notBeforeMs };
    }

    const failedAttempts = recording.failedAttempts + 1;
    const ownMs = backoffMs(backoff, failedAttempts, random);
    if (retry === 'never' || ownMs === undefined) {
      log.error({ event: 'recording.failed', err: error, failedAttempts }, 'recording failed');
      const nowMs = Date.now();
      const announcement = {
        recordingId: id,
        type: 'recording.failed',
        // It may be given a new beginning, and fail again.
        occasion: `recording.failed ${nowMs}`,
        body: failedBody({ recording, error: summary, nowMs }),
      };
      await moves.fail(id, summary, announcement, lease.fence);
      options.onFailed();
      return 'finished';
    }
    const notBeforeMs = Date.now() + (retry === 'backoff' ? ownMs : Math.max(ownMs, retry.afterMs));
    log.warn({ event: 'attempt.failed', err: error, failedAttempts, notBeforeMs }, 'attempt failed');
    await moves.backOff(id, summary, notBeforeMs, lease.fence);
    return { againAtMs: notBeforeMs };
  }
}

function crashedTooOften(starts: number): KnownError {
  return new KnownError(`The worker has died ${starts} times while it moved this recording`, {
    code: 'WORKER_CRASHED',
  });
}
