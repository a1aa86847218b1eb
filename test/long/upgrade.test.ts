import { execFile, spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type AllSimulators, startAllSimulators } from '../../simulators/all.ts';
import { waitForSpooledBytes, waitForState } from '../e2e/recordings.ts';
import { freePort } from '../support/free-port.ts';
import { writeVideo } from '../support/house.ts';
import { systemEnvironment } from '../support/processes.ts';
import { createUpload, offsetOf, patch } from '../support/tus-client.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
/** The version before the ledger knew late looks, signs of life and more: the oldest that this is promised for. */
const BEFORE = '71508ad';
const hasBefore = spawnSync('git', ['cat-file', '-e', `${BEFORE}^{commit}`], { cwd: CHECKOUT }).status === 0;
const MIB = 1024 * 1024;
const PATIENCE = { timeout: 120_000, interval: 250 };

const run = promisify(execFile);

let folder = '';
let root = '';
let env: Record<string, string> = {};
let pipelineUrl = '';
let tusUrl = '';
let simulators: AllSimulators;

beforeEach(async () => {
  // Short, for the sockets of pm2 and Redis are in it.
  folder = await mkdtemp(join(tmpdir(), 'sluice-up-'));
  root = join(folder, 'sluice');
  env = {
    ...systemEnvironment(),
    HOME: folder,
    PM2_HOME: join(folder, 'pm2'),
    PM2_DISCRETE_MODE: 'true',
    DATA_DIR: './data',
    BACKUP: '../backup',
    GIT_CONFIG_GLOBAL: '/dev/null',
    ...Object.fromEntries(
      ['AUTHOR', 'COMMITTER'].flatMap((who) => [
        [`GIT_${who}_NAME`, 'test'],
        [`GIT_${who}_EMAIL`, 'test@example.org'],
      ]),
    ),
  };
  simulators = await startAllSimulators();
});

afterEach(async () => {
  await sh('npx pm2 kill --silent || true').catch(() => {});
  await simulators.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function sh(script: string, cwd = root): Promise<string> {
  const { stdout } = await run('bash', ['-ec', script], { cwd, env, maxBuffer: 64 * MIB });
  return stdout;
}

/** What of `npm run setup -- --build` is needed where packages are those of this checkout, whose types differ. */
const BUILD =
  'rm -rf dist && node node_modules/typescript/bin/tsc -p tsconfig.build.json --outDir dist --noCheck';

/** Runs the commands that docs/upgrading.md gives behind this marker, word for word but for the set-up. */
async function follow(marker: string): Promise<void> {
  const page = await readFile(join(CHECKOUT, 'docs/upgrading.md'), 'utf8');
  const [, rest] = page.split(`<!-- ${marker} -->`);
  const commands = /```bash\n(.*?)```/s.exec(rest ?? '')?.[1];
  if (commands === undefined) throw new Error(`docs/upgrading.md has no commands for ${marker}`);
  await sh(commands.replaceAll('npm run setup -- --build', BUILD));
}

/** A clone of the version before, built and with a .env; the present one can be pulled. */
async function installBefore(): Promise<void> {
  await mkdir(root);
  await sh(
    `git -C '${CHECKOUT}' archive ${BEFORE} | tar -x && git init -q -b main && git add -A && git commit -qm before`,
  );
  await sh('git clone -q --bare sluice origin.git && git clone -q origin.git author', folder);
  await sh('git remote add origin ../origin.git && git fetch -q && git branch -q -u origin/main');

  const author = join(folder, 'author');
  await sh('git rm -rq .', author);
  const listed = await run('git', ['ls-files', '-coz', '--exclude-standard'], { cwd: CHECKOUT });
  for (const name of listed.stdout.split('\0').filter((path) => path !== '' && path !== 'node_modules')) {
    await mkdir(dirname(join(author, name)), { recursive: true });
    // One that was removed and not committed yet is listed too.
    await cp(join(CHECKOUT, name), join(author, name)).catch(() => {});
  }
  await sh('git add -A && git commit -qm now && git push -q', author);

  await symlink(join(CHECKOUT, 'node_modules'), join(root, 'node_modules'));
  const [pipelinePort, tusPort] = [await freePort(), await freePort()];
  pipelineUrl = `http://127.0.0.1:${pipelinePort}`;
  tusUrl = `http://127.0.0.1:${tusPort}/tusupload`;
  const settings = {
    ...simulators.environment,
    PIPELINE_PORT: pipelinePort,
    TUS_PORT: tusPort,
    DISK_RESERVE_BYTES: 0,
    RETRY_BACKOFF_MIN_S: 10,
    TRANSFER_RETRY_PAUSE_MS: 10,
    PLAYABLE_POLL_MIN_S: 0.2,
    PLAYABLE_POLL_MAX_S: 0.5,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(join(root, '.env'), lines.join(''), { mode: 0o600 });
  await sh(`${BUILD} && npx pm2 start ecosystem.config.js`);
}

/** Hands a file over that stays. */
async function addFile(title: string): Promise<string> {
  const path = await writeVideo(join(folder, `${title}.mp4`), MIB);
  const response = await fetch(`${pipelineUrl}/custom-upload`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ path, title, keep_file: true }),
  });
  expect(response.status).toBe(202);
  return ((await response.json()) as { id: string }).id;
}

async function states(): Promise<Record<string, string>> {
  const response = await fetch(`${pipelineUrl}/api/recordings?limit=100`);
  const { recordings } = (await response.json()) as { recordings: { title: string; state: string }[] };
  return Object.fromEntries(recordings.map(({ title, state }) => [title, state]));
}

/** How many files, videos and ids of announcements there are of each title. */
async function shipped() {
  const files = await simulators.b2.files();
  const videos = simulators.bunny.videos();
  const heard = simulators.site
    .received()
    .filter(({ type, isValid }) => isValid && type === 'recording.published');
  return (title: string) => ({
    files: files.filter(({ fileName }) => fileName.includes(title)).length,
    videos: videos.filter((video) => video.title.includes(title)).length,
    announcements: new Set(
      heard.filter(({ body }) => JSON.stringify(body).includes(`"${title}"`)).map(({ id }) => id),
    ).size,
  });
}

const ONCE = { files: 1, videos: 1, announcements: 1 };

it('an upgrade goes on with what was half way, each thing once, and the way back doubles no more than the page says', async (context) => {
  if (!hasBefore) context.skip(`the history of this clone does not reach back to ${BEFORE}`);
  const { zoom, b2 } = simulators;
  await installBefore();

  // One is done, one waits after a failure of B2, one moves, one is in line, and an upload is half way.
  await waitForState(pipelineUrl, await addFile('Ended'), 'done');
  b2.faults.add({ on: 'POST *', where: { 'x-bz-file-name': 'Refused' }, status: 503, count: 1_000_000 });
  await waitForState(pipelineUrl, await addFile('Refused'), 'backing-off');
  zoom.cdn.link.bytesPerSecond = MIB / 2;
  const meeting = await zoom.addMeeting({
    topic: 'Moving',
    files: [{ path: await writeVideo(join(folder, 'zoom.mp4'), 24 * MIB) }],
  });
  const { body } = await zoom.send(`${pipelineUrl}/zoom-upload`, zoom.recordingCompleted(meeting));
  const moving = (JSON.parse(body) as { accepted: { id: string }[] }).accepted[0]?.id ?? '';
  await waitForSpooledBytes(join(root, 'data'), moving, MIB);
  await addFile('Queued');
  const lesson = await readFile(await writeVideo(join(folder, 'lesson.mp4'), MIB));
  const upload = await createUpload(tusUrl, lesson.length, { ace_id: 'lesson', filename: 'Uploaded.mp4' });
  await patch(upload, 0, lesson.subarray(0, lesson.length / 2));

  await follow('upgrade: stop and back up');
  expect(await readdir(join(folder, 'backup'))).toEqual(
    expect.arrayContaining(['incoming', 'ledger.db', 'uploads', 'version']),
  );
  await follow('upgrade: bring the new version');
  const doctor = await sh('npx sluice doctor --before-start --json || true');
  const checks = (JSON.parse(doctor) as { checks: { check: string; text: string }[] }).checks;
  expect(checks.find(({ check }) => check === 'ledger')?.text).toMatch(/the next start takes 007-/);
  b2.faults.clear();
  zoom.cdn.link.bytesPerSecond = undefined;
  await follow('upgrade: start');

  const half = await offsetOf(upload);
  expect(half).toBe(Math.floor(lesson.length / 2));
  await patch(upload, half, lesson.subarray(half));
  const all = { Ended: 'done', Refused: 'done', Moving: 'done', Queued: 'done', Uploaded: 'done' };
  await expect.poll(states, PATIENCE).toEqual(all);
  await expect.poll(async () => (await shipped())('Uploaded').announcements, PATIENCE).toBe(1);
  const afterwards = await shipped();
  for (const title of Object.keys(all)) expect(afterwards(title), title).toEqual(ONCE);

  await follow('back');
  const { Uploaded: _unknown, ...known } = all;
  await expect.poll(states, PATIENCE).toEqual(known);
  await expect.poll(async () => (await shipped())('Queued').announcements, PATIENCE).toBe(2);
  const back = await shipped();
  expect(back('Ended')).toEqual(ONCE);
  expect(back('Uploaded')).toEqual(ONCE);
  for (const title of ['Refused', 'Moving', 'Queued']) {
    const { files, videos, announcements } = back(title);
    expect(Math.max(files, videos, announcements), title).toBeLessThanOrEqual(2);
  }
}, 600_000);
