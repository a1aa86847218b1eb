import type { JobInSight } from '../desk/jobs.ts';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import { InputStatus, OutputStatus, PrimaryStatus, StopReason } from './stubs/streaming_pb.ts';

/*
 * How a job stands, in the words of the service `Streaming`, from what the ledger has of it and nothing else. Each of these goes
 * by what is never undone (a step has begun, a lane was left, something has ended), so that whoever asks again and again never sees
 * one go back. docs/doors.md has the table.
 */

/** The tasks of the steps that every job has beside its outputs. */
export const PREFLIGHT = 'preflight';
export const FETCH = 'fetch';
export const PROBE = 'probe';

type Job = Pick<JobInSight, 'recording' | 'plan' | 'times' | 'facts' | 'checkpoints' | 'stands' | 'outputs'>;

/** The lane in which a job looks at what it needs, by the steps that do. */
function lookLane({ plan }: Job): string | undefined {
  return plan.steps.find(({ task }) => task === PREFLIGHT)?.lane;
}

function idsOf({ plan }: Job, task: string): string[] {
  return plan.steps.filter((step) => step.task === task).map(({ id }) => id);
}

function hasBegun({ times }: Job, id: string): boolean {
  return (times[id]?.startedAtMs ?? null) !== null;
}

function isDone({ facts }: Job, id: string): boolean {
  return facts[id] !== undefined;
}

/** Whether somebody has revoked all of it. */
function isRevoked({ recording: { state, wanted } }: Job): boolean {
  return state === 'cancelled' || state === 'cancelling' || wanted === 'cancelled';
}

export function primaryStatus(job: Job): PrimaryStatus {
  const { state, lane } = job.recording;
  if (isRevoked(job)) return PrimaryStatus.REVOKED;
  if (state === 'failed' || state === 'done') return endOf(job);
  const some = (ids: readonly string[], is: (job: Job, id: string) => boolean) =>
    ids.some((id) => is(job, id));
  const every = (ids: readonly string[], is: (job: Job, id: string) => boolean) =>
    ids.every((id) => is(job, id));
  const [checks, fetches, probes] = [PREFLIGHT, FETCH, PROBE].map((task) => idsOf(job, task)) as [
    string[],
    string[],
    string[],
  ];
  const outputs = job.outputs.map(({ id }) => id);
  const isLooking = lane === lookLane(job);

  if (some(outputs, hasBegun)) return PrimaryStatus.OUTPUTS_PROGRESSING;
  if (every(probes, isDone)) {
    return isLooking ? PrimaryStatus.ALL_INPUTS_DOWNLOADED : PrimaryStatus.QUEUING_OUTPUTS;
  }
  if (some(fetches, hasBegun)) return PrimaryStatus.INPUTS_DOWNLOADING;
  if (every(checks, isDone)) {
    return isLooking ? PrimaryStatus.CHECKS_FINISHED : PrimaryStatus.QUEUING_INPUTS_DOWNLOADING;
  }
  return some(checks, hasBegun) ? PrimaryStatus.CHECKING : PrimaryStatus.QUEUING_CHECKS;
}

/** One output failing stops no other: the job has failed only if none is there, and not because all were revoked. */
function endOf(job: Job): PrimaryStatus {
  const endings = job.outputs.map(({ id }) => job.stands[id]?.ending ?? null);
  if (endings.every((ending) => ending === 'revoked')) return PrimaryStatus.REVOKED;
  if (endings.every((ending) => ending === 'failed')) return PrimaryStatus.FAILED;
  const isAllOver = job.outputs.every(({ id }, at) => endings[at] !== null || isDone(job, id));
  return isAllOver ? PrimaryStatus.FINISHED : PrimaryStatus.FAILED;
}

export function outputStatus(job: Job, id: string): OutputStatus {
  const ending = job.stands[id]?.ending ?? null;
  if (ending === 'failed') return OutputStatus.OUTPUT_FAILED;
  if (isRevoked(job) || ending === 'revoked') return OutputStatus.OUTPUT_REVOKED;
  if (isDone(job, id)) return OutputStatus.UPLOADING_FINISHED;
  if (job.recording.state === 'failed') return OutputStatus.OUTPUT_FAILED;
  if (Reflect.get(Object(job.checkpoints[id]), 'isSending') === true) return OutputStatus.UPLOADING;
  return hasBegun(job, id) ? OutputStatus.PROCESSING : OutputStatus.PREPARATION_PROCESSING;
}

export function inputStatus(job: Job): InputStatus {
  const [fetch = '', probe = ''] = [...idsOf(job, FETCH), ...idsOf(job, PROBE)];
  const hasOutputs = job.outputs.some(({ id }) => hasBegun(job, id));
  if (isRevoked(job)) return InputStatus.INPUT_REVOKED;
  if (isDone(job, probe) || hasOutputs) return InputStatus.ANALYZING_FINISHED;
  if (job.recording.state === 'failed') return InputStatus.INPUT_FAILED;
  if (hasBegun(job, probe)) return InputStatus.ANALYZING;
  if (isDone(job, fetch)) {
    const isHandedOver = job.recording.lane === lookLane(job);
    return isHandedOver ? InputStatus.QUEUING_TO_ANALYZE : InputStatus.DOWNLOADING_FINISHED;
  }
  return hasBegun(job, fetch) ? InputStatus.DOWNLOADING : InputStatus.PREPARATION_DOWNLOAD;
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
  if (idsOf(job, PREFLIGHT).some((id) => !isDone(job, id))) return ofChecks(code);
  return idsOf(job, FETCH).some((id) => !isDone(job, id))
    ? StopReason.DOWNLOADING_FAILED
    : StopReason.FAILED_ANALYZE_INPUT;
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
