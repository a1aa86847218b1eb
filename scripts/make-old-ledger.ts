/**
 * Makes test/fixtures/ledger-71508ad anew: runs Sluice as it was at commit 71508ad, with the simulators of then, and
 * brings recordings into every state that there was. `npx tsx scripts/make-old-ledger.ts [CHECKOUT]`; without a checkout
 * of that commit, with its packages, one is made in the temporary folder.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import Sqlite from 'libsql';
import type { House } from '../test/support/house.ts';
import { LARGE_BYTES, writeSameVideo } from '../test/support/same-video.ts';

const COMMIT = '71508ad';
const FIXTURE = join(import.meta.dirname, '../test/fixtures/ledger-71508ad');
const HOUR_S = '3600';
const RECORDED_AT_MS = Date.UTC(2026, 0, 15, 12);

/** Every wait so long that nothing goes on by itself meanwhile, and no service counts as down. */
const SETTINGS = {
  ARCHIVE_PART_BYTES: '5000000',
  PUBLISH_PATCH_BYTES: '1048576',
  TRANSFER_IDLE_TIMEOUT_S: '300',
  RETRY_BACKOFF_MIN_S: HOUR_S,
  RETRY_BACKOFF_MAX_S: HOUR_S,
  CIRCUIT_THRESHOLD: '1000',
  SITE_RETRY_SCHEDULE_S: '0',
  PLAYABLE_POLL_MIN_S: HOUR_S,
  PLAYABLE_POLL_MAX_S: HOUR_S,
  LEASE_MS: '60000',
};

const checkout = process.argv[2] ?? (await makeCheckout());
const { openHouse } = (await import(join(checkout, 'test/support/house.ts'))) as {
  openHouse: (settings: Readonly<Record<string, string>>) => Promise<House>;
};
const house = await openHouse(SETTINGS);
const { zoom, b2, bunny, site, config } = house;
const folder = join(house.files, '..');
const api = config.pipeline.url;
const ids: Record<string, string> = {};

async function makeCheckout(): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'sluice-71508ad-')), 'checkout');
  execFileSync('git', ['worktree', 'add', '--detach', path, COMMIT], {
    cwd: import.meta.dirname,
    stdio: 'inherit',
  });
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: path, stdio: 'inherit' });
  return path;
}

async function until(what: string, holds: () => unknown): Promise<void> {
  const deadlineMs = Date.now() + 60_000;
  while (!(await holds())) {
    if (Date.now() > deadlineMs) throw new Error(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function get(path: string) {
  const response = await fetch(`${api}${path}`);
  if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
  // biome-ignore lint/suspicious/noExplicitAny: what that commit answers has no types here
  return (await response.json()) as any;
}

async function act(title: string, action: string): Promise<void> {
  const response = await house.post(`/api/recordings/${ids[title]}/${action}`, {});
  if (!response.ok) throw new Error(`${action} ${title}: ${await response.text()}`);
}

const stateOf = async (title: string) => (await house.recordings.get(ids[title] ?? ''))?.state;
const reaches = (title: string, state: string) =>
  until(`${title} is ${state}`, async () => (await stateOf(title)) === state);

async function video(title: string, bytes: number): Promise<string> {
  const path = join(house.files, `${title}.mp4`);
  await writeSameVideo(path, bytes, RECORDED_AT_MS);
  return path;
}

/** Hands a file of the server over, which stays. */
async function addFile(title: string, bytes = 0, more: object = {}): Promise<void> {
  const path = await video(title, bytes);
  ids[title] = (await house.addCustom(title, { path, keep_file: true, ...more })).id;
}

/** Has Zoom announce a meeting with a video and its sound, which is not wanted. */
async function addMeeting(topic: string, bytes = 0): Promise<string> {
  const path = await video(topic, bytes);
  const meeting = await zoom.addMeeting({ topic, files: [{ path }, { path, fileType: 'M4A' }] });
  const { body } = await zoom.send(house.webhookUrl, zoom.recordingCompleted(meeting));
  ids[topic] = JSON.parse(body).accepted[0].id;
  return meeting.uuid;
}

async function addTranscript(title: string, uuid: string): Promise<void> {
  const { body } = await zoom.send(house.webhookUrl, zoom.transcriptCompleted({ uuid }));
  ids[title] = JSON.parse(body).accepted[0].id;
}

/** Hands over what a tutor has uploaded, as the tus process does. */
async function addUpload(aceId: string): Promise<void> {
  const incoming = join(config.dataDir, 'incoming');
  await mkdir(incoming, { recursive: true });
  const uploadId = randomBytes(16).toString('hex');
  const path = join(incoming, `${uploadId}.upload`);
  await writeSameVideo(path, 0, RECORDED_AT_MS);
  const { size } = await stat(path);
  const filename = `${aceId}.mp4`;
  const handed = { path, size, ace_id: aceId, upload_id: uploadId, filename };
  const response = await house.post('/manual-upload', handed);
  if (response.status !== 202) throw new Error(`refused: ${await response.text()}`);
  ids[filename] = ((await response.json()) as { id: string }).id;
}

function clearFaults(): void {
  for (const simulator of [zoom, zoom.cdn, b2, bunny, site]) simulator.faults.clear();
}

const B2 = 'POST /b2api/v3/';
const ALWAYS = { count: 1_000_000 };

/** Brings recordings into every state, one after another: one moves at a time. */
async function bringAbout(): Promise<void> {
  await house.startWorker();

  site.fail({ on: 'POST *', status: 500, ...ALWAYS });
  await addFile('Home, announced in vain');
  await reaches('Home, announced in vain', 'done');
  await house.announced(ids['Home, announced in vain'] ?? '');
  clearFaults();

  const home = await addMeeting('Home');
  await reaches('Home', 'done');
  await house.announced(ids['Home'] ?? '');
  await addTranscript('Transcript at home', home);
  await reaches('Transcript at home', 'done');

  site.fail({ on: 'POST *', status: 503, headers: { 'retry-after': HOUR_S }, ...ALWAYS });
  await addFile('Home, not announced yet');
  await reaches('Home, not announced yet', 'done');
  const announcement = async () =>
    (await house.deliveries.ofRecording(ids['Home, not announced yet'] ?? ''))[0];
  await until('the announcement was tried', async () => ((await announcement())?.attempts ?? 0) > 0);
  clearFaults();

  await house.post('/api/line/pause', {});
  await addFile('Gone');
  await rm(join(house.files, 'Gone.mp4'));
  await house.post('/api/line/resume', {});
  await reaches('Gone', 'failed');

  await house.post('/api/line/pause', {});
  await addFile('Not wanted');
  await act('Not wanted', 'cancel');
  await reaches('Not wanted', 'cancelled');
  await house.post('/api/line/resume', {});

  b2.fail({ on: `${B2}b2_upload_part/*`, status: 503, skip: 2, ...ALWAYS });
  await addFile('Half archived', LARGE_BYTES);
  await reaches('Half archived', 'backing-off');
  clearFaults();

  b2.fail({ on: `${B2}b2_upload_part/*`, status: 503, skip: 1, ...ALWAYS });
  b2.fail({ on: `${B2}b2_cancel_large_file`, status: 503, ...ALWAYS });
  await addFile('Being taken back', LARGE_BYTES);
  await reaches('Being taken back', 'backing-off');
  await act('Being taken back', 'cancel');
  const isRefused = async () =>
    (await house.history(ids['Being taken back'] ?? '')).includes('withdrawal.failed');
  await until('taking back is refused', isRefused);
  clearFaults();

  for (const title of ['Half published', 'Kept out']) {
    bunny.fail({ on: 'PATCH /tusupload/*', status: 503, skip: 3, ...ALWAYS });
    await addFile(title, LARGE_BYTES);
    await reaches(title, 'backing-off');
    clearFaults();
  }
  await act('Kept out', 'set-aside');

  zoom.cdn.fail({ on: 'GET /cmr/*', cutAfterBytes: 3_000_000 });
  zoom.cdn.fail({ on: 'GET /cmr/*', status: 503, ...ALWAYS });
  const half = await addMeeting('Half fetched', LARGE_BYTES);
  await reaches('Half fetched', 'backing-off');
  clearFaults();
  await addTranscript('Transcript of a video on its way', half);
  const transcript = ids['Transcript of a video on its way'] ?? '';
  await until('it waits', async () => ((await house.recordings.get(transcript))?.notBeforeMs ?? 0) > 0);

  zoom.cdn.link.bytesPerSecond = 6_000_000;
  await addMeeting('Moving', LARGE_BYTES);
  const isHalfWay = () =>
    b2
      .unfinished()
      .some(({ fileInfo, parts }) => fileInfo['sluice_recording'] === ids['Moving'] && parts.length > 0);
  await until('it is half way', isHalfWay);
  zoom.cdn.link.bytesPerSecond = 1;

  await addFile('Next in line');
  await addFile('Not before its time', 0, {
    not_before: new Date(Date.now() + 3_600_000).toISOString(),
  });
  await addUpload('lesson-7');
}

/** All that a person could see of it, by the recordings' titles. */
async function seen() {
  const recordings: Record<string, unknown> = {};
  for (const [title, id] of Object.entries(ids)) {
    recordings[title] = { ...(await get(`/api/recordings/${id}`)), ...(await house.recordings.progress(id)) };
  }
  const [alarms, ignored] = [await get('/api/alarms'), await get('/api/zoom/ignored')];
  return { recordings, alarms: alarms.alarms, ignored: ignored.ignored };
}

/** Waits until nothing changes any more, and copies the ledger at that moment. */
async function snapshot() {
  const path = join(folder, 'snapshot.db');
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const before = await seen();
    await rm(path, { force: true });
    const sqlite = new Sqlite(config.ledgerAddress);
    sqlite.exec(`vacuum into '${path}'`);
    sqlite.close();
    if (JSON.stringify(await seen()) === JSON.stringify(before)) return { path, before };
  }
}

await bringAbout();
const { path, before } = await snapshot();
await writeFile(join(FIXTURE, 'ledger.db.gz'), gzipSync(await readFile(path), { level: 9 }));
const spool = join(config.dataDir, 'spool');
const spooled = await Promise.all(
  Object.values(ids).map(async (id) => {
    const file = join(spool, id, 'recording');
    return existsSync(file) ? [{ id, bytes: (await readFile(file)).length }] : [];
  }),
);
const world = {
  commit: COMMIT,
  madeAtMs: Date.now(),
  /** What the ledger's texts name of the machine that it was made on. */
  places: {
    folder,
    zoomWeb: zoom.webUrl,
    zoomCdn: zoom.cdnUrl,
    b2: b2.url,
    bunny: bunny.url,
    site: site.url,
  },
  meetings: zoom.meetings(),
  b2: { files: await b2.files(), unfinished: b2.unfinished() },
  bunny: { videos: bunny.videos() },
  spooled: spooled.flat(),
};
await writeFile(join(FIXTURE, 'world.json'), `${JSON.stringify(world, null, 1)}\n`);
await writeFile(join(FIXTURE, 'seen.json'), `${JSON.stringify(before, null, 1)}\n`);
console.log(
  Object.fromEntries(
    Object.entries(before.recordings).map(([title, each]) => [title, (each as { state: string }).state]),
  ),
);
await house.redis.stop();
await rm(folder, { recursive: true, force: true });
process.exit();
