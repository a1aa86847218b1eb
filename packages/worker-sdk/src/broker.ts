import { setTimeout as delay } from 'node:timers/promises';
import { type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import type { Answer, Send } from './answers.ts';
import type { Consumption } from './desk.ts';
import { messageOf } from './errors.ts';
import type { Delivery } from './jobs.ts';
import type { Log } from './log.ts';
import type { Settings } from './settings.ts';
import { type Binding, declareTopology } from './topology.ts';

const RECONNECT_MS = 1000;
const CONNECT_TIMEOUT_MS = 10_000;
/** Long, for a job that keeps the thread busy answers no heartbeat. */
const HEARTBEAT_S = 60;
const JOB_TAG = 'amqp_worker';
const DIRECT_TAG = 'status_amqp_worker';

/** A connection for as long as it holds. */
interface Open {
  readonly connection: ChannelModel;
  readonly channel: ConfirmChannel;
  isClosed: boolean;
}

export interface Broker extends Omit<Consumption, 'leave'> {
  readonly send: Send;
  /**
   * Connects, and anew each second for ever once the connection is lost. Each message is handed to `take`; `greet` is called whenever all
   * is declared, before the first message of that connection.
   */
  start(handlers: {
    readonly take: (body: Uint8Array, delivery: Delivery) => Promise<void>;
    readonly greet: () => Promise<void>;
  }): void;
  /** Lets go of the connection; what is not settled goes to others. */
  close(): Promise<void>;
}

/** RabbitMQ, with all that a worker hears and says there over one channel. */
export function createBroker({
  amqp,
  binding,
  log,
  reconnectMs = RECONNECT_MS,
}: {
  amqp: Settings['amqp'];
  binding: Binding;
  log: Log;
  reconnectMs?: number;
}): Broker {
  const closing = new AbortController();
  const waitingForOpen: ((open: Open | undefined) => void)[] = [];
  let open: Open | undefined;
  let isSuspended = false;
  let wasOpen = false;
  let lastProblem = '';
  let running: Promise<void> = Promise.resolve();
  let take: (body: Uint8Array, delivery: Delivery) => Promise<void>;

  /** The connection, once there is one; `undefined` when there will be none. */
  async function untilOpen(): Promise<Open | undefined> {
    if (open !== undefined || closing.signal.aborted) return open;
    return new Promise((resolve) => waitingForOpen.push(resolve));
  }

  const send: Send = async (answer) => {
    for (;;) {
      const at = answer.isLasting ? await untilOpen() : open;
      if (at === undefined) {
        if (answer.isLasting) throw new Error('there is no connection any more');
        return;
      }
      try {
        return await publish(at, answer);
      } catch (error) {
        if (!at.isClosed) throw error;
        if (!answer.isLasting) return;
      }
    }
  };

  function publish({ channel }: Open, { exchange, key, body }: Answer): Promise<void> {
    const content = Buffer.from(JSON.stringify(body));
    const options = { deliveryMode: amqp.isPersistent ? 2 : 1, mandatory: exchange !== '' };
    return new Promise((resolve, reject) => {
      channel.publish(exchange, key, content, options, (error) =>
        error === null || error === undefined ? resolve() : reject(error),
      );
    });
  }

  function deliveryOf(at: Open, message: ConsumeMessage, isDirect: boolean): Delivery {
    let isSettled = false;
    return {
      attempt: delaysOf(message, binding.queue) + 1,
      isRedelivered: message.fields.redelivered,
      isDirect,
      isLive: () => !at.isClosed,
      settle(how) {
        if (isSettled || at.isClosed) return;
        isSettled = true;
        if (how === 'done') at.channel.ack(message);
        else if (how === 'delayed') at.channel.nack(message, false, false);
        else if (!isDirect) at.channel.nack(message, false, true);
        else requeueBehind(at, message);
      },
    };
  }

  /** Puts a direct message behind those that wait, for at its own place it would keep them waiting. */
  function requeueBehind(at: Open, message: ConsumeMessage): void {
    at.channel.publish('', binding.directQueue, message.content, {}, (error) => {
      if (error === null || error === undefined) at.channel.ack(message);
    });
  }

  async function consume(at: Open, queue: string, tag: string): Promise<void> {
    const hear = (message: ConsumeMessage | null) => {
      // Its queue was deleted: all is declared anew.
      if (message === null) return void at.connection.close().catch(() => undefined);
      void take(message.content, deliveryOf(at, message, tag === DIRECT_TAG));
    };
    await at.channel.consume(queue, hear, { consumerTag: tag });
  }

  async function connectOnce(greet: () => Promise<void>): Promise<void> {
    const connection = await connect(
      {
        protocol: amqp.isTls ? 'amqps' : 'amqp',
        hostname: amqp.hostname,
        port: amqp.port,
        username: amqp.username,
        password: amqp.password,
        vhost: amqp.vhost,
        heartbeat: HEARTBEAT_S,
      },
      { timeout: CONNECT_TIMEOUT_MS, clientProperties: { connection_name: binding.instanceId } },
    );
    let loss: unknown;
    const lost = new Promise<void>((resolve) => connection.once('close', () => resolve()));
    connection.on('error', (error) => {
      loss = error;
    });
    try {
      await declareTopology(connection, binding, log);
      const channel = await connection.createConfirmChannel();
      const at: Open = { connection, channel, isClosed: false };
      channel.on('error', (error) => {
        loss = error;
      });
      channel.on('return', ({ fields }) => {
        const level = fields.exchange === 'worker_response' ? 'debug' : 'warn';
        log[level](`Nobody takes ${fields.routingKey} of ${fields.exchange}`);
      });
      const forget = () => {
        at.isClosed = true;
        if (open === at) open = undefined;
      };
      channel.once('close', () => {
        forget();
        connection.close().catch(() => undefined);
      });
      connection.once('close', forget);
      await channel.prefetch(1);
      open = at;
      wasOpen = true;
      log.info(`Connected to ${amqp.hostname}:${amqp.port}`);
      await greet();
      for (const resolve of waitingForOpen.splice(0)) resolve(at);
      await consume(at, binding.directQueue, DIRECT_TAG);
      if (!isSuspended) await consume(at, binding.queue, JOB_TAG);
      if (closing.signal.aborted) await connection.close();
    } catch (error) {
      await connection.close().catch(() => undefined);
      throw error;
    }
    await lost;
    if (!closing.signal.aborted) throw loss ?? new Error('the broker has closed it');
  }

  /** Once for each loss; of the tries that follow only those hear that want to know all. */
  function tellLoss(error: unknown): void {
    const problem = `No connection to ${amqp.hostname}:${amqp.port}: ${messageOf(error)}`;
    log[problem === lastProblem && !wasOpen ? 'debug' : 'warn'](problem);
    lastProblem = problem;
  }

  return {
    send,
    isSuspended: () => isSuspended,
    async suspend() {
      if (isSuspended) return;
      isSuspended = true;
      await open?.channel.cancel(JOB_TAG);
    },
    async resume() {
      if (!isSuspended) return;
      isSuspended = false;
      if (open !== undefined) await consume(open, binding.queue, JOB_TAG);
    },
    start(handlers) {
      take = handlers.take;
      running = (async () => {
        if (amqp.isCluster) log.warn('A cluster is declared to as a single broker is');
        while (!closing.signal.aborted) {
          wasOpen = false;
          await connectOnce(handlers.greet).catch(tellLoss);
          await delay(reconnectMs, undefined, { signal: closing.signal }).catch(() => undefined);
        }
      })();
    },
    async close() {
      closing.abort();
      for (const resolve of waitingForOpen.splice(0)) resolve(undefined);
      await open?.connection.close().catch(() => undefined);
      await running;
    },
  };
}

/** How often an order has been delayed: what the broker says of its rejections by this queue. */
function delaysOf({ properties }: ConsumeMessage, queue: string): number {
  const deaths: unknown = properties.headers?.['x-death'];
  if (!Array.isArray(deaths)) return 0;
  const rejected = deaths.find((death) => death?.reason === 'rejected' && death?.queue === queue);
  const count = Number(rejected?.count ?? 0);
  return Number.isSafeInteger(count) ? count : 0;
}
