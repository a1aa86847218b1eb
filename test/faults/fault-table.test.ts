import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  FAULT_KINDS,
  type FaultKind,
  isStruck,
  isUnlisted,
  REMOTE_CALLS,
  type RemoteCall,
  untriedOf,
} from '../support/faults-calls.ts';
import {
  arrive,
  clearFaults,
  emptyRemotes,
  expectBeside,
  expectHome,
  QUICK_SETTINGS,
  type Source,
  sendMeeting,
  sendTranscript,
  UNWATCHED,
  writeSource,
} from '../support/faults-house.ts';
import { createPool, type Pool } from '../support/faults-pool.ts';
import { type House, openHouse } from '../support/house.ts';
import { servicesFound, tasksFound } from '../support/registry.ts';

/** Houses, each of which serves one case at a time: while one case waits, others go on. */
const HOUSES = 4;

const LARGE_BYTES = 11_000_000;

const CASES = REMOTE_CALLS.flatMap((call) =>
  FAULT_KINDS.filter(({ suits }) => suits?.(call) ?? true).map(
    (kind) => [call.name, kind.name, call, kind] as const,
  ),
);

interface Furnished {
  readonly house: House;
  readonly small: Source;
  readonly large: Source;
  worker: Awaited<ReturnType<House['startWorker']>>;
}

async function furnish(): Promise<Furnished> {
  const house = await openHouse({ ...QUICK_SETTINGS, ...UNWATCHED });
  return {
    house,
    small: await writeSource(house, 'small'),
    large: await writeSource(house, 'large', LARGE_BYTES),
    worker: await house.startWorker(),
  };
}

describe('whatever goes wrong once, a recording comes home', () => {
  let pool: Pool<Furnished>;

  beforeAll(async () => {
    pool = await createPool(HOUSES, furnish);
  });
  afterAll(() => Promise.all(pool.all.map(({ house }) => house.close())));

  it.concurrent.each(CASES)('%s: %s', async (callName, kindName, call, kind) => {
    await pool.lend(async (furnished) => {
      try {
        await strike(furnished, `${callName}: ${kindName}`, call, kind);
      } finally {
        clearFaults(furnished.house);
        await emptyRemotes(furnished.house);
      }
    });
  });

  async function strike(
    furnished: Furnished,
    title: string,
    call: RemoteCall,
    kind: FaultKind,
  ): Promise<void> {
    const { house, small, large } = furnished;
    if (call.isFirst) await furnished.worker.stop();
    const { requests, fail } = call.simulator(house);
    const before = requests.length;
    const fault = kind.fault(call);
    call.provoke?.(house);
    // A worker that starts looks through the services beside its first recording, and may meet the fault there.
    fail({ on: call.on, ...fault, count: (fault.count ?? 1) + (call.isFirst ? 1 : 0) });

    const sent = await sendMeeting(house, title, call.isLarge ? large : small);
    const transcript = call.hasTranscript ? await sendTranscript(house, sent) : undefined;
    if (call.isFirst) furnished.worker = await house.startWorker();
    await arrive(house, sent);
    if (transcript !== undefined) await expectBeside(house, transcript, sent);

    await vi.waitFor(() => {
      expect(requests.slice(before).filter((request) => isStruck(call, request))).not.toEqual([]);
    });
    await expectHome(house, sent);
    expect(requests.slice(before).filter(isUnlisted)).toEqual([]);
  }
});

describe('the faults that are tried', () => {
  it('strike every task and every service that there is', async () => {
    expect(untriedOf({ tasks: await tasksFound(), services: servicesFound() })).toEqual([]);
  });

  it('would be found to miss a task or a service that is added, or to speak of one that is gone', async () => {
    const [first = '', ...services] = servicesFound();
    const tasks = [...(await tasksFound()), 'thumbnail'];

    expect(untriedOf({ tasks, services: [...services, 's3'] })).toEqual([
      expect.stringMatching(/^No fault strikes the task "thumbnail": list the calls/),
      expect.stringMatching(/^No fault strikes the service "s3": list the calls/),
      ...REMOTE_CALLS.filter(({ service }) => service === first).map(() =>
        expect.stringContaining(`There is no service "${first}" any more`),
      ),
    ]);
  });
});

describe('a cap of the Backblaze account', () => {
  let house: House;
  let small: Source;
  let large: Source;

  beforeAll(async () => {
    house = await openHouse({ ...QUICK_SETTINGS, ...UNWATCHED, CIRCUIT_THRESHOLD: '1000' });
    small = await writeSource(house, 'small');
    large = await writeSource(house, 'large', LARGE_BYTES);
    await house.startWorker();
  });
  afterEach(() => clearFaults(house));
  afterAll(() => house.close());

  it.each([
    ['b2_get_upload_url', 'cap_exceeded', false],
    ['b2_upload_file/*', 'storage_cap_exceeded', false],
    ['b2_start_large_file', 'storage_cap_exceeded', true],
    ['b2_get_upload_part_url', 'transaction_cap_exceeded', true],
    ['b2_upload_part/*', 'cap_exceeded', true],
    ['b2_list_file_versions', 'transaction_cap_exceeded', false],
  ])('reached in %s has the recording wait, at no cost, and says so', async (operation, code, isLarge) => {
    const body = JSON.stringify({ status: 403, code, message: 'Cannot upload files, storage cap exceeded.' });
    const b2 = 'POST /b2api/v3/';
    if (operation === 'b2_list_file_versions')
      house.b2.fail({ on: `${b2}b2_upload_file/*`, drop: 'after-handling' });
    house.b2.fail({ on: `${b2}${operation}`, status: 403, body, count: 1000 });

    const { id } = await sendMeeting(house, operation, isLarge ? large : small);

    await vi.waitFor(async () => expect(await house.history(id)).toContain('attempt.postponed'), {
      timeout: 30_000,
    });
    const recording = await house.recordings.get(id);
    expect(recording).toMatchObject({
      state: 'waiting',
      failedAttempts: 0,
      openStarts: 0,
      lastError: { code: 'REMOTE_CAP_EXCEEDED', message: expect.stringContaining('cap') },
    });
    expect(recording?.notBeforeMs).toBeGreaterThan(Date.now() + 60_000);
  });
});
