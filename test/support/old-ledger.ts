import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Sqlite from 'libsql';
import type { MeetingView } from '../../simulators/zoom/simulator.ts';
import { openPublishers } from '../../src/outside/publishers.ts';
import { openStores } from '../../src/outside/stores.ts';
import type { House } from './house.ts';
import { LARGE_BYTES, writeSameVideo } from './same-video.ts';

const FIXTURE = join(import.meta.dirname, '../fixtures/ledger-71508ad');
const IDLE_TIMEOUT_MS = 5000;
const HOUR_MS = 3_600_000;
const TRANSCRIPT = 'WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\nHello.\n';

/** The tables whose times are moved on, so that the ledger was written a short while ago whenever it is tried. */
const TABLES = ['recordings', 'stages', 'events', 'deliveries', 'watches', 'circuits', 'alarms', 'gate'];

/** What that commit's API said of a recording, with its facts and checkpoints. */
export interface OldRecording {
  readonly id: string;
  readonly state: string;
  readonly title: string;
  readonly last_error: { readonly code: string; readonly message: string } | null;
  readonly facts: Readonly<Record<string, object>>;
  readonly checkpoints: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly deliveries: readonly { readonly id: string }[];
  readonly events: readonly object[];
  readonly [field: string]: unknown;
}

/** What that commit's API said, recordings by their titles. */
export interface Seen {
  readonly recordings: Readonly<Record<string, OldRecording>>;
  readonly alarms: readonly { readonly title: string }[];
  readonly ignored: readonly object[];
}

interface RemoteFile {
  readonly fileId: string;
  readonly fileName: string;
  readonly contentType: string;
  readonly fileInfo: Readonly<Record<string, string>>;
}

interface World {
  readonly madeAtMs: number;
  readonly places: Readonly<Record<'folder' | 'zoomWeb' | 'zoomCdn' | 'b2' | 'bunny' | 'site', string>>;
  readonly meetings: readonly MeetingView[];
  readonly b2: {
    readonly files: readonly (RemoteFile & { readonly contentLength: number })[];
    readonly unfinished: readonly (RemoteFile & {
      readonly parts: readonly { readonly partNumber: number; readonly contentLength: number }[];
    })[];
  };
  readonly bunny: {
    readonly videos: readonly {
      readonly guid: string;
      readonly title: string;
      readonly bytes: number;
      readonly sha256?: string;
    }[];
  };
  readonly spooled: readonly { readonly id: string; readonly bytes: number }[];
}

const readJson = async <T>(name: string): Promise<T> =>
  JSON.parse(await readFile(join(FIXTURE, name), 'utf8')) as T;

/** Puts the ledger of commit 71508ad at this path, and gives back what was seen of it then. */
export async function bringOldLedger(path: string): Promise<Seen> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, gunzipSync(await readFile(join(FIXTURE, 'ledger.db.gz'))));
  return await readJson<Seen>('seen.json');
}

/**
 * Sets up again what was on the disk, with Zoom, B2 and Bunny, half done things half done, and has the ledger name the
 * places and ids that they have here; as if the machine was started anew since.
 *
 * @returns what each id of then is called here
 */
export async function setUpAgain(house: House, seen: Seen): Promise<ReadonlyMap<string, string>> {
  const world = await readJson<World>('world.json');
  const { folder, zoomWeb, zoomCdn, b2, bunny, site } = world.places;
  const names = new Map<string, string>([
    [join(folder, 'data'), house.config.dataDir],
    [join(folder, 'files'), house.files],
    [zoomWeb, house.zoom.webUrl],
    [zoomCdn, house.zoom.cdnUrl],
    [b2, house.b2.url],
    [bunny, house.bunny.url],
    [site, house.site.url],
  ]);
  const large = await videoBytes(house, LARGE_BYTES);
  await fillBucket(house, world, large, names);
  await fillLibrary(house, world, seen, large, names);
  await recordMeetings(house, world, seen, names);
  for (const { id, bytes } of world.spooled) {
    const path = join(house.config.dataDir, 'spool', id, 'recording');
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(path, bytes === TRANSCRIPT.length ? TRANSCRIPT : large.subarray(0, bytes));
  }
  rewrite(house.config.ledgerAddress, names, Date.now() - 2 * HOUR_MS - world.madeAtMs);
  await writeOrigins(house.config.ledgerAddress);
  return names;
}

async function videoBytes(house: House, bytes: number): Promise<Buffer> {
  const path = join(house.files, `${bytes}.mp4`);
  await writeSameVideo(path, bytes, 0);
  return await readFile(path);
}

async function* only(bytes: Buffer) {
  yield bytes;
}

async function fillBucket(
  { b2 }: House,
  world: World,
  large: Buffer,
  names: Map<string, string>,
): Promise<void> {
  const { url: apiUrl, keyId, applicationKey, bucket } = b2;
  const settings = {
    b2: { apiUrl, keyId, applicationKey, bucket, partBytes: undefined },
    folderStore: undefined,
    s3Store: undefined,
  };
  const store = openStores(settings, { idleTimeoutMs: IDLE_TIMEOUT_MS }).get('b2');
  if (store === undefined) throw new Error('there is no store b2');
  const { signal } = new AbortController();
  const fileOf = ({ fileName, contentType, fileInfo }: RemoteFile, totalBytes: number) => ({
    name: fileName,
    mediaType: contentType,
    mark: { recordingId: fileInfo['sluice_recording'] ?? '', content: undefined },
    modifiedAtMs: Number(fileInfo['src_last_modified_millis']),
    totalBytes,
    signal,
  });
  for (const file of world.b2.files) {
    const bytes = file.contentLength;
    const content = bytes === TRANSCRIPT.length ? Buffer.from(TRANSCRIPT) : large.subarray(0, bytes);
    const { id } = await store.put({ ...fileOf(file, bytes), bytes, chunks: only(content) });
    names.set(file.fileId, id);
  }
  for (const file of world.b2.unfinished) {
    const { id } = await store.begin(fileOf(file, LARGE_BYTES));
    names.set(file.fileId, id);
    let startByte = 0;
    for (const { partNumber: number, contentLength: bytes } of file.parts) {
      const chunks = only(large.subarray(startByte, startByte + bytes));
      await store.putPart({ file: { id, name: file.fileName }, number, startByte, bytes, chunks, signal });
      startByte += bytes;
    }
  }
}

/** Under plain titles, as they had them then. */
async function fillLibrary(
  { bunny }: House,
  world: World,
  seen: Seen,
  large: Buffer,
  names: Map<string, string>,
): Promise<void> {
  const { url: apiUrl, libraryId, apiKey } = bunny;
  const settings = {
    bunny: { apiUrl, tusUrl: `${apiUrl}/tusupload`, libraryId, apiKey },
    folderPublisher: undefined,
  };
  const publisher = openPublishers(settings, { idleTimeoutMs: IDLE_TIMEOUT_MS }).get('bunny');
  if (publisher === undefined) throw new Error('there is no publisher bunny');
  const { signal } = new AbortController();
  for (const { guid, title, bytes, sha256 } of world.bunny.videos) {
    const owner = seen.recordings[title];
    const uploadUrl = owner?.checkpoints['publish']?.['uploadUrl'];
    if (owner === undefined || typeof uploadUrl !== 'string') throw new Error(`nobody has uploaded ${title}`);
    const answer = await fetch(`${apiUrl}/library/${libraryId}/videos`, {
      method: 'POST',
      headers: { AccessKey: apiKey, 'content-type': 'application/json' },
      body: JSON.stringify({ title }),
    });
    const { guid: videoId } = (await answer.json()) as { guid: string };
    const totalBytes = sha256 === undefined ? LARGE_BYTES : bytes;
    const recording = { id: owner.id, title };
    const begun = await publisher.begin({
      videoId,
      recording,
      bytes: totalBytes,
      mediaType: 'video/mp4',
      signal,
    });
    const target = { videoId, uploadUrl: begun.uploadUrl, offset: 0 };
    await publisher.append({ ...target, bytes, chunks: only(large.subarray(0, bytes)), signal });
    names.set(guid, videoId);
    names.set(uploadUrl.replace(world.places.bunny, bunny.url), begun.uploadUrl);
  }
}

async function recordMeetings(
  house: House,
  world: World,
  seen: Seen,
  names: Map<string, string>,
): Promise<void> {
  const { zoom, files } = house;
  for (const { topic, uuid, id, startTime, files: known } of world.meetings) {
    const path = join(files, `${topic}.mp4`);
    await writeSameVideo(path, known[0]?.bytes ?? 0, world.madeAtMs);
    const spoken = join(files, `${topic}.vtt`);
    await writeFile(spoken, TRANSCRIPT);
    const described = known.map((file) => ({
      id: file.id,
      path: file.fileType === 'TRANSCRIPT' ? spoken : path,
      fileType: file.fileType,
      recordingType: file.recordingType,
      recordingStart: file.recordingStart,
      recordingEnd: file.recordingEnd,
    }));
    const meeting = await zoom.addMeeting({ topic, uuid, id, startTime, files: described });
    if (described.some(({ fileType }) => fileType === 'TRANSCRIPT')) zoom.transcriptCompleted({ uuid });
    const then = seen.recordings[topic]?.checkpoints['fetch']?.['validator'];
    const now = await validatorOf(meeting.files[0]?.downloadUrl ?? '', zoom.recordingCompleted(meeting));
    // As text of JSON, in which quotes have a backslash.
    if (typeof then === 'string')
      names.set(JSON.stringify(then).slice(1, -1), JSON.stringify(now).slice(1, -1));
  }
}

/** What Zoom calls the bytes of a file now. */
async function validatorOf(
  downloadUrl: string,
  { download_token: token }: object & { download_token?: unknown },
) {
  const headers = { authorization: `Bearer ${String(token)}` };
  const { headers: told } = await fetch(downloadUrl, { headers, redirect: 'manual' });
  const answer = await fetch(told.get('location') ?? '', { method: 'HEAD' });
  return answer.headers.get('etag') ?? '';
}

/** The local files that recordings came from, but for the one that is gone. */
async function writeOrigins(ledgerPath: string): Promise<void> {
  const sqlite = new Sqlite(ledgerPath);
  const rows = sqlite.prepare("select title, origin from recordings where source <> 'zoom'").all() as {
    title: string;
    origin: string;
  }[];
  sqlite.close();
  for (const { origin } of rows.filter(({ title }) => title !== 'Gone')) {
    const { path, bytes, modifiedAtMs } = JSON.parse(origin) as {
      path: string;
      bytes: number;
      modifiedAtMs: number;
    };
    await mkdir(dirname(path), { recursive: true });
    await writeSameVideo(path, bytes, modifiedAtMs);
  }
}

/** Has the ledger say each of these names otherwise, and moves its times on. */
function rewrite(ledgerPath: string, names: ReadonlyMap<string, string>, laterMs: number): void {
  const sqlite = new Sqlite(ledgerPath);
  try {
    sqlite.exec('begin immediate');
    for (const table of TABLES) {
      const columns = sqlite.prepare(`select name, type from pragma_table_info('${table}')`).all() as {
        name: string;
        type: string;
      }[];
      for (const { name, type } of columns) {
        if (name.endsWith('_ms')) {
          sqlite.exec(
            `update ${table} set ${name} = ${name} + ${Math.round(laterMs)} where ${name} > 1000000000000`,
          );
        }
        if (type.toLowerCase() !== 'text') continue;
        for (const [then, now] of names) {
          sqlite
            .prepare(`update ${table} set ${name} = replace(${name}, ?, ?) where instr(${name}, ?)`)
            .run(then, now, then);
        }
      }
    }
    sqlite.exec(`update recordings set origin = json_set(origin, '$.identity.bootId', 'the one before')
      where json_extract(origin, '$.identity') is not null`);
    sqlite.exec('commit');
  } finally {
    sqlite.close();
  }
}
