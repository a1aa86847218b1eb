import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { JobInSight } from '../desk/jobs.ts';
import type { Cost } from '../domain/media/cost.ts';
import { bucketOfPlace, readOutputAddress } from '../domain/output-address.ts';
import type { PlannedStep } from '../domain/recipe.ts';
import { inputStatus, outputStatus, primaryStatus, stopReason, wayOf } from './status.ts';
import {
  type InputDetailsSchema,
  InputStatus,
  type JobsResultsResponse,
  JobsResultsResponseSchema,
  type OriginalFileInfoSchema,
  OutputStatus,
  type ProgressSchema,
  type ResultDetails,
  ResultDetailsSchema,
} from './stubs/streaming_pb.ts';

/** What was told of them last: of one that has not changed it is the same. */
const told = new WeakMap<JobInSight, Told>();

interface Told {
  readonly result: ResultDetails;
  /** As it is written, with its length before it. */
  written?: Uint8Array;
}

/**
 * Jobs as their clients are told of them.
 *
 * @param isBinary It is written as protobuf has it: whoever asks for a hundred jobs fifty times in a second is given what was written
 *   of those that have not changed, as it was written.
 */
export function resultsOf(
  jobs: readonly JobInSight[],
  { isBinary }: { readonly isBinary: boolean },
): JobsResultsResponse {
  const all = jobs.map(toldOf);
  if (!isBinary) return create(JobsResultsResponseSchema, { results: all.map(({ result }) => result) });
  const answer = create(JobsResultsResponseSchema);
  // A field that is written already goes as one that is not known to its message.
  answer.$unknown = all.map((each) => {
    each.written ??= new BinaryWriter().bytes(toBinary(ResultDetailsSchema, each.result)).finish();
    return { no: RESULTS_FIELD, wireType: WireType.LengthDelimited, data: each.written };
  });
  return answer;
}

const RESULTS_FIELD = JobsResultsResponseSchema.field.results.number;

function toldOf(job: JobInSight): Told {
  const known = told.get(job);
  if (known !== undefined) return known;
  const first = { result: newResult(job) };
  told.set(job, first);
  return first;
}

function newResult(job: JobInSight): ResultDetails {
  const { trackingId, recording, outputs } = job;
  const of = (task: readonly string[]) => outputs.filter((step) => task.includes(kindOf(step)));
  const statuses = outputs.map(({ id }) => outputStatus(job, id));
  const count = (status: OutputStatus) => statuses.filter((each) => each === status).length;
  const [watermarked] = of(['watermark']);
  const playlists = of(['package']);
  const thumbnails = of(['thumbnail']);
  return create(ResultDetailsSchema, {
    trackingId,
    referenceId: recording.reference ?? '',
    status: primaryStatus(job),
    reason: stopReason(job),
    totalOutputs: outputs.length,
    revokedOutputs: count(OutputStatus.OUTPUT_REVOKED),
    readyOutputs: count(OutputStatus.UPLOADING_FINISHED),
    failedOutputs: count(OutputStatus.OUTPUT_FAILED),
    checks: checksOf(job),
    inputs: [inputOf(job)],
    ...(playlists.length === 0
      ? {}
      : {
          playlists: {
            outputs: playlists.map((step) => ({
              ...commonOf(job, step),
              ...costOf(job, step),
              directorySize: bytesOf(job, step),
            })),
          },
        }),
    ...(thumbnails.length === 0
      ? {}
      : {
          thumbnails: {
            outputs: thumbnails.map((step) => {
              const { id, status, uploadedTo } = commonOf(job, step);
              return { id, status, uploadedTo, fileSize: bytesOf(job, step) };
            }),
          },
        }),
    ...(watermarked === undefined
      ? {}
      : {
          watermarkedVideo: {
            ...commonOf(job, watermarked),
            ...costOf(job, watermarked),
            fileSize: bytesOf(job, watermarked),
          },
        }),
  });
}

/** What stands for an output that cannot be made is of its kind: only packages can be asked for so that they cannot. */
function kindOf({ task }: PlannedStep): string {
  return task === 'refuse' ? 'package' : task;
}

/** What is looked for before anything is brought, and how much of it was found. */
function checksOf(job: JobInSight): { total: bigint; passed: bigint } {
  let total = 0;
  let passed = 0;
  for (const { id, params } of wayOf(job.plan).preflights) {
    const { outputs } = params as { readonly outputs?: { readonly freeKeys?: readonly string[] } };
    total += 1 + (outputs?.freeKeys?.length ?? 0);
    passed += numberIn(job.fact(id) ?? job.checkpoint(id), 'passed');
  }
  return { total: BigInt(total), passed: BigInt(passed) };
}

function inputOf(job: JobInSight): MessageInitShape<typeof InputDetailsSchema> {
  const status = inputStatus(job);
  const leg = job.progress?.legs[wayOf(job.plan).fetch];
  const isOnItsWay = status === InputStatus.DOWNLOADING && leg !== undefined;
  const fileInfo = fileInfoOf(job);
  return {
    id: 0,
    status,
    ...(isOnItsWay ? { inputProgress: progress(leg.doneBytes, leg.totalBytes) } : {}),
    ...(fileInfo === undefined ? {} : { fileInfo }),
  };
}

/** What the step `probe` has found, as far as it is told here. */
interface Probed {
  readonly container: string;
  readonly durationS: number | null;
  readonly bytes: number;
  readonly bitsPerS: number | null;
  readonly streams: readonly {
    readonly kind: string;
    readonly codec: string | null;
    readonly widthPx: number | null;
    readonly heightPx: number | null;
    readonly frameRate: string | null;
    readonly bitsPerS: number | null;
    readonly sampleRateHz: number | null;
    readonly channelLayout: string | null;
    readonly isCover: boolean;
  }[];
}

/** Silence has no sound to tell of, and many files say no bit rate: what is not known is not there, or 0. */
function fileInfoOf(job: JobInSight): MessageInitShape<typeof OriginalFileInfoSchema> | undefined {
  const fact = job.fact(wayOf(job.plan).probe) as Probed | undefined;
  if (fact === undefined) return undefined;
  const video = fact.streams.find(({ kind, isCover }) => kind === 'video' && !isCover);
  const audio = fact.streams.find(({ kind }) => kind === 'audio');
  return {
    general: {
      duration: fact.durationS ?? 0,
      fileSize: BigInt(fact.bytes),
      bitRate: whole(fact.bitsPerS),
      fileFormats: fact.container,
    },
    ...(video && {
      video: {
        codec: video.codec ?? '',
        width: whole(video.widthPx),
        height: whole(video.heightPx),
        frameRate: video.frameRate ?? '',
        bitRate: whole(video.bitsPerS),
      },
    }),
    ...(audio && {
      audio: {
        codec: audio.codec ?? '',
        sampleRate: whole(audio.sampleRateHz),
        bitRate: whole(audio.bitsPerS),
        channelLayout: audio.channelLayout ?? '',
      },
    }),
  };
}

function commonOf(job: JobInSight, { id, params }: PlannedStep) {
  const status = outputStatus(job, id);
  const outputProgress = progressOf(job, id, status);
  const { to } = params as { readonly to?: string };
  return {
    id,
    status,
    ...(outputProgress === undefined ? {} : { outputProgress }),
    ...(status === OutputStatus.UPLOADING_FINISHED && to !== undefined ? { uploadedTo: placeOf(to) } : {}),
  };
}

/** Seconds of the film while it is made, bytes while it is sent; nothing between and afterwards. */
function progressOf(job: JobInSight, id: string, status: OutputStatus) {
  if (job.progress === undefined) return undefined;
  const encoding = job.progress.encodings[id];
  if (status === OutputStatus.PROCESSING && encoding !== undefined) {
    return progress(encoding.doneS, encoding.totalS);
  }
  const leg = job.progress.legs[id];
  return status === OutputStatus.UPLOADING && leg !== undefined
    ? progress(leg.doneBytes, leg.totalBytes)
    : undefined;
}

function placeOf(to: string): { key: string; bucket: string } {
  const { place, key } = readOutputAddress(to);
  return { key, bucket: bucketOfPlace(place) ?? place };
}

function costOf(job: JobInSight, { id }: PlannedStep) {
  const { cost } = (job.fact(id) ?? {}) as { readonly cost?: Cost };
  if (cost === undefined) return {};
  return { spentTime: cost.wallS, cpuUsage: cost.cpuS, memoryUsage: BigInt(Math.round(cost.peakRssBytes)) };
}

/** All that it has put. */
function bytesOf(job: JobInSight, { id }: PlannedStep): bigint {
  const fact = (job.fact(id) ?? {}) as {
    readonly bytes?: number;
    readonly outputs?: readonly { readonly bytes: number }[];
  };
  const bytes = fact.bytes ?? (fact.outputs ?? []).reduce((sum, each) => sum + each.bytes, 0);
  return BigInt(bytes);
}

function progress(done: number, total: number): MessageInitShape<typeof ProgressSchema> {
  return { current: BigInt(Math.floor(done)), total: BigInt(Math.ceil(total)) };
}

function whole(value: number | null): bigint {
  return value === null || !Number.isFinite(value) ? 0n : BigInt(Math.round(value));
}

function numberIn(said: object | undefined, name: string): number {
  const value: unknown = Reflect.get(Object(said), name);
  return typeof value === 'number' ? value : 0;
}
