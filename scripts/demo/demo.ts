import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Paint } from '../../src/cli/paint.ts';
import { byteSize } from '../../src/lib/byte-size.ts';
import type { Cleanup } from './cleanup.ts';
import { type Environment, startEnvironment } from './environment.ts';
import { DemoFailure } from './failure.ts';
import { formatMs } from './format.ts';
import type { DemoOptions } from './options.ts';
import type { ProgressView } from './progress-view.ts';
import { createRecordingsApi, isSettled, type RunWay } from './recordings-api.ts';
import { sendAll } from './sending.ts';
import { prepareShipments, type Shipments } from './shipments.ts';
import { renderOutcome } from './table.ts';
import { verify } from './verification.ts';
import { pause } from './waiting.ts';
import { createWatch, type Look } from './watch.ts';

const LOOK_EVERY_MS = 120;
const IDLE_LOOK_EVERY_MS = 500;

/** How long recordings may take besides moving their bytes, in milliseconds. */
const ARRIVAL_GRACE_MS = 60_000;

/** How many times all bytes of the larger recordings lie on the disk at once, at most. */
const COPIES_ON_DISK = 11;

/** What is made of a recording that is home. */
const FURTHER_RUNS: readonly (readonly [string, RunWay])[] = [
  ['the recipe "probe"', { recipe: 'probe' }],
  [
    'the presets "hls-720p" and "thumbnail"',
    {
      presets: ['hls-720p', 'thumbnail'],
      // The sample is smaller than what the preset begins with.
      params: { 'hls-720p': { ladder: 'auto', formats: ['hls', 'dash'] } },
    },
  ],
];

export interface DemoContext {
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly options: DemoOptions;
  readonly cleanup: Cleanup;
  readonly view: ProgressView;
  /** For recordings that come in once the demo's own have arrived. */
  readonly idleView: ProgressView;
  readonly print: (line: string) => void;
  readonly paint: Paint;
  readonly onDeath: (failure: DemoFailure) => void;
  /** Hears whether every recording was verified, once that is known. */
  readonly onVerified: (isGood: boolean) => void;
  readonly signal: AbortSignal;
}

/** The demo from its start to the table; unless asked for once only, it then stays up until the signal. */
export async function runDemo(context: DemoContext): Promise<void> {
  const { root, options, view, print, paint, signal } = context;
  const startedMs = performance.now();
  await requireSpace(options.bytes);
  print(paint('bold', 'Starting'));
  const environment = await startEnvironment({
    ...context,
    keepsFolder: options.keepsFolder,
    say: print,
  });
  const shipments = await prepareShipments({
    samplePath: join(root, 'test/fixtures/sample.mp4'),
    folder: environment.sourceDir,
    bytes: options.bytes,
  });
  signal.throwIfAborted();

  print(`\n${paint('bold', 'Sending')}`);
  const look = createWatch(environment, shipments.all);
  const sending = sendAll(environment, shipments, view.say, signal);
  const watching = watchAll(context, environment, shipments, look);
  // However it ends: the cursor comes back.
  const [sent, last] = await Promise.all([sending, watching]).finally(view.end);

  const verification = await verify(environment, shipments.all, last, signal);
  context.onVerified(verification.isGood);
  for (const line of renderOutcome(verification, paint)) print(line);
  const verdict = verification.isGood
    ? paint('green', 'Every recording was verified')
    : paint('red', 'Not every recording was verified');
  print(`\n${verdict}, ${formatMs(performance.now() - startedMs)} after the start.`);

  if (options.isOnce) return;
  for (const line of whatIsUp(environment, sent.meetingUuid, root)) print(line);
  await showOthers(context, look, last.rows.length);
}

async function requireSpace(bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(tmpdir());
  const needed = bytes * COPIES_ON_DISK;
  if (bavail * bsize >= needed) return;
  const has = byteSize(bavail * bsize);
  throw new DemoFailure(
    `${tmpdir()} has ${has} free, and the demo needs up to ${byteSize(needed)}: choose a smaller --bytes, or another TMPDIR.`,
  );
}

/** Watches until every recording is home, and then the further runs. */
async function watchAll(
  context: DemoContext,
  environment: Environment,
  shipments: Shipments,
  look: (signal: AbortSignal) => Promise<Look>,
): Promise<Look> {
  const { view, signal } = context;
  const home = await watchUntilSettled(context, environment, shipments, look);
  const api = createRecordingsApi(environment.pipelineUrl);
  let expected = home.recordings.length;
  for (const [{ title, hasRuns }, { id, state }] of home.details) {
    if (!hasRuns || state !== 'done') continue;
    for (const [words, way] of FURTHER_RUNS) {
      await api.startRun(id, way, signal);
      view.say(`run     "${title}" is home, and goes through ${words} too: 202`);
      expected += 1;
    }
  }
  return await watchUntilSettled(context, environment, shipments, look, expected);
}

/** @param expected How many recordings there are to be at least, further runs among them. */
async function watchUntilSettled(
  { view, options, signal }: DemoContext,
  { bytesPerSecond, logPaths }: Environment,
  { all }: Shipments,
  look: (signal: AbortSignal) => Promise<Look>,
  expected = all.length,
): Promise<Look> {
  // Each byte is sent, fetched, archived and published, one recording after the other.
  const transferMs = (4 * all.length * options.bytes * 1000) / bytesPerSecond;
  const deadlineMs = performance.now() + ARRIVAL_GRACE_MS + transferMs;
  for (;;) {
    const now = await look(signal);
    view.show(now.rows);
    const isComplete = now.details.size === all.length && now.recordings.length >= expected;
    if (isComplete && now.recordings.every(isSettled)) return now;
    if (performance.now() > deadlineMs) {
      const missing = now.rows.filter(({ state }) => state !== 'done' && state !== 'failed').length;
      throw new DemoFailure(
        `${missing} of ${expected} recordings did not arrive within ${formatMs(ARRIVAL_GRACE_MS + transferMs)}.`,
        { logPath: logPaths.worker },
      );
    }
    await pause(LOOK_EVERY_MS, signal);
  }
}

function whatIsUp(
  { pipelineUrl, tusUrl, simulators: { zoom, b2, bunny, site } }: Environment,
  meetingUuid: string,
  root: string,
): readonly string[] {
  const json = "-H 'content-type: application/json'";
  const custom = JSON.stringify({
    path: join(root, 'test/fixtures/sample.mp4'),
    title: 'My own recording',
    keep_file: true,
  });
  const again = JSON.stringify({ meetingUuid, webhookUrl: `${pipelineUrl}/zoom-upload` });
  return [
    '',
    'Everything is up:',
    `  dashboard  ${pipelineUrl}/`,
    `  uploading  ${pipelineUrl}/upload`,
    `  pipeline   ${pipelineUrl}/api/recordings`,
    `  tus        ${tusUrl}`,
    `  Zoom       ${zoom.url}/__sim/meetings, CDN ${zoom.cdnUrl}`,
    `  B2         ${b2.url}/__sim/files`,
    `  Bunny      ${bunny.url}/__sim/videos`,
    `  website    ${site.url}/`,
    '',
    'Send a file of this machine through the custom door (without keep_file it is removed afterwards):',
    `  curl -s ${json} -d '${custom}' ${pipelineUrl}/custom-upload`,
    'Let Zoom send its webhook once more, which changes nothing:',
    `  curl -s -d '${again}' ${zoom.url}/__sim/send`,
    '',
    'Ctrl-C stops everything.',
    '',
  ];
}

/** Shows what becomes of recordings that others send, until the signal. */
async function showOthers(
  { idleView, signal }: DemoContext,
  look: (signal: AbortSignal) => Promise<Look>,
  ownRows: number,
): Promise<never> {
  for (;;) {
    const { rows } = await look(signal);
    idleView.show(rows.slice(ownRows));
    await pause(IDLE_LOOK_EVERY_MS, signal);
  }
}
