import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import type { Recording } from '../../src/domain/recording.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Progress } from '../../src/ledger/recordings.ts';
import { judgeFolder } from './folder-verdict.ts';
import type { FurtherRuns } from './further-runs.ts';
import type { House } from './house.ts';
import type { JobClients } from './job-clients.ts';
import { beginsInLook, isOfPrograms, judgeJobs } from './jobs-verdict.ts';
import type { Media } from './media.ts';
import { findOverlaps, findStrayTransfers, inFirstLane } from './one-at-a-time.ts';
import type { Performed } from './performer.ts';
import { judgeRuns } from './runs-verdict.ts';
import type { Senders, Sent } from './senders.ts';
import { judgeStaging } from './staging.ts';
import type { TransferWatch } from './transfers.ts';

/** One promise that was not kept; `wrong` is what the ledger or an announcement says and is not so. */
export interface Finding {
  readonly kind: 'lost' | 'doubled' | 'left' | 'wrong';
  readonly text: string;
  /** The recording that it is about, if it is about one. */
  readonly recordingId?: string;
}

export interface Verdict {
  /** Recordings that were accepted, by what senders were told or by what the ledger says. */
  readonly accepted: number;
  /** Those of them that go to the folder as well. */
  readonly keptTwice: number;
  /** Further runs that are done. */
  readonly runs: number;
  /** Jobs of programs that are done. */
  readonly jobs: number;
  readonly findings: readonly Finding[];
}

/** What of a house is looked at in the end. */
export interface JudgedHouse extends Pick<House, 'simulators' | 'clock' | 'storeDir'> {
  /** What keeps the ledger, where that is no file. */
  readonly database: object | undefined;
  /** The `DATA_DIR` of each host. */
  readonly dataDirs: readonly string[];
  /** How much later than it has left a request may be seen by its service, in milliseconds, where links are cut. */
  readonly seenWithinMs?: number;
}

/** Everything that was sent, everything that is there, and the ledger, compared. */
export async function judge(options: {
  house: JudgedHouse;
  ledger: Ledger;
  senders: Senders;
  furtherRuns: FurtherRuns;
  jobClients: JobClients;
  media: Media;
  watch: TransferWatch;
  performed: Pick<Performed, 'workerEndsMs' | 'cancelledIds'>;
}): Promise<Verdict> {
  const { house, ledger, senders, furtherRuns, watch, performed } = options;
  const all = await ledger.recordings.newest(1_000_000);
  const ofPrograms = all.filter((each) => isOfPrograms(each, all));
  const recordings = all.filter((each) => !ofPrograms.includes(each));
  const asWritten = (atMs: number) => atMs;
  // A database has a clock of its own, which nobody sets.
  const trueMs = house.database === undefined ? (house.clock?.trueMs ?? asWritten) : asWritten;
  const events = (await ledger.recordings.events()).map((each) => ({ ...each, atMs: trueMs(each.atMs) }));
  const known: Known[] = [];
  const findings: Finding[] = [];

  for (const sent of senders.sent) {
    const recording = await findRecording(recordings, sent);
    if (recording !== undefined) {
      known.push({ sent, recording, progress: await ledger.recordings.progress(recording.id) });
    }
    if (recording === undefined && sent.isAccepted) {
      findings.push({
        kind: 'lost',
        text: `${sent.door} ${sent.file.path} was accepted, and the ledger does not know it`,
      });
    }
    if (sent.refusal !== undefined && !sent.isAccepted && recording === undefined) {
      findings.push({
        kind: 'lost',
        text: `${sent.door} ${sent.file.path} was refused for good: ${sent.refusal}`,
      });
    }
  }

  const b2Files = await house.simulators.b2.files();
  for (const each of known) {
    if (each.recording.state === 'cancelled' && performed.cancelledIds.has(each.recording.id)) {
      findings.push(...judgeCancelled(each, b2Files, house));
      continue;
    }
    findings.push(
      ...judgeState(each),
      ...judgeArchive(each, b2Files),
      ...judgeVideo(each, house),
      ...judgeAnnouncements(each, house),
      ...judgeSource(each),
    );
  }
  const runs = await judgeRuns({ recordings, ledger, asked: furtherRuns.asked, performed });
  const jobs = await judgeJobs({ ...options, recordings: ofPrograms, performed });
  const firstLane = inFirstLane(
    events,
    ofPrograms.filter(beginsInLook).map(({ id }) => id),
  );
  findings.push(
    ...judgeStrangers(known, recordings, b2Files, house),
    ...(await judgeFolder(house.storeDir, known)),
    ...runs.findings,
    ...jobs.findings,
    ...findOverlaps(firstLane, performed.workerEndsMs),
    ...findStrayTransfers(watch.transfers, firstLane, tracer(known, b2Files), house.seenWithinMs),
    ...(await Promise.all(house.dataDirs.map((folder) => judgeStaging(folder, senders.uploadIds)))).flat(),
  );
  const keptTwice = known.filter(({ sent }) => sent.isKeptTwice).length;
  return { accepted: known.length, keptTwice, runs: runs.done, jobs: jobs.done, findings };
}

/** A recording as its sender and as the ledger knows it. */
export interface Known {
  readonly sent: Sent;
  readonly recording: Recording;
  readonly progress: Progress;
}

type B2Files = Awaited<ReturnType<JudgedHouse['simulators']['b2']['files']>>;

export async function findRecording(
  recordings: readonly Recording[],
  sent: Sent,
): Promise<Recording | undefined> {
  if (sent.naturalKey !== undefined) {
    return recordings.find(({ naturalKey }) => naturalKey === sent.naturalKey);
  }
  const path = await realpath(sent.file.path).catch(() => sent.file.path);
  return recordings.find(({ origin }) => origin.kind === 'file' && origin.path === path);
}

function* judgeState({ recording: { id, state, lastError } }: Known): Generator<Finding> {
  if (state === 'done') return;
  yield { kind: 'lost', recordingId: id, text: `${id} is ${state}: ${JSON.stringify(lastError)}` };
}

/** Of what was cancelled nothing is anywhere; an admin's own file stays. */
function* judgeCancelled(
  { sent, recording: { id } }: Known,
  b2Files: B2Files,
  { simulators }: JudgedHouse,
): Generator<Finding> {
  for (const { fileId, fileInfo, action } of b2Files) {
    if (fileInfo['sluice_recording'] !== id) continue;
    yield { kind: 'wrong', recordingId: id, text: `${id} is cancelled, and B2 has ${fileId} (${action})` };
  }
  for (const { guid, sha256 } of simulators.bunny.videos()) {
    if (sha256 !== sent.file.sha256) continue;
    yield { kind: 'wrong', recordingId: id, text: `${id} is cancelled, and Bunny has its video ${guid}` };
  }
}

function* judgeArchive({ sent, recording: { id }, progress }: Known, all: B2Files): Generator<Finding> {
  const files = all.filter(
    ({ fileInfo, fileId }) =>
      fileInfo['sluice_recording'] === id || fileId === progress.facts.archive?.fileId,
  );
  const right = files.filter(({ action, wholeSha1 }) => action === 'upload' && wholeSha1 === sent.file.sha1);
  if (right.length === 0) {
    yield {
      kind: 'lost',
      recordingId: id,
      text: `${id} has no file with its SHA-1 in B2 (${files.length} others)`,
    };
  } else if (!right.some(({ fileId }) => fileId === progress.facts.archive?.fileId)) {
    yield {
      kind: 'wrong',
      recordingId: id,
      text: `${id}: the ledger names another file than the right one in B2`,
    };
  }
  if (files.length > 1) {
    yield {
      kind: 'doubled',
      recordingId: id,
      text: `${id} has ${files.length} files in B2: ${files.map(({ fileId }) => fileId).join(', ')}`,
    };
  }
}

function* judgeVideo(
  { sent, recording: { id }, progress }: Known,
  { simulators }: JudgedHouse,
): Generator<Finding> {
  const right = simulators.bunny.videos().filter(({ sha256 }) => sha256 === sent.file.sha256);
  if (right.length === 0) {
    yield { kind: 'lost', recordingId: id, text: `${id} has no video with its SHA-256 in Bunny` };
  } else if (!right.some(({ guid }) => guid === progress.facts.publish?.videoId)) {
    yield {
      kind: 'wrong',
      recordingId: id,
      text: `${id}: the ledger names another video than the right one in Bunny`,
    };
  }
  if (right.length > 1) {
    yield { kind: 'doubled', recordingId: id, text: `${id} has ${right.length} videos in Bunny` };
  }
}

function* judgeAnnouncements({ recording: { id } }: Known, { simulators }: JudgedHouse): Generator<Finding> {
  const heard = simulators.site.received().filter(({ isValid, body }) => isValid && recordingOf(body) === id);
  const types = new Set(['recording.published', ...heard.map(({ type }) => type)]);
  for (const type of types) {
    const ids = new Set(heard.filter((each) => each.type === type).map((each) => each.id));
    if (ids.size > 1) {
      yield {
        kind: 'doubled',
        recordingId: id,
        text: `${id} was announced as ${type} under ${ids.size} ids`,
      };
    }
    if (ids.size === 0) yield { kind: 'lost', recordingId: id, text: `${id} was never announced as ${type}` };
    if (type === 'recording.failed') {
      yield { kind: 'wrong', recordingId: id, text: `${id} was announced as failed` };
    }
  }
}

function recordingOf(body: unknown): unknown {
  const data = typeof body === 'object' && body !== null ? Reflect.get(body, 'data') : undefined;
  return typeof data === 'object' && data !== null ? Reflect.get(data, 'id') : undefined;
}

/** A file that an admin named is removed unless it was to be kept. */
function* judgeSource({ sent, recording: { id } }: Known): Generator<Finding> {
  if (sent.keepsFile === undefined || existsSync(sent.file.path) === sent.keepsFile) return;
  yield sent.keepsFile
    ? { kind: 'lost', recordingId: id, text: `${id}: ${sent.file.path} was to be kept and is gone` }
    : { kind: 'left', recordingId: id, text: `${id}: ${sent.file.path} is still there` };
}

/** What is there and belongs to nobody. */
function* judgeStrangers(
  known: readonly Known[],
  recordings: readonly Recording[],
  b2Files: B2Files,
  { simulators }: JudgedHouse,
): Generator<Finding> {
  const ids = new Set(known.map(({ recording: { id } }) => id));
  for (const { id, naturalKey, runOf } of recordings) {
    if (!ids.has(id) && runOf === undefined)
      yield { kind: 'doubled', recordingId: id, text: `${id} (${naturalKey}) was never sent` };
  }
  const archived = new Set(known.map(({ progress }) => progress.facts.archive?.fileId));
  for (const { fileId, fileName, fileInfo, action } of b2Files) {
    if (archived.has(fileId) || ids.has(fileInfo['sluice_recording'] ?? '')) continue;
    yield { kind: 'left', text: `B2 has ${fileName} (${fileId}, ${action}), which belongs to no recording` };
  }
  for (const { fileId, fileName, parts, fileInfo } of simulators.b2.unfinished()) {
    const recordingId = fileInfo['sluice_recording'];
    yield {
      kind: 'left',
      text: `B2 has the unfinished large file ${fileName} (${fileId}) with ${parts.length} parts`,
      ...(recordingId === undefined ? {} : { recordingId }),
    };
  }
  const published = new Map(known.map((each) => [each.progress.facts.publish?.videoId, each]));
  for (const { guid, title, status, bytes, sha256 } of simulators.bunny.videos()) {
    const owner = published.get(guid);
    const recordingId = owner?.recording.id;
    if (owner === undefined) {
      const what = sha256 === undefined ? `an empty video (${bytes} bytes of an upload)` : 'a video';
      yield {
        kind: 'left',
        text: `Bunny has ${what} "${title}" (${guid}, status ${status}) of no recording`,
      };
    } else if (sha256 !== owner.sent.file.sha256 && recordingId !== undefined) {
      yield { kind: 'wrong', recordingId, text: `${recordingId}: its video ${guid} has other bytes` };
    }
  }
}

/** Traces a transfer to its recording. */
function tracer(known: readonly Known[], b2Files: B2Files) {
  const byCdnName = new Map(known.map(({ sent, recording }) => [sent.cdnName, recording.id]));
  const byVideo = new Map(
    known.map(({ progress, recording }) => [progress.facts.publish?.videoId, recording.id]),
  );
  const byFile = new Map(b2Files.map(({ fileId, fileInfo }) => [fileId, fileInfo['sluice_recording']]));
  return ({ ref }: TransferWatch['transfers'][number]): string | undefined => {
    switch (ref.kind) {
      case 'cdn-file':
        return byCdnName.get(ref.name);
      case 'b2-recording':
        return ref.id;
      case 'b2-large-file':
        return byFile.get(ref.fileId);
      case 'b2-download':
        // A file is read by any of its recording's runs.
        return undefined;
      case 'bunny-video':
        return byVideo.get(ref.videoId);
    }
  };
}
