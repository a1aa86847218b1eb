import type { JobInSight } from '../desk/jobs.ts';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import type { Plan, PlannedStep } from '../domain/recipe.ts';
import { InputStatus, OutputStatus, PrimaryStatus, StopReason } from './stubs/streaming_pb.ts';

/*
 * How a job stands, in the words of the service `Streaming`, from what the ledger has of it and nothing else. Each of these goes
 * by what is never undone (a step has begun, a lane was left, something has ended), so that whoever asks again and again never sees
 * one go back. docs/doors.md has the table.
 */

/** The tasks of the steps that every job has beside its outputs. */
const PREFLIGHT = 'preflight';
const FETCH = 'fetch';
const PROBE = 'probe';

type Job = Omit<JobInSight, 'trackingId' | 'progress'>;

/** The steps of a plan that are no outputs, by what they do. */
interface Way {
  readonly preflights: readonly PlannedStep[];
  readonly fetch: string;
  readonly probe: string;
  /** In which a job looks at what it needs. */
  readonly lookLane: string | undefined;
}

/** Jobs that ask for the same share a plan. */
const ways = new WeakMap<Plan, Way>();

export function wayOf(plan: Plan): Way {
  const known = ways.get(plan);
  if (known !== undefined) return known;
  const idOf = (task: string) => plan.steps.find((step) => step.task === task)?.id ?? '';
  const preflights = plan.steps.filter(({ task }) => task === PREFLIGHT);
  const way = { preflights, fetch: idOf(FETCH), probe: idOf(PROBE), lookLane: preflights[0]?.lane };
  ways.set(plan, way);
  return way;
}

/** Whether somebody has revoked all of it. */
function isRevoked({ recording: { state, wanted } }: Job): boolean {
  return state === 'cancelled' || state === 'cancelling' || wanted === 'cancelled';
}

export function primaryStatus(job: Job): PrimaryStatus {
  const { state, lane } = job.recording;
  if (isRevoked(job)) return PrimaryStatus.REVOKED;
  if (state === 'failed' || state === 'done') return endOf(job);
  const { preflights, fetch, probe, lookLane } = wayOf(job.plan);
  const isLooking = lane === lookLane;

  if (job.outputs.some(({ id }) => job.hasBegun(id))) return PrimaryStatus.OUTPUTS_PROGRESSING;
  if (job.isDone(probe)) {
    return isLooking ? PrimaryStatus.ALL_INPUTS_DOWNLOADED : PrimaryStatus.QUEUING_OUTPUTS;
  }
  if (job.hasBegun(fetch)) return PrimaryStatus.INPUTS_DOWNLOADING;
  if (preflights.every(({ id }) => job.isDone(id))) {
    return isLooking ? PrimaryStatus.CHECKS_FINISHED : PrimaryStatus.QUEUING_INPUTS_DOWNLOADING;
  }
  return preflights.some(({ id }) => job.hasBegun(id))
    ? PrimaryStatus.CHECKING
    : PrimaryStatus.QUEUING_CHECKS;
}

/** One output failing stops no other: the job has failed only if none is there, and not because all were revoked. */
function endOf(job: Job): PrimaryStatus {
  const endings = job.outputs.map(({ id }) => job.stands[id]?.ending ?? null);
  if (endings.every((ending) => ending === 'revoked')) return PrimaryStatus.REVOKED;
  if (endings.every((ending) => ending === 'failed')) return PrimaryStatus.FAILED;
  const isAllOver = job.outputs.every(({ id }, at) => endings[at] !== null || job.isDone(id));
  return isAllOver ? PrimaryStatus.FINISHED : PrimaryStatus.FAILED;
}

export function outputStatus(job: Job, id: string): OutputStatus {
  const ending = job.stands[id]?.ending ?? null;
  if (ending === 'failed') return OutputStatus.OUTPUT_FAILED;
  if (isRevoked(job) || ending === 'revoked') return OutputStatus.OUTPUT_REVOKED;
  if (job.isDone(id)) return OutputStatus.UPLOADING_FINISHED;
  if (job.recording.state === 'failed') return OutputStatus.OUTPUT_FAILED;
  if (Reflect.get(Object(job.checkpoint(id)), 'isSending') === true) return OutputStatus.UPLOADING;
  return job.hasBegun(id) ? OutputStatus.PROCESSING : OutputStatus.PREPARATION_PROCESSING;
}

export function inputStatus(job: Job): InputStatus {
  const { fetch, probe, lookLane } = wayOf(job.plan);
  const hasOutputs = job.outputs.some(({ id }) => job.hasBegun(id));
  if (isRevoked(job)) return InputStatus.INPUT_REVOKED;
  if (job.isDone(probe) || hasOutputs) return InputStatus.ANALYZING_FINISHED;
  if (job.recording.state === 'failed') return InputStatus.INPUT_FAILED;
  if (job.hasBegun(probe)) return InputStatus.ANALYZING;
  if (job.isDone(fetch)) {
    const isHandedOver = job.recording.lane === lookLane;
    return isHandedOver ? InputStatus.QUEUING_TO_ANALYZE : InputStatus.DOWNLOADING_FINISHED;
  }
  return job.hasBegun(fetch) ? InputStatus.DOWNLOADING : InputStatus.PREPARATION_DOWNLOAD;
}

/** The first reason for which it is not there: of a job that goes on, or has come to a good end, none. */
export function stopReason(job: Job): StopReason {
  const status = primaryStatus(job);
  if (status === PrimaryStatus.REVOKED) return StopReason.FORCE_REVOKED;
  if (status !== PrimaryStatus.FAILED) return StopReason.NO_REASON;
  const lost = job.outputs.find(({ id }) => job.stands[id]?.ending === 'failed');
  const code = (lost && job.stands[lost.id]?.error?.code) ?? job.recording.lastError?.code;
  if (code === undefined) return StopReason.INTERNAL_ERROR;
  const always = REASONS[code];
  if (always !== undefined) return always;
  if (lost !== undefined) return ofOutput(lost.task, code);
  const { preflights, fetch } = wayOf(job.plan);
  if (preflights.some(({ id }) => !job.isDone(id))) return ofChecks(code);
  return job.isDone(fetch) ? StopReason.FAILED_ANALYZE_INPUT : StopReason.DOWNLOADING_FAILED;
}

/** What an error means wherever it is met. */
const REASONS: Partial<Record<ErrorCode, StopReason>> = {
  INPUT_NOT_FOUND: StopReason.INPUT_VIDEO_ON_S3_IS_404_OR_403,
  INPUT_REFUSED: StopReason.INPUT_VIDEO_ON_S3_IS_404_OR_403,
  INPUT_NOT_ALLOWED: StopReason.INPUT_VIDEO_ON_S3_IS_404_OR_403,
  OUTPUT_BUCKET_MISSING: StopReason.OUTPUT_BUCKET_ON_S3_IS_404_OR_403,
  OUTPUT_NOT_ALLOWED: StopReason.OUTPUT_BUCKET_ON_S3_IS_404_OR_403,
  OUTPUT_EXISTS: StopReason.OUTPUT_KEY_IS_ALREADY_EXIST,
  FILE_EMPTY: StopReason.INPUT_VIDEO_SIZE_CAN_NOT_BE_ZERO,
  STREAM_MISSING: StopReason.INPUT_VIDEO_CODEC_TYPE_IN_NOT_VIDEO,
  NOT_MEDIA: StopReason.FAILED_ANALYZE_INPUT,
  MEDIA_BROKEN: StopReason.FAILED_ANALYZE_INPUT,
  MEDIA_REFUSED: StopReason.FAILED_ANALYZE_INPUT,
  RENDITION_INCOMPLETE: StopReason.REPRESENTATION_NEEDS_BOTH_SIZE_AND_BITRATE,
  MARK_MISSING: StopReason.FAILED_ADD_WATERMARK,
  FFMPEG_STALLED: StopReason.JOB_TIMEOUT,
  WORKER_CRASHED: StopReason.INTERNAL_ERROR,
  UNEXPECTED: StopReason.INTERNAL_ERROR,
};

/** What an error means that a service has met while outputs were brought to it. */
const UPLOAD_CODES: readonly ErrorCode[] = [
  'REMOTE_UNAVAILABLE',
  'REMOTE_THROTTLED',
  'REMOTE_REJECTED',
  'REMOTE_UNAUTHORIZED',
  'REMOTE_CAP_EXCEEDED',
  'REMOTE_ANSWER_INVALID',
  'TRANSFER_STALLED',
  'TRANSFER_CORRUPT',
  'OUTPUT_GONE',
];

function ofOutput(task: string, code: ErrorCode): StopReason {
  const isUpload = UPLOAD_CODES.includes(code);
  if (task === 'package') {
    return isUpload ? StopReason.FAILED_UPLOAD_DIRECTORY : StopReason.FAILED_CREATE_PLAYLIST;
  }
  if (isUpload) return StopReason.FAILED_UPLOAD_FILE;
  return task === 'watermark' ? StopReason.FAILED_ADD_WATERMARK : StopReason.FAILED_GENERATE_THUMBNAIL;
}

/** A check that could not be made at all. */
function ofChecks(code: ErrorCode): StopReason {
  return code === 'OUTPUT_PLACE_MISSING'
    ? StopReason.FAILED_OUTPUT_BUCKET_CHECKING
    : StopReason.FAILED_INPUT_KEY_CHECKING;
}
