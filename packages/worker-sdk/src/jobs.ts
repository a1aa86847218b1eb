import { setTimeout as delay } from 'node:timers/promises';
import type { z } from 'zod';
import {
  endAnswer,
  errorAnswer,
  type JobFacts,
  type JobResult,
  jobResult,
  progressAnswer,
  type Send,
  workerAnswer,
} from './answers.ts';
import { type JobOutcome, readOutcome, type WorkerDefinition } from './definition.ts';
import { messageOf, ParameterValueError, RequirementsError } from './errors.ts';
import type { Log } from './log.ts';
import type { JobOrder, Parameter } from './order.ts';
import { checkRequirements, type ParameterReader, readParameters } from './parameters.ts';

/** An order as it lies with the broker until it is settled. */
export interface Delivery {
  /** How often it has been taken up, counted from 1. */
  readonly attempt: number;
  /** The broker has handed it out before, and never heard of it. */
  readonly isRedelivered: boolean;
  /** It came to this worker alone, and cannot go to another. */
  readonly isDirect: boolean;
  /** Whether the connection that it came by is there, so that it can be settled. */
  isLive(): boolean;
  /** `done`: it is over. `delayed`: it comes back after some seconds. `requeued`: it comes back at once, here or elsewhere. */
  settle(how: 'done' | 'delayed' | 'requeued'): void;
}

/** After so many delays an order is answered with what is wrong with it. */
const MAX_DELAYS = 10;

interface Pauses {
  /** Before an order goes back that finds the worker busy, so that it does not go round in a hot loop. */
  readonly busyMs: number;
  /** For which an answered job waits for its order, whose connection was lost, to come back and be settled. */
  readonly redeliveryMs: number;
}
const PAUSES: Pauses = { busyMs: 1000, redeliveryMs: 2000 };

interface Current {
  readonly jobId: number;
  readonly log: Log;
  state: 'initializing' | 'initialized' | 'running' | 'answered';
  parameters: Record<string, unknown>;
  readonly stopper: AbortController;
  hasExpired: boolean;
  delivery: Delivery;
  startedMs: number;
  percent: number;
  /** Called when its order has come back over a new connection. */
  adopted?: () => void;
}

export interface Jobs {
  /** Does what an order about a job asks for; resolves when that is over, and the order is settled. */
  take(order: JobOrder, delivery: Delivery): Promise<void>;
  /** The job that the worker has now. */
  current(): JobResult | undefined;
  /** Stops the job that the worker has, if any, and resolves when it has ended. */
  stop(): Promise<void>;
  /** Resolves when the worker has no job. */
  idle(): Promise<void>;
  readonly blackList: Set<number>;
}

/**
 * The one job that a worker has, from its order to its answer. An order is settled after its answer is kept safely, and never twice:
 * a worker that dies leaves its order to another.
 */
export function createJobs<Schema extends z.ZodObject>({
  definition,
  reader,
  send,
  log,
  instanceId,
  pauses = PAUSES,
}: {
  definition: WorkerDefinition<Schema>;
  reader: ParameterReader<Schema>;
  send: Send;
  log: Log;
  instanceId: string;
  pauses?: Pauses;
}): Jobs {
  const blackList = new Set<number>();
  const waitingForIdle: (() => void)[] = [];
  let current: Current | undefined;

  function leave(): void {
    current = undefined;
    for (const resolve of waitingForIdle.splice(0)) resolve();
  }

  const idle = async () => {
    while (current !== undefined) await new Promise<void>((resolve) => waitingForIdle.push(resolve));
  };

  /** Answers an order that cannot be followed; refused answers leave the order with the broker. */
  async function refuse(message: string, { jobId }: { jobId: number }, delivery: Delivery): Promise<void> {
    log.ofJob(jobId).error(message);
    await settleAfter(delivery, () => send(errorAnswer(message, { jobId })));
  }

  async function settleAfter(delivery: Delivery, answer: () => Promise<void>): Promise<boolean> {
    try {
      await answer();
    } catch (error) {
      log.error(`An answer was refused: ${messageOf(error)}`);
      delivery.settle('requeued');
      return false;
    }
    delivery.settle('done');
    return true;
  }

  async function takeJob(order: JobOrder, delivery: Delivery): Promise<void> {
    if (current !== undefined && isOrderOf(current, order, delivery)) {
      current.log.info('Its order has come back over a new connection');
      current.delivery = delivery;
      current.adopted?.();
      return;
    }
    if (current !== undefined) {
      await delay(pauses.busyMs);
      delivery.settle('requeued');
      return;
    }
    const job = await begin(order, delivery);
    if (job === undefined) return;
    if (job.stopper.signal.aborted) await conclude(job, endOf(job, {}));
    else await run(job);
  }

  /** Checks and reads what the order carries, and says that the job is initialized; `undefined` if it does not come to that. */
  async function begin(order: JobOrder, delivery: Delivery): Promise<Current | undefined> {
    const { jobId } = order;
    if (blackList.has(jobId)) {
      await refuse(`Job ${jobId} is on the black list of this worker`, order, delivery);
      return undefined;
    }
    const job: Current = {
      jobId,
      log: log.ofJob(jobId),
      state: 'initializing',
      parameters: {},
      stopper: new AbortController(),
      hasExpired: false,
      delivery,
      startedMs: performance.now(),
      percent: -1,
    };
    current = job;
    try {
      job.parameters = await read(order.parameters);
    } catch (error) {
      await giveBack(job, order, error);
      leave();
      return undefined;
    }
    if (await saysSafely(job, 'initialized')) {
      job.state = 'initialized';
      return job;
    }
    leave();
    return undefined;
  }

  async function read(parameters: readonly Parameter[]): Promise<Record<string, unknown>> {
    await checkRequirements(parameters);
    return readParameters(parameters, reader);
  }

  /** What is missing may come, so the order is delayed; not for ever, and not where nobody delays it. */
  async function giveBack(job: Current, order: JobOrder, error: unknown): Promise<void> {
    const mayPass = error instanceof RequirementsError || error instanceof ParameterValueError;
    if (!mayPass || job.delivery.isDirect || job.delivery.attempt > MAX_DELAYS) {
      return refuse(messageOf(error), order, job.delivery);
    }
    job.log.warn(`${messageOf(error)}; attempt ${job.delivery.attempt}, the order is delayed`);
    job.delivery.settle('delayed');
  }

  /** Says what a job has come to on its way; an answer that is refused gives its order back. */
  async function saysSafely(job: Current, event: 'initialized' | 'started'): Promise<boolean> {
    const status = event === 'initialized' ? 'initialized' : 'running';
    try {
      await send(workerAnswer(event, resultOf(job, { status })));
      return true;
    } catch (error) {
      job.log.error(`An answer was refused: ${messageOf(error)}`);
      job.delivery.settle('requeued');
      return false;
    }
  }

  async function run(job: Current): Promise<void> {
    job.state = 'running';
    job.startedMs = performance.now();
    if (!(await saysSafely(job, 'started'))) return leave();
    // What came directly lies in a queue that ends with the connection: holding it would only keep further messages away.
    if (job.delivery.isDirect) job.delivery.settle('done');
    tell(job, 0);
    const answer = await work(job);
    await conclude(job, answer);
  }

  async function work(job: Current) {
    job.log.info('Job started');
    try {
      return endOf(job, readOutcome(await definition.process(contextOf(job))));
    } catch (error) {
      if (job.stopper.signal.aborted && isAbort(error, job.stopper.signal)) return endOf(job, {});
      const message = messageOf(error);
      job.log.error(`Job failed: ${message}`);
      return errorAnswer(message, { jobId: job.jobId, durationMs: performance.now() - job.startedMs });
    }
  }

  function endOf(job: Current, outcome: JobOutcome) {
    const durationMs = performance.now() - job.startedMs;
    if (job.hasExpired)
      return errorAnswer('The job has reached its expiration', { jobId: job.jobId, durationMs });
    const status = job.stopper.signal.aborted ? 'stopped' : 'completed';
    job.log.info(`Job ${status}`);
    return endAnswer(jobResult({ ...outcome, jobId: job.jobId, status, durationMs }));
  }

  /** Sends how a job has ended, settles its order, and makes room for the next. */
  async function conclude(job: Current, answer: Parameters<Send>[0]): Promise<void> {
    const isSafe = await send(answer).then(
      () => true,
      (error) => {
        job.log.error(`The answer was refused: ${messageOf(error)}`);
        return false;
      },
    );
    job.state = 'answered';
    if (!job.delivery.isDirect && !job.delivery.isLive()) await untilAdopted(job);
    job.delivery.settle(isSafe ? 'done' : 'requeued');
    leave();
  }

  /** Waits a little for the order of an answered job to come back, so that it is not done once more. */
  async function untilAdopted(job: Current): Promise<void> {
    const pause = new AbortController();
    job.adopted = () => pause.abort();
    await delay(pauses.redeliveryMs, undefined, { signal: pause.signal }).catch(() => undefined);
  }

  function contextOf(job: Current) {
    return {
      jobId: job.jobId,
      get parameters() {
        return job.parameters as z.output<Schema>;
      },
      attempt: job.delivery.attempt,
      signal: job.stopper.signal,
      isStopped: () => job.stopper.signal.aborted,
      progress: (percent: number) => tell(job, percent),
      log: job.log,
    };
  }

  function tell(job: Current, done: number): void {
    if (!Number.isFinite(done)) throw new TypeError(`A progress of ${done} is no number from 0 to 100`);
    const percent = Math.floor(Math.min(100, Math.max(0, done)));
    if (percent <= job.percent) return;
    job.percent = percent;
    send(progressAnswer({ jobId: job.jobId, percent, instanceId })).catch((error) =>
      job.log.warn(`Progress was refused: ${messageOf(error)}`),
    );
  }

  async function takeInit(order: JobOrder, delivery: Delivery): Promise<void> {
    if (current !== undefined) {
      const message = `Job ${current.jobId} is already in progress here`;
      return refuse(message, order, delivery);
    }
    const job = await begin(order, delivery);
    if (job === undefined) return;
    if (job.stopper.signal.aborted) await conclude(job, endOf(job, {}));
    else delivery.settle('done');
  }

  async function takeStart(order: JobOrder, delivery: Delivery): Promise<void> {
    const job = current;
    if (job === undefined || job.state === 'initializing') {
      return refuse(`Job ${order.jobId} cannot be started: it is not initialized here`, order, delivery);
    }
    if (job.jobId !== order.jobId) return refuse(otherJob(order, job), order, delivery);
    if (job.state !== 'initialized') {
      job.log.warn('It is started already');
      delivery.settle('done');
      return;
    }
    job.delivery = delivery;
    if (order.parameters.length > 0) {
      try {
        job.parameters = await read(order.parameters);
      } catch (error) {
        await refuse(messageOf(error), order, delivery);
        return leave();
      }
    }
    await run(job);
  }

  async function takeStop(order: JobOrder, delivery: Delivery): Promise<void> {
    const job = current;
    if (job === undefined) {
      return refuse(`Job ${order.jobId} cannot be stopped: no job is in progress here`, order, delivery);
    }
    if (job.jobId !== order.jobId) return refuse(otherJob(order, job), order, delivery);
    delivery.settle('done');
    await halt(job);
  }

  /** Asks the job to end; one that has not started has ended with that. */
  async function halt(job: Current): Promise<void> {
    job.log.info('Job is to be stopped');
    job.stopper.abort();
    if (job.state === 'initialized') await conclude(job, endOf(job, {}));
  }

  async function takeUpdate(order: JobOrder, delivery: Delivery): Promise<void> {
    const job = current;
    if (job?.jobId !== order.jobId) {
      return refuse(`Job ${order.jobId} cannot be updated: it is not in progress here`, order, delivery);
    }
    let parameters: Record<string, unknown>;
    try {
      parameters = await read(order.parameters);
    } catch (error) {
      // The job itself goes on as it was, so that it must not be told as failed.
      job.log.error(`New parameters are refused: ${messageOf(error)}`);
      delivery.settle('done');
      return;
    }
    job.parameters = parameters;
    const status = job.state === 'running' ? 'running' : 'initialized';
    await settleAfter(delivery, () => send(workerAnswer('updated', resultOf(job, { status }))));
  }

  async function takeExpiration(order: JobOrder, delivery: Delivery): Promise<void> {
    delivery.settle('done');
    if (current?.jobId !== order.jobId) {
      log.ofJob(order.jobId).warn('It has expired, and is not in progress here');
      return;
    }
    current.hasExpired = true;
    await halt(current);
  }

  const takers: Record<JobOrder['kind'], Jobs['take']> = {
    job: takeJob,
    init_process: takeInit,
    start_process: takeStart,
    stop_process: takeStop,
    update_process: takeUpdate,
    reached_expiration: takeExpiration,
  };

  return {
    take: (order, delivery) => takers[order.kind](order, delivery),
    current: () =>
      current && resultOf(current, { status: current.state === 'running' ? 'running' : 'initialized' }),
    async stop() {
      if (current !== undefined) await halt(current);
      await idle();
    },
    idle,
    blackList,
  };
}

/** Whether this is the order of the job at hand once more, handed out again since its connection was lost. */
function isOrderOf(current: Current, order: JobOrder, delivery: Delivery): boolean {
  return current.jobId === order.jobId && delivery.isRedelivered && !current.delivery.isLive();
}

function resultOf(job: Current, facts: Pick<JobFacts, 'status'>): JobResult {
  const durationMs = job.state === 'running' ? performance.now() - job.startedMs : 0;
  return jobResult({ jobId: job.jobId, durationMs, ...facts });
}

function otherJob(order: JobOrder, job: Current): string {
  return `Job ${order.jobId} is not in progress here, job ${job.jobId} is`;
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError');
}
