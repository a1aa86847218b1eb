import { fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JobInSight } from '../../../src/desk/jobs.ts';
import type { Ending } from '../../../src/domain/output-stand.ts';
import type { PlannedStep } from '../../../src/domain/recipe.ts';
import type { Recording } from '../../../src/domain/recording.ts';
import { resultsOf } from '../../../src/grpc/results.ts';
import { inputStatus, outputStatus, primaryStatus, stopReason } from '../../../src/grpc/status.ts';
import {
  InputStatus,
  JobsResultsResponseSchema,
  OutputStatus,
  PrimaryStatus,
  type ResultDetails,
  StopReason,
} from '../../../src/grpc/stubs/streaming_pb.ts';

const step = (id: string, task: string, lane: string): PlannedStep => ({
  ...{ id, task, lane, takes: [], after: [], isFinal: false },
  params: task === 'preflight' ? { outputs: { freeKeys: ['a', 'b'] } } : { to: 's3://bucket/key' },
});

const STEPS = [
  step('preflight-0', 'preflight', 'look'),
  step('fetch', 'fetch', 'upload'),
  step('probe', 'probe', 'look'),
  step('p0', 'package', 'media'),
  step('t0', 'thumbnail', 'media'),
  step('cleanup', 'cleanup', 'upload'),
];
const OUTPUTS = STEPS.filter(({ id }) => ['p0', 't0'].includes(id));
const PROBED = { container: 'mov', durationS: 1, bytes: 1, bitsPerS: null, streams: [] };

/** How a job is kept, which moves as the ledger's recordings do. */
interface Kept {
  state: Recording['state'];
  wanted: Recording['wanted'];
  lane: string | undefined;
  readonly begun: Set<string>;
  readonly done: Set<string>;
  readonly sending: Set<string>;
  readonly endings: Map<string, Ending>;
  lastError: Recording['lastError'];
}

const newJob = (): Kept => ({
  ...{ state: 'waiting', wanted: null, lane: 'look', lastError: null },
  ...{ begun: new Set(), done: new Set(), sending: new Set(), endings: new Map() },
});

/** As it is now, whatever becomes of it. */
function reachedBy({ begun, done, sending }: Kept) {
  const then = { begun: new Set(begun), done: new Set(done), sending: new Set(sending) };
  return {
    hasBegun: (id: string) => then.begun.has(id),
    isDone: (id: string) => then.done.has(id),
    fact: (id: string) => (then.done.has(id) ? (id === 'probe' ? PROBED : { passed: 3 }) : undefined),
    checkpoint: (id: string) => (then.sending.has(id) ? { isSending: true } : undefined),
  };
}

function seen(kept: Kept): JobInSight {
  const of = <T>(ids: Iterable<string>, value: (id: string) => T) =>
    Object.fromEntries([...ids].map((id) => [id, value(id)]));
  const { state, wanted, lane, lastError } = kept;
  return {
    trackingId: 'id',
    recording: {
      id: 'rec_1',
      reference: 'ref',
      state,
      wanted,
      lastError,
      ...(lane ? { lane } : {}),
    } as Recording,
    plan: { recipe: 'job', version: 1, steps: STEPS },
    outputs: OUTPUTS,
    ...reachedBy(kept),
    stands: of(kept.endings.keys(), (id) => ({
      ...{ ending: kept.endings.get(id) ?? null, isOver: true, failedAttempts: 1 },
      error: { code: 'FFMPEG_FAILED' as const, message: '' },
    })),
    progress: undefined,
  };
}

const isOver = ({ state }: Kept) => ['done', 'failed', 'cancelled'].includes(state);
const isSettled = (kept: Kept, id: string) => kept.done.has(id) || kept.endings.has(id);

/** What can happen to a job next, as the engine and the ledger have it. */
function whatCanHappen(kept: Kept): (() => void)[] {
  /** What goes well happens so much more often than all else. */
  const WELL = 12;
  const next = STEPS.find(({ id }) => !isSettled(kept, id));
  const can: (() => void)[] = [];
  if (isOver(kept)) return can;
  if (kept.state === 'cancelling') return [() => end(kept, 'cancelled')];
  if (kept.state === 'waiting') {
    can.push(
      ...Array.from({ length: WELL }, () => () => {
        kept.state = 'moving';
      }),
    );
  } else {
    // The worker dies, or an attempt fails and is tried again.
    can.push(() => rest(kept));
    const here = kept.lane ?? 'upload';
    const open = STEPS.filter(({ id, lane }) => lane === here && !isSettled(kept, id));
    const beside = next !== undefined && here === 'media' ? open : open.slice(0, 1);
    for (const { id } of beside) {
      const isFirst = next?.id === id || here === 'media';
      if (!isFirst) continue;
      const well = (step: () => void) => can.push(...Array<() => void>(WELL).fill(step));
      if (!kept.begun.has(id)) well(() => void kept.begun.add(id));
      else {
        well(() => void kept.done.add(id));
        const isOutput = OUTPUTS.some((output) => output.id === id);
        if (isOutput) can.push(() => void kept.sending.add(id));
        if (isOutput) can.push(() => void kept.endings.set(id, 'failed'));
        else can.push(() => end(kept, 'failed'));
      }
    }
    if (next !== undefined && next.lane !== here) {
      can.push(
        ...Array.from({ length: WELL }, () => () => {
          kept.lane = next.lane === 'upload' ? undefined : next.lane;
          rest(kept);
        }),
      );
    }
    if (next === undefined) can.push(() => end(kept, kept.endings.size === 2 ? 'failed' : 'done'));
    if (OUTPUTS.every(({ id }) => kept.endings.get(id) === 'failed')) can.push(() => end(kept, 'failed'));
  }
  for (const { id } of OUTPUTS) {
    if (!isSettled(kept, id)) can.push(() => void kept.endings.set(id, 'revoked'));
  }
  can.push(() => {
    if (kept.state === 'moving') kept.wanted = 'cancelled';
    else kept.state = 'cancelling';
  });
  return can;
}

/** Nobody moves it for now; whoever wanted it stopped is heard then. */
function rest(kept: Kept): void {
  kept.state = kept.wanted === 'cancelled' ? 'cancelling' : 'waiting';
  kept.wanted = null;
}

function end(kept: Kept, state: 'done' | 'failed' | 'cancelled'): void {
  if (kept.wanted === 'cancelled') {
    rest(kept);
    return;
  }
  if (state === 'done' && [...kept.endings.values()].includes('failed') && kept.done.size < 4) {
    kept.state = 'failed';
    return;
  }
  kept.state = state;
  if (state === 'failed') kept.lastError = { code: 'INPUT_NOT_FOUND', message: '' };
  if (state === 'cancelled') for (const set of [kept.begun, kept.done, kept.sending]) set.clear();
}

const history = fc.array(fc.noBias(fc.nat()), { minLength: 40, maxLength: 120 });

function lived(choices: readonly number[]): JobInSight[] {
  const kept = newJob();
  const told = [seen(kept)];
  for (const choice of choices) {
    const can = whatCanHappen(kept);
    if (can.length === 0) break;
    can[choice % can.length]?.();
    told.push(seen(kept));
  }
  return told;
}

describe('whatever happens to a job', () => {
  it('V39 V43 its status never goes back, and an end is the end', () => {
    fc.assert(
      fc.property(history, (choices) => {
        const statuses = lived(choices).map(primaryStatus);
        expect(statuses).toEqual(statuses.toSorted((a, b) => a - b));
        const ends = new Set(statuses.filter((status) => status >= PrimaryStatus.FINISHED));
        expect(ends.size).toBeLessThanOrEqual(1);
      }),
      { numRuns: 2000 },
    );
  });

  it('V32 V33 nor do those of its input and of its outputs', () => {
    fc.assert(
      fc.property(history, (choices) => {
        const told = lived(choices);
        const each = [
          told.map(inputStatus),
          ...OUTPUTS.map(({ id }) => told.map((job) => outputStatus(job, id))),
        ];
        for (const statuses of each) expect(statuses).toEqual(statuses.toSorted((a, b) => a - b));
      }),
      { numRuns: 2000 },
    );
  });

  it('V26 V44 V45 its counters add up, and a reason is there with an end that needs one', () => {
    fc.assert(
      fc.property(history, (choices) => {
        for (const job of lived(choices)) {
          const [result] = resultsOf([job], { isBinary: false }).results;
          const { status, reason, totalOutputs, ...counts } = result as ResultDetails;
          const over = counts.revokedOutputs + counts.readyOutputs + counts.failedOutputs;
          expect(over).toBeLessThanOrEqual(totalOutputs);
          if (status >= PrimaryStatus.FINISHED) expect(over).toBe(totalOutputs);
          const isBad = status === PrimaryStatus.REVOKED || status === PrimaryStatus.FAILED;
          expect(reason !== StopReason.NO_REASON).toBe(isBad);
          expect(counts.checks?.passed ?? 0n).toBeLessThanOrEqual(counts.checks?.total ?? 0n);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('an answer is the same to whoever reads it as protobuf or as JSON, asked once or again', () => {
    fc.assert(
      fc.property(history, (choices) => {
        const jobs = lived(choices);
        const plain = resultsOf(jobs, { isBinary: false });
        for (let time = 1; time <= 2; time += 1) {
          const written = toBinary(JobsResultsResponseSchema, resultsOf(jobs, { isBinary: true }));
          expect(fromBinary(JobsResultsResponseSchema, written)).toEqual(plain);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('every status that is shown can be reached', () => {
    const shown = { primary: new Set<number>(), input: new Set<number>(), output: new Set<number>() };
    fc.assert(
      fc.property(history, (choices) => {
        for (const job of lived(choices)) {
          shown.primary.add(primaryStatus(job));
          shown.input.add(inputStatus(job));
          for (const { id } of OUTPUTS) shown.output.add(outputStatus(job, id));
        }
      }),
      { numRuns: 5000, seed: 7 },
    );
    const numbers = (names: object) => Object.values(names).filter((value) => typeof value === 'number');
    expect([...shown.primary].sort((a, b) => a - b)).toEqual(numbers(PrimaryStatus));
    expect([...shown.input].sort((a, b) => a - b)).toEqual(numbers(InputStatus));
    // What lies between making and sending has no stop of its own.
    const passed: number[] = [OutputStatus.PROCESSING_FINISHED, OutputStatus.QUEUING_UPLOADING];
    const stops = numbers(OutputStatus).filter((each) => !passed.includes(each));
    expect([...shown.output].sort((a, b) => a - b)).toEqual(stops);
  });
});

describe('the reason of a failed job', () => {
  const failedWith = (code: string, done: readonly string[] = []) => {
    const kept = newJob();
    kept.state = 'failed';
    for (const id of done) kept.done.add(id);
    kept.lastError = { code: code as never, message: '' };
    return StopReason[stopReason(seen(kept))];
  };

  it.each([
    ['INPUT_NOT_FOUND', [], 'INPUT_VIDEO_ON_S3_IS_404_OR_403'],
    ['REMOTE_UNAVAILABLE', [], 'FAILED_INPUT_KEY_CHECKING'],
    ['OUTPUT_PLACE_MISSING', [], 'FAILED_OUTPUT_BUCKET_CHECKING'],
    ['OUTPUT_NOT_ALLOWED', [], 'OUTPUT_BUCKET_ON_S3_IS_404_OR_403'],
    ['OUTPUT_EXISTS', [], 'OUTPUT_KEY_IS_ALREADY_EXIST'],
    ['SOURCE_CHANGED', ['preflight-0'], 'DOWNLOADING_FAILED'],
    ['TOOL_MISSING', ['preflight-0', 'fetch'], 'FAILED_ANALYZE_INPUT'],
    ['WORKER_CRASHED', [], 'INTERNAL_ERROR'],
  ] as const)('%s after %j is %s', (code, done, reason) => {
    expect(failedWith(code, done)).toBe(reason);
  });

  it.each([
    ['p0', 'FFMPEG_FAILED', 'FAILED_CREATE_PLAYLIST'],
    ['p0', 'REMOTE_REJECTED', 'FAILED_UPLOAD_DIRECTORY'],
    ['t0', 'FFMPEG_FAILED', 'FAILED_GENERATE_THUMBNAIL'],
    ['t0', 'TRANSFER_CORRUPT', 'FAILED_UPLOAD_FILE'],
    ['p0', 'RENDITION_INCOMPLETE', 'REPRESENTATION_NEEDS_BOTH_SIZE_AND_BITRATE'],
    ['p0', 'FFMPEG_STALLED', 'JOB_TIMEOUT'],
  ] as const)('of the output %s that met %s is %s', (id, code, reason) => {
    const kept = newJob();
    kept.state = 'failed';
    for (const each of OUTPUTS) kept.endings.set(each.id, 'failed');
    const job = seen(kept);
    const stands = {
      ...job.stands,
      [OUTPUTS[0]?.id ?? '']: {
        ending: 'failed' as const,
        isOver: true,
        failedAttempts: 1,
        error: { code, message: '' },
      },
    };
    const outputs = OUTPUTS.filter((each) => each.id === id);
    const own = {
      ...job,
      outputs,
      stands: { ...stands, [id]: { ...stands['p0'], error: { code, message: '' } } },
    };
    expect(StopReason[stopReason(own as JobInSight)]).toBe(reason);
  });
});
