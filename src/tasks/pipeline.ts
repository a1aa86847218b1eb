import type { Logger } from 'pino';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import { type ErrorSummary, hasCode, isOutage, KnownError, summarize } from '../domain/errors.ts';
import type { Checkpoints, Facts, Recording, Stage } from '../domain/recording.ts';
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

/** How much longer than the others a recording waits for a service that has just failed it. */
const OTHERS_FIRST = 1.25;

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
  /**
   * Until when a recording could not get any further, because what it needs next is left alone, and why; `undefined` if
   * it could.
   */
  heldBy(recording: Recording): Promise<{ untilMs: number; error: ErrorSummary } | undefined>;
  /** Takes back all that a recording's stages have made, on local disk and in the services. */
  withdraw(attempt: Attempt): Promise<void>;
}

/** Hears how far the bytes are of the recording that moves. */
export interface ProgressListener {
  /** @param how Whether by bytes that moved just now, or because they were found to be there already. */
  told(input: {
    readonly recordingId: string;
    readonly stage: Stage;
    readonly doneBytes: number;
    readonly totalBytes: number;
    readonly how: 'moved' | 'found';
  }): void;
  /** Its bytes have come to rest, for now or at their end. */
  rests(recordingId: string): void;
}

/** A question to a service that belongs to no recording, so that its answer tells of the service alone. */
export interface Probe {
  /** @throws KnownError what the service fails everybody with. */
  ask(call: { readonly signal: AbortSignal }): Promise<void>;
  /** An answer shows that recordings are served as well, and not only that somebody is there. */
  readonly provesService: boolean;
}

export interface PipelineOptions {
  readonly fetch: Task<'fetch'>;
  /** What sends the bytes on while fetch brings them. */
  readonly uploads: readonly AnyTask[];
  /** What comes after, in its order. */
  readonly afterwards: readonly AnyTask[];
  readonly recordings: Pick<Recordings, 'progress'>;
  readonly moves: Moves;
  readonly circuits: Circuits;
  readonly probes: Readonly<Record<Service, Probe>>;
  readonly progress?: ProgressListener;
}

/** What the stages that run at once have between them: the bytes. */
type Between = Pick<TaskContext<Stage>, 'source' | 'offer'>;

const NOTHING_BETWEEN: Between = {
  source: () => Promise.reject(new Error('no stage runs beside this one')),
  offer: () => {},
};

export function createPipeline(options: PipelineOptions): Pipeline {
  const { fetch, uploads, afterwards, recordings, moves, circuits, probes, progress } = options;

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

    async heldBy(recording) {
      const open = (await circuits.all()).filter(({ openUntilMs }) => openUntilMs > Date.now());
      if (open.length === 0) return undefined;
      const { facts } = await recordings.progress(recording.id);
      const holding = nextTasks(recording, facts).map((task) => {
        const service = task.serviceFor?.(recording);
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
      const added = afterwards.filter(({ withdraw }) => withdraw !== undefined);
      const made = [...added, ...uploads, fetch].filter((task) => isTakenBack(task, recording));
      const troubles: unknown[] = [];
      // One service that is away keeps nothing from going from another.
      for (const task of made) {
        await withdrawStage(task, attempt, 'taken back').catch((error) => {
          signal.throwIfAborted();
          if (hasCode(error, 'LEASE_LOST')) throw error;
          troubles.push(error);
        });
      }
      if (troubles.length > 0) throw troubles[0];
    },
  };

  /** What an attempt would begin with, each of which alone would get the recording further. */
  function nextTasks(recording: Recording, facts: Partial<Facts>): AnyTask[] {
    if (facts.fetch === undefined) return [fetch];
    const isMissing = (task: AnyTask) => isFor(task, recording) && facts[task.stage] === undefined;
    const missing = uploads.filter(isMissing);
    return missing.length > 0 ? missing : afterwards.filter(isMissing).slice(0, 1);
  }

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
    if (fetched !== undefined) {
      const { totalBytes } = fetched;
      for (const { stage } of [fetch, ...uploads]) {
        if (facts[stage] === undefined) continue;
        progress?.told({ recordingId: recording.id, stage, doneBytes: totalBytes, totalBytes, how: 'found' });
      }
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
      progress?.rests(recording.id);
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
    if (!hasMadeAny && task.stage !== 'fetch' && recording.state !== 'deleting') return;
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
    crashPoint('withdraw:after-stage');
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
    const fact = await withService(service, attempt, () =>
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
        progress: (doneBytes, totalBytes, how = 'moved') =>
          progress?.told({ recordingId: recording.id, stage: task.stage, doneBytes, totalBytes, how }),
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
    { recording, signal, log }: Attempt,
    work: () => Promise<T>,
  ): Promise<T> {
    if (service === undefined) return await work();
    const openUntilMs = await circuits.openUntilMs(service);
    if (openUntilMs !== undefined) throw serviceDown(service, openUntilMs);
    try {
      const result = await work();
      await circuits.succeeded(service, recording.id);
      return result;
    } catch (error) {
      if (signal.aborted || !mayBeOutage(error)) throw error;
      const blamed = await findBlame(service, recording, error, signal);
      log.warn({ event: 'service.blamed', service, err: error, blamed: blamed.code }, 'a service has failed');
      throw blamed;
    }
  }

  /**
   * Whose trouble it is that a service has failed a recording: asks the service something that belongs to no recording.
   * If it fails that too, everybody waits, at no cost; if not, the recording pays, unless others are failed as well.
   */
  async function findBlame(
    service: Service,
    recording: Recording,
    error: KnownError,
    signal: AbortSignal,
  ): Promise<KnownError> {
    const outage = isOfAccount(error) ? error : await askService(service, signal);
    if (outage !== undefined) {
      const { retry } = outage;
      const askedMs = typeof retry === 'object' ? ('waitMs' in retry ? retry.waitMs : retry.afterMs) : 0;
      const { untilMs, isOpen } = await circuits.failed(service, summarize(outage), Date.now() + askedMs);
      return isOfAccount(error) && !isOpen ? error : serviceDown(service, untilMs, outage);
    }
    if (!isOutage(error)) return error;
    const verdict = await circuits.doubted({
      service,
      recordingId: recording.id,
      error: summarize(error),
      isWell: probes[service].provesService,
    });
    return verdict === 'own' ? error : serviceDown(service, verdict.untilMs, error);
  }

  /** What the service fails everybody with, or `undefined` if it is well. */
  async function askService(service: Service, signal: AbortSignal): Promise<KnownError | undefined> {
    try {
      await probes[service].ask({ signal });
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof KnownError) return error;
      throw error;
    }
  }
}

/** What was archived, and what else was there before, stays if a recording was to be published again and is not. */
function isTakenBack(task: AnyTask, recording: Recording): boolean {
  if (!isFor(task, recording)) return false;
  if (!recording.isFromArchive || recording.state === 'deleting') return true;
  return task.stage === 'publish' || task.stage === 'fetch';
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

/** Whether an error may tell of the service rather than of one recording. */
function mayBeOutage(error: unknown): error is KnownError {
  return isOutage(error) || (error instanceof KnownError && error.code === 'REMOTE_ANSWER_INVALID');
}

/** Whether a service has said itself that it fails everybody. */
function isOfAccount(error: KnownError): boolean {
  return error.code === 'REMOTE_CAP_EXCEEDED';
}

function isServiceDown(error: unknown): boolean {
  return error instanceof KnownError && error.code === 'SERVICE_DOWN';
}

/** @param cause What the recording itself has met: then others are to try before it does again. */
function serviceDown(service: Service, untilMs: number, cause?: KnownError): KnownError {
  const until = new Date(untilMs).toISOString();
  const pauseMs = untilMs - Date.now();
  return new KnownError(
    `${service} is down and is tried again at ${until}${cause ? ` (${cause.message})` : ''}`,
    {
      code: 'SERVICE_DOWN',
      retry: { waitMs: cause ? pauseMs * OTHERS_FIRST : pauseMs },
      cause,
      details: { service },
    },
  );
}
