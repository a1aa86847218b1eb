import { afterEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../simulators/shared/faults.ts';
import { arrive, clearFaults, happens, QUICK_SETTINGS, UNWATCHED } from '../support/faults-house.ts';
import { type House, openHouse } from '../support/house.ts';
import { isWhole, theseOf } from '../support/whole-tables.ts';

const SETTINGS = {
  ...QUICK_SETTINGS,
  ...UNWATCHED,
  TRANSFER_IDLE_TIMEOUT_S: '0.4',
  RETRY_ATTEMPTS: '4',
  // Whoever waits for a service waits for longer than this test lasts.
  CIRCUIT_OPEN_MIN_S: '600',
  CIRCUIT_OPEN_MAX_S: '600',
};
const ALWAYS = 1_000_000;
const PAGE = { status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html><h1>Busy</h1>' };

let house: House;

afterEach(() => house.close());

async function open(settings: Readonly<Record<string, string>> = {}): Promise<void> {
  house = await openHouse({ ...SETTINGS, ...settings });
}

const find = async (id: string) => await house.recordings.get(id);

/** How often it was tried; of many that got nowhere the history keeps two, and how many there were. */
async function attemptsOf(id: string): Promise<number> {
  const events = await house.recordings.events(id);
  const started = events.filter(({ type }) => type === 'attempt.started').length;
  const postponed = events.filter(({ type }) => type === 'attempt.postponed');
  const times = Math.max(0, ...postponed.map(({ data }) => Number(data['times'] ?? 0)));
  return started + Math.max(0, times - postponed.length);
}

async function circuits(): Promise<{ service: string; open_until: string | null }[]> {
  const response = await fetch(`${house.config.pipeline.url}/api/status`);
  return ((await response.json()) as { circuits: { service: string; open_until: string | null }[] }).circuits;
}

/** Has a service treat the uploads of one recording badly, and those of all others well. */
function sicken({ id }: { readonly id: string }, fault: Omit<Fault, 'on'>): void {
  house.b2.fail({
    on: 'POST /b2api/v3/b2_upload_file/*',
    where: { 'x-bz-info-sluice_recording': id },
    count: ALWAYS,
    ...fault,
  });
}

describe('a recording that a service fails, and no other', () => {
  const SICKNESSES: readonly (readonly [string, Omit<Fault, 'on'>])[] = [
    ['whose connection is reset each time', { drop: 'before-handling' }],
    ['whose upload is reset in its midst', { drop: 'during-body', cutAfterBytes: 100_000 }],
    ['whose bytes are taken one by one', { bytesPerSecond: 200 }],
    ['that is answered with a server error', { status: 500 }],
    ['that is answered with a page', PAGE],
    ['that alone is unauthorized', { status: 401, body: '{"status":401,"code":"unauthorized"}' }],
    ['that alone is asked to come less often', { status: 429 }],
  ];
  const SICK = theseOf(SICKNESSES, [
    'whose upload is reset in its midst',
    'that is answered with a page',
    'that alone is unauthorized',
    'that alone is asked to come less often',
  ]);

  it.each(SICK)('%s: the sound ones go on at once, and it fails in the end', async (_, fault) => {
    await open();
    const sick = await house.addCustom('Sick');
    sicken(sick, fault);
    const sound = [];
    for (let n = 0; n < 3; n += 1) sound.push(await house.addCustom(`Sound ${n}`));
    await house.startWorker();

    for (const each of sound) await arrive(house, each);
    expect((await find(sick.id))?.state).not.toBe('done');
    await house.reaches(sick.id, 'failed');

    expect(await find(sick.id)).toMatchObject({ failedAttempts: 4 });
    expect(await attemptsOf(sick.id)).toBe(4);
    expect(await circuits()).not.toContainEqual(expect.objectContaining({ open_until: expect.any(String) }));
  });

  const PLACES = isWhole ? ['first', 'last'] : ['first'];

  it.each(PLACES)('are two of them, at the %s of the line', async (place) => {
    await open({ CIRCUIT_OPEN_MIN_S: '0.1', CIRCUIT_OPEN_MAX_S: '0.1' });
    const add = async (titles: string[]) => {
      const added = [];
      for (const title of titles) added.push(await house.addCustom(title));
      return added;
    };
    const sickFirst = place === 'first' ? await add(['Sick 1', 'Sick 2']) : [];
    const sound = await add(['Sound 1', 'Sound 2', 'Sound 3', 'Sound 4']);
    const sick = [...sickFirst, ...(place === 'last' ? await add(['Sick 1', 'Sick 2']) : [])];
    for (const each of sick) sicken(each, { drop: 'before-handling' });
    await house.startWorker();

    for (const each of sound) await arrive(house, each);
    for (const { id } of sick) await house.reaches(id, 'failed');
  });

  it('has trouble with its download alone', async () => {
    await open();
    const sick = await house.addZoom('Sick');
    const origin = (await find(sick.id))?.origin;
    const address = origin?.kind === 'zoom' ? new URL(origin.downloadUrl).pathname : '';
    house.zoom.fail({ on: `GET ${address}`, drop: 'before-handling', count: ALWAYS });
    const sound = [];
    for (let n = 0; n < 3; n += 1) sound.push(await house.addZoom(`Sound ${n}`));
    await house.startWorker();

    for (const each of sound) await arrive(house, each);
    await house.reaches(sick.id, 'failed');
    expect(await circuits()).toEqual([]);
  });

  it('has trouble with its video alone', async () => {
    await open();
    const sound = await house.addCustom('Sound');
    await house.startWorker();
    await arrive(house, sound);
    house.bunny.fail({ on: 'PATCH /tusupload/*', status: 503, count: 5 });
    const sick = await house.addCustom('Sick');
    await happens(house, sick.id, 'attempt.failed');

    expect(await find(sick.id)).toMatchObject({ failedAttempts: 1 });
    await arrive(house, sick);
  });
});

describe('a service that is down as a whole', () => {
  const QUICK = { CIRCUIT_OPEN_MIN_S: '0.05', CIRCUIT_OPEN_MAX_S: '0.1' };

  const WAYS = [
    ['every request is reset', { on: 'B2', drop: 'before-handling' }],
    ['every request is answered with 503', { on: 'B2', status: 503 }],
    ['the key is not accepted', { on: 'B2', status: 401 }],
    ['a page is shown instead', { on: 'B2', ...PAGE }],
    ['nothing is ever answered', { on: 'B2', stall: true }],
    ['uploads alone are answered with 503', { on: 'POST /b2api/v3/b2_upload_file/*', status: 503 }],
  ] as const;
  const DOWN = theseOf(WAYS, [
    'the key is not accepted',
    'nothing is ever answered',
    'uploads alone are answered with 503',
  ]);

  it.each(DOWN)('costs a lone recording nothing when %s', async (_, { on, ...fault }) => {
    await open({
      ...QUICK,
      RETRY_ATTEMPTS: '2',
      TRANSFER_IDLE_TIMEOUT_S: '0.1',
      TRANSFER_RETRY_PAUSE_MS: '0',
    });
    house.b2.fail({ on: on === 'B2' ? '* /b2api/*' : on, count: ALWAYS, ...fault });
    const { id } = await house.addCustom('Lone');
    await house.startWorker();

    await expect.poll(() => attemptsOf(id), { timeout: 30_000 }).toBeGreaterThan(3);
    expect(await find(id)).toMatchObject({ failedAttempts: 0 });
    clearFaults(house);
    await arrive(house, { id });
  });

  it('costs a lone recording of Zoom nothing', async () => {
    await open({ ...QUICK, RETRY_ATTEMPTS: '2' });
    for (const each of [house.zoom, house.zoom.cdn])
      each.fail({ on: '*', drop: 'before-handling', count: ALWAYS });
    const path = house.files;
    expect(path).toBeTruthy();
    house.zoom.faults.clear();
    const { id } = await house.addZoom('Lone');
    house.zoom.fail({ on: '*', drop: 'before-handling', count: ALWAYS });
    await house.startWorker();

    await expect.poll(() => attemptsOf(id), { timeout: 30_000 }).toBeGreaterThan(3);
    expect(await find(id)).toMatchObject({ failedAttempts: 0 });
    clearFaults(house);
    await arrive(house, { id });
  });

  it('is told from a sick recording even while that is there', async () => {
    await open({ ...QUICK, RETRY_ATTEMPTS: '3' });
    const sick = await house.addCustom('Sick');
    const sound = [await house.addCustom('Sound 1'), await house.addCustom('Sound 2')];
    house.b2.fail({ on: '* /b2api/*', status: 503, count: ALWAYS });
    await house.startWorker();
    for (const { id } of [sick, ...sound]) await happens(house, id, 'attempt.postponed');
    await expect.poll(async () => (await circuits())[0]?.open_until ?? null).not.toBeNull();
    for (const { id } of [sick, ...sound]) expect(await find(id)).toMatchObject({ failedAttempts: 0 });

    house.b2.faults.clear();
    sicken(sick, { status: 500 });
    for (const each of sound) await arrive(house, each);
    await house.reaches(sick.id, 'failed');
  });
});

describe('recordings that wait for a service', () => {
  it('leave no trace of waiting in their history, however often it is tried', async () => {
    await open({ CIRCUIT_OPEN_MIN_S: '0.05', CIRCUIT_OPEN_MAX_S: '0.05', RETRY_ATTEMPTS: '4' });
    house.b2.fail({ on: '* /b2api/*', status: 503, count: ALWAYS });
    const waiting = [];
    for (let n = 0; n < 8; n += 1) waiting.push(await house.addCustom(`Waiting ${n}`));
    await house.startWorker();

    const failures = async () =>
      (
        (await (await fetch(`${house.config.pipeline.url}/api/status`)).json()) as {
          circuits: { failures: number }[];
        }
      ).circuits[0]?.failures ?? 0;
    await expect.poll(failures, { timeout: 30_000 }).toBeGreaterThan(30);

    const attempts = await Promise.all(waiting.map(({ id }) => attemptsOf(id)));
    expect(attempts.every((count) => count >= 1)).toBe(true);
    // Each begins once, to bring its bytes; after that one begins per opening, and not always the same.
    expect(attempts.reduce((sum, count) => sum + count, 0)).toBeLessThan(
      (await failures()) + 2 * waiting.length,
    );
    expect(Math.max(...attempts)).toBeLessThan(15);
    house.b2.faults.clear();
    for (const each of waiting) await arrive(house, each);
  });
});

describe('two recordings that a service fails while it answers', () => {
  it('have an end as well, though nobody else is there', async () => {
    await open({ CIRCUIT_OPEN_MIN_S: '0.01', CIRCUIT_OPEN_MAX_S: '0.02', RETRY_ATTEMPTS: '3' });
    const sick = [await house.addZoom('Sick 1'), await house.addZoom('Sick 2')];
    house.zoom.cdn.fail({ on: 'GET *', status: 503, count: ALWAYS });
    await house.startWorker();

    for (const { id } of sick) await house.reaches(id, 'failed');
    for (const { id } of sick) expect(await find(id)).toMatchObject({ failedAttempts: 3 });
  });
});

describe('a history', () => {
  it('stays short however long its recording waits for the same, and says how often it was tried since when', async () => {
    await open({ CIRCUIT_OPEN_MIN_S: '0.01', CIRCUIT_OPEN_MAX_S: '0.02' });
    house.b2.fail({ on: '* /b2api/*', status: 503, count: ALWAYS });
    const { id } = await house.addCustom('Patient');
    await house.startWorker();
    const last = async () =>
      (await house.recordings.events(id)).findLast(({ type }) => type === 'attempt.postponed');
    await expect
      .poll(async () => Number((await last())?.data['times'] ?? 0), { timeout: 50_000 })
      .toBeGreaterThan(5);

    // What those who follow the history have not read yet goes a little later.
    await expect
      .poll(async () => (await house.recordings.events(id)).length, { timeout: 50_000 })
      .toBeLessThan(60);
    const postponed = (await house.recordings.events(id)).filter(({ type }) => type === 'attempt.postponed');
    expect(postponed[0]?.data['times']).toBeUndefined();
    expect(postponed.at(-1)?.data).toMatchObject({ code: 'SERVICE_DOWN', sinceMs: postponed[0]?.atMs });
    house.b2.faults.clear();
    await arrive(house, { id });
  });
});
