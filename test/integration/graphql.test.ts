import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cliOf, runSluice } from '../support/cli.ts';
import { QUICK_SETTINGS } from '../support/faults-house.ts';
import { askGraphql } from '../support/graphql.ts';
import { type House, openHouse, SAMPLE, writeVideo } from '../support/house.ts';

const ADMIN_TOKEN = 'an-admin-token-of-this-house';

const SCAN = 'mutation { scanMediaFolder { found registered changed skipped } }';
const CREATE = 'mutation ($input: JobInput!) { createJob(input: $input) { id status progress } }';
const JOB =
  'query ($id: ID!) { job(id: $id) { status progress error errorCode advice output outputUrl outputs { key size } } }';
const CANCEL = 'mutation ($id: ID!) { cancelJob(id: $id) { id status } }';
const RETRY = 'mutation ($id: ID!) { retryJob(id: $id) { id status progress } }';

let folder: string;
let mediaIn: string;
let house: House;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-graphql-'));
  mediaIn = join(folder, 'in');
  await mkdir(join(mediaIn, 'courses', 'maths'), { recursive: true });
  await mkdir(join(mediaIn, '.trash'));
  await mkdir(join(folder, 'out'));
  await writeVideo(join(mediaIn, 'algebra.mp4'), 400_000);
  await writeVideo(join(mediaIn, 'courses', 'maths', 'groups, rings.MP4'), 0);
  await writeFile(join(mediaIn, 'courses', 'broken.mov'), 'no film at all, but a text\n'.repeat(100));
  await promisify(execFile)('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=1280x720:r=25:d=40', '-c:v', 'libx264'],
    ...['-preset', 'ultrafast', '-g', '25', join(mediaIn, 'long.mkv')],
  ]);
  await promisify(execFile)('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'sine=r=32000:d=3', join(mediaIn, 'courses', 'song.flac')],
  ]);
  // What is no asset: another type, no ending, nothing in it, somebody's own, a link.
  await writeFile(join(mediaIn, 'notes.txt'), 'not media');
  await writeFile(join(mediaIn, 'mp4'), 'no ending');
  await writeFile(join(mediaIn, 'empty.mkv'), '');
  await writeVideo(join(mediaIn, '.hidden.mp4'), 0);
  await writeVideo(join(mediaIn, '.trash', 'gone.mp4'), 0);
  await symlink(SAMPLE, join(mediaIn, 'link.mp4'));
  house = await openHouse({
    ...QUICK_SETTINGS,
    PATH: process.env['PATH'],
    ADMIN_TOKEN,
    MEDIA_IN: mediaIn,
    MEDIA_IN_URL: 'https://films.example/library',
    MEDIA_OUT: join(folder, 'out'),
    MEDIA_OUT_URL: 'https://media.example',
    LEASE_MS: '4000',
  });
});
afterAll(async () => {
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

const ask = (query: string, variables: object = {}, headers: Record<string, string> = {}) =>
  askGraphql(house, query, variables, headers);

async function idOf(search: string): Promise<string> {
  const { data } = await ask('query ($search: String) { assets(search: $search) { id } }', { search });
  return data.assets[0].id;
}

async function createJob(search: string, presetId: string): Promise<string> {
  const { data } = await ask(CREATE, { input: { sourceAssetId: await idOf(search), presetId } });
  return data.createJob.id;
}

/** How often a job was told to stand how, until it stands like one of these. */
async function watch(id: string, ...statuses: string[]) {
  const seen: { status: string; progress: number; error: string | null; output: string | null }[] = [];
  for (;;) {
    const { data } = await ask(JOB, { id });
    seen.push(data.job);
    if (statuses.includes(data.job.status)) return seen;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function allLookedInto(): Promise<void> {
  while ((await ask('{ assets(status: "pending") { id } }')).data.assets.length > 0) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const lastOf = async (id: string, ...statuses: string[]) => (await watch(id, ...statuses)).at(-1);

describe('GraphQL, while nobody works', () => {
  it('looks through MEDIA_IN with its subfolders, takes only media, and skips all the second time (P6, P19)', async () => {
    const first = await Promise.all([ask(SCAN), ask(SCAN)]);

    for (const { data } of first) {
      expect(data.scanMediaFolder).toEqual({ found: 5, registered: 5, changed: 0, skipped: 0 });
    }
    const { data } = await ask(SCAN);
    expect(data.scanMediaFolder).toEqual({ found: 5, registered: 0, changed: 0, skipped: 5 });
    const { data: pending } = await ask('{ assets(status: "pending") { filename duration path url } }');
    expect(pending.assets).toHaveLength(5);
    expect(pending.assets).toContainEqual({
      filename: 'groups, rings.MP4',
      duration: null,
      path: 'courses/maths/groups, rings.MP4',
      url: 'https://films.example/library/courses/maths/groups%2C%20rings.MP4',
    });
  });

  it('puts what a scan has found behind what comes in by doors', async () => {
    const recording = await house.recordings.get(await idOf('algebra'));

    expect(recording).toMatchObject({ place: 1, lane: 'look', source: 'library', state: 'waiting' });
    expect(JSON.stringify(recording?.origin)).not.toContain(mediaIn);
    const { runs } = (await (await fetch(`${house.config.pipeline.url}/api/runs`)).json()) as {
      runs: unknown[];
    };
    expect(runs).toEqual([]);
  });

  it('cancels a job that is pending, and has it retried (P7, P8, P9, P15, P16)', async () => {
    const created = await ask(CREATE, {
      input: { sourceAssetId: await idOf('algebra'), presetId: 'thumbnail' },
    });
    expect(created.data.createJob).toEqual({
      id: expect.stringMatching(/^rec_/),
      status: 'PENDING',
      progress: 0,
    });
    const { id } = created.data.createJob;

    expect(await ask(RETRY, { id })).toMatchObject({ code: 'WRONG_STATE', data: null });
    expect((await ask(CANCEL, { id })).data.cancelJob).toEqual({ id, status: 'CANCELLED' });
    expect((await ask(CANCEL, { id })).data.cancelJob.status).toBe('CANCELLED');
    const { data } = await ask(
      '{ cancelled: jobs(status: "CANCELLED") { id } pending: jobs(status: "PENDING") { id } }',
    );
    expect(data).toEqual({ cancelled: [{ id }], pending: [] });
    expect((await ask(RETRY, { id })).data.retryJob).toEqual({ id, status: 'PENDING', progress: 0 });
    expect((await ask('{ jobs(status: "PENDING") { id } }')).data.jobs).toEqual([{ id }]);
    await ask(CANCEL, { id });
  });

  it('tells of its version and whether all is well (P5, P45)', async () => {
    const { data } = await ask('{ systemStatus { status version } }');

    expect(data.systemStatus).toEqual({
      status: expect.stringMatching(/^(ok|trouble)$/),
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
  });
});

describe('GraphQL', () => {
  beforeAll(async () => {
    await house.startWorker();
    await allLookedInto();
  });

  it('tells of assets what is in them (P2, P12, P23)', async () => {
    const { data } = await ask(
      `{ assets(search: "algebra") {
        id filename path duration size width height container videoCodec audioCodec frameRate status comments createdAt url error
      } }`,
    );

    expect(data.assets).toEqual([
      {
        id: expect.stringMatching(/^rec_/),
        filename: 'algebra.mp4',
        path: 'algebra.mp4',
        duration: 8,
        size: (await stat(join(mediaIn, 'algebra.mp4'))).size,
        width: 640,
        height: 360,
        container: 'mov,mp4,m4a,3gp,3g2,mj2',
        videoCodec: 'h264',
        audioCodec: 'aac',
        frameRate: 25,
        status: 'ready',
        comments: '',
        createdAt: expect.stringMatching(/Z$/),
        url: 'https://films.example/library/algebra.mp4',
        error: null,
      },
    ]);
    const { data: broken } = await ask('{ assets(status: "error") { filename errorCode } }');
    expect(broken.assets).toEqual([{ filename: 'broken.mov', errorCode: 'NOT_MEDIA' }]);
    const { data: song } = await ask('{ assets(search: "song") { videoCodec audioCodec duration width } }');
    expect(song.assets).toEqual([{ videoCodec: null, audioCodec: 'flac', duration: 3, width: null }]);
  });

  it('pages through assets without losing any or telling one twice', async () => {
    const seen: string[] = [];
    let after: string | null = null;
    for (let pages = 0; pages < 10; pages += 1) {
      const { data } = await ask(
        'query ($after: String) { assetsPage(first: 2, after: $after) { nodes { filename } pageInfo { endCursor hasNextPage } } }',
        { after },
      );
      seen.push(...data.assetsPage.nodes.map(({ filename }: { filename: string }) => filename));
      after = data.assetsPage.pageInfo.endCursor;
      if (!data.assetsPage.pageInfo.hasNextPage) break;
    }

    expect(seen.sort()).toEqual(['algebra.mp4', 'broken.mov', 'groups, rings.MP4', 'long.mkv', 'song.flac']);
  });

  it('has presets, and makes, changes and removes more of them (P4, P13)', async () => {
    const { data } = await ask('{ presets { id name container videoCodec audioCodec quality isBuiltIn } }');
    expect(data.presets[0]).toEqual({
      id: 'web-720p',
      name: 'web-720p',
      container: 'mp4',
      videoCodec: 'h264',
      audioCodec: 'aac',
      quality: 'good',
      isBuiltIn: true,
    });
    const created = await ask(
      'mutation ($input: PresetInput!) { createPreset(input: $input) { id version container videoCodec params } }',
      {
        input: {
          name: 'small',
          videoCodec: 'h264',
          quality: 'small',
          shortSide: 144,
          params: { copy: false },
        },
      },
    );
    expect(created.data.createPreset).toEqual({
      id: 'small',
      version: 1,
      container: 'mp4',
      videoCodec: 'h264',
      params: { copy: false, video: 'h264', quality: 'small', shortSide: 144 },
    });
    const changed = await ask(
      'mutation { updatePreset(id: "small", input: { shortSide: 240, quality: null }) { version shortSide params } }',
    );
    expect(changed.data.updatePreset).toEqual({
      version: 2,
      shortSide: 240,
      params: { copy: false, video: 'h264', shortSide: 240 },
    });
    const refuse = async (query: string) => (await ask(query)).code;
    expect(await refuse('mutation { deletePreset(id: "web-720p") { ok } }')).toBe('PRESET_BUILT_IN');
    expect(await refuse('mutation { createPreset(input: { name: "small" }) { id } }')).toBe('PRESET_TAKEN');
    expect(await refuse('mutation { createPreset(input: { name: "odd", container: "avi" }) { id } }')).toBe(
      'REQUEST_INVALID',
    );
    expect(
      await refuse(
        'mutation { createPreset(input: { name: "odd", task: "thumbnail", quality: "best" }) { id } }',
      ),
    ).toBe('REQUEST_INVALID');
    expect((await ask('mutation { deletePreset(id: "small") { ok } }')).data.deletePreset).toEqual({
      ok: true,
    });
    expect(await refuse('mutation { deletePreset(id: "small") { ok } }')).toBe('NOT_FOUND');
  });

  it('makes of an asset what a preset says, under its name and the preset’s (P3, P7, P12, P17, P20)', async () => {
    const id = await createJob('groups', 'web-720p');

    const seen = await watch(id, 'COMPLETED', 'FAILED');

    expect(seen.at(-1)).toMatchObject({
      status: 'COMPLETED',
      progress: 100,
      error: null,
      output: 'transcoded/courses/maths/groups, rings_web-720p.mp4',
      outputUrl: 'https://media.example/transcoded/courses/maths/groups%2C%20rings_web-720p.mp4',
    });
    const { size } = await stat(join(folder, 'out/transcoded/courses/maths/groups, rings_web-720p.mp4'));
    expect(seen.at(-1)).toMatchObject({ outputs: [{ size }] });
    const { data } = await ask(
      '{ jobs(status: "COMPLETED") { id status progress asset { filename jobs { id } } preset { id } presetId } }',
    );
    expect(data.jobs).toEqual([
      {
        id,
        status: 'COMPLETED',
        progress: 100,
        asset: { filename: 'groups, rings.MP4', jobs: [{ id }] },
        preset: { id: 'web-720p' },
        presetId: 'web-720p',
      },
    ]);
    expect(await ask(RETRY, { id })).toMatchObject({ code: 'WRONG_STATE' });
    expect(await ask(CANCEL, { id })).toMatchObject({ code: 'WRONG_STATE' });
  });

  it('tells of a job that fails why it did, and lets it be retried (P9, P12, P16)', async () => {
    const id = await createJob('song', 'thumbnail');

    expect(await lastOf(id, 'COMPLETED', 'FAILED')).toMatchObject({
      status: 'FAILED',
      errorCode: 'STREAM_MISSING',
      error: 'The file has no moving pictures',
      advice: expect.stringMatching(/./),
      output: null,
    });
    expect(await ask(CANCEL, { id })).toMatchObject({ code: 'WRONG_STATE' });
    const { data } = await ask(RETRY, { id });
    expect(data.retryJob.status).toMatch(/PENDING|PROCESSING|FAILED/);
    expect(await lastOf(id, 'FAILED')).toMatchObject({ errorCode: 'STREAM_MISSING' });
  });

  it('cuts out a part, as it is and anew (P18)', async () => {
    const sourceAssetId = await idOf('groups');
    const trim = async (input: object) => {
      const { data } = await ask(
        'mutation ($input: TrimJobInput!) { createTrimJob(input: $input) { id presetId } }',
        {
          input: { sourceAssetId, ...input },
        },
      );
      expect(data.createTrimJob.presetId).toBeNull();
      return await lastOf(data.createTrimJob.id, 'COMPLETED', 'FAILED');
    };

    expect(await trim({ start: 1.5, end: '50%', reencode: true })).toMatchObject({
      status: 'COMPLETED',
      output: 'transcoded/trimmed/courses/maths/groups, rings_1.5-50pct.mp4',
    });
    expect(await trim({ end: '00:00:02' })).toMatchObject({
      status: 'COMPLETED',
      output: 'transcoded/trimmed/courses/maths/groups, rings_0-00.00.02.mp4',
    });
    const { stdout } = await promisify(execFile)('ffprobe', [
      ...['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0'],
      join(folder, 'out/transcoded/trimmed/courses/maths/groups, rings_1.5-50pct.mp4'),
    ]);
    expect(Number(stdout)).toBeCloseTo(2.5, 0);
  });

  it('cancels a job that is running, whose process stops, and whose progress never goes back (P15, P17)', async () => {
    await ask(
      'mutation { createPreset(input: { name: "slow", videoCodec: "hevc", quality: "best", params: { copy: false } }) { id } }',
    );
    const id = await createJob('long', 'slow');
    const seen: { status: string; progress: number }[] = [];
    await expect
      .poll(async () => {
        seen.push((await ask(JOB, { id })).data.job);
        return seen.at(-1)?.progress;
      })
      .toBeGreaterThan(5);
    expect(seen.at(-1)?.status).toBe('PROCESSING');
    const percents = seen.map(({ progress }) => progress);
    expect(percents).toEqual([...percents].sort((a, b) => a - b));

    expect((await ask(CANCEL, { id })).data.cancelJob.status).toBe('CANCELLED');

    await house.reaches(id, 'cancelled');
    await expect.poll(() => runningOn('long.mkv')).toEqual([]);
    expect(await readdir(join(folder, 'out/transcoded'))).not.toContain('long_slow.mp4');
    expect((await ask(JOB, { id })).data.job).toMatchObject({ status: 'CANCELLED', output: null });
  });

  it('keeps comments, also when the file is written anew, which it sees (P6, P10)', async () => {
    const id = await idOf('algebra');
    const update =
      'mutation ($id: ID!, $comments: String!) { updateAsset(id: $id, comments: $comments) { comments } }';
    expect((await ask(update, { id, comments: 'Der beste Kurs 🎓' })).data.updateAsset.comments).toBe(
      'Der beste Kurs 🎓',
    );

    await writeVideo(join(mediaIn, 'algebra.mp4'), 600_000);
    await utimes(join(mediaIn, 'courses', 'broken.mov'), 1, 1);
    const { data } = await ask(SCAN);

    expect(data.scanMediaFolder).toEqual({ found: 5, registered: 0, changed: 2, skipped: 3 });
    await house.reaches(id, 'done');
    const asset = await ask('query ($id: ID!) { asset(id: $id) { comments size status duration } }', { id });
    expect(asset.data.asset).toEqual({
      comments: 'Der beste Kurs 🎓',
      size: (await stat(join(mediaIn, 'algebra.mp4'))).size,
      status: 'ready',
      duration: 8,
    });
  });

  it('forgets an asset and leaves the file, its jobs and what they made; a scan finds it again (P11)', async () => {
    const id = await idOf('groups');
    const remove = 'mutation ($id: ID!) { deleteAsset(id: $id) { ok } }';

    expect((await ask(remove, { id })).data.deleteAsset).toEqual({ ok: true });

    expect(await ask(remove, { id })).toMatchObject({ code: 'NOT_FOUND' });
    expect(await ask('query ($id: ID!) { asset(id: $id) { id } }', { id })).toMatchObject({
      code: 'NOT_FOUND',
      data: { asset: null },
    });
    await house.reaches(id, 'deleted');
    const { data } = await ask('{ jobs(status: "COMPLETED", search: "groups") { output asset { id } } }');
    expect(data.jobs.length).toBeGreaterThan(2);
    for (const { output, asset } of data.jobs) {
      expect(asset).toBeNull();
      expect((await stat(join(folder, 'out', output))).size).toBeGreaterThan(0);
    }
    expect(house.heard('recording.deleted')).toEqual([]);
    expect((await ask(SCAN)).data.scanMediaFolder).toMatchObject({ found: 5, registered: 1, skipped: 4 });
    await house.reaches(id, 'done');
    expect((await ask('query ($id: ID!) { asset(id: $id) { status } }', { id })).data.asset.status).toBe(
      'ready',
    );
  });

  it('puts outputs of assets of one stem beside each other', async () => {
    await writeVideo(join(mediaIn, 'algebra.mov'), 0);
    await ask(SCAN);
    await allLookedInto();
    const { data } = await ask('{ assets(search: "algebra") { id filename } }');
    const outputs = [];
    for (const { id: sourceAssetId } of data.assets) {
      const { data: created } = await ask(CREATE, { input: { sourceAssetId, presetId: 'thumbnail' } });
      outputs.push((await lastOf(created.createJob.id, 'COMPLETED', 'FAILED'))?.output);
    }

    expect(outputs.sort()).toEqual([
      'transcoded/algebra.mov_thumbnail.jpg',
      'transcoded/algebra.mp4_thumbnail.jpg',
    ]);
  });
});

describe('sluice library', () => {
  const sluice = (args: string[], env = {}) => runSluice(['library', ...args], cliOf(house, env));

  it('looks through MEDIA_IN and shows what lies there', async () => {
    const scanned = await sluice(['scan', '--json']);
    expect(scanned.json).toEqual({ found: 6, registered: 0, changed: 0, skipped: 6 });
    expect((await sluice(['scan'])).stdout).toBe(
      '6 files of media: 0 new, 0 written anew, 6 known already.\n',
    );
    const listed = await sluice(['list', '--status', 'error', '--json']);
    expect(listed.json.assets).toMatchObject([{ path: 'courses/broken.mov', status: 'error' }]);
    expect((await sluice(['list', '--limit', '2', '--json'])).json.assets).toHaveLength(2);
    const { stdout } = await sluice(['list', '--search', 'groups']);
    expect(stdout).toMatch(/ASSET +STATUS +LENGTH +SIZE +CODECS +PATH/);
    expect(stdout).toMatch(/ready +0:08 +.*h264, aac +courses\/maths\/groups, rings\.MP4/);
  });

  it('says what was refused, as people and as programs read it', async () => {
    const made = await house.post('/api/access/tokens', { name: 'cli-viewer', role: 'viewer' });
    const { token } = (await made.json()) as { token: string };
    const refused = await sluice(['scan', '--json'], { SLUICE_TOKEN: token });
    expect(refused.exitCode).toBe(1);
    expect(JSON.parse(refused.stderr)).toMatchObject({ error: { code: 'READ_ONLY' } });
    expect((await sluice(['list', '--limit', 'many'])).exitCode).toBe(2);
  });
});

/** The processes of ffmpeg that work on a file. */
async function runningOn(name: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('ffmpeg') && line.includes(join(folder, 'in', name)));
}

describe('what GraphQL refuses', () => {
  it.each([
    ['a word that cannot be read', '{ assets { id ', 'REQUEST_INVALID'],
    ['a field that there is not', '{ assets { colour } }', 'REQUEST_INVALID'],
    ['a status that there is not', '{ assets(status: "READY!") { id } }', 'REQUEST_INVALID'],
    ['a status of jobs that there is not', '{ jobs(status: "done") { id } }', 'REQUEST_INVALID'],
    ['a value of another type', '{ assets(first: "many") { id } }', 'REQUEST_INVALID'],
    ['a variable of another type', 'query ($f: Int) { assets(first: $f) { id } }', 'REQUEST_INVALID'],
    ['too large a page', '{ assetsPage(first: 201) { nodes { id } } }', 'REQUEST_INVALID'],
    ['no page', '{ assetsPage(first: 0) { nodes { id } } }', 'REQUEST_INVALID'],
    ['a cursor of nobody', '{ assetsPage(after: "x") { nodes { id } } }', 'REQUEST_INVALID'],
    ['an asset that there is not', '{ asset(id: "rec_0") { id } }', 'NOT_FOUND'],
    ['a job that there is not', 'mutation { cancelJob(id: "rec_0") { id } }', 'NOT_FOUND'],
    [
      'a job of an asset that there is not',
      'mutation { createJob(input: { sourceAssetId: "x", presetId: "thumbnail" }) { id } }',
      'NOT_FOUND',
    ],
    ['what is JSON', '{ "kind": "Document", "definitions": [] }', 'REQUEST_INVALID'],
    ['a word that is JSON', 'true', 'REQUEST_INVALID'],
    ['a list that is JSON', '[{ "query": "{ presets { id } }" }]', 'REQUEST_INVALID'],
    [
      'two operations without a name',
      'query a { presets { id } } query b { presets { id } }',
      'REQUEST_INVALID',
    ],
  ])('%s is told as one error with its code and what to do', async (_name, query, code) => {
    const { errors } = await ask(query, query.includes('$f') ? { f: 'many' } : {});

    expect(errors).toHaveLength(1);
    expect(errors?.[0]).toMatchObject({
      message: expect.stringMatching(/./),
      extensions: { code, status: code === 'NOT_FOUND' ? 404 : 400, advice: expect.stringMatching(/./) },
    });
  });

  it('an unknown preset, and a moment that is none', async () => {
    const sourceAssetId = await idOf('algebra');
    expect(await ask(CREATE, { input: { sourceAssetId, presetId: 'nobody' } })).toMatchObject({
      code: 'NOT_FOUND',
    });
    const trim = 'mutation ($input: TrimJobInput!) { createTrimJob(input: $input) { id } }';
    for (const start of ['soon', -1, true]) {
      expect(await ask(trim, { input: { sourceAssetId, start } })).toMatchObject({ code: 'REQUEST_INVALID' });
    }
  });

  it.each([
    [
      'a question nine fields deep',
      `{ assets { jobs { asset { jobs { asset { jobs { asset { jobs { id } } } } } } } } }`,
    ],
    [
      'a thousand questions by other names',
      `{ ${Array.from({ length: 300 }, (_, at) => `a${at}: assets { id }`).join(' ')} }`,
    ],
    ['a page of pages', '{ assetsPage(first: 200) { nodes { jobs(first: 200) { id status } } } }'],
    [
      'thirty scans at once',
      `mutation { ${Array.from({ length: 30 }, (_, at) => `s${at}: scanMediaFolder { found }`).join(' ')} }`,
    ],
    ['the same field thousands of times', `{ assets { ${'id '.repeat(6000)} } }`],
    [
      'fragments that double',
      `{ assets { ...f0 } } ${Array.from({ length: 60 }, (_, at) => `fragment f${at} on Asset { id ...f${at + 1} ...f${at + 1} }`).join(' ')} fragment f60 on Asset { jobs(first: 200) { id } }`,
    ],
    [
      'a schema that is asked for without end',
      '{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }',
    ],
  ])('%s, at once and before anything is done', async (_name, query) => {
    const startedMs = performance.now();
    const { status, code } = await ask(query);

    expect({ status, code }).toEqual({ status: 400, code: 'REQUEST_INVALID' });
    expect(performance.now() - startedMs).toBeLessThan(1500);
  });

  it('several requests in one, and a body that is too large', async () => {
    const batch = await house.post('/graphql', [{ query: '{ presets { id } }' }]);
    expect(batch.status).toBe(400);
    expect((await house.post('/graphql', { query: ' '.repeat(100_000) })).status).toBe(413);
  });

  it('forms, pages of other origins, and changes by GET', async () => {
    const url = `${house.config.pipeline.url}/graphql`;
    const query = 'mutation { scanMediaFolder { found } }';
    const json = JSON.stringify({ query });
    const form = (type: string, body: string, more = {}) =>
      fetch(url, { method: 'POST', headers: { 'content-type': type, ...more }, body });

    expect(
      (await form('application/x-www-form-urlencoded', `query=${encodeURIComponent(query)}`)).status,
    ).toBe(415);
    expect((await form('text/plain', json)).status).toBe(400);
    const foreign = await form('application/json', json, { origin: 'https://evil.example' });
    expect(foreign.status).toBe(401);
    const get = await fetch(`${url}?query=${encodeURIComponent(query)}`);
    expect(get.status).toBe(405);
    expect(get.headers.get('allow')).toBe('POST');
    const read = await fetch(
      `${url}?query=${encodeURIComponent('query ($id: ID!) { preset(id: $id) { id } }')}&variables=${encodeURIComponent('{"id":"thumbnail"}')}`,
    );
    expect(await read.json()).toEqual({ data: { preset: { id: 'thumbnail' } } });
  });
});

describe('who may ask by GraphQL', () => {
  const stranger = { 'x-forwarded-for': '203.0.113.7' };
  const withToken = (token: string) => ({ ...stranger, authorization: `Bearer ${token}` });

  async function viewerToken(): Promise<string> {
    const made = await house.post('/api/access/tokens', { name: `viewer-${Math.random()}`, role: 'viewer' });
    return ((await made.json()) as { token: string }).token;
  }

  it('no stranger, who is not told of the schema either', async () => {
    const refused = await ask('{ __schema { types { name } } }', {}, stranger);

    expect(refused).toMatchObject({ status: 401, code: 'LOGIN_REQUIRED', data: undefined });
    expect(await ask('{ __schema { types { name } } }', {}, withToken(ADMIN_TOKEN))).toMatchObject({
      status: 200,
      data: { __schema: { types: expect.arrayContaining([{ name: 'Asset' }]) } },
    });
  });

  it('viewers, who change nothing; and what they try is in the audit trail', async () => {
    const headers = withToken(await viewerToken());

    expect((await ask('{ presets { id } }', {}, headers)).data.presets.length).toBeGreaterThan(5);
    expect(await ask('mutation { scanMediaFolder { found } }', {}, headers)).toMatchObject({
      status: 403,
      code: 'READ_ONLY',
    });
    await ask('mutation { updateAsset(id: "rec_1", comments: "") { id } }');
    const { entries } = (await (await fetch(`${house.config.pipeline.url}/api/audit?limit=2`)).json()) as {
      entries: unknown[];
    };
    expect(entries).toMatchObject([
      { act: 'updateAsset', subject: 'rec_1' },
      { act: 'scanMediaFolder', outcome: 'refused', role: 'viewer' },
    ]);
  });

  it('whoever is logged in, from pages of this server alone', async () => {
    const login = await fetch(`${house.config.pipeline.url}/login`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...stranger },
      body: `token=${ADMIN_TOKEN}`,
    });
    const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const from = (site: string) =>
      ask('{ presets { id } }', {}, { ...stranger, cookie, 'sec-fetch-site': site });

    expect((await from('same-origin')).status).toBe(200);
    expect(await from('cross-site')).toMatchObject({ status: 403, code: 'CROSS_SITE' });
  });
});
