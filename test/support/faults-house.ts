import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { digestOf, type House, writeVideo } from './house.ts';

/** Waits so short, and attempts so many, that a recording gets over any fault within the blink of an eye. */
export const QUICK_SETTINGS = {
  ARCHIVE_PART_BYTES: '5000000',
  PUBLISH_PATCH_BYTES: '1048576',
  TRANSFER_IDLE_TIMEOUT_S: '0.8',
  TRANSFER_RETRY_PAUSE_MS: '5',
  RETRY_BACKOFF_MIN_S: '0.02',
  RETRY_BACKOFF_MAX_S: '0.1',
  RETRY_ATTEMPTS: '60',
  CIRCUIT_OPEN_MIN_S: '0.05',
  CIRCUIT_OPEN_MAX_S: '0.1',
  SITE_RETRY_SCHEDULE_S: '0,0,0,0,0,0,0,0,1,1,1,1',
  FFMPEG_NICENESS: '0',
} as const;

/** Videos are not looked at after their upload, so that every request to Bunny belongs to a transfer. */
export const UNWATCHED = { PLAYABLE_POLL_MIN_S: '3600', PLAYABLE_POLL_MAX_S: '3600' } as const;

/** A video on disk that any number of meetings may hold. */
export interface Source {
  readonly path: string;
  readonly bytes: number;
  readonly sha1: string;
  readonly sha256: string;
}

/** A recording that was accepted, and what it is made of. */
export interface Sent extends Source {
  readonly id: string;
  readonly title: string;
}

/** Writes a video of about this many bytes, never fewer than the sample's 0.4 MB. */
export async function writeSource(house: House, name: string, bytes = 0): Promise<Source> {
  return await describeSource(await writeVideo(join(house.files, `${name}.mp4`), bytes));
}

export async function describeSource(path: string): Promise<Source> {
  const { size: bytes } = await stat(path);
  return { path, bytes, sha1: await digestOf(path, 'sha1'), sha256: await digestOf(path, 'sha256') };
}

/** Has Zoom announce a meeting with this one video. */
export async function sendMeeting(house: House, title: string, source: Source): Promise<Sent> {
  const { zoom, webhookUrl } = house;
  const meeting = await zoom.addMeeting({ topic: title, files: [{ path: source.path }] });
  const { status, body } = await zoom.send(webhookUrl, zoom.recordingCompleted(meeting));
  const { accepted } = JSON.parse(body) as { accepted?: { id: string }[] };
  const id = accepted?.[0]?.id;
  if (status !== 200 || id === undefined) throw new Error(`refused: ${status} ${body}`);
  return { ...source, id, title };
}

/** Has Zoom announce the transcript of a meeting whose video it has announced. */
export async function sendTranscript(house: House, { id }: { readonly id: string }): Promise<{ id: string }> {
  const uuid = String((await house.recordings.get(id))?.details['meeting_uuid']);
  const { body } = await house.zoom.send(house.webhookUrl, house.zoom.transcriptCompleted({ uuid }));
  const { accepted } = JSON.parse(body) as { accepted: { id: string }[] };
  const transcript = accepted[0];
  if (transcript === undefined) throw new Error(`no transcript taken: ${body}`);
  return transcript;
}

/** What must be true of a transcript in the end: one file beside that of its video, which has it as captions. */
export async function expectBeside(
  house: House,
  transcript: { readonly id: string },
  video: { readonly id: string },
): Promise<void> {
  await house.reaches(transcript.id, 'done', 'failed');
  const { facts } = await house.recordings.progress(video.id);
  const files = (await house.b2.files()).filter(
    (file) => file.fileInfo['sluice_recording'] === transcript.id,
  );
  expect(files.map(({ fileName }) => fileName)).toEqual([facts.archive?.fileName.replace(/\.mp4$/, '.vtt')]);
  const [shown] = house.bunny.videos().filter(({ guid }) => guid === facts.publish?.videoId);
  expect(shown?.captions).toMatchObject([{ srclang: 'en', text: expect.stringMatching(/^WEBVTT/) }]);
}

/** Waits until a recording has come to its end and the website has been told, or will not be. */
export async function arrive(house: House, { id }: { readonly id: string }): Promise<void> {
  const state = await house.reaches(id, 'done', 'failed');
  expect({ state, error: state === 'failed' && (await house.recordings.get(id))?.lastError }).toEqual({
    state: 'done',
    error: false,
  });
  await house.announced(id);
}

/**
 * What must be true of a recording in the end, whatever happened on its way: one archived file and one video, byte for
 * byte, one announcement, and nothing left behind anywhere.
 */
export async function expectHome(house: House, sent: Sent): Promise<void> {
  expect(await house.recordings.get(sent.id)).toMatchObject({ state: 'done' });

  const files = (await house.b2.files()).filter((file) => file.fileInfo['sluice_recording'] === sent.id);
  expect(files).toMatchObject([{ contentLength: sent.bytes, wholeSha1: sent.sha1 }]);
  const { facts } = await house.recordings.progress(sent.id);
  const videos = house.bunny.videos();
  expect(videos.filter(({ guid }) => guid === facts.publish?.videoId)).toMatchObject([
    { bytes: sent.bytes, sha256: sent.sha256 },
  ]);
  expect(facts.archive?.fileId).toBe(files[0]?.fileId);
  expect(idsHeard(house, sent.id).size).toBe(1);

  expect(house.b2.unfinished()).toEqual([]);
  expect(videos.filter((video) => video.sha256 === undefined)).toEqual([]);
  expect(await house.staged()).toEqual([]);
}

/** The ids under which the website has heard that a recording is published; one, however often it heard. */
export function idsHeard(house: House, recordingId: string): Set<string> {
  const heard = house
    .heard('recording.published')
    .filter(({ body }) => (body as { data: { id: string } }).data.id === recordingId);
  return new Set(heard.map(({ id }) => id));
}

/** Empties the archive and the library, so that many recordings do not fill the disk. */
export async function emptyRemotes({ b2, bunny }: House): Promise<void> {
  const basic = Buffer.from(`${b2.keyId}:${b2.applicationKey}`).toString('base64');
  const account = await fetch(`${b2.url}/b2api/v3/b2_authorize_account`, {
    headers: { authorization: `Basic ${basic}` },
  });
  const { authorizationToken } = (await account.json()) as { authorizationToken: string };
  const call = (operation: string, body: object) =>
    fetch(`${b2.url}/b2api/v3/${operation}`, {
      method: 'POST',
      headers: { authorization: authorizationToken },
      body: JSON.stringify(body),
    });
  for (const { fileName, fileId } of await b2.files())
    await call('b2_delete_file_version', { fileName, fileId });
  for (const { fileId } of b2.unfinished()) await call('b2_cancel_large_file', { fileId });
  for (const { guid } of bunny.videos()) {
    await fetch(`${bunny.url}/library/${bunny.libraryId}/videos/${guid}`, {
      method: 'DELETE',
      headers: { AccessKey: bunny.apiKey },
    });
  }
}

/** Forgets every fault that has not struck. */
export function clearFaults({ zoom, b2, bunny, site }: House): void {
  for (const simulator of [zoom, zoom.cdn, b2, bunny, site]) simulator.faults.clear();
}

/** Lets no recording begin to move, as an operator does. */
export async function pauseLine(house: House): Promise<void> {
  const { status } = await house.post('/api/line/pause', {});
  if (status !== 200) throw new Error(`not paused: ${status}`);
}

export async function resumeLine(house: House): Promise<void> {
  const { status } = await house.post('/api/line/resume', {});
  if (status !== 200) throw new Error(`not resumed: ${status}`);
}

/** Waits until something has happened to a recording. */
export async function happens(house: House, id: string, event: string): Promise<void> {
  await expect.poll(() => house.history(id), { timeout: 30_000, interval: 10 }).toContain(event);
}

/** Waits until an attempt at a recording has ended without success, whoever is to blame for it. */
export async function attemptEnds(house: House, id: string): Promise<void> {
  const hasEnded = async () =>
    (await house.history(id)).some((type) => type === 'attempt.failed' || type === 'attempt.postponed');
  await expect.poll(hasEnded, { timeout: 30_000, interval: 10 }).toBe(true);
}
