import type { Logger } from 'pino';
import { isOutage, KnownError, summarize } from '../domain/errors.ts';
import type { Checkpoints, Facts, Recording, Stage } from '../domain/recording.ts';
import type { Circuits, Service } from '../ledger/circuits.ts';
import type { Lease } from '../ledger/gate.ts';
import type { Moves } from '../ledger/moves.ts';
import type { Recordings } from '../ledger/recordings.ts';
import { crashPoint } from '../lib/crash-point.ts';
import type { Task } from './task.ts';

export type AnyTask = { [S in Stage]: Task<S> }[Stage];

/** Moves one recording through the stages that it has not done yet. */
export interface Pipeline {
  run(input: { recording: Recording; lease: Lease; signal: AbortSignal; log: Logger }): Promise<void>;
}

export type OnProgress = (input: {
  recordingId: string;
  stage: Stage;
  doneBytes: number;
  totalBytes: number;
}) => void;

/** @param tasks One per stage, in the order in which they run. */
export function createPipeline({
  tasks,
  recordings,
  moves,
  circuits,
  onProgress = () => {},
}: {
  tasks: readonly AnyTask[];
  recordings: Pick<Recordings, 'progress'>;
  moves: Moves;
  circuits: Circuits;
  onProgress?: OnProgress;
}): Pipeline {
  return {
    async run({ recording, lease, signal, log }) {
      for (const task of tasks) {
        signal.throwIfAborted();
        const { facts, checkpoints } = await recordings.progress(recording.id);
        if (facts[task.stage] !== undefined) {
          if (isEverythingAfterDone(task, facts) || (await bearsOut(task, facts))) continue;
          log.warn({ event: 'stage.undone', stage: task.stage }, 'stage undone');
          await moves.undoStage(recording.id, task.stage, 'the file is no longer on disk', lease.fence);
          delete checkpoints[task.stage as keyof Checkpoints];
        }
        await runStage(task, {
          recording,
          facts,
          checkpoints,
          lease,
          signal,
          log: log.child({ stage: task.stage }),
        });
      }
    },
  };

  /** A local file that nobody needs any more may be gone. */
  function isEverythingAfterDone(task: AnyTask, facts: Partial<Facts>): boolean {
    return task.stage === 'fetch' && facts.archive !== undefined && facts.publish !== undefined;
  }

  function bearsOut<S extends Stage>(task: Task<S>, facts: Partial<Facts>): Promise<boolean> {
    const fact = facts[task.stage];
    return fact === undefined || task.isStillTrue === undefined
      ? Promise.resolve(true)
      : task.isStillTrue(fact as Facts[S]);
  }

  async function runStage<S extends Stage>(
    task: Task<S>,
    input: {
      recording: Recording;
      facts: Partial<Facts>;
      checkpoints: Partial<Checkpoints>;
      lease: Lease;
      signal: AbortSignal;
      log: Logger;
    },
  ): Promise<void> {
    const { recording, facts, checkpoints, lease, signal, log } = input;
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
        signal,
        log,
        progress: (doneBytes, totalBytes) =>
          onProgress({ recordingId: recording.id, stage: task.stage, doneBytes, totalBytes }),
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
