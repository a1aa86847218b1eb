import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { FAULT_KINDS, REMOTE_CALLS, TRIED_ELSEWHERE, untriedOf } from '../support/faults-calls.ts';
import {
  clearFaults,
  QUICK_SETTINGS,
  type Source,
  sendMeeting,
  UNWATCHED,
  writeSource,
} from '../support/faults-house.ts';
import { describeStrikes, everyCallOnce, LARGE_BYTES } from '../support/faults-table.ts';
import { type House, openHouse } from '../support/house.ts';
import { servicesFound, tasksFound } from '../support/registry.ts';

describeStrikes(everyCallOnce());

describe('the faults that are tried', () => {
  it('strike every call, and are of every kind', () => {
    const cases = everyCallOnce();

    expect(new Set(cases.map(([call]) => call))).toEqual(new Set(REMOTE_CALLS.map(({ name }) => name)));
    expect(new Set(cases.map(([, kind]) => kind))).toEqual(new Set(FAULT_KINDS.map(({ name }) => name)));
  });

  it('strike every task and every service that there is', async () => {
    expect(untriedOf({ tasks: await tasksFound(), services: servicesFound() })).toEqual([]);
  });

  it.each(Object.entries(TRIED_ELSEWHERE))('of %s are tried in a test that is there', (_service, file) => {
    expect(existsSync(join(import.meta.dirname, '../..', file))).toBe(true);
  });

  it('would be found to miss a task or a service that is added, or to speak of one that is gone', async () => {
    const [first = '', ...services] = servicesFound();
    const tasks = [...(await tasksFound()), 'translate'];

    expect(untriedOf({ tasks, services: [...services, 'ftp'] })).toEqual([
      expect.stringMatching(/^No fault strikes the task "translate": list the calls/),
      expect.stringMatching(/^No fault strikes the service "ftp": list the calls/),
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
