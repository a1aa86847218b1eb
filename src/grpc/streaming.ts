import type { HandlerContext, ServiceImpl } from '@connectrpc/connect';
import type { JobInSight, Jobs } from '../desk/jobs.ts';
import type { PlannedStep } from '../domain/recipe.ts';
import { malformed, refused } from './errors.ts';
import { requireCaller, requireOperator } from './gate.ts';
import { type DefaultBuckets, outputId, readJob } from './read-job.ts';
import { resultsOf } from './results.ts';
import { primaryStatus } from './status.ts';
import {
  PrimaryStatus,
  RevokeSignalStatus,
  type Streaming,
  signalFailedReason,
} from './stubs/streaming_pb.ts';

/** More are asked for in several calls. */
const MOST_TRACKING_IDS = 1000;

/** More than any tracking id has: what is longer is none. */
const MOST_ID_CHARACTERS = 100;

/** The service `Streaming`: jobs that clients create, ask about by tracking ids, and revoke. */
export function createStreaming({
  jobs,
  buckets,
}: {
  readonly jobs: Jobs;
  readonly buckets: DefaultBuckets;
}): ServiceImpl<typeof Streaming> {
  return {
    async create_job(request, context) {
      const caller = requireOperator(context);
      const job = readJob(request, buckets);
      const trackingId = await jobs.create(job);
      caller.note('createJob', undefined, 'done');
      return { trackingId };
    },

    async get_results({ trackingIds }, context) {
      requireCaller(context);
      const found = await jobs.read(readIds(trackingIds));
      return resultsOf(found, { isBinary: !isJson(context) });
    },

    async revoke_jobs({ trackingIds }, context) {
      const caller = requireOperator(context);
      const results = [];
      for (const trackingId of readIds(trackingIds)) {
        const job = await jobs.revoke(trackingId, caller.holder.name);
        if (job !== undefined) caller.note('revokeJob', job.recording.id, 'done');
        results.push({
          trackingId,
          referenceId: job?.recording.reference ?? '',
          hasBeenSent:
            job === undefined ? RevokeSignalStatus.REQUEST_NOT_FOUND : RevokeSignalStatus.REVOKE_SIGNAL_SENT,
        });
      }
      return { results };
    },

    async revoke_job_outputs({ trackingId, playlistsNumbers, thumbnailsNumbers }, context) {
      const caller = requireOperator(context);
      if (playlistsNumbers.length + thumbnailsNumbers.length > MOST_TRACKING_IDS) {
        throw malformed(`${MOST_TRACKING_IDS} numbers are the most of a call`);
      }
      const [job] = await jobs.read(readIds([trackingId]));
      const current = requireGoingOn(trackingId, job);
      const revoke = async (kind: 'p' | 't', numbers: readonly number[]) => {
        const signals = [];
        for (const number of numbers) signals.push(await stop(current, kind, number, caller.holder.name));
        return signals;
      };
      const playlistsToRevoke = await revoke('p', playlistsNumbers);
      const thumbnailsToRevoke = await revoke('t', thumbnailsNumbers);
      caller.note('revokeJobOutputs', current.recording.id, 'done');
      return {
        trackingId,
        referenceId: current.recording.reference ?? '',
        playlistsToRevoke,
        thumbnailsToRevoke,
      };
    },
  };

  async function stop(job: JobInSight, kind: 'p' | 't', number: number, by: string) {
    const step = outputOf(job, kind, number);
    const signalStatus = await signalOf(job, step, by);
    return { outputNumber: number, signalStatus };
  }

  async function signalOf(job: JobInSight, step: PlannedStep | undefined, by: string) {
    const failed = (value: signalFailedReason) => ({ case: 'signalFailedReason' as const, value });
    if (step === undefined) return failed(signalFailedReason.OUTPUT_NUMBER_IS_INVALID);
    switch (await jobs.stopOutput(job, step.id, by)) {
      case 'failed':
        return failed(signalFailedReason.OUTPUT_HAS_BEEN_FAILED);
      case 'made':
        return failed(signalFailedReason.OUTPUT_HAS_BEEN_UPLOADED);
      case 'stopped':
        return { case: 'signalHasBeenSent' as const, value: true };
    }
  }
}

/** Whether a call speaks JSON, as Connect and gRPC have it. */
function isJson({ requestHeader }: Pick<HandlerContext, 'requestHeader'>): boolean {
  return /[+/]json\b/.test(requestHeader.get('content-type') ?? '');
}

/** Of both, those with a watermark too: they are numbered together. */
function outputOf(
  { outputs }: Pick<JobInSight, 'outputs'>,
  kind: 'p' | 't',
  number: number,
): PlannedStep | undefined {
  const ids = [outputId(kind, number), outputId(kind, number, true)];
  return outputs.find(({ id }) => ids.includes(id));
}

/** @throws ConnectError for a job that there is not, or that has ended */
function requireGoingOn(trackingId: string, job: JobInSight | undefined): JobInSight {
  if (job === undefined) {
    throw refused(
      'JOB_NOT_FOUND_BY_TRACKING_ID',
      `There is no job ${JSON.stringify(trackingId.slice(0, 100))}`,
    );
  }
  switch (primaryStatus(job)) {
    case PrimaryStatus.FAILED:
      throw refused('JOB_IS_FAILED', `The job ${trackingId} has failed`);
    case PrimaryStatus.REVOKED:
      throw refused('JOB_IS_REVOKED', `The job ${trackingId} was revoked`);
    case PrimaryStatus.FINISHED:
      throw refused('JOB_IS_FINISHED', `The job ${trackingId} is finished`);
    default:
      return job;
  }
}

/** @throws ConnectError for more than are read at once */
function readIds(trackingIds: readonly string[]): readonly string[] {
  if (trackingIds.length > MOST_TRACKING_IDS) {
    throw malformed(
      `tracking_ids: ${trackingIds.length} are asked for, and ${MOST_TRACKING_IDS} are the most`,
    );
  }
  const long = trackingIds.find((id) => id.length > MOST_ID_CHARACTERS);
  if (long !== undefined) throw malformed(`tracking_ids: one has more than ${MOST_ID_CHARACTERS} characters`);
  return trackingIds;
}
