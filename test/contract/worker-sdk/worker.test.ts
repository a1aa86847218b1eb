import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startOrchestrator } from '../../support/orchestrator.ts';
import { hasRabbitmq } from '../../support/rabbitmq.ts';
import { orderOf } from '../../support/worker.ts';
import { latch, openWorkerWorld, WORLD_TIMEOUT_MS, type WorkerWorld } from '../../support/worker-world.ts';

describe.runIf(hasRabbitmq)('a worker over RabbitMQ', () => {
  let world: WorkerWorld;
  beforeAll(async () => {
    world = await openWorkerWorld();
  }, WORLD_TIMEOUT_MS);
  afterEach(() => world.stopWorkers());
  afterAll(() => world?.close());

  it('W13 W15 tells what it is, to orchestrators of all generations', async () => {
    const worker = await world.connected(async () => undefined);

    const said = world.about(worker).map(({ exchange, key }) => [exchange, key]);
    expect(said.sort()).toEqual([
      ['job_response', 'worker_discovery'],
      ['worker_response', 'worker_created'],
    ]);
    expect(world.about(worker)[0]?.body).toEqual({
      instance_id: worker.instanceId,
      queue_name: worker.queue,
      direct_messaging_queue_name: `direct_messaging_${worker.instanceId}`,
      label: 'my-worker',
      short_description: 'Does what a test asks',
      description: 'Does what a test asks',
      version: '1.2.3',
      sdk_version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      license: 'MIT',
      parameters: expect.objectContaining({ type: 'object', required: ['source_path'] }),
    });
  });

  it('W10 W19 W20 W22 W24 takes an order to its end, and says each step of it', async () => {
    const jobId = world.nextJobId();
    const worker = await world.connected(async (job) => {
      job.progress(49.9);
      job.progress(10);
      job.progress(120);
      return {
        destinationPaths: ['/data/out.txt'],
        parameters: {
          text: 'a',
          count: 2,
          share: 0.5,
          good: true,
          words: ['a'],
          segments: [{ start: 0, end: 1 }],
          more: { a: 1 },
        },
      };
    });
    world.orchestrator.order(worker.queue, orderOf(jobId));

    const { body } = await world.answer(jobId, 'job_completed');

    await world.until(() => world.orchestrator.keysOf(jobId).length === 6);
    expect(world.orchestrator.keysOf(jobId)).toEqual([
      'job_completed',
      'job_progression',
      'job_progression',
      'job_progression',
      'worker_initialized',
      'worker_started',
    ]);
    const sent = (id: string, type: string, value: unknown) => ({
      id,
      type,
      value,
      default: null,
      store: null,
    });
    expect(body).toEqual({
      job_id: jobId,
      status: 'completed',
      destination_paths: ['/data/out.txt'],
      execution_duration: expect.any(Number),
      parameters: [
        sent('text', 'string', 'a'),
        sent('count', 'integer', 2),
        sent('share', 'float', 0.5),
        sent('good', 'boolean', true),
        sent('words', 'array_of_strings', ['a']),
        sent('segments', 'array_of_media_segments', [{ start: 0, end: 1 }]),
        sent('more', 'string', '{"a":1}'),
      ],
    });
    const progressions = world.orchestrator.answers.filter(
      ({ key, body: each }) => key === 'job_progression' && each.job_id === jobId,
    );
    expect(progressions.map(({ body: each }) => each.progression)).toEqual([0, 49, 100]);
    expect(progressions[0]?.body).toEqual({
      job_id: jobId,
      progression: 0,
      datetime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      docker_container_id: worker.instanceId,
    });
    expect((await world.answer(jobId, 'worker_started')).body).toMatchObject({
      status: 'running',
      parameters: [],
    });
    expect((await world.answer(jobId, 'worker_initialized')).body).toMatchObject({ status: 'initialized' });
  });

  it('W29 sends what lasts a restart of the broker, unless it is set otherwise', async () => {
    const worker = await world.connected(async () => undefined);
    const jobId = world.nextJobId();
    world.orchestrator.order(worker.queue, orderOf(jobId));
    const modes = [(await world.answer(jobId, 'job_completed')).message.properties.deliveryMode];

    const transient = await world.connected(async () => undefined, { env: { AMQP_DELIVERY_MODE: '1' } });
    modes.push(world.about(transient)[0]?.message.properties.deliveryMode);

    expect(modes).toEqual([2, 1]);
  });

  it('W21 answers a job that fails with its message, as the only parameter', async () => {
    const jobId = world.nextJobId();
    const worker = await world.connected(async () => {
      throw new Error('no such codec');
    });
    world.orchestrator.order(worker.queue, orderOf(jobId));

    expect((await world.answer(jobId, 'job_error')).body).toEqual({
      job_id: jobId,
      status: 'error',
      destination_paths: [],
      execution_duration: expect.any(Number),
      parameters: [{ id: 'message', type: 'string', value: 'no such codec', default: null, store: null }],
    });
  });

  it('W21 answers an order that it cannot read, with the number of the job where that can be read', async () => {
    const [jobId, other] = [world.nextJobId(), world.nextJobId()];
    const worker = await world.connected(async () => undefined);
    world.orchestrator.order(worker.queue, 'no order');
    world.orchestrator.order(worker.queue, { job_id: jobId });
    world.orchestrator.order(worker.queue, {
      job_id: other,
      parameters: [{ id: 'a', type: 'template', value: 'b' }],
    });

    await world.until(() =>
      world.orchestrator.answers.some(
        ({ body }) => body.message === 'The order is no JSON' && body.status === 'error',
      ),
    );
    expect(await world.messageOf(jobId)).toContain('The order cannot be read at parameters');
    expect(await world.messageOf(other)).toContain('Parameter "a" is of the kind "template"');
    expect(await world.orchestrator.channel.checkQueue(worker.queue)).toMatchObject({ messageCount: 0 });
  });

  it('W26 W27 W31 declares what all workers declare, as they declare it', async () => {
    const worker = await world.connected(async () => undefined);
    const { channel } = world.orchestrator;

    // Another shape of any of these ends the channel.
    await channel.assertExchange('job_delayed', 'fanout', { durable: true });
    await channel.assertQueue('job_delayed', {
      durable: true,
      arguments: { 'x-dead-letter-exchange': '', 'x-message-ttl': 5000 },
    });
    await channel.assertQueue('job_response_delayed', {
      durable: false,
      arguments: { 'x-dead-letter-exchange': '', 'x-message-ttl': 5000 },
    });
    await channel.assertQueue('worker_response_not_found', { durable: true });
    await channel.assertQueue(`direct_messaging_${worker.instanceId}`, { durable: false, autoDelete: true });
    const declared = await channel.assertQueue(worker.queue, {
      durable: true,
      arguments: {
        'x-dead-letter-exchange': 'job_delayed',
        'x-dead-letter-routing-key': worker.queue,
        'x-max-priority': 100,
      },
    });

    expect(declared.consumerCount).toBe(1);
  });

  it('takes a queue as it is that is there in another shape, and tells it', async () => {
    const name = 'job_in_another_shape';
    await world.orchestrator.channel.assertQueue(name, { durable: true });
    const jobId = world.nextJobId();
    const worker = await world.connected(async () => undefined, { env: { AMQP_QUEUE: name } });

    world.orchestrator.order(name, orderOf(jobId));
    await world.answer(jobId, 'job_completed');

    expect(worker.lines.join('')).toContain(`Queue ${name} is there in another shape, and is used as it is`);
  });

  it('W25 W28 holds one order at a time, until its answer is published', async () => {
    const { seen, process, release } = latch();
    const worker = await world.connected(process);
    const [first, second] = [world.nextJobId(), world.nextJobId()];
    world.orchestrator.order(worker.queue, orderOf(first));
    world.orchestrator.order(worker.queue, orderOf(second));
    await world.until(() => seen.length >= 1);

    expect(await world.orchestrator.channel.checkQueue(worker.queue)).toMatchObject({ messageCount: 1 });
    release();
    await world.answer(second, 'job_completed');
    expect(seen.map(({ jobId }) => jobId)).toEqual([first, second]);
  });

  it('W25 gives an order back whose answer the broker refuses, and does it again', async () => {
    const { channel } = world.orchestrator;
    const full = 'full';
    await channel.assertQueue(full, { arguments: { 'x-max-length': 0, 'x-overflow': 'reject-publish' } });
    await channel.bindQueue(full, 'job_response', 'job_completed');
    const jobId = world.nextJobId();
    const attempts: number[] = [];
    const worker = await world.connected(async () => {
      attempts.push(1);
      if (attempts.length === 2) await channel.deleteQueue(full);
      return undefined;
    });
    world.orchestrator.order(worker.queue, orderOf(jobId));

    await world.until(() => attempts.length >= 2);
    await world.until(() => worker.lines.some((line) => line.includes('The answer was refused')));
    await world.until(async () => (await channel.checkQueue(worker.queue)).messageCount === 0);
    expect(attempts).toHaveLength(2);
  });

  it('W30 takes the order with the highest priority first', async () => {
    const { seen, process, release } = latch();
    const worker = await world.connected(process);
    const ids = [world.nextJobId(), world.nextJobId(), world.nextJobId()] as const;
    world.orchestrator.order(worker.queue, orderOf(ids[0]));
    await world.until(() => seen.length >= 1);
    world.orchestrator.order(worker.queue, orderOf(ids[1]), { priority: 1 });
    world.orchestrator.order(worker.queue, orderOf(ids[2]), { priority: 50 });
    await world.until(
      async () => (await world.orchestrator.channel.checkQueue(worker.queue)).messageCount === 2,
    );

    release();
    await world.until(() => seen.length >= 3);

    expect(seen.map(({ jobId }) => jobId)).toEqual([ids[0], ids[2], ids[1]]);
  });

  it('W8 W31 gives an order back whose paths are missing, and counts how often it has come', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'required-'));
    const path = join(folder, 'input');
    const jobId = world.nextJobId();
    const attempts: number[] = [];
    const worker = await world.connected(async ({ attempt }) => {
      attempts.push(attempt);
    });
    world.orchestrator.order(
      worker.queue,
      orderOf(jobId, [{ id: 'requirements', type: 'requirements', value: { paths: [path] } }]),
    );
    await world.until(() => worker.lines.some((line) => line.includes('the order is delayed')));
    expect(worker.lines.join('')).toContain(`Missing: ${path}; attempt 1`);
    await writeFile(path, '');

    await world.answer(jobId, 'job_completed');
    await rm(folder, { recursive: true });

    expect(attempts).toEqual([2]);
  });

  it('W5 W31 answers an order in the end whose parameter stays wrong', async () => {
    const jobId = world.nextJobId();
    const worker = await world.connected(async () => undefined);
    const deaths = [
      { queue: 'job_delayed', reason: 'expired', count: 10, exchange: 'job_delayed', 'routing-keys': ['*'] },
      { queue: worker.queue, reason: 'rejected', count: 10, exchange: 'job_submit', 'routing-keys': ['*'] },
    ];
    world.orchestrator.order(
      worker.queue,
      orderOf(jobId, [{ id: 'times', type: 'integer', value: 'often' }]),
      {
        headers: { 'x-death': deaths },
      },
    );

    expect(await world.messageOf(jobId)).toMatch(/^Parameter "times": not of the kind "integer"/);
  });

  it('W32 an order for a queue that nobody has comes back to the orchestrator', async () => {
    await world.connected(async () => undefined);
    const jobId = world.nextJobId();
    world.orchestrator.order('job_of_nobody', orderOf(jobId));

    expect((await world.answer(jobId, 'job_of_nobody')).queue).toBe('job_queue_not_found');
  });

  it('W33 W41 W46 hears direct messages by each of its headers, and says how it is', async () => {
    const worker = await world.connected(async () => undefined);
    const headers: Record<string, string>[] = [
      { broadcast: 'true' },
      { instance_id: worker.instanceId },
      { instance_id: worker.instanceId.slice(0, 12) },
      { job_type: worker.queue },
      { worker_name: 'my-worker' },
      { worker_version: '1.2.3' },
      { consumer_mode: 'file' },
    ];
    for (const [sent, header] of headers.entries()) {
      world.orchestrator.direct(header, { type: 'status' });
      await world.until(() => world.statusesOf(worker).length > sent);
    }

    expect(world.statusesOf(worker)[0]).toMatchObject({
      type: 'status',
      job: null,
      worker: {
        activity: 'Idle',
        system_info: {
          docker_container_id: worker.instanceId,
          total_memory: expect.any(Number),
          used_memory: expect.any(Number),
          total_swap: expect.any(Number),
          used_swap: expect.any(Number),
          number_of_processors: expect.any(Number),
        },
        instance_id: worker.instanceId,
        queue_name: worker.queue,
        version: '1.2.3',
      },
    });
  });

  it('W41 W46 says how it is while it works, and answers the oldest orchestrators on their own queue', async () => {
    const { channel } = world.orchestrator;
    await channel.assertQueue('worker_status_response');
    const { seen, process, release } = latch();
    const worker = await world.connected(process);
    const jobId = world.nextJobId();
    world.orchestrator.order(worker.queue, orderOf(jobId));
    await world.until(() => seen.length >= 1);
    world.orchestrator.direct({ instance_id: worker.instanceId }, { type: 'status' });
    await world.until(() => world.statusesOf(worker).length > 0);
    release();

    expect(world.statusesOf(worker)[0]).toMatchObject({
      job: { job_id: jobId, status: 'running' },
      worker: { activity: 'Busy' },
    });
    const old = await world.until(() => channel.get('worker_status_response', { noAck: true }));
    expect(old && JSON.parse(old.content.toString())).toMatchObject({
      docker_container_id: worker.instanceId,
    });
    await channel.deleteQueue('worker_status_response');
  });

  it('W18 goes on with its job when the connection is lost, does it once, and answers over the next', async () => {
    const { seen, process, release } = latch();
    const worker = await world.connected(process);
    const [running, next] = [world.nextJobId(), world.nextJobId()];
    world.orchestrator.order(worker.queue, orderOf(running));
    await world.orchestrator.channel.waitForConfirms();
    await world.until(() => seen.length >= 1);
    await world.rabbitmq.kill();
    await world.until(() => worker.lines.some((line) => line.includes('No connection to')));
    await world.rabbitmq.start();
    await world.orchestrator.close();
    world.orchestrator = await startOrchestrator(world.rabbitmq.port);
    await world.until(() => worker.lines.some((line) => line.includes('come back over a new connection')));

    release({ destinationPaths: ['/data/out'] });
    await world.answer(running, 'job_completed');
    world.orchestrator.order(worker.queue, orderOf(next));
    await world.answer(next, 'job_completed');

    expect(seen.map(({ jobId }) => jobId)).toEqual([running, next]);
  }, 120_000);
});
