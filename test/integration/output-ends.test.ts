import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { QUICK_SETTINGS } from '../support/faults-house.ts';
import { type House, openHouse } from '../support/house.ts';
import { openPainting } from '../support/painting.ts';

const RECIPES = `
default: gallery
recipes:
  - name: gallery
    steps:
      - { id: fetch, task: fetch }
      - { id: archive, task: archive, takes: { file: fetch.file } }
      - { id: oil, task: paint, takes: { file: fetch.file }, after: archive }
      - { id: ink, task: paint, takes: { file: fetch.file }, after: archive }
      - { id: frame, task: paint, takes: { file: oil.picture } }
      - { id: tidy, task: cleanup, after: [oil, ink, frame] }
`;

/** Beside much else nothing is quick. */
const SOON = { timeout: 30_000 };

let painting: Awaited<ReturnType<typeof openPainting>>;
let house: House;

beforeAll(async () => {
  painting = await openPainting(RECIPES);
  house = await openHouse({ ...QUICK_SETTINGS, RETRY_ATTEMPTS: '2', ...painting.settings });
  // What is wanted of an output that is being made it hears, or nothing of this is over before an hour.
  await house.startWorker({ lookEveryMs: 3_600_000 });
});
afterEach(() => painting.untell('refuse-oil', 'refuse-ink', 'fail-oil', 'away-oil', 'hold-oil', 'hold-ink'));
afterAll(async () => {
  await house.close();
  await painting.close();
});

const stands = async (id: string) =>
  Object.fromEntries(
    Object.entries(await house.recordings.outputs(id)).map(([step, { ending, isOver }]) => [
      step,
      ending === null ? 'open' : isOver ? ending : `to be ${ending}`,
    ]),
  );

const facts = async (id: string) => Object.keys((await house.recordings.progress(id)).facts).sort();

async function outputs(id: string): Promise<unknown> {
  const answer = await fetch(`${house.config.pipeline.url}/api/recordings/${id}`);
  return ((await answer.json()) as { outputs: unknown }).outputs;
}

const deed = async (id: string, step: string, what: 'retry' | 'revoke') =>
  (await house.post(`/api/recordings/${id}/outputs/${step}/${what}`, {})).status;

it('an output that fails for good leaves the others, takes along what reads its bytes, and can be made later', async () => {
  await painting.tell('refuse-oil');
  const { id } = await house.addCustom('Sunflowers');
  await house.reaches(id, 'done', 'failed');
  expect(await outputs(id)).toMatchObject([
    { step: 'oil', state: 'failed', error: { code: 'STREAM_MISSING', message: 'nothing to paint' } },
    { step: 'ink', state: 'done', error: null },
    { step: 'frame', state: 'failed', error: { code: 'STREAM_MISSING' } },
  ]);

  expect(await house.recordings.get(id)).toMatchObject({ state: 'done', lastError: null });
  expect(await stands(id)).toMatchObject({ oil: 'failed', frame: 'failed', ink: 'open' });
  expect((await house.recordings.outputs(id))['oil']?.error).toMatchObject({ code: 'STREAM_MISSING' });
  expect(await facts(id)).toEqual(['archive', 'fetch', 'ink', 'tidy']);
  expect(await painting.painted(id)).toEqual(['ink']);
  expect(await house.history(id)).toContain('output.failed oil');
  expect(await house.staged()).toEqual([]);

  await painting.untell('refuse-oil');
  expect(await deed(id, 'oil', 'retry')).toBe(200);
  expect(await deed(id, 'oil', 'retry')).toBe(200);
  await expect.poll(() => stands(id), SOON).toMatchObject({ oil: 'open', frame: 'open' });
  await house.reaches(id, 'done');
  expect(await facts(id)).toEqual(['archive', 'fetch', 'frame', 'ink', 'oil', 'tidy']);
  expect((await house.history(id)).filter((type) => type === 'stage.started ink')).toHaveLength(1);
  expect((await house.history(id)).at(-1)).toBe('outputs.settled');
  expect(await house.staged()).toEqual([]);
});

it('an output that fails for now is tried again at its own expense while the others are made', async () => {
  await painting.tell('fail-oil');
  const { id } = await house.addCustom('Irises');
  await house.reaches(id, 'done', 'failed');

  expect(await house.recordings.get(id)).toMatchObject({ state: 'done', failedAttempts: 0 });
  expect((await house.recordings.outputs(id))['oil']).toMatchObject({
    ending: 'failed',
    error: { code: 'UNEXPECTED', message: 'the brush fell' },
    failedAttempts: 1,
  });
  const history = await house.history(id);
  expect(history.filter((type) => type === 'stage.started oil')).toHaveLength(2);
  expect(history.filter((type) => type === 'stage.started ink')).toHaveLength(1);
});

it('a run of which no output can be made has failed with the reason of the first, and goes on from there when it is retried', async () => {
  await painting.tell('refuse-oil', 'refuse-ink');
  const { id } = await house.addCustom('Cypresses');
  await house.reaches(id, 'done', 'failed');

  expect(await house.recordings.get(id)).toMatchObject({
    state: 'failed',
    lastError: { code: 'STREAM_MISSING', message: 'nothing to paint' },
  });
  expect(await facts(id)).toEqual(['archive', 'fetch']);
  expect(await painting.painted(id)).toEqual([]);

  await painting.untell('refuse-ink');
  await house.post(`/api/recordings/${id}/retry`, {});
  await house.reaches(id, 'done');
  expect(await stands(id)).toMatchObject({ oil: 'failed', ink: 'open' });
  const history = await house.history(id);
  expect(history.filter((type) => type === 'stage.started oil')).toHaveLength(2);
  expect(history.filter((type) => type === 'stage.started archive')).toHaveLength(1);
});

it('an output whose service is down waits, and is not failed, while the others are made', async () => {
  await painting.tell('away-oil');
  const { id } = await house.addCustom('Wheat');
  await expect.poll(() => facts(id), SOON).toContain('ink');
  await expect.poll(() => house.history(id), SOON).toContain('attempt.postponed');
  expect(await stands(id)).toMatchObject({ oil: 'open', ink: 'open' });

  await painting.untell('away-oil');
  await house.reaches(id, 'done', 'failed');
  expect(await stands(id)).toMatchObject({ oil: 'open', frame: 'open' });
  expect((await house.recordings.get(id))?.state).toBe('done');
});

it('an output that is revoked while it is made stops and leaves nothing; a waiting one does not begin; the run is done', async () => {
  await painting.tell('hold-oil', 'hold-ink');
  const { id } = await house.addCustom('Almonds');
  await expect.poll(() => painting.painted(id), SOON).toEqual(['ink', 'oil']);
  expect(await deed(id, 'oil', 'revoke')).toBe(200);
  expect(await deed(id, 'oil', 'revoke')).toBe(200);
  await expect.poll(() => stands(id), SOON).toMatchObject({ oil: 'revoked', frame: 'revoked' });
  expect(await painting.painted(id)).toEqual(['ink']);
  await expect
    .poll(() => outputs(id), SOON)
    .toMatchObject([
      { step: 'oil', state: 'revoked', error: null },
      { step: 'ink', state: 'encoding', progress: { unit: 'seconds', done: 3, total: 12 } },
      { step: 'frame', state: 'revoked' },
    ]);
  expect((await house.recordings.get(id))?.state).toBe('moving');

  expect(await deed(id, 'ink', 'revoke')).toBe(200);
  await house.reaches(id, 'done', 'failed');
  expect(await house.recordings.get(id)).toMatchObject({ state: 'done', lastError: null });
  expect(await painting.painted(id)).toEqual([]);
  expect(await facts(id)).toEqual(['archive', 'fetch', 'tidy']);
});

it('an output that is done is removed when it is revoked, its recording stays done, and it can be made again', async () => {
  const { id } = await house.addCustom('Olives');
  await house.reaches(id, 'done');
  const before = (await house.recordings.get(id))?.endedAtMs;
  expect(await deed(id, 'ink', 'revoke')).toBe(200);
  await expect.poll(() => stands(id), SOON).toMatchObject({ ink: 'revoked' });
  expect(await painting.painted(id)).toEqual(['frame', 'oil']);
  expect(await facts(id)).toEqual(['archive', 'fetch', 'frame', 'oil', 'tidy']);
  expect(await house.recordings.get(id)).toMatchObject({ state: 'done', endedAtMs: before });

  expect(await deed(id, 'ink', 'retry')).toBe(200);
  await expect.poll(() => facts(id), SOON).toContain('ink');
  await house.reaches(id, 'done');
  expect(await painting.painted(id)).toEqual(['frame', 'ink', 'oil']);
});

it('an output that is revoked while the line is paused is not made once it goes on', async () => {
  await house.post('/api/line/pause', {});
  const { id } = await house.addCustom('Poppies');
  expect(await deed(id, 'oil', 'revoke')).toBe(200);
  expect(await stands(id)).toMatchObject({ oil: 'revoked', frame: 'revoked' });
  await house.post('/api/line/resume', {});
  await house.reaches(id, 'done');
  expect(await painting.painted(id)).toEqual(['ink']);
  expect(await house.history(id)).not.toContain('stage.started oil');
});

it('what has no such output, or is cancelled, says so', async () => {
  await painting.tell('hold-oil');
  const { id } = await house.addCustom('Roses');
  const refused = await house.post(`/api/recordings/${id}/outputs/fetch/revoke`, {});
  expect(refused.status).toBe(404);
  expect(await refused.text()).toContain('there are \\"oil\\", \\"ink\\"');
  expect(await deed('rec_none', 'oil', 'retry')).toBe(404);

  await expect.poll(() => painting.painted(id), SOON).toContain('oil');
  await house.post(`/api/recordings/${id}/cancel`, {});
  await house.reaches(id, 'cancelled');
  expect(await deed(id, 'oil', 'revoke')).toBe(409);
  expect(await painting.painted(id)).toEqual([]);
});
