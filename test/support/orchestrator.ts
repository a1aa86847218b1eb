import { type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';

const JOB_ANSWERS = ['job_completed', 'job_error', 'job_progression', 'job_stopped'];
const WORKER_ANSWERS = [
  'worker_created',
  'worker_initialized',
  'worker_started',
  'worker_updated',
  'worker_status',
  'worker_terminated',
];

/** One answer of a worker, as it came. */
export interface SeenAnswer {
  /** Where it lay. */
  readonly queue: string;
  readonly key: string;
  readonly exchange: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  readonly body: any;
  readonly message: ConsumeMessage;
}

/**
 * The other side of a worker: an orchestrator of that world, reduced to its queues, and written from their description alone. It declares them
 * itself, so that a worker that declares something else is found out by the broker.
 */
export interface Orchestrator {
  readonly channel: ConfirmChannel;
  /** All answers, in the order in which they came. */
  readonly answers: readonly SeenAnswer[];
  /** Sends an order to a queue of jobs. */
  order(queue: string, body: unknown, options?: { priority?: number; headers?: object }): void;
  /** Sends a message directly, to those workers that have one of these headers. */
  direct(headers: Readonly<Record<string, string>>, body: unknown): void;
  /** The keys of all answers about a job, sorted: they come by queues of their own, between which there is no order. */
  keysOf(jobId: number): string[];
  close(): Promise<void>;
}

export async function startOrchestrator(port: number): Promise<Orchestrator> {
  const connection: ChannelModel = await connect({ hostname: '127.0.0.1', port });
  const channel = await connection.createConfirmChannel();
  connection.on('error', () => undefined);
  channel.on('error', () => undefined);
  const answers: SeenAnswer[] = [];

  const exchange = (name: string, type: string, alternateExchange?: string) =>
    channel.assertExchange(name, type, { durable: true, ...(alternateExchange && { alternateExchange }) });
  await exchange('job_submit', 'topic', 'job_queue_not_found');
  await exchange('job_response', 'topic', 'job_response_not_found');
  await exchange('worker_response', 'topic', 'worker_response_not_found');
  await exchange('direct_messaging', 'headers', 'direct_messaging_not_found');
  await exchange('job_response_delayed', 'fanout');
  await exchange('job_queue_not_found', 'fanout');

  async function hear(queue: string, exchanges: readonly string[]): Promise<void> {
    await channel.assertQueue(queue, {
      durable: true,
      deadLetterExchange: 'job_response_delayed',
      deadLetterRoutingKey: queue,
    });
    for (const name of exchanges) await channel.bindQueue(queue, name, queue);
    await consume(queue);
  }

  const consume = (queue: string) =>
    channel.consume(
      queue,
      (message) => {
        if (message === null) return;
        const { routingKey: key, exchange } = message.fields;
        answers.push({ queue, key, exchange, body: JSON.parse(message.content.toString()), message });
        channel.ack(message);
      },
      { noAck: false },
    );

  for (const queue of JOB_ANSWERS) await hear(queue, ['job_response']);
  for (const queue of WORKER_ANSWERS) await hear(queue, ['worker_response']);
  await hear('worker_discovery', ['job_response', 'worker_response']);
  await channel.assertQueue('job_queue_not_found', { durable: false });
  await channel.bindQueue('job_queue_not_found', 'job_queue_not_found', '');
  await consume('job_queue_not_found');

  const contentOf = (body: unknown) =>
    typeof body === 'string' ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
  return {
    channel,
    answers,
    order(queue, body, options = {}) {
      channel.publish('job_submit', queue, contentOf(body), { persistent: true, ...options });
    },
    direct(headers, body) {
      channel.publish('direct_messaging', 'any', contentOf(body), { headers });
    },
    keysOf: (jobId) =>
      answers
        .filter(({ body }) => body.job_id === jobId)
        .map(({ key }) => key)
        .sort(),
    close: async () => {
      await connection.close().catch(() => undefined);
    },
  };
}
