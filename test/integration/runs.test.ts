import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SiteSimulator, startSiteSimulator } from '../../simulators/site/simulator.ts';
import { cliOf, runSluice } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { type House, openHouse } from '../support/house.ts';

/** A task of another lane, that goes on once a file says so; it fails if that says nothing. */
const LOOK = `
import { readFile } from 'node:fs/promises';
export const shape = { name: 'ponder', label: 'Ponder', lane: 'media', takes: { file: 'proved' } };
export const makeTask = () => ({
  async run({ take, signal }) {
    const { totalBytes } = await take('file');
    for (;;) {
      signal.throwIfAborted();
      const word = await readFile(process.env.PONDERED, 'utf8').catch(() => undefined);
      if (word === '') throw new Error('nothing comes of it');
      if (word !== undefined) return { totalBytes };
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },
});
`;

const RECIPES = `
recipes:
  - name: ponder
    steps:
      - { id: fetch, task: fetch }
      - { id: think, task: ponder, takes: { file: fetch.file } }
      - { id: cleanup, task: cleanup, after: think }
  - name: show
    steps:
      - { id: fetch, task: fetch }
      - { id: publish, task: publish, takes: { file: fetch.file } }
      - { id: notify, task: notify, after: publish }
      - { id: cleanup, task: cleanup, after: notify }
`;

let folder: string;
let house: House;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-runs-'));
  process.env['PONDERED'] = join(folder, 'pondered');
  await writeFile(join(folder, 'ponder.mjs'), LOOK);
  await writeFile(join(folder, 'recipes.yaml'), RECIPES);
  house = await openRuns();
  await house.startWorker();
});
afterEach(async () => {
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

const openRuns = (settings: Record<string, string> = {}) =>
  openHouse({
    RECIPES_FILE: join(folder, 'recipes.yaml'),
    TASKS_DIR: folder,
    RETRY_ATTEMPTS: '2',
    ...settings,
  });

const goOn = () => writeFile(join(folder, 'pondered'), 'yes');
const comeToNothing = () => writeFile(join(folder, 'pondered'), '');

async function run(body: object) {
  const response = await house.post('/api/runs', body);
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  return { status: response.status, body: (await response.json()) as any };
}

async function atHome(title: string): Promise<string> {
  const { id } = await house.addCustom(title, { bytes: 100_000 });
  await house.reaches(id, 'done');
  return id;
}

describe('a lane', () => {
  it('that is busy holds up nothing of another one', async () => {
    const { id: slow } = await house.addCustom('Slow', { recipe: 'ponder' });
    await expect.poll(() => house.history(slow), { timeout: 10_000 }).toContain('stage.started think');

    await atHome('Quick');

    expect((await house.recordings.get(slow))?.state).toBe('moving');
    await goOn();
    await house.reaches(slow, 'done');
    const history = await house.history(slow);
    expect(history.filter((type) => type === 'lane.changed')).toHaveLength(2);
    const { attempts } = (await (
      await fetch(`${house.config.pipeline.url}/api/recordings/${slow}`)
    ).json()) as { attempts: { outcome: string }[] };
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['handed-over', 'handed-over', 'done']);
    expect(history.filter((type) => type.startsWith('attempt.failed'))).toEqual([]);
    expect(await house.staged()).toEqual([]);
  });

  it.each([
    ['one slot', {}, ['A']],
    ['P30 four slots', { LANE_SLOTS: 'media=4' }, ['A', 'B', 'C', 'D']],
  ])('of %s moves as many at once, and the others after them', async (_name, settings, titles) => {
    await house.close();
    house = await openRuns(settings);
    await house.startWorker();
    const ids: string[] = [];
    for (const title of [...titles, 'Last']) {
      ids.push((await house.addCustom(title, { recipe: 'ponder' })).id);
    }
    const last = ids.at(-1) ?? '';
    for (const id of ids.slice(0, -1)) {
      await expect.poll(() => house.history(id), { timeout: 10_000 }).toContain('stage.started think');
    }
    await expect.poll(() => house.history(last), { timeout: 10_000 }).toContain('lane.changed');

    expect(await house.history(last)).not.toContain('stage.started think');
    await goOn();
    for (const id of ids) await house.reaches(id, 'done');
  });

  it('lets go of what an operator cancels there', async () => {
    const { id } = await house.addCustom('Unwanted', { recipe: 'ponder' });
    await expect.poll(() => house.history(id), { timeout: 10_000 }).toContain('stage.started think');

    await house.post(`/api/recordings/${id}/cancel`, {});
    await house.reaches(id, 'cancelled');

    expect(await house.staged()).toEqual([]);
  });
});

describe('a further run', () => {
  it('begins from the archived file, and changes nothing of the first', async () => {
    const first = await atHome('Algebra');
    const before = await house.recordings.get(first);
    const { status, body } = await run({ recording_id: first, recipe: 'ponder' });
    expect({ status, body }).toEqual({
      status: 202,
      body: { id: expect.stringMatching(/^rec_/), state: 'waiting', duplicate: false },
    });
    await goOn();
    await house.reaches(body.id, 'done');

    expect((await house.recordings.progress(body.id)).facts['think']).toEqual({ totalBytes: before?.bytes });
    expect(await house.recordings.get(first)).toEqual(before);
    expect(await house.b2.files()).toHaveLength(1);
    expect(house.bunny.videos()).toHaveLength(1);
    const { runs } = (await (
      await fetch(`${house.config.pipeline.url}/api/runs?recording_id=${first}`)
    ).json()) as {
      runs: object[];
    };
    expect(runs).toMatchObject([{ id: body.id, run_of: first, state: 'done', title: 'Algebra (ponder)' }]);
  });

  it('that has shown nothing to anybody is not published again', async () => {
    const id = await atHome('Algebra');
    const { body } = await run({ recording_id: id, recipe: 'ponder' });
    await goOn();
    await house.reaches(body.id, 'done');
    const actionsOf = async (of: string) =>
      (
        (await (await fetch(`${house.config.pipeline.url}/api/recordings/${of}`)).json()) as {
          actions: string[];
        }
      ).actions;

    expect(await actionsOf(id)).toContain('publish-again');
    expect(await actionsOf(body.id)).not.toContain('publish-again');
    expect((await house.post(`/api/recordings/${body.id}/publish-again`, {})).status).toBe(409);
  });

  it('asked for twice with one reference is one run', async () => {
    const first = await atHome('Twice');
    const asked = { recording_id: first, recipe: 'ponder', reference: 'r-1' };
    const one = await run(asked);
    const two = await run(asked);

    expect(two.body).toMatchObject({ id: one.body.id, duplicate: true });
    await goOn();
    await house.reaches(one.body.id, 'done');
  });

  it.each([
    ['of nothing', { recording_id: 'rec_nope', recipe: 'ponder' }, 404, 'NOT_FOUND'],
    ['by no recipe', { recipe: 'nope' }, 400, 'RECIPE_UNKNOWN'],
    ['with parameters of no step', { recipe: 'ponder', params: { x: { a: 1 } } }, 400, 'REQUEST_INVALID'],
    [
      'with parameters that a task does not take',
      { recipe: 'ponder', params: { think: { a: 1 } } },
      400,
      'REQUEST_INVALID',
    ],
  ])('%s is refused', async (_what, body, status, code) => {
    const first = await atHome('There');

    expect(await run({ recording_id: first, ...body })).toMatchObject({ status, body: { code } });
  });

  it('of what is not archived yet is refused', async () => {
    const { id } = await house.addCustom('Waiting', { not_before: '2999-01-01T00:00:00Z' });

    expect(await run({ recording_id: id, recipe: 'ponder' })).toMatchObject({
      status: 409,
      body: { code: 'WRONG_STATE' },
    });
  });
});

describe('the address of a run', () => {
  let receiver: SiteSimulator;
  const hook = () => `${receiver.url}/hooks/run`;

  beforeEach(async () => {
    receiver = await startSiteSimulator();
  });
  afterEach(() => receiver.close());

  /** What it has heard with the right signature, type by type. */
  const heard = () => receiver.received().filter(({ isValid }) => isValid);
  const types = () => heard().map(({ type }) => type);

  it('hears how it has ended, and the website does not', async () => {
    const first = await atHome('Told');
    await goOn();
    const asked = { recording_id: first, recipe: 'ponder', reference: 'course 7', webhook_url: hook() };
    const { id } = (await run(asked)).body;
    await expect.poll(types, { timeout: 10_000 }).toEqual(['run.done']);

    const shown = await (await fetch(`${house.config.pipeline.url}/api/recordings/${id}`)).json();
    expect(shown).toMatchObject({
      reference: 'course 7',
      webhook_url: hook(),
      deliveries: [{ type: 'run.done', to: hook() }],
    });
    expect(heard()[0]?.body).toMatchObject({
      type: 'run.done',
      data: {
        id,
        recording_id: first,
        reference: 'course 7',
        recipe: 'ponder',
        title: 'Told (ponder)',
        facts: (shown as { facts: object }).facts,
      },
    });
    expect(house.site.received().filter(({ type }) => type.startsWith('run.'))).toEqual([]);
  });

  it('is named on the command line, with what the run is called there', async () => {
    const first = await atHome('Asked for');
    await goOn();
    const cli = cliOf(house);
    const more = ['--reference', 'course 8', '--webhook-url', hook(), '--json'];
    const { json } = await runSluice(['run', first, 'ponder', ...more], cli);
    await expect.poll(types, { timeout: 10_000 }).toEqual(['run.done']);

    const { stdout } = await runSluice(['show', (json as { id: string }).id], cli);
    expect(stdout).toMatch(new RegExp(`run of +${first}\n +reference +course 8`));
  });

  it('hears what its recipe tells the website', async () => {
    const first = await atHome('Shown');
    const { id } = (await run({ recording_id: first, recipe: 'show', webhook_url: hook() })).body;

    await expect
      .poll(() => types().toSorted(), { timeout: 10_000 })
      .toEqual(['recording.playable', 'recording.published', 'run.done']);
    const published = [...house.heard('recording.published'), ...heard()].filter(
      ({ type, body }) => type === 'recording.published' && (body as { data: { id: string } }).data.id === id,
    );
    expect(published).toHaveLength(2);
    expect(published[1]?.body).toEqual(published[0]?.body);
    expect(published[1]?.id).not.toBe(published[0]?.id);
  });

  it('hears of a failure, which is none of the first run', async () => {
    const first = await atHome('Failing');
    const before = await house.recordings.get(first);
    await comeToNothing();
    const { id } = (await run({ recording_id: first, recipe: 'ponder', webhook_url: hook() })).body;
    await expect.poll(types, { timeout: 10_000 }).toEqual(['run.failed']);

    expect(heard()[0]?.body).toMatchObject({
      data: { id, recording_id: first, reference: null, error: { code: 'UNEXPECTED' }, facts: { fetch: {} } },
    });
    expect(await house.recordings.get(first)).toEqual(before);
    expect(house.heard('recording.failed')).toEqual([]);

    await goOn();
    await house.post(`/api/recordings/${id}/retry`, {});
    await expect.poll(types, { timeout: 10_000 }).toEqual(['run.failed', 'run.done']);
  });

  it('that is down hears of it once it is up', async () => {
    const first = await atHome('Patient');
    await goOn();
    const port = await freePort();
    const url = `http://localhost:${port}/hooks/run`;
    const { id } = (await run({ recording_id: first, recipe: 'ponder', webhook_url: url })).body;
    const attempts = async () => (await house.deliveries.ofRecording(id))[0]?.attempts ?? 0;
    await expect.poll(attempts, { timeout: 10_000 }).toBeGreaterThan(0);

    const late = await startSiteSimulator({ port, host: 'localhost' });
    try {
      await expect.poll(() => late.received(), { timeout: 10_000 }).toMatchObject([{ isValid: true }]);
    } finally {
      await late.close();
    }
    expect(await house.deliveries.lastError()).toBe(undefined);
  });

  it('that does not answer holds up no other', async () => {
    const first = await atHome('Quiet');
    await goOn();
    receiver.fail({ on: 'POST /hooks/run', stall: true, count: 100 });
    const ids: string[] = [];
    for (const reference of ['1', '2', '3', '4', '5']) {
      const asked = { recording_id: first, recipe: 'ponder', reference, webhook_url: hook() };
      ids.push((await run(asked)).body.id);
    }
    for (const id of ids) await house.reaches(id, 'done');

    const other = await startSiteSimulator();
    try {
      await run({ recording_id: first, recipe: 'ponder', webhook_url: other.webhookUrl });
      await expect.poll(() => other.received(), { timeout: 10_000 }).toMatchObject([{ type: 'run.done' }]);
    } finally {
      await other.close();
    }
    const { id: second } = await house.addCustom('Second');
    await house.announced(second);
    expect(receiver.received()).toHaveLength(1);
  });

  it('hears nothing more of one that is cancelled', async () => {
    const first = await atHome('Cancelled');
    await comeToNothing();
    receiver.fail({ on: 'POST /hooks/run', status: 503, count: 100 });
    const { id } = (await run({ recording_id: first, recipe: 'ponder', webhook_url: hook() })).body;
    await house.reaches(id, 'failed');
    await house.post(`/api/recordings/${id}/cancel`, {});
    await house.reaches(id, 'cancelled');

    expect(await house.deliveries.pendingToRuns()).toEqual([]);
    expect(await house.deliveries.ofRecording(id)).toMatchObject([
      { type: 'run.failed', state: 'failed', lastError: { code: 'STOP_ASKED' } },
    ]);
    expect(await house.deliveries.givenUpCount()).toBe(0);
  });

  it('that is this house itself is taken for somebody else', async () => {
    const first = await atHome('Own');
    await goOn();
    const webhookUrl = `${house.config.pipeline.url}/api/line/pause`;
    const { id } = (await run({ recording_id: first, recipe: 'ponder', webhook_url: webhookUrl })).body;
    await house.reaches(id, 'done');
    const answers = async () => {
      const [delivery] = await house.deliveries.ofRecording(id);
      return delivery && (await house.deliveries.attemptsAt(delivery.id)).map(({ status }) => status);
    };
    await expect.poll(answers, { timeout: 10_000 }).toContain(403);

    const status = await (await fetch(`${house.config.pipeline.url}/api/status`)).json();
    expect(status).toMatchObject({ paused: false });
  });

  it.each([
    ['no address', 'example.org/hook'],
    ['of another scheme', 'ftp://example.org/hook'],
    ['without https', 'http://example.org/hook'],
    ['inside and without https', 'http://169.254.169.254/latest'],
    ['one with a name and a password', 'https://user:word@example.org/hook'],
    ['one with a name', 'https://user@example.org/hook'],
    ['too long', `https://example.org/${'a'.repeat(2000)}`],
  ])('is refused where it is %s', async (_what, url) => {
    const first = await atHome('Refused');

    expect(await run({ recording_id: first, recipe: 'ponder', webhook_url: url })).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID', detail: expect.stringContaining('webhook_url') },
    });
  });
});
