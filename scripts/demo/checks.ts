import { access, readdir } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import type { AllSimulators } from '../../simulators/all.ts';
import type { RecordingDetail } from './recordings-api.ts';
import type { Shipment } from './shipments.ts';
import { pause } from './waiting.ts';

/** A promise that was put to the test. */
export interface Check {
  readonly promise: string;
  readonly isKept: boolean;
  /** What was found. */
  readonly found: string;
}

/** What the website hears of each recording. It may come more than once, but always under the same id. */
export const ANNOUNCEMENTS = ['recording.published', 'recording.playable'];

/** How long what is on its way out may take to be gone, in milliseconds. */
const SETTLE_MS = 5000;
const POLL_MS = 100;

/** Nothing was made twice, and nothing left half made. */
export function checkCounts(
  { b2, bunny, site }: AllSimulators,
  expected: number,
  recordings: readonly RecordingDetail[],
  files: readonly unknown[],
): Check {
  const counts = {
    'recordings in the ledger': recordings.filter(({ run_of }) => run_of === null).length,
    'files in B2': files.length,
    'videos in Bunny': bunny.videos().length,
  };
  const announcements = new Set(site.received().map(({ id }) => id)).size;
  const announced = expected * ANNOUNCEMENTS.length;
  const refused = site.received().filter(({ isValid }) => !isValid).length;
  const problems = [
    ...Object.entries(counts).flatMap(([name, count]) => (count === expected ? [] : [`${count} ${name}`])),
    ...(announcements === announced ? [] : [`${announcements} announcements`]),
    ...(refused === 0 ? [] : [`${refused} announcements with a bad signature`]),
    ...(b2.unfinished().length === 0 ? [] : [`${b2.unfinished().length} unfinished large files in B2`]),
  ];
  const found = `${expected} recordings, ${expected} files in B2, ${expected} videos in Bunny, ${announced} announcements (published, playable)`;
  return toCheck('Once', problems, found);
}

/** A check that is kept if there are no problems; `found` says what there is then. */
export function toCheck(promise: string, problems: readonly string[], found: string): Check {
  const isKept = problems.length === 0;
  return { promise, isKept, found: isKept ? found : problems.join(', ') };
}

/** Attempts take turns: none begins before the one before it has ended. */
export function checkOneAtATime(details: readonly RecordingDetail[]): Check {
  const attempts = details
    .flatMap((detail) => attemptsOf(detail).map((attempt) => ({ ...attempt, title: detail.title })))
    .sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
  const problems = attempts.flatMap((attempt, index) => {
    const before = attempts[index - 1];
    if (before === undefined || before.endMs <= attempt.startMs) return [];
    return [`"${before.title}" and "${attempt.title}" were moved at once`];
  });
  return toCheck('One at a time', problems, `${attempts.length} attempts, one after the other`);
}

/** Whether an event ends an attempt, whichever way. */
function isEnd(type: string): boolean {
  return type === 'recording.done' || type === 'recording.failed' || /^attempt\.(?!started)/.test(type);
}

function attemptsOf({
  events,
}: RecordingDetail): readonly { readonly startMs: number; readonly endMs: number }[] {
  return events.flatMap(({ type, at: startMs }, index) => {
    if (type !== 'attempt.started') return [];
    const end = events.slice(index + 1).find((event) => isEnd(event.type));
    return [{ startMs, endMs: end?.at ?? Number.POSITIVE_INFINITY }];
  });
}

/** Looks until nothing is left, or for as long as it may take. Small notes of finished uploads count as nothing. */
export async function checkDisk(dataDir: string, signal: AbortSignal): Promise<Check> {
  const deadlineMs = performance.now() + SETTLE_MS;
  for (;;) {
    const left = await leftovers(dataDir);
    if (left.length === 0 || performance.now() > deadlineMs) {
      return toCheck('Nothing left behind', left, 'spool, uploads and incoming hold no bytes');
    }
    await pause(POLL_MS, signal);
  }
}

async function leftovers(dataDir: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const folder of ['spool', 'uploads', 'incoming']) {
    const entries = await readdir(join(dataDir, folder), { recursive: true, withFileTypes: true }).catch(
      () => [],
    );
    for (const entry of entries) {
      const isNote = folder === 'uploads' && entry.name.endsWith('.json');
      const path = join(entry.parentPath, entry.name);
      if (!entry.isDirectory() && !isNote) found.push(relative(dataDir, path));
    }
  }
  return found;
}

/** The custom door removes what it was given, unless it was told not to. */
export async function checkSources(shipments: readonly Shipment[]): Promise<Check> {
  const custom = shipments.filter(({ source }) => source === 'custom');
  const names = (keepsFile: boolean) =>
    custom.filter((shipment) => shipment.keepsFile === keepsFile).map(({ file }) => basename(file.path));
  const found = `${names(false).join(', ')} is gone, ${names(true).join(', ')} was to be kept and is there`;
  const problems: string[] = [];
  for (const { file, keepsFile } of custom) {
    const isThere = await access(file.path).then(
      () => true,
      () => false,
    );
    if (isThere !== keepsFile) problems.push(`${basename(file.path)} is ${isThere ? 'still there' : 'gone'}`);
  }
  return toCheck('Files of this machine', problems, found);
}
