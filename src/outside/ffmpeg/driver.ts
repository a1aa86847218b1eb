import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Cost } from '../../domain/media/cost.ts';
import type { Ffmpeg, FfmpegDone, FfmpegRun } from '../../engine/ports/ffmpeg.ts';
import { createTurns } from '../../lib/turns.ts';
import { createEncoderProbe } from './encoders.ts';
import { type Ending, failureOf, isTooShort, stalled, tooMuchMemory, tooShort } from './failure.ts';
import { inputArgs } from './input.ts';
import { eachLine, readProgress, readReport } from './output.ts';
import { type StallTerms, watchProcess } from './watch.ts';

export interface FfmpegOptions {
  /** Its name or path. */
  readonly command: string;
  /** Where commands are looked for, as PATH says it. */
  readonly searchPath: string;
  readonly maxMemoryBytes: number;
  readonly stall: StallTerms;
  /** How far it gives way to all else on this machine: 0 not at all, 19 to whatever has anything to do. */
  readonly niceness: number;
  /** Runs that go on at once, besides small ones; others wait for theirs. Each holds much memory, and uses all cores by itself. Default 1. */
  readonly atOnce?: number;
  /** How often a run is looked at, in milliseconds. */
  readonly lookEveryMs?: number;
}

/** The most that is added to the niceness of this process: one above that would be held up by what nobody waits for, too. */
const MAX_NICENESS = 10;

/** The niceness at which it has no more than what nobody else wants. */
const GIVES_WAY_TO_ALL = 19;

/** Where memory is short, the kernel takes it from here. */
const FIRST_TO_GO = 900;

/**
 * Becomes ffmpeg in the end, under the same process id. Of a process that died before its own end could be bound to it this
 * begins nothing.
 */
const SCRIPT = [
  'test "$PPID" = "$0" || exit 1',
  'ulimit -c 0',
  // The room of addresses, which is several times what is held: a backstop behind the watch.
  'ulimit -v "$1" 2>/dev/null',
  `echo ${FIRST_TO_GO} 2>/dev/null >/proc/self/oom_score_adj`,
  // Where Linux shares processors out by sessions (sched_autogroup_enabled), of which this is one, niceness counts within each alone.
  'echo "$2" 2>/dev/null >/proc/self/autogroup',
  `if [ "$2" -gt ${MAX_NICENESS} ]; then niceness=${MAX_NICENESS}; else niceness=$2; fi`,
  // Whatever has anything to do takes a processor from it at once, and looks for one that does nothing else.
  `if [ "$2" -eq ${GIVES_WAY_TO_ALL} ]; then chrt --idle --all-tasks --pid 0 "$$" 2>/dev/null; fi`,
  'shift 2',
  'exec nice -n "$niceness" ionice -t -c 3 "$@"',
].join('\n');

/** Said of every run: it asks nothing, and says how far it is and what it has cost so that it can be read. */
const GLOBAL_ARGS = [
  ...['-nostdin', '-hide_banner', '-v', 'info', '-nostats', '-benchmark'],
  ...['-progress', 'pipe:3', '-stats_period', '0.5', '-y'],
];

/** Drives the ffmpeg of this machine: a process of its own for each run. */
export function createFfmpeg(options: FfmpegOptions): Ffmpeg {
  const turns = createTurns(options.atOnce ?? 1);
  const run = (wanted: FfmpegRun) =>
    wanted.isSmall ? runOnce(options, wanted) : turns.take(() => runOnce(options, wanted), wanted.signal);
  return { input: inputArgs, run, encoders: createEncoderProbe({ run }) };
}

async function runOnce(options: FfmpegOptions, wanted: FfmpegRun): Promise<FfmpegDone> {
  const { signal, expectedS, onOutput, maxMemoryBytes = options.maxMemoryBytes } = wanted;
  signal.throwIfAborted();
  const startedMs = performance.now();
  const child = start(options, wanted, maxMemoryBytes);
  const progress = readProgress(wanted.onProgress);
  const report = readReport();
  eachLine(child.stdio[3] as Readable, progress.read);
  eachLine(child.stdio[2] as Readable, report.read);
  if (onOutput !== undefined) child.stdout?.on('data', onOutput);

  let whyKilled: Ending['whyKilled'];
  const killFor = (why: NonNullable<Ending['whyKilled']>): void => {
    whyKilled ??= why;
    killGroup(child);
  };
  const cancel = (): void => killGroup(child);
  const watch = watchProcess(child.pid, {
    outTimeS: () => progress.outTimeS(),
    stall: options.stall,
    everyMs: options.lookEveryMs ?? 1000,
    onStalled: (forS) => killFor(stalled(forS)),
    onMemory: (rssBytes) => {
      if (rssBytes > maxMemoryBytes) killFor(tooMuchMemory(rssBytes, maxMemoryBytes));
    },
  });
  signal.addEventListener('abort', cancel, { once: true });
  try {
    const { exitCode, endedBy, spawnError } = await endOf(child);
    signal.throwIfAborted();
    const { cpuS, peakRssBytes } = report.cost() ?? watch.seen();
    const cost: Cost = { cpuS, peakRssBytes, wallS: Math.round(performance.now() - startedMs) / 1000 };
    const lines = report.lastLines();
    const failure = failureOf({
      exitCode,
      endedBy,
      spawnError,
      whyKilled,
      lines,
      command: options.command,
      cost,
    });
    if (failure !== undefined) throw failure;
    const outTimeS = progress.outTimeS();
    if (expectedS !== undefined && (!progress.isEnded() || isTooShort(outTimeS, expectedS))) {
      throw tooShort({ outTimeS, expectedS, cost });
    }
    return { cost, outTimeS, corruptCount: report.corruptCount() };
  } finally {
    signal.removeEventListener('abort', cancel);
    watch.stop();
  }
}

function start(
  { command, searchPath, niceness }: FfmpegOptions,
  { args, folder }: FfmpegRun,
  maxBytes: number,
) {
  const addressKib = Math.ceil((4 * maxBytes) / 1024) + 1_048_576;
  const numbers = [process.pid, addressKib, niceness].map(String);
  return spawn(
    'setpriv',
    [...['--pdeathsig', 'KILL', '/bin/sh', '-c', SCRIPT, ...numbers], ...[command, ...GLOBAL_ARGS, ...args]],
    {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      // A group of its own, so that it goes with all that it has started.
      detached: true,
      env: { PATH: searchPath },
      ...(folder === undefined ? {} : { cwd: folder }),
    },
  );
}

/** Never asks it to end: it would finish what it writes, which then looks whole. */
function killGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** Once it is gone, and all that it has said has been read. */
function endOf(child: ChildProcess): Promise<Pick<Ending, 'exitCode' | 'endedBy' | 'spawnError'>> {
  // Nobody reads what it writes where nobody has asked for it.
  if (child.stdout?.listenerCount('data') === 0) child.stdout.resume();
  return new Promise((resolve) => {
    let spawnError: Error | undefined;
    child.once('error', (error) => {
      spawnError = error;
      if (child.pid === undefined) resolve({ exitCode: null, endedBy: null, spawnError });
    });
    child.once('close', (exitCode, endedBy) => resolve({ exitCode, endedBy, spawnError }));
  });
}
