import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readUploadToken } from '../../src/lib/upload-token.ts';
import { type CliOptions, cliOf, openTerminal, runSluice, startSluice } from '../support/cli.ts';
import { QUICK_SETTINGS, UNWATCHED } from '../support/faults-house.ts';
import { freePort } from '../support/free-port.ts';
import { type House, openHouse, writeVideo } from '../support/house.ts';
import { zoomRecording } from '../support/ledger.ts';

const LATER = '2100-01-01T00:00:00.000Z';
const SECRET = 'a secret of the website and of this server';

let house: House;
let cli: CliOptions;

beforeAll(async () => {
  house = await openHouse({ ...QUICK_SETTINGS, ...UNWATCHED });
  cli = cliOf(house);
});
afterAll(() => house.close());

const sluice = (...args: string[]) => runSluice(args, cli);
const file = (name: string) => writeVideo(join(house.files, name), 0);
const stateOf = async (id: string) => (await house.recordings.get(id))?.state;

/** A recording that has failed, since its file is gone. */
async function addFailed(title: string): Promise<string> {
  const { id, path } = await house.addCustom(title);
  await rm(path);
  const worker = await house.startWorker();
  await house.reaches(id, 'failed');
  await worker.stop();
  return id;
}

describe('sluice add', () => {
  it('hands over files by paths from here, titled by their names', async () => {
    await file('Lesson one.mp4');
    await file('--lesson 2.mp4');

    const { exitCode, json } = await sluice(
      'add',
      '--keep',
      '--not-before',
      LATER,
      '--json',
      '--',
      'Lesson one.mp4',
      './--lesson 2.mp4',
    );

    expect(exitCode).toBe(0);
    expect(json.added).toMatchObject([
      { title: 'Lesson one', state: 'waiting', duplicate: false, path: join(house.files, 'Lesson one.mp4') },
      { title: '--lesson 2', state: 'waiting', duplicate: false },
    ]);
    const recording = await house.recordings.get(json.added[0].id);
    expect(recording).toMatchObject({
      title: 'Lesson one',
      notBeforeMs: Date.parse(LATER),
      origin: { keep: true },
    });
  });

  it('goes on after one that is refused, says why, and ends with 1', async () => {
    await mkdir(join(house.files, 'folder'));
    await file('after.mp4');

    const { exitCode, stdout, stderr } = await sluice(
      'add',
      'folder',
      'nowhere.mp4',
      'after.mp4',
      '--not-before',
      '+2h',
    );

    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^id +state +title\nrec_\w+ +waiting +added +after\n$/);
    expect(stderr).toContain('folder: This is a folder.');
    expect(stderr).toContain('sluice add folder/*.mp4');
    expect(stderr).toContain('nowhere.mp4: There is no file at this path.');
  });

  it('says that a file is known', async () => {
    const path = await file('twice.mp4');
    const more = ['--title', 'Twice', '--ace-id', 'lesson-2', '--not-before', LATER];
    await sluice('add', path, ...more);

    const { exitCode, json } = await sluice('add', path, ...more, '--json');

    expect(exitCode).toBe(0);
    expect(json.added).toMatchObject([{ title: 'Twice', duplicate: true }]);
  });

  it('shows the title that a known file has and not the one that was not followed, and its ace_id', async () => {
    const path = await file('known.mp4');
    await sluice('add', path, '--title', 'First', '--ace-id', 'lesson-3', '--not-before', LATER);

    const { stdout } = await sluice('add', path, '--title', 'Second', '--ace-id', 'lesson-3');

    expect(stdout).toMatch(
      /^id +ace_id +state +title\nrec_\w+ +lesson-3 +waiting +known already +First\n.*Not followed: title/,
    );
    expect(stdout).not.toContain('Second');
  });

  it.each([
    ['notes.txt', 'plain words\n', 'text/plain'],
    ['photo.mp4', Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex'), 'image/jpeg'],
    ['noise.mp4', Buffer.from('0123456789abcdef', 'hex'), 'of no kind that is known here'],
  ])('says once of %s that it is neither audio nor video, and what it is', async (name, content, what) => {
    await writeFile(join(house.files, name), content);

    const { exitCode, stderr } = await sluice('add', name);

    expect(exitCode).toBe(1);
    expect(stderr.match(/neither audio nor video/g)).toHaveLength(1);
    expect(stderr).toContain(what);
  });

  it('shows in a terminal which one it is at, and then a table that fits', async () => {
    await file('授業の録画 第一回 とても長い題名です.mp4');
    await file('second.mp4');
    const terminal = openTerminal(
      ['add', '授業の録画 第一回 とても長い題名です.mp4', 'second.mp4', '--not-before', LATER],
      cli,
      {
        columns: 72,
        rows: 20,
      },
    );

    expect(await terminal.ended).toEqual({ exitCode: 0, isRestored: true });

    expect(terminal.text()).toContain('Adding 1 of 2');
    expect(terminal.text()).toContain('Adding 2 of 2');
    expect(terminal.isCursorBack()).toBe(true);
    const screen = terminal.screen().filter((line) => line !== '');
    expect(screen).toEqual([
      expect.stringMatching(/^id +state +title$/),
      expect.stringMatching(/^rec_\w{24} {2}waiting {2}added {2}授業の録画 第.*…$/),
      expect.stringMatching(/^rec_\w{24} {2}waiting {2}added {2}second$/),
    ]);
  });
});

describe('an ace_id', () => {
  it('names a recording as its id does', async () => {
    const { id } = await house.addCustom('Named', { ace_id: 'Lesson 4/7', not_before: LATER });
    const ended = once(startSluice(['watch', 'Lesson 4/7'], cli).child, 'close');

    expect((await sluice('show', 'Lesson 4/7', '--json')).json).toMatchObject({ id });
    expect((await sluice('set-aside', 'Lesson 4/7', '--json')).json.recordings).toMatchObject([{ id }]);
    expect(await ended).toEqual([4, null]);
    const refused = await sluice('front', 'Lesson 4/7');
    expect(refused.stderr).toContain(`sluice show ${id}`);
    await sluice('retry', 'Lesson 4/7');
    expect(await stateOf(id)).toBe('waiting');
  });

  it('that nobody has is named as it was given', async () => {
    const title = 'No recording has the id or the ace_id lesson-none.';

    for (const args of [
      ['show', 'lesson-none'],
      ['watch', 'lesson-none'],
      ['delete', '--yes', 'lesson-none'],
    ]) {
      const { exitCode, stderr } = await sluice(...args);
      expect({ args, exitCode }).toEqual({ args, exitCode: 1 });
      expect(stderr).toContain(title);
      expect(stderr).not.toContain('rec_');
    }
  });
});

describe('unfinished uploads', () => {
  it('are counted by status and listed with how much of them has arrived, without their ids', async () => {
    expect((await sluice('status')).stdout).not.toContain('upload');
    expect((await sluice('list', '--uploads')).stdout).toBe('No unfinished uploads.\n');
    const folder = join(house.config.dataDir, 'uploads');
    await mkdir(folder, { recursive: true });
    const beganAtMs = Date.parse('2026-11-28T08:00:00Z');
    const metadata = { ace_id: 'lesson-5', filename: 'algebra.mp4' };
    await writeFile(join(folder, 'abcdef0123456789'), Buffer.alloc(2000));
    await writeFile(
      join(folder, 'abcdef0123456789.json'),
      JSON.stringify({ id: 'abcdef0123456789', size: 8000, metadata, permit: { via: 'nothing', beganAtMs } }),
    );
    await writeFile(join(folder, 'finished.json'), JSON.stringify({ id: 'finished', size: 1, metadata: {} }));

    const [status, list, json, shown] = [
      await sluice('status'),
      await sluice('list', '--uploads'),
      await sluice('list', '--uploads', '--json'),
      await sluice('show', 'lesson-5'),
    ];

    await rm(folder, { recursive: true });
    expect(shown.stderr).toContain('ace_id lesson-5 yet: of its upload 2 kB of 8 kB have arrived.');
    expect(status.stdout).toContain('1 unfinished upload (2 kB of 8 kB)');
    expect(list.stdout).toMatch(/^ace_id .*\nlesson-5 +2 kB of 8 kB .* algebra\.mp4\n$/);
    expect(json.json.uploads).toMatchObject([
      { ace_id: 'lesson-5', received_bytes: 2000, total_bytes: 8000, began_at: '2026-11-28T08:00:00.000Z' },
    ]);
    expect(json.stdout + list.stdout).not.toContain('abcdef');
    expect((await sluice('list', '--uploads', '--state', 'failed')).exitCode).toBe(2);
  });
});

describe('sluice list and show', () => {
  it('finds by words in any order, with or without accents', async () => {
    const { id } = await house.addCustom('Übung zur Geometrie', { not_before: LATER });

    for (const words of [
      ['geometrie', 'ubung'],
      ['--q', 'ÜBUNG geom'],
      ['zur', '--q', 'ubung'],
    ]) {
      const { json } = await sluice('list', ...words, '--json');
      expect(json.recordings.map((recording: { id: string }) => recording.id)).toEqual([id]);
    }
    expect((await sluice('list', 'geometrie', 'algebra')).stdout).toBe('No recordings.\n');
  });

  it('filters, pages and counts', async () => {
    for (const title of ['Pages 1', 'Pages 2', 'Pages 3'])
      await house.addCustom(title, { not_before: LATER });

    const two = await sluice('list', '--q', 'PAGES', '--limit', '2', '--json');
    expect(two.json.recordings.map(({ title }: { title: string }) => title)).toEqual(['Pages 3', 'Pages 2']);
    expect(two.json.more).toBe(true);

    const all = await sluice('--json', 'list', '--q', 'pages', '--all', '--state', 'waiting,failed');
    expect(all.json.recordings).toHaveLength(3);
    expect(all.json.more).toBe(false);

    const none = await sluice('list', '--q', 'pages', '--source', 'zoom');
    expect(none).toMatchObject({ exitCode: 0, stdout: 'No recordings.\n' });
    // Beside the answer it is said that no worker runs.
    expect(none.stderr).toContain('! ');
    expect(none.stderr).toContain('  → ');
  });

  it('gives a table without colours to a pipe, and ends with 4 where that is asked for', async () => {
    const id = await addFailed('Lost');

    const { exitCode, stdout } = await sluice('list', '--state', 'failed', '--check');

    expect(exitCode).toBe(4);
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toMatch(new RegExp(`^${id} +custom +failed +\\d+ kB +\\S+ \\S+ +Lost +\\S`, 'm'));
    expect((await sluice('list', '--state', 'waiting', '--check')).exitCode).toBe(0);
  });

  it('says until when one waits, of a companion what it is, and where both are from', async () => {
    const meeting = { meeting_id: 85512345678, meeting_uuid: 'aB/c==', host_email: 'anna@academy.example' };
    const of = (key: string, more: object) => ({
      ...zoomRecording(key, 1, 'x'),
      title: 'Linear algebra',
      groupKey: 'one meeting',
      notBeforeMs: Date.parse(LATER),
      details: { ...meeting, topic: 'Algebra II', ...more },
    });
    const video = await house.recordings.accept(of('video', {}));
    const chat = await house.recordings.accept({
      ...of('chat', { companion: 'chat' }),
      kind: 'companion',
    });

    const list = await sluice('list', 'anna@academy.example');
    expect(list.stdout).toMatch(
      new RegExp(`^${chat.id} +zoom +waiting until 2100-01-01 .* chat of Linear algebra$`, 'm'),
    );
    expect(list.stdout).toMatch(new RegExp(`^${video.id} .* Linear algebra$`, 'm'));

    const { stdout } = await sluice('show', chat.id);
    for (const line of [
      'kind +chat',
      `of +${video.id} Linear algebra`,
      'topic +Algebra II',
      'meeting +85512345678 {2}aB/c==',
      'host +anna@academy.example',
      'not before +2100-01-01',
    ]) {
      expect(stdout).toMatch(new RegExp(`^ {2}${line}`, 'm'));
    }
    expect((await sluice('show', video.id)).stdout).toMatch(
      new RegExp(`^ {2}${chat.id} +chat +waiting`, 'm'),
    );
  });

  it('shows one with its stages and history', async () => {
    const { id } = await house.addCustom('Shown');
    const worker = await house.startWorker();
    await house.reaches(id, 'done');
    await house.announced(id);
    await worker.stop();

    const { exitCode, stdout } = await sluice('show', id);

    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^Shown\n {2}id +rec_/);
    for (const part of [
      'state +done',
      'archived +ace-academy-recordings/',
      'video +https://',
      `path +${join(house.files, 'Shown')}`,
      'fetch +2[^]*archive +2[^]*publish +2[^]*notify +2[^]*cleanup +2',
      'recording\\.published +delivered +1 +\\d[^\\n]+ 204',
      'recording.done',
    ]) {
      expect(stdout).toMatch(new RegExp(part));
    }
    const missing = await sluice('show', 'rec_none');
    expect(missing).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^No recording has the id or the ace_id rec_none\.\n.*"sluice list"/),
    });
  });

  it('takes colours from a terminal only, and not where they are declined', async () => {
    const coloured = openTerminal(['list', '--limit', '1'], cli);
    await coloured.ended;
    expect(coloured.text()).toContain('\u001b[2mid');

    for (const [args, env] of [
      [['list', '--limit', '1', '--no-color'], {}],
      [['list', '--limit', '1'], { NO_COLOR: '1' }],
    ] as const) {
      const plain = openTerminal(args, { ...cli, env: { ...cli.env, ...env } });
      await plain.ended;
      expect(plain.text()).toMatch(/^id +source/);
    }
  });
});

describe('what is done with recordings', () => {
  it('sets aside, retries, moves to the front, schedules and cancels', async () => {
    const { id } = await house.addCustom('Steered');

    expect((await sluice('set-aside', id, '--json')).json.recordings).toMatchObject([
      { id, state: 'set-aside' },
    ]);
    expect((await sluice('retry', id, '--json')).json.recordings).toMatchObject([{ id, state: 'waiting' }]);
    expect((await sluice('front', id, '--json')).json.recordings).toMatchObject([{ id, position: 1 }]);
    expect((await sluice('schedule', id, LATER, '--json')).json.recordings).toMatchObject([
      { not_before: LATER },
    ]);
    expect((await sluice('schedule', id, 'now', '--json')).json.recordings).toMatchObject([
      { not_before: null },
    ]);
    expect((await sluice('cancel', id)).stdout).toContain('Steered');
    expect(['cancelling', 'cancelled']).toContain(await stateOf(id));
  });

  it('tells of one that is refused, and goes on with the others', async () => {
    const { id } = await house.addCustom('Refused', { not_before: LATER });

    const { exitCode, stdout, stderr } = await sluice('set-aside', 'rec_none', id);

    expect(exitCode).toBe(1);
    expect(stderr).toContain('rec_none: ');
    expect(stdout).toContain(id);
    expect(await stateOf(id)).toBe('set-aside');
    expect((await sluice('front', id)).stderr).toContain(
      `Possible now: sluice retry ${id}, sluice cancel ${id}, sluice rename ${id} TITLE. sluice show ${id} says how it stands.`,
    );
  });

  it('says of one that is done what it is', async () => {
    const { id } = await house.addCustom('At home');
    const worker = await house.startWorker();
    await house.reaches(id, 'done');
    await worker.stop();

    const { exitCode, stderr } = await sluice('set-aside', id);

    expect(exitCode).toBe(1);
    expect(stderr).toContain(`${id} is done`);
    expect(stderr).toContain(`sluice show ${id}`);
  });

  it('retries all that have failed', async () => {
    const ids = [await addFailed('Failed 1'), await addFailed('Failed 2')];

    const { exitCode, json } = await sluice('retry', '--failed', '--json');

    expect(exitCode).toBe(0);
    const retried: string[] = json.recordings.map(({ id }: { id: string }) => id);
    expect(retried).toEqual(expect.arrayContaining(ids));
    for (const id of ids) expect(await stateOf(id)).toBe('waiting');
    expect((await sluice('list', '--state', 'failed')).stdout).toBe('No recordings.\n');
    expect((await sluice('retry', '--failed')).stdout).toBe('Nothing has failed.\n');
    // The next worker would have them fail once more.
    await sluice('cancel', ...retried);

    await addFailed('three');
    await addFailed('four');
    expect((await sluice('retry', '--code', 'SOURCE_GONE')).stdout).toBe('2 recordings go on.\n');
    expect((await sluice('retry', '--code', 'SOURCE_GONE')).stdout).toBe(
      'Nothing has failed with SOURCE_GONE.\n',
    );
  });

  it('pauses the line and lets it go on', async () => {
    expect((await sluice('pause')).stdout).toBe('The line is paused.\n');
    const status = await fetch(`${house.config.pipeline.url}/api/status`);
    expect(await status.json()).toMatchObject({ paused: true });
    expect((await sluice('resume', '--json')).json).toEqual({ paused: false });
  });
});

describe('sluice token create', () => {
  const env = { UPLOAD_TOKEN_SECRET: SECRET };

  it('makes a token that the tus server takes', async () => {
    const args = [
      'token',
      'create',
      '--ace-id',
      'lesson-9',
      '--expires',
      '2h',
      '--max-bytes',
      '5GB',
      '--title',
      'Nine',
    ];
    const { exitCode, stdout } = await runSluice(args, { ...cli, env });

    expect(exitCode).toBe(0);
    const reading = await readUploadToken(stdout.trim(), [SECRET]);
    expect(reading).toMatchObject({
      kind: 'valid',
      grant: { aceId: 'lesson-9', maxBytes: 5_000_000_000, title: 'Nine' },
    });
    const expiresAtMs = reading.kind === 'valid' ? reading.grant.expiresAtMs : 0;
    expect(Math.abs(expiresAtMs - Date.now() - 7_200_000)).toBeLessThan(60_000);
  });

  it.each<[string[], Record<string, string>, string]>([
    [['--link'], { PUBLIC_URL: 'https://sluice.example.com' }, 'https://sluice.example.com/upload'],
    [['--link', 'https://up.example.com/upload/'], {}, 'https://up.example.com/upload'],
    [['--link', 'https://example.com/recordings'], {}, 'https://example.com/recordings/upload'],
  ])('prints with %j the address of the upload page, which takes the token', async (args, settings, page) => {
    const { stdout } = await runSluice(['token', 'create', '--ace-id', 'lesson-9', ...args], {
      ...cli,
      env: { ...env, ...settings },
    });

    const [address, fragment = ''] = stdout.trim().split('#');
    expect(address).toBe(page);
    const token = new URLSearchParams(fragment).get('token') ?? '';
    expect(await readUploadToken(token, [SECRET])).toMatchObject({ kind: 'valid' });
  });

  it('asks for the address of the upload page where none is known', async () => {
    const args = ['token', 'create', '--ace-id', 'x', '--link'];
    const { exitCode, stderr } = await runSluice(args, { ...cli, env });

    expect(exitCode).toBe(2);
    expect(stderr).toContain('PUBLIC_URL');
  });

  it('says what is missing', async () => {
    const { exitCode, stderr } = await runSluice(['token', 'create', '--ace-id', 'x'], { ...cli, env: {} });

    expect(exitCode).toBe(1);
    expect(stderr).toContain('UPLOAD_TOKEN_SECRET is not set.');
  });
});

describe('sluice sweep', () => {
  it('runs the sweeper on the settings of this machine', async () => {
    const { exitCode, json } = await sluice('sweep', '--dry-run', '--json');

    expect(exitCode).toBe(0);
    expect(json).toEqual({ items: expect.any(Array), problems: [] });
  });
});

describe('the sluice command', () => {
  it.each([
    [['fly']],
    [['list', '--wings']],
    [['list', '--limit', 'many']],
    [['add']],
    [['add', 'a.mp4', 'b.mp4', '--title', 'Both']],
    [['add', 'a.mp4', '--not-before', 'soon']],
    [['add', 'a.mp4', '--not-before', '2020-01-01']],
    [['schedule', 'rec_1', '2026-02-30']],
    [['schedule', 'rec_1', '2020-01-01 18:00']],
    [['list', '--state', 'failed,asleep']],
    [['list', '--source', 'tape']],
    [['list', 'w'.repeat(201)]],
    [['retry']],
    [['retry', '--code', 'NO_SUCH_CODE']],
    [['retry', '--failed', '--code', 'SOURCE_GONE']],
    [['token', 'create', '--ace-id', 'x', '--expires', 'never']],
    [['list', '--url', 'localhost']],
  ])('ends %j with 2', async (args) => {
    const { exitCode, stdout, stderr } = await sluice(...args);

    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).not.toBe('');
    expect(stderr).not.toContain('    at ');
  });

  it.each([
    [['lst'], 'unknown command'],
    [['list', '--source', 'tape'], 'zoom, manual, custom'],
    [['list', '--state', 'asleep'], 'There is no state asleep. The states are waiting, moving'],
    [['show'], "missing required argument 'id'"],
    [['schedule', 'rec_1', '2020-01-01'], 'is in the past'],
  ])('tells programs what is wrong with %j', async (args, words) => {
    const { exitCode, stderr } = await sluice(...args, '--json');

    expect(exitCode).toBe(2);
    expect(JSON.parse(stderr).error).toMatchObject({ code: 'USAGE', detail: expect.stringContaining(words) });
  });

  it('ends with 2 also where it is the server that finds the mistake', async () => {
    const { exitCode, stderr } = await sluice('add', await file('long.mp4'), '--title', 'x'.repeat(2000));

    expect(exitCode).toBe(2);
    expect(stderr).toContain('title');
  });

  it('says in one line that nobody answers, and what to do', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    for (const args of [
      ['list'],
      ['show', 'rec_1'],
      ['watch'],
      ['add', 'a.mp4', 'b.mp4'],
      ['retry', 'rec_1'],
      ['pause'],
    ]) {
      const { exitCode, stderr } = await sluice(...args, '--url', url);

      expect(exitCode).toBe(3);
      expect(stderr.match(/Is Sluice running\? Nobody answers at/g)).toHaveLength(1);
      expect(stderr).toContain('npm start');
    }
    const { stderr } = await runSluice(['list', '--json'], { ...cli, env: { SLUICE_URL: url } });
    expect(JSON.parse(stderr).error.code).toBe('NOT_REACHABLE');
  });

  it.each([['--help'], ['add'], ['watch'], ['doctor'], ['retry']])(
    'explains %s with examples',
    async (name) => {
      const { exitCode, stdout } = await sluice(...new Set([name, '--help']));

      expect(exitCode).toBe(0);
      expect(stdout).toContain('Examples:\n  sluice ');
      expect(stdout).toContain('--json');
    },
  );
});

describe('sluice where callers on the same machine need the token too', () => {
  const ADMIN_TOKEN = '7f3a91c05be24d68a17c93e2f04b8d5610aa4c7e39bd28f1';
  let guarded: House;

  beforeAll(async () => {
    guarded = await openHouse({ LOCAL_TRUST: 'off', ADMIN_TOKEN });
  });
  afterAll(() => guarded.close());

  it('shows that of ADMIN_TOKEN or --token, and says what is missing without one', async () => {
    const plain = cliOf(guarded);

    expect((await runSluice(['list'], cliOf(guarded, { ADMIN_TOKEN }))).exitCode).toBe(0);
    expect((await runSluice(['list', '--token', ADMIN_TOKEN], plain)).exitCode).toBe(0);
    const { exitCode, stderr } = await runSluice(['list', '--json'], plain);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stderr).error.code).toBe('LOGIN_REQUIRED');
  });
});

describe('sluice rename and delete', () => {
  it('does with what is home what the page does, and deletes nothing that nobody has confirmed', async () => {
    const { id } = await house.addCustom('Home');
    const worker = await house.startWorker();
    await house.reaches(id, 'done');

    expect(await sluice('rename', id, 'Home 2', '--json')).toMatchObject({
      exitCode: 0,
      json: { recordings: [{ id, title: 'Home 2' }] },
    });
    expect(await sluice('delete', id)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--yes'),
    });
    expect(await stateOf(id)).toBe('done');
    expect(await sluice('delete', id, '--yes')).toMatchObject({ exitCode: 0 });
    await house.reaches(id, 'deleted');
    await worker.stop();
  });
});
