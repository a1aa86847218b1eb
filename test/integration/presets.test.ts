import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cliOf, runSluice } from '../support/cli.ts';
import { QUICK_SETTINGS } from '../support/faults-house.ts';
import { type House, openHouse } from '../support/house.ts';

let folder: string;
let house: House;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-presets-'));
  await mkdir(join(folder, 'out'));
  house = await openHouse({ ...QUICK_SETTINGS, PATH: process.env['PATH'], MEDIA_OUT: join(folder, 'out') });
});
afterAll(async () => {
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

async function post(path: string, body: object = {}) {
  const response = await house.post(path, body);
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  return { status: response.status, body: (await response.json()) as any };
}

async function get(path: string) {
  const response = await fetch(`${house.config.pipeline.url}${path}`);
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  return { status: response.status, body: (await response.json()) as any };
}

const create = (name: string, task: string, params: object) => post('/api/presets', { name, task, params });

describe('presets', () => {
  it('that are built in can all be run', async () => {
    const { body } = await get('/api/presets');

    expect(body.presets.map(({ name }: { name: string }) => name)).toEqual([
      'web-720p',
      'web-1080p',
      'audio-only',
      'hls-720p',
      'hls-1080p',
      'dash-hevc',
      'thumbnail',
      'sprite',
      'waveform',
    ]);
    for (const preset of body.presets) {
      expect(preset).toMatchObject({ is_built_in: true, version: 1, problems: [] });
    }
  });

  it('have a version that rises with each change, and never stands for two things', async () => {
    expect(await create('clip', 'trim', { end: '10s' })).toMatchObject({ status: 201, body: { version: 1 } });
    const change = (params: object) => post('/api/presets/clip', { task: 'trim', params });

    expect((await change({ end: '20s' })).body).toMatchObject({ version: 2, params: { end: '20s' } });
    expect((await change({ end: '20s' })).body.version).toBe(2);
    expect(await create('clip', 'trim', {})).toMatchObject({ status: 409, body: { code: 'PRESET_TAKEN' } });
    expect(await post('/api/presets/clip/remove')).toMatchObject({ status: 200 });
    expect(await get('/api/presets/clip')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    expect((await create('clip', 'trim', {})).body.version).toBe(3);
    const { entries } = (await get('/api/audit?limit=3')).body;
    expect(entries).toMatchObject([
      { act: 'createPreset', subject: 'clip', outcome: 'done' },
      { act: 'removePreset', subject: 'clip', outcome: 'done' },
      { act: 'createPreset', subject: 'clip', outcome: 'refused' },
    ]);
  });

  it('are refused with all that is wrong with them, and where', async () => {
    const { status, body } = await create('Cleanup', 'transcode', {
      shortSide: 'large',
      container: 'mp3',
      filters: 'scale=1:1',
      to: 'nowhere',
    });

    expect({ status, code: body.code }).toEqual({ status: 400, code: 'REQUEST_INVALID' });
    expect(body.detail.split('; ')).toEqual([
      expect.stringMatching(/^name: has to be small letters/),
      expect.stringMatching(/^params\.shortSide: /),
      'params.filters: the task "transcode" has no such parameter',
    ]);
  });

  it.each([
    [{ name: 'cleanup', task: 'thumbnail' }, 400, /^name: "cleanup" is a step/],
    [
      { name: 'mine', task: 'archive' },
      400,
      /^task: "archive" makes no output: there are .*package.*transcode/,
    ],
    [{ name: 'mine', task: 'nothing' }, 400, /^task: "nothing" makes no output/],
    [
      { name: 'mine', task: 'thumbnail', params: { to: 'b2' } },
      400,
      /^params\.to: there is no output-place "b2"/,
    ],
    [{ name: 'web-720p', task: 'thumbnail' }, 409, /^web-720p is a preset of Sluice/],
  ])('cannot be made of %j', async (preset, status, detail) => {
    expect(await post('/api/presets', preset)).toMatchObject({
      status,
      body: { detail: expect.stringMatching(detail) },
    });
  });

  it('of Sluice are neither changed nor removed', async () => {
    const refused = { status: 409, body: { code: 'PRESET_BUILT_IN' } };
    expect(await post('/api/presets/thumbnail', { task: 'thumbnail', params: { width: 2 } })).toMatchObject(
      refused,
    );
    expect(await post('/api/presets/thumbnail/remove')).toMatchObject(refused);
    expect(await post('/api/presets/nobody/remove')).toMatchObject({ status: 404 });
  });

  it('are made, changed, shown and removed by the command', async () => {
    const sluice = (...args: string[]) => runSluice(['presets', ...args], cliOf(house));

    const made = await sluice(
      'create',
      'poster',
      'thumbnail',
      '--param',
      'time=50%',
      '--param',
      'width=640',
      '--json',
    );
    expect(made.json).toMatchObject({ version: 1, params: { time: '50%', width: 640 } });
    const changed = await sluice('change', 'poster', '--param', 'height=360', '--without', 'time', '--json');
    expect(changed.json).toMatchObject({ version: 2, params: { width: 640, height: 360 } });
    expect((await sluice()).stdout).toMatch(/poster +2 +thumbnail +width: 640, height: 360 +yours/);
    expect((await sluice('remove', 'poster')).stdout).toBe('poster is removed.\n');
    const again = await sluice('remove', 'poster');
    expect([again.exitCode, again.stderr]).toEqual([1, expect.stringContaining('There is no preset poster')]);
  });
});

describe('a run by presets', () => {
  let id: string;

  beforeAll(async () => {
    const worker = await house.startWorker();
    id = (await house.addCustom('Algebra')).id;
    await house.reaches(id, 'done');
    await worker.stop();
  });

  it('makes an output by each of them, as they were when it was asked for', async () => {
    await create('wide', 'thumbnail', { width: 320 });
    const begun = await post('/api/runs', {
      recording_id: id,
      presets: ['wide', 'thumbnail', 'web-720p'],
      params: { thumbnail: { width: 160 } },
      to: 'media-out',
    });
    expect(begun.status).toBe(202);
    await post('/api/presets/wide', { task: 'thumbnail', params: { width: 64 } });
    await post('/api/presets/wide/remove');
    await house.startWorker();
    const run: string = begun.body.id;
    await house.reaches(run, 'done', 'failed');

    const { facts } = await house.recordings.progress(run);
    expect(facts).toMatchObject({
      wide: { widthPx: 320 },
      thumbnail: { widthPx: 160 },
      'web-720p': { to: 'media-out' },
    });
    const { title, details, steps } = (await get(`/api/recordings/${run}`)).body;
    expect(title).toBe('Algebra (wide, thumbnail, web-720p)');
    expect(details).toEqual({ run_of: id, recipe: 'presets', presets: 'wide v1, thumbnail v1, web-720p v1' });
    expect(steps.map(({ label }: { label: string }) => label)).toEqual([
      'Fetch',
      'Thumbnail (wide)',
      'Thumbnail (thumbnail)',
      'Transcode',
      'Clean up',
    ]);
    expect(await house.staged()).toEqual([]);
  });

  it.each([
    [
      { presets: ['thumbnail', 'missing'] },
      'PRESET_UNKNOWN',
      /^There is no preset "missing": there are web-720p, /,
    ],
    [{ presets: ['thumbnail', 'thumbnail'] }, 'REQUEST_INVALID', /^presets: "thumbnail" is there twice/],
    [{ presets: ['thumbnail'], recipe: 'probe' }, 'REQUEST_INVALID', /^recipe: there are presets as well/],
    [{ recipe: 'probe', to: 'media-out' }, 'REQUEST_INVALID', /^to: is for presets/],
    [{}, 'REQUEST_INVALID', /^recipe: is required, or presets, or outputs/],
    [
      { outputs: [{ id: 'a', task: 'thumbnail' }], recipe: 'probe' },
      'REQUEST_INVALID',
      /^recipe: there are outputs/,
    ],
    [
      { outputs: [{ id: 'a', task: 'thumbnail' }], params: {} },
      'REQUEST_INVALID',
      /^params: there are outputs/,
    ],
    [
      {
        outputs: [
          { id: 'fetch', task: 'thumbnail' },
          { id: 'Poster 1', task: 'archive' },
        ],
      },
      'REQUEST_INVALID',
      /^id: "fetch" is a step .*; id: has to be small letters, .*; Poster 1.task: "archive" makes no output/,
    ],
    [
      {
        outputs: [
          { id: 'a', task: 'thumbnail', params: { widht: 5 } },
          { id: 'a', task: 'trim' },
        ],
      },
      'REQUEST_INVALID',
      /^a.id: "a" is the name of another step as well; a.params.widht: the task "thumbnail" has no such parameter/,
    ],
    [
      { presets: ['thumbnail'], to: 'away' },
      'REQUEST_INVALID',
      /^thumbnail.params.to: there is no output-place "away"/,
    ],
    [
      {
        presets: ['thumbnail', 'web-720p'],
        params: { thumbnail: { width: -5 }, 'web-720p': { shortSide: 1 } },
      },
      'REQUEST_INVALID',
      /^thumbnail\.params\.width: .*; web-720p\.params\.shortSide: /,
    ],
  ])('is not begun by %j', async (how, code, detail) => {
    const { status, body } = await post('/api/runs', { recording_id: id, ...how });

    expect({ status, code: body.code }).toEqual({ status: 400, code });
    expect(body.detail).toMatch(detail);
  });

  it('is begun by the command', async () => {
    const begun = await runSluice(
      ['run', id, '--preset', 'thumbnail', '--param', 'thumbnail.width=64', '--json'],
      cliOf(house),
    );
    await house.reaches(begun.json.id, 'done', 'failed');

    expect((await house.recordings.progress(begun.json.id)).facts).toMatchObject({
      thumbnail: { widthPx: 64 },
    });
    const neither = await runSluice(['run', id], cliOf(house));
    expect([neither.exitCode, neither.stderr]).toEqual([2, expect.stringContaining('a recipe, by presets')]);
  });
});

describe('a run by outputs that its caller has thought out', () => {
  it('makes each of them, and no preset is needed', async () => {
    const id = (await house.addCustom('Geometry')).id;
    await house.reaches(id, 'done');
    const begun = await post('/api/runs', {
      recording_id: id,
      outputs: [
        { id: 'start', task: 'thumbnail', params: { width: 64 } },
        { id: 'end', task: 'thumbnail', params: { width: 96, time: '100%' } },
      ],
    });
    expect(begun.status).toBe(202);
    await house.reaches(begun.body.id, 'done', 'failed');

    const { facts } = await house.recordings.progress(begun.body.id);
    expect(facts).toMatchObject({ start: { widthPx: 64, atS: 0 }, end: { widthPx: 96 } });
    const { title, details, outputs } = (await get(`/api/recordings/${begun.body.id}`)).body;
    expect(title).toBe('Geometry (start, end)');
    expect(details).toEqual({ run_of: id, recipe: 'presets', outputs: 'start, end' });
    expect(outputs.map((each: { step: string; state: string }) => [each.step, each.state])).toEqual([
      ['start', 'done'],
      ['end', 'done'],
    ]);
  });

  it('is begun by the command', async () => {
    const { id } = await house.addCustom('Trigonometry');
    await house.reaches(id, 'done');
    const sluice = (...args: string[]) => runSluice(['run', id, ...args, '--json'], cliOf(house));

    const begun = await sluice('--output', 'small=thumbnail', 'sound=waveform', '--param', 'small.width=48');
    expect(begun.exitCode).toBe(0);
    const { id: run } = begun.json;
    await house.reaches(run, 'done', 'failed');
    expect((await house.recordings.progress(run)).facts).toMatchObject({ small: { widthPx: 48 }, sound: {} });

    expect(await sluice('--output', 'small=thumbnail', '--param', 'smal.width=48')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/There is no output .{1,2}smal/),
    });
    expect(await sluice('--output', 'small=thumbnail', '--preset', 'thumbnail')).toMatchObject({
      exitCode: 2,
    });
    expect(await sluice('--output', 'thumbnail')).toMatchObject({ exitCode: 2 });
  });
});
