import type { Logger } from 'pino';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import { isOutage, KnownError, summarize } from '../domain/errors.ts';
import type { Checkpoints, Recording, Stage } from '../domain/recording.ts';
import type { Circuits, Service } from '../ledger/circuits.ts';
import type { Lease } from '../ledger/gate.ts';
import type { LateEffect } from '../ledger/late-looks.ts';
import type { Moves } from '../ledger/moves.ts';
import type { Recordings } from '../ledger/recordings.ts';
import { untilAborted } from '../lib/abort.ts';
import { allOrNone } from '../lib/all-or-none.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { type OfferedSource, openFetched } from './source.ts';
import type { Task, TaskContext, WithdrawContext } from './task.ts';

export type AnyTask = { [S in Stage]: Task<S> }[Stage];

/** The errors that say that the bytes themselves are not the recording, so that nothing may be made of them. */
const WRONG_SOURCE: readonly ErrorCode[] = [
  'SOURCE_CHANGED',
  'SOURCE_GONE',
  'NOT_MEDIA',
  'DOWNLOAD_NOT_MEDIA',
  'DOWNLOAD_LENGTH_DIFFERS',
  'COMPANION_INVALID',
];

/** One attempt at one recording. */
export interface Attempt {
  readonly recording: Recording;
  readonly lease: Lease;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

export interface Pipeline {
  /**
   * Moves a recording through the stages that it has not done yet. It is read and sent on at the same time; then comes
   * what follows, stage by stage.
   */
  run(attempt: Attempt): Promise<void>;
  /** Takes back all that a recording's stages have made, on local disk and in the services. */
  withdraw(attempt: Attempt): Promise<void>;
}

export type OnProgress = (input: {
  recordingId: string;
  stage: Stage;
  doneBytes: number;
  totalBytes: number;
}) => void;

export interface PipelineOptions {
  readonly fetch: Task<'fetch'>;
  /** What sends the bytes on while fetch brings them. */
  readonly uploads: readonly AnyTask[];
  /** What comes after, in its order. */
  readonly afterwards: readonly AnyTask[];
  readonly recordings: Pick<Recordings, 'progress'>;
  readonly moves: Moves;
  readonly circuits: Circuits;
  readonly onProgress?: OnProgress;
}

/** What the stages that run at once have between them: the bytes. */
type Between = Pick<TaskContext<Stage>, 'source' | 'offer'>;

const NOTHING_BETWEEN: Between = {
  source: () => Promise.reject(new Error('no stage runs beside this one')),
  offer: () => {},
};

export function createPipeline(options: PipelineOptions): Pipeline {
  const { fetch, uploads, afterwards, recordings, moves, circuits, onProgress = () => {} } = options;

  return {
    async run(attempt) {
      await transfer(attempt);
      for (const task of afterwards) {
        attempt.signal.throwIfAborted();
        if (!isFor(task, attempt.recording)) continue;
        const { facts } = await recordings.progress(attempt.recording.id);
        if (facts[task.stage] === undefined) await runStage(task, attempt, NOTHING_BETWEEN);
      }
    },

    async withdraw(attempt) {
      const added = afterwards.filter(({ withdraw }) => withdraw !== undefined);
      for (const task of [...added, ...uploads, fetch]) await withdrawStage(task, attempt, 'taken back');
    },
  };

  /**
   * Reads the recording and sends it on, all at once. A stage that fails stops the others, and each keeps where it was;
   * but one whose service is down does not: the others go on meanwhile, for Zoom's addresses run out.
   */
  async function transfer(attempt: Attempt): Promise<void> {
    const { recording, signal } = attempt;
    const { facts } = await recordings.progress(recording.id);
    const missing = uploads.filter((task) => isFor(task, recording) && facts[task.stage] === undefined);
    if (missing.length === 0 && facts.fetch !== undefined) return;

    const fetched = facts.fetch && (await openFetched(recording, facts.fetch));
    if (facts.fetch !== undefined && fetched === undefined) {
      await moves.undoStage(recording.id, 'fetch', 'the file is no longer on disk', attempt.lease.fence);
    }
    let offered: OfferedSource | undefined;
    let offer: (source: OfferedSource) => void = () => {};
    const source = new Promise<OfferedSource>((resolve) => {
      offer = (given) => {
        offered = given;
        resolve(given);
      };
    });
    let down: unknown;

    async function bring(either: AbortSignal): Promise<void> {
      // Whoever waits for bytes is to hear that no more will come.
      either.addEventListener('abort', () => offered?.fail(either.reason), { once: true });
      if (fetched) offer(fetched);
      else await runStage(fetch, { ...attempt, signal: either }, { source: () => source, offer });
      offered?.prove();
    }

    async function send(task: AnyTask, either: AbortSignal): Promise<void> {
      const between = { source: () => untilAborted(source, either), offer };
      try {
        await runStage(task, { ...attempt, signal: either }, between);
      } catch (error) {
        if (either.aborted || !(isOutage(error) || isServiceDown(error))) throw error;
        down ??= error;
      }
    }

    try {
      await allOrNone(signal, [bring, ...missing.map((task) => (either: AbortSignal) => send(task, either))]);
    } catch (error) {
      if (isSourceWrong(error)) await withdrawHalfMade(attempt);
      throw error;
    } finally {
      await offered?.close();
    }
    if (down !== undefined) throw down;
  }

  /** What was made of bytes that turned out wrong. What cannot be taken back now, the sweeper finds. */
  async function withdrawHalfMade(attempt: Attempt): Promise<void> {
    const { facts } = await recordings.progress(attempt.recording.id);
    for (const task of uploads) {
      if (facts[task.stage] !== undefined) continue;
      await withdrawStage(task, attempt, 'the bytes were not the recording').catch((error) =>
        attempt.log.warn({ event: 'stage.left', stage: task.stage, err: error }, 'not taken back'),
      );
    }
  }

  async function withdrawStage<S extends Stage>(task: Task<S>, attempt: Attempt, reason: string) {
    const { recording, lease, signal, log } = attempt;
    const { facts, checkpoints } = await recordings.progress(recording.id);
    const checkpoint: Checkpoints[S] | undefined = checkpoints[task.stage];
    const hasMadeAny = facts[task.stage] !== undefined || checkpoint !== undefined;
    // The bytes are on a local disk before fetch has anything to record of them.
    if (!hasMadeAny && task.stage !== 'fetch') return;
    const context: WithdrawContext<S> = {
      recording,
      facts,
      checkpoint,
      checkLease: () => lease.check(),
      expectLate: (place) => moves.expectLate(lateEffect(task, recording, place), lease.fence),
      note: (type, data) => moves.note(recording.id, type, data, lease.fence),
      signal,
      log,
    };
    await task.withdraw?.(context);
    if (hasMadeAny) await moves.undoStage(recording.id, task.stage, reason, lease.fence);
  }

  async function runStage<S extends Stage>(task: Task<S>, attempt: Attempt, between: Between): Promise<void> {
    const { recording, lease, signal } = attempt;
    const log = attempt.log.child({ stage: task.stage });
    const { facts, checkpoints } = await recordings.progress(recording.id);
    const startedMs = performance.now();
    await moves.startStage(recording.id, task.stage, lease.fence);
    log.info({ event: 'stage.started' }, 'stage started');

    const service = task.serviceFor?.(recording);
    const fact = await withService(service, signal, () =>
      task.run({
        recording,
        facts,
        checkpoint: checkpoints[task.stage],
        saveCheckpoint: (checkpoint) =>
          moves.saveCheckpoint(recording.id, task.stage, checkpoint, lease.fence),
        checkLease: () => lease.check(),
        expectLate: (place) => moves.expectLate(lateEffect(task, recording, place), lease.fence),
        cameInTime: (place) => moves.cameInTime(lateEffect(task, recording, place), lease.fence),
        note: (type, data) => moves.note(recording.id, type, data, lease.fence),
        signal,
        log,
        progress: (doneBytes, totalBytes) =>
          onProgress({ recordingId: recording.id, stage: task.stage, doneBytes, totalBytes }),
        ...between,
      }),
    );

    await moves.finishStage(recording.id, task.stage, fact, lease.fence);
    crashPoint(`after-fact:${task.stage}`);
    log.info({ event: 'stage.done', ms: Math.round(performance.now() - startedMs) }, 'stage done');
  }

  /** Runs what depends on a service, unless the service is known to be down, and learns from how it went. */
  async function withService<T>(
    service: Service | undefined,
    signal: AbortSignal,
    work: () => Promise<T>,
  ): Promise<T> {
    if (service === undefined) return await work();
    const openUntilMs = await circuits.openUntilMs(service);
    if (openUntilMs !== undefined) throw serviceDown(service, openUntilMs);
    try {
      const result = await work();
      await circuits.succeeded(service);
      return result;
    } catch (error) {
      if (signal.aborted || !isOutage(error)) throw error;
      const untilMs = await circuits.failed(service, summarize(error));
      throw untilMs === undefined ? error : serviceDown(service, untilMs, error);
    }
  }
}

function isFor(task: AnyTask, recording: Recording): boolean {
  return task.isFor?.(recording) ?? true;
}

function lateEffect<S extends Stage>(task: Task<S>, recording: Recording, place: string): LateEffect {
  const service = task.serviceFor?.(recording);
  if (service === undefined) throw new Error(`stage ${task.stage} asks nothing of a service`);
  return { recordingId: recording.id, service, place };
}

function isSourceWrong(error: unknown): boolean {
  return error instanceof KnownError && WRONG_SOURCE.includes(error.code);
}

function isServiceDown(error: unknown): boolean {
  return error instanceof KnownError && error.code === 'SERVICE_DOWN';
}

function serviceDown(service: Service, untilMs: number, cause?: KnownError): KnownError {
  const until = new Date(untilMs).toISOString();
  return new KnownError(
    `${service} is down and is tried again at ${until}${cause ? ` (${cause.message})` : ''}`,
    {
      code: 'SERVICE_DOWN',
      retry: { waitMs: untilMs - Date.now() },
      cause,
    },
  );
}
