import type { Logger } from 'pino';
import { type Backoff, backoffMs } from '../domain/backoff.ts';
import { KnownError, summarize } from '../domain/errors.ts';
import type { Recording } from '../domain/recording.ts';
import type { Gate, Lease } from '../ledger/gate.ts';
import type { Recordings } from '../ledger/recordings.ts';
import { pause } from '../lib/abort.ts';
import type { Pipeline } from '../tasks/pipeline.ts';
import type { Outcome } from './jobs.ts';

/** How often a taken gate is tried again, in milliseconds. */
const GATE_POLL_MS = 100;

/** How soon to look again at a recording that another worker took over, in milliseconds. */
const TAKEN_OVER_PAUSE_MS = 5000;

export interface RecordingRunnerOptions {
  readonly recordings: Recordings;
  readonly gate: Gate;
  readonly pipeline: Pipeline;
  readonly backoff: Backoff;
  /** Names this process in the gate. */
  readonly holder: string;
  readonly log: Logger;
  readonly random?: () => number;
}

/** Makes one attempt at a recording: takes the gate, runs the pipeline, and records what came of it. */
export function createRecordingRunner(options: RecordingRunnerOptions) {
  const { recordings, gate, pipeline, backoff, random = Math.random } = options;

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
    const onLost = () => taken.abort(new KnownError('Another worker has taken over', { code: 'LEASE_LOST' }));
    while (!signal.aborted) {
      const lease = await gate.acquire({ recordingId: id, holder: options.holder, onLost });
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
      await recordings.startAttempt(id, lease.fence);
      const moving = (await recordings.get(id)) ?? recording;
      await pipeline.run({ recording: moving, lease, signal: either, log });
      await recordings.finish(id, lease.fence);
      log.info({ event: 'recording.done' }, 'recording done');
      return 'finished';
    } catch (error) {
      if (error instanceof KnownError && error.code === 'LEASE_LOST') {
        log.warn({ event: 'lease.lost' }, 'lease lost');
        return { againAtMs: Date.now() + TAKEN_OVER_PAUSE_MS };
      }
      if (shutdown.aborted) {
        await recordings.giveBack(id, 'the worker was stopped', lease.fence);
        return 'given-back';
      }
      return await recordFailure(recording, lease, error, log);
    }
  }

  async function recordFailure(
    recording: Recording,
    lease: Lease,
    error: unknown,
    log: Logger,
  ): Promise<Outcome> {
    const failedAttempts = recording.failedAttempts + 1;
    const summary = summarize(error);
    const ownMs = backoffMs(backoff, failedAttempts, random);
    const retry = error instanceof KnownError ? error.retry : 'backoff';
    if (!(error instanceof KnownError)) log.error({ event: 'bug', err: error }, 'unforeseen error');

    if (retry === 'never' || ownMs === undefined) {
      log.error({ event: 'recording.failed', err: error, failedAttempts }, 'recording failed');
      await recordings.fail(recording.id, summary, lease.fence);
      return 'finished';
    }
    const notBeforeMs = Date.now() + (retry === 'backoff' ? ownMs : Math.max(ownMs, retry.afterMs));
    log.warn({ event: 'attempt.failed', err: error, failedAttempts, notBeforeMs }, 'attempt failed');
    await recordings.backOff(recording.id, summary, notBeforeMs, lease.fence);
    return { againAtMs: notBeforeMs };
  }
}
