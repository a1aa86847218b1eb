import type { Channel, ChannelModel } from 'amqplib';
import { messageOf } from './errors.ts';
import type { Log } from './log.ts';

const DELAY_MS = 5000;
const MAX_PRIORITY = 100;

/** What a worker's queue of direct messages is bound by. */
export interface Binding {
  readonly queue: string;
  readonly directQueue: string;
  readonly instanceId: string;
  readonly label: string;
  readonly version: string;
}

/** Orchestrators address a worker by so much of its id, as long as that of a container. */
const SHORT_ID_LENGTH = 12;

/**
 * Declares what a worker needs at the broker, exactly as all workers and orchestrators of this kind declare it. What is there already in
 * another shape is taken as it is, and told.
 */
export async function declareTopology(connection: ChannelModel, binding: Binding, log: Log): Promise<void> {
  const { queue, directQueue } = binding;

  /** On a channel of its own, since a declaration that differs ends its channel. */
  async function declare(name: string, steps: (channel: Channel) => Promise<unknown>): Promise<void> {
    const channel = await connection.createChannel();
    channel.on('error', () => undefined);
    try {
      await steps(channel);
      await channel.close();
    } catch (error) {
      if (!isDifferent(error)) throw error;
      log.warn(`${name} is there in another shape, and is used as it is: ${messageOf(error)}`);
    }
  }

  const exchange = (name: string, type: string, alternateExchange?: string) =>
    declare(`Exchange ${name}`, (channel) =>
      channel.assertExchange(name, type, {
        durable: true,
        ...(alternateExchange !== undefined && { alternateExchange }),
      }),
    );
  const delayQueue = (name: string, durable: boolean) =>
    declare(`Queue ${name}`, async (channel) => {
      const options = { durable, deadLetterExchange: '', messageTtl: DELAY_MS };
      await channel.assertQueue(name, options);
      await channel.bindQueue(name, name, '*');
    });

  await exchange('job_submit', 'topic', 'job_queue_not_found');
  await exchange('job_response', 'topic', 'job_response_not_found');
  await exchange('worker_response', 'topic', 'worker_response_not_found');
  await exchange('direct_messaging', 'headers', 'direct_messaging_not_found');
  await exchange('job_delayed', 'fanout');
  await exchange('job_response_delayed', 'fanout');
  await delayQueue('job_delayed', true);
  await delayQueue('job_response_delayed', false);
  await declare('Queue worker_response_not_found', (channel) =>
    channel.assertQueue('worker_response_not_found', { durable: true }),
  );
  await declare('Queue worker_discovery', (channel) =>
    channel.assertQueue('worker_discovery', {
      durable: true,
      deadLetterExchange: 'job_response_delayed',
      deadLetterRoutingKey: 'worker_discovery',
    }),
  );
  await declare(`Queue ${queue}`, (channel) =>
    channel.assertQueue(queue, {
      durable: true,
      deadLetterExchange: 'job_delayed',
      deadLetterRoutingKey: queue,
      maxPriority: MAX_PRIORITY,
    }),
  );
  await declare(`Binding of ${queue}`, (channel) => channel.bindQueue(queue, 'job_submit', queue));
  await declare(`Queue ${directQueue}`, async (channel) => {
    const { consumerCount } = await channel.assertQueue(directQueue, { durable: false, autoDelete: true });
    if (consumerCount > 0) log.warn(`Another worker hears ${directQueue}: two of them have one instance id`);
    await bindDirectQueue(channel, binding);
  });
}

async function bindDirectQueue(channel: Channel, binding: Binding): Promise<void> {
  const { queue, directQueue, instanceId, label, version } = binding;
  const headers = {
    'x-match': 'any',
    broadcast: 'true',
    instance_id: instanceId,
    consumer_mode: 'file',
    job_type: queue,
    worker_name: label,
    worker_version: version,
  };
  await channel.bindQueue(directQueue, 'direct_messaging', '*', headers);
  if (instanceId.length <= SHORT_ID_LENGTH) return;
  const short = { 'x-match': 'any', instance_id: instanceId.slice(0, SHORT_ID_LENGTH) };
  await channel.bindQueue(directQueue, 'direct_messaging', '*', short);
}

function isDifferent(error: unknown): boolean {
  return messageOf(error).includes('PRECONDITION_FAILED') || messageOf(error).includes('PRECONDITION-FAILED');
}
