import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import type { AllSimulators } from '../../simulators/all.ts';
import { TWO_STORES } from '../../test/support/recipes.ts';
import {
  ANNOUNCEMENTS,
  type Check,
  checkCounts,
  checkDisk,
  checkOneAtATime,
  checkSources,
  toCheck,
} from './checks.ts';
import type { Environment } from './environment.ts';
import { type Played, play } from './player.ts';
import type { RecordingDetail } from './recordings-api.ts';
import { durationSOf, type SampleFile } from './samples.ts';
import type { Shipment } from './shipments.ts';
import type { Look } from './watch.ts';

/** What became of one shipment. */
export interface Outcome {
  readonly shipment: Shipment;
  readonly detail: RecordingDetail | undefined;
  /** Empty when it is verified. */
  readonly problems: readonly string[];
}

export interface Verification {
  readonly outcomes: readonly Outcome[];
  /** What became of further runs of some of them. */
  readonly runs: readonly Outcome[];
  /** What concerns all recordings together. */
  readonly checks: readonly Check[];
  readonly isGood: boolean;
}

/** Compares what the simulated services have with what was sent. */
export async function verify(
  { simulators, dataDir, archiveDir, pipelineUrl }: Environment,
  shipments: readonly Shipment[],
  { details, recordings }: Look,
  signal: AbortSignal,
): Promise<Verification> {
  const outcomes: Outcome[] = [];
  for (const shipment of shipments) {
    const detail = details.get(shipment);
    outcomes.push({
      shipment,
      detail,
      problems: await problemsOf(shipment, detail, { simulators, archiveDir }),
    });
  }
  const runs: Outcome[] = [];
  const players: string[] = [];
  for (const shipment of shipments.filter(({ hasRuns }) => hasRuns)) {
    const of = details.get(shipment)?.id;
    const own = recordings.filter(({ run_of }) => run_of !== null && run_of === of);
    const probed = own.find((run) => run.details['recipe'] === 'probe');
    runs.push({ shipment, detail: probed, problems: await probeProblems(shipment, probed) });
    const packaged = own.find((run) => run.details['recipe'] === 'presets');
    const { by, problems } = await playProblems(shipment, packaged, { pipelineUrl, signal });
    players.push(by);
    runs.push({ shipment, detail: packaged, problems });
  }
  const checks = [
    checkBytes(outcomes),
    checkRuns(runs, players),
    checkCounts(simulators, shipments.length, recordings, await simulators.b2.files()),
    checkOneAtATime([...details.values()]),
    await checkDisk(dataDir, signal),
    await checkSources(shipments),
  ];
  return { outcomes, runs, checks, isGood: checks.every(({ isKept }) => isKept) };
}

async function problemsOf(
  { file, recipe }: Shipment,
  detail: RecordingDetail | undefined,
  { simulators, archiveDir }: Pick<Environment, 'simulators' | 'archiveDir'>,
): Promise<readonly string[]> {
  if (detail === undefined) return ['the ledger does not know it'];
  if (detail.state !== 'done') {
    return [`${detail.state}: ${detail.last_error?.message ?? 'no reason is known'}`];
  }
  const { archive, publish } = detail.facts;
  const problems = [
    await archiveProblem(simulators, file, archive),
    recipe === TWO_STORES ? await folderProblem(archiveDir, file, detail) : undefined,
    publishProblem(simulators, file, publish?.videoId),
    announcementProblem(simulators, detail),
  ];
  return problems.filter((problem) => problem !== undefined);
}

async function archiveProblem(
  { b2 }: AllSimulators,
  file: SampleFile,
  archive: RecordingDetail['facts']['archive'],
): Promise<string | undefined> {
  const versions = (await b2.files()).filter(({ fileName }) => fileName === archive?.fileName);
  const [version] = versions;
  if (version === undefined) return 'B2 has no file of that name';
  if (versions.length > 1) return `B2 has ${versions.length} versions of it`;
  if (version.fileId !== archive?.fileId) return 'B2 has it under another id';
  if (version.contentLength !== file.bytes) return `B2 has ${version.contentLength} bytes of it`;
  if (version.wholeSha1 !== file.sha1) return `its SHA-1 in B2 is ${version.wholeSha1}, not ${file.sha1}`;
  return undefined;
}

async function folderProblem(archiveDir: string, file: SampleFile, { facts }: RecordingDetail) {
  const name = facts['archive-folder']?.file_name ?? 'nothing';
  const hash = createHash('sha1');
  try {
    for await (const chunk of createReadStream(join(archiveDir, name))) hash.update(chunk);
  } catch (error) {
    return `the folder does not have it: ${String(error)}`;
  }
  const sha1 = hash.digest('hex');
  return sha1 === file.sha1 ? undefined : `its SHA-1 in the folder is ${sha1}, not ${file.sha1}`;
}

function publishProblem({ bunny }: AllSimulators, file: SampleFile, videoId: string | undefined) {
  const video = bunny.videos().find(({ guid }) => guid === videoId);
  if (video === undefined) return 'Bunny has no video with that id';
  if (video.bytes !== file.bytes) return `Bunny has ${video.bytes} bytes of it`;
  if (video.sha256 !== file.sha256) return `its SHA-256 in Bunny is ${video.sha256}, not ${file.sha256}`;
  return undefined;
}

function announcementProblem({ site }: AllSimulators, { id, facts }: RecordingDetail): string | undefined {
  for (const type of ANNOUNCEMENTS) {
    const heard = site
      .received()
      .map((announcement) => ({ ...announcement, data: toData(announcement.body) }))
      .filter(
        ({ isValid, type: heardType, data }) => isValid && heardType === type && data.recordingId === id,
      );
    const ids = new Set(heard.map((announcement) => announcement.id));
    if (ids.size !== 1) return `the website heard ${type} under ${ids.size} ids`;
    const isRight = heard.every(
      ({ data }) =>
        (data.fileId === undefined || data.fileId === facts.archive?.fileId) &&
        data.videoId === facts.publish?.videoId,
    );
    if (!isRight) return `the website heard ${type} of another file or video`;
  }
  return undefined;
}

/** What a probe has found agrees with the file that was sent. */
async function probeProblems({ file }: Shipment, run: RecordingDetail | undefined) {
  if (run === undefined) return ['it has no further run'];
  if (run.state !== 'done') return [`${run.state}: ${run.last_error?.message ?? 'no reason is known'}`];
  const { probe } = run.facts;
  if (probe === undefined) return ['the probe has found nothing'];
  const durationS = await durationSOf(file.path);
  const kinds = probe.streams.map(({ kind }) => kind);
  return [
    ...(probe.bytes === file.bytes ? [] : [`it has ${probe.bytes} bytes, not ${file.bytes}`]),
    ...(probe.durationS === durationS ? [] : [`it lasts ${probe.durationS} s, not ${durationS} s`]),
    ...(kinds.includes('video') ? [] : ['it has no video']),
  ];
}

/** All outputs are there, and what was packaged plays. */
async function playProblems(
  { file }: Shipment,
  run: RecordingDetail | undefined,
  { pipelineUrl, signal }: { readonly pipelineUrl: string; readonly signal: AbortSignal },
): Promise<Played> {
  if (run === undefined) return { by: 'nothing', problems: ['it has no run that makes a package'] };
  const missing = run.outputs.filter(({ state }) => state !== 'done');
  if (run.state !== 'done' || missing.length > 0) {
    const why = missing.map(
      ({ step, state, error }) => `${step} is ${state}: ${error?.message ?? 'no reason is known'}`,
    );
    return { by: 'nothing', problems: [`${run.state}`, ...why] };
  }
  return await play({ pipelineUrl, recordingId: run.id, durationS: await durationSOf(file.path), signal });
}

/** The ids in the body of an announcement. */
function toData(body: unknown) {
  const data = field(body, 'data');
  return {
    recordingId: field(data, 'id'),
    fileId: field(field(data, 'b2'), 'file_id'),
    videoId: field(field(data, 'bunny'), 'video_id'),
  };
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

function checkBytes(outcomes: readonly Outcome[]): Check {
  const bad = outcomes.filter(({ problems }) => problems.length > 0);
  const found =
    'SHA-1 in B2 (and of one in a folder too) and SHA-256 in Bunny are those of what was sent, and the website knows both ids';
  return toCheck(
    'Intact',
    bad.map(({ shipment }) => `not "${shipment.title}"`),
    found,
  );
}

function checkRuns(runs: readonly Outcome[], players: readonly string[]): Check {
  const titles = [...new Set(runs.map(({ shipment }) => shipment.title))].join(', ');
  return toCheck(
    'Further runs',
    runs.flatMap(({ shipment, problems }) => problems.map((problem) => `"${shipment.title}": ${problem}`)),
    `the probe of ${titles} says the size and the duration of what was sent, and its package plays from beginning to end (${players.join(', ')})`,
  );
}
