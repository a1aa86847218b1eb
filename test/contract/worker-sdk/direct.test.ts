import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasRabbitmq } from '../../support/rabbitmq.ts';
import { orderOf, type TestWorker } from '../../support/worker.ts';
import { latch, openWorkerWorld, WORLD_TIMEOUT_MS, type WorkerWorld } from '../../support/worker-world.ts';

describe.runIf(hasRabbitmq)('direct messages to a worker', () => {
  let world: WorkerWorld;
  beforeAll(async () => {
    world = await openWorkerWorld();
  }, WORLD_TIMEOUT_MS);
  afterEach(() => world.stopWorkers());
  afterAll(() => world?.close());

  const tell = (worker: TestWorker, body: object) =>
    world.orchestrator.direct({ instance_id: worker.instanceId }, body);
  const job = (type: string, jobId: number, more: readonly object[] = []) => ({
    type,
    ...orderOf(jobId, more),
  });
  const bare = (type: string, jobId: number) => ({ type, job_id: jobId, parameters: [] });

  it('W34 does a job that it is sent directly', async () => {
    const worker = await world.connected(async () => ({ destinationPaths: ['/out'] }));
    const jobId = world.nextJobId();
    tell(worker, job('job', jobId));

    expect((await world.answer(jobId, 'job_completed')).body.destination_paths).toEqual(['/out']);
    await world.until(() => world.orchestrator.keysOf(jobId).length === 4);
    expect(world.orchestrator.keysOf(jobId)).toEqual([
      'job_completed',
      'job_progression',
      'worker_initialized',
      'worker_started',
    ]);
  });

  it('W34 answers a job sent directly whose parameters are wrong at once, for nobody delays it', async () => {
    const worker = await world.connected(async () => undefined);
    const jobId = world.nextJobId();
    tell(worker, bare('job', jobId));

    expect(await world.messageOf(jobId)).toMatch(/^Parameter "source_path": /);
  });

  it('W35 W36 initializes a job, and does it when it is told to start', async () => {
    const { seen, process, release } = latch();
    const worker = await world.connected(process);
    const jobId = world.nextJobId();
    tell(worker, job('init_process', jobId));
    expect((await world.answer(jobId, 'worker_initialized')).body.status).toBe('initialized');
    expect(seen).toEqual([]);

    tell(worker, bare('start_process', jobId));
    await world.until(() => seen.length === 1);
    release();
    await world.answer(jobId, 'job_completed');

    expect(seen[0]?.parameters).toEqual({ source_path: '/data/talk.mp4', times: 1 });
  });

  it('W37 W47 stops a job that asks whether it is stopped, and says so', async () => {
    const worker = await world.connected(async ({ isStopped }) => {
      while (!isStopped()) await new Promise(setImmediate);
      return { destinationPaths: ['/half'] };
    });
    const jobId = world.nextJobId();
    world.orchestrator.order(worker.queue, orderOf(jobId));
    await world.answer(jobId, 'worker_started');
    tell(worker, bare('stop_process', jobId));

    expect((await world.answer(jobId, 'job_stopped')).body).toMatchObject({
      status: 'stopped',
      destination_paths: ['/half'],
    });
    expect(await world.orchestrator.channel.checkQueue(worker.queue)).toMatchObject({ messageCount: 0 });
  });

  it('W37 W47 stops a job that gives its signal to what it does, and one that has not started, and takes the next', async () => {
    const { seen, process } = latch();
    const worker = await world.connected(process);
    const [running, initialized, next] = [world.nextJobId(), world.nextJobId(), world.nextJobId()];
    world.orchestrator.order(worker.queue, orderOf(running));
    await world.until(() => seen.length === 1);
    tell(worker, bare('stop_process', running));
    await world.answer(running, 'job_stopped');

    tell(worker, job('init_process', initialized));
    await world.answer(initialized, 'worker_initialized');
    tell(worker, bare('stop_process', initialized));
    await world.answer(initialized, 'job_stopped');

    world.orchestrator.order(worker.queue, orderOf(next));
    await world.until(() => seen.length === 2);
    tell(worker, bare('stop_process', next));
    await world.answer(next, 'job_stopped');
    expect(seen.map(({ jobId }) => jobId)).toEqual([running, next]);
  });

  it('W38 gives new parameters to a job that runs, and keeps the old ones where the new are wrong', async () => {
    const { seen, process, release } = latch();
    const worker = await world.connected(process);
    const [jobId, other] = [world.nextJobId(), world.nextJobId()];
    world.orchestrator.order(worker.queue, orderOf(jobId));
    await world.until(() => seen.length === 1);
    tell(worker, job('update_process', jobId, [{ id: 'times', type: 'integer', value: 7 }]));
    await world.answer(jobId, 'worker_updated');
    expect(seen[0]?.parameters.times).toBe(7);

    tell(worker, job('update_process', jobId, [{ id: 'times', type: 'integer', value: 'often' }]));
    tell(worker, bare('update_process', other));
    expect(await world.messageOf(other)).toBe(`Job ${other} cannot be updated: it is not in progress here`);
    expect(seen[0]?.parameters.times).toBe(7);
    release();
    await world.answer(jobId, 'job_completed');
  });

  it('W39 ends a job that has reached its expiration, as an error', async () => {
    const { seen, process } = latch();
    const worker = await world.connected(process);
    const jobId = world.nextJobId();
    world.orchestrator.order(worker.queue, orderOf(jobId));
    await world.until(() => seen.length === 1);
    tell(worker, bare('reached_expiration', jobId));

    expect(await world.messageOf(jobId)).toBe('The job has reached its expiration');
  });

  it('W22 W40 stops its job, says how it is, and ends with 0', async () => {
    const { seen, process } = latch();
    const worker = await world.connected(process);
    const jobId = world.nextJobId();
    world.orchestrator.order(worker.queue, orderOf(jobId));
    await world.until(() => seen.length === 1);
    tell(worker, { type: 'stop_worker' });

    expect(await worker.ended).toBe(0);
    await world.until(() => world.statusesOf(worker).length > 0);
    await world.answer(jobId, 'job_stopped');
    await world.answer(jobId, 'worker_terminated');
  });

  it('W42 W43 W46 takes no orders while it is told not to, and hears direct messages', async () => {
    const worker = await world.connected(async () => undefined);
    const jobId = world.nextJobId();
    const consumers = async () => (await world.orchestrator.channel.checkQueue(worker.queue)).consumerCount;
    tell(worker, { type: 'stop_consuming_jobs' });
    await world.until(async () => (await consumers()) === 0);
    world.orchestrator.order(worker.queue, orderOf(jobId));
    tell(worker, { type: 'status' });
    await world.until(() => world.statusesOf(worker).length > 0);
    expect(world.statusesOf(worker)[0].worker.activity).toBe('Suspended');
    expect(world.orchestrator.keysOf(jobId)).toEqual([]);

    tell(worker, { type: 'resume_consuming_jobs' });
    await world.answer(jobId, 'job_completed');
  });

  it('W44 refuses the jobs of its black list, tells which they are, and forgets them', async () => {
    const worker = await world.connected(async () => undefined);
    const jobId = world.nextJobId();
    tell(worker, { type: 'add_to_black_list', job_ids: [jobId, 5] });
    tell(worker, { type: 'get_black_list' });
    await world.until(() => world.statusesOf(worker).length > 0);
    expect(world.statusesOf(worker)[0].black_list).toEqual([jobId, 5]);
    world.orchestrator.order(worker.queue, orderOf(jobId));
    expect(await world.messageOf(jobId)).toBe(`Job ${jobId} is on the black list of this worker`);

    tell(worker, { type: 'delete_from_black_list', job_id: jobId });
    tell(worker, { type: 'sync_black_list' });
    await world.until(() => world.statusesOf(worker).length > 1);
    expect(world.statusesOf(worker)[1].black_list).toEqual([5]);
    world.orchestrator.order(worker.queue, orderOf(jobId));
    await world.answer(jobId, 'job_completed');
  });

  describe('W45 what makes no sense is answered as an error of the job that it names', () => {
    it('a start without an init, a stop without a job', async () => {
      const worker = await world.connected(async () => undefined);
      const [started, stopped] = [world.nextJobId(), world.nextJobId()];
      tell(worker, bare('start_process', started));
      tell(worker, bare('stop_process', stopped));

      expect(await world.messageOf(started)).toBe(
        `Job ${started} cannot be started: it is not initialized here`,
      );
      expect(await world.messageOf(stopped)).toBe(
        `Job ${stopped} cannot be stopped: no job is in progress here`,
      );
    });

    it('an init while a job is there, a start and a stop of another job', async () => {
      const { seen, process, release } = latch();
      const worker = await world.connected(process);
      const jobId = world.nextJobId();
      const others = [world.nextJobId(), world.nextJobId(), world.nextJobId()] as const;
      world.orchestrator.order(worker.queue, orderOf(jobId));
      await world.until(() => seen.length === 1);
      tell(worker, job('init_process', others[0]));
      tell(worker, bare('start_process', others[1]));
      tell(worker, bare('stop_process', others[2]));

      expect(await world.messageOf(others[0])).toBe(`Job ${jobId} is already in progress here`);
      for (const other of others.slice(1)) {
        expect(await world.messageOf(other)).toBe(`Job ${other} is not in progress here, job ${jobId} is`);
      }
      release();
      await world.answer(jobId, 'job_completed');
      expect(world.orchestrator.keysOf(jobId)).not.toContain('job_stopped');
    });

    it('a second job while one is there goes back, and keeps no message behind it waiting', async () => {
      const { seen, process, release } = latch();
      const worker = await world.connected(process);
      const [first, queued, direct] = [world.nextJobId(), world.nextJobId(), world.nextJobId()];
      tell(worker, job('init_process', first));
      await world.answer(first, 'worker_initialized');
      world.orchestrator.order(worker.queue, orderOf(queued));
      tell(worker, job('job', direct));
      tell(worker, bare('start_process', first));

      await world.until(() => seen.length === 1);
      release();
      for (const jobId of [first, queued, direct]) await world.answer(jobId, 'job_completed');

      expect(seen[0]?.jobId).toBe(first);
      expect(seen).toHaveLength(3);
    });
  });
});
