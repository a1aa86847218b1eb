import { errorAnswer, oldStatusAnswer, type Send, statusAnswer, workerAnswer } from './answers.ts';
import type { Description } from './description.ts';
import { messageOf, OrderError } from './errors.ts';
import type { Delivery, Jobs } from './jobs.ts';
import type { Log } from './log.ts';
import { type Order, parseOrder } from './order.ts';
import { statusOf, systemInfo } from './status.ts';

/** What the desk may do to the connection: hear no orders of the queue of jobs for a while, or go. */
export interface Consumption {
  isSuspended(): boolean;
  suspend(): Promise<void>;
  resume(): Promise<void>;
  /** Ends the worker, after all that it has to say. */
  leave(): void;
}

export interface Desk {
  /** Takes one message, of the queue of jobs or direct, and settles it. It never rejects. */
  take(body: Uint8Array, delivery: Delivery): Promise<void>;
}

/** Where all messages come in: those about a job go to the jobs, those to the worker itself are answered here. */
export function createDesk({
  jobs,
  send,
  log,
  description,
  consumption,
}: {
  jobs: Jobs;
  send: Send;
  log: Log;
  description: Description;
  consumption: Consumption;
}): Desk {
  async function tellStatus({ withBlackList = false } = {}): Promise<void> {
    const status = statusOf({
      job: jobs.current(),
      isSuspended: consumption.isSuspended(),
      description,
    });
    const listed = withBlackList ? { black_list: [...jobs.blackList] } : {};
    await send(statusAnswer({ ...status, ...listed }));
    await send(oldStatusAnswer(systemInfo(description.instance_id)));
  }

  async function takeOrder(order: Order, delivery: Delivery): Promise<void> {
    switch (order.kind) {
      case 'status':
        await tellStatus();
        break;
      case 'get_black_list':
      case 'sync_black_list':
        await tellStatus({ withBlackList: true });
        break;
      case 'add_to_black_list':
        for (const jobId of order.jobIds) jobs.blackList.add(jobId);
        break;
      case 'delete_from_black_list':
        for (const jobId of order.jobIds) jobs.blackList.delete(jobId);
        break;
      case 'stop_consuming_jobs':
        await consumption.suspend();
        break;
      case 'resume_consuming_jobs':
        await consumption.resume();
        break;
      case 'stop_worker':
        return stopWorker(delivery);
      default:
        return jobs.take(order, delivery);
    }
    delivery.settle('done');
  }

  /** Takes no further job, stops the one at hand, says how it is, and goes. */
  async function stopWorker(delivery: Delivery): Promise<void> {
    log.info('The worker is to be stopped');
    await consumption.suspend();
    const job = jobs.current();
    await jobs.stop();
    if (job !== undefined) await send(workerAnswer('terminated', { ...job, status: 'stopped' }));
    await tellStatus();
    delivery.settle('done');
    consumption.leave();
  }

  async function refuse(error: OrderError, delivery: Delivery): Promise<void> {
    log.error(error.message);
    await send(errorAnswer(error.message, { jobId: error.jobId }));
    delivery.settle('done');
  }

  return {
    async take(body, delivery) {
      try {
        let order: Order;
        try {
          order = parseOrder(body);
        } catch (error) {
          if (!(error instanceof OrderError)) throw error;
          return await refuse(error, delivery);
        }
        await takeOrder(order, delivery);
      } catch (error) {
        log.error(`A message could not be answered: ${messageOf(error)}`);
        delivery.settle('requeued');
      }
    },
  };
}
