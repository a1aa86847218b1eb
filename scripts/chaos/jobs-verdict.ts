import { assetKey, isAsset } from '../../src/domain/asset.ts';
import { recordingId } from '../../src/domain/ids.ts';
import { trackingIdOf } from '../../src/domain/job.ts';
import { attemptOfKey, outputPrefix } from '../../src/domain/output-keys.ts';
import type { Recording } from '../../src/domain/recording.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { filmOf, type JobClients, type OrderedJob, PART } from './job-clients.ts';
import type { JobOrder } from './job-orders.ts';
import { filmSeconds, packageOf, pictureSize } from './made-files.ts';
import { GRPC_OUTPUTS, type Made, type Media } from './media.ts';
import type { Performed } from './performer.ts';
import type { Finding } from './verdict.ts';

/** What the film of every job is. */
const FILM_PX = { widthPx: 640, heightPx: 360 };
const FILM_S = 8;

/** The picture of the preset. */
const PRESET_PX = { widthPx: 1280, heightPx: 720 };

/** How far from what was asked for the length of what is made may be, in seconds; a part by copy begins at a keyframe. */
const PACKAGE_TOLERANCE_S = 0.5;
const PART_TOLERANCE_S = 1.5;

/** Whether it is a job of a program, or an asset of which jobs are made. */
export function isOfPrograms({ id, naturalKey, runOf }: Recording, all: readonly Recording[]): boolean {
  const asset = runOf === undefined ? undefined : all.find((each) => each.id === runOf);
  return [{ id, naturalKey }, ...(asset === undefined ? [] : [asset])].some(
    (each) => isAsset(each) || trackingIdOf(each) !== undefined,
  );
}

/** Whether it is looked into before it moves. */
export function beginsInLook(recording: Recording): boolean {
  return isAsset(recording) || trackingIdOf(recording) !== undefined;
}

/**
 * Each job that was promised ends once, its door says so, and what was asked for is there; a call that got no answer may have made
 * one more, of which the same holds. Nothing else lies anywhere.
 *
 * @param options.recordings Those of programs
 */
export async function judgeJobs(options: {
  recordings: readonly Recording[];
  ledger: Pick<Ledger, 'recordings'>;
  jobClients: Pick<JobClients, 'ordered' | 'standOf'>;
  media: { made(): Promise<Made>; readonly s3: Pick<Media['s3'], 'uploads'> };
  performed: Pick<Performed, 'cancelledIds'>;
}): Promise<{ readonly done: number; readonly findings: readonly Finding[] }> {
  const { recordings, ledger, jobClients, media, performed } = options;
  const findings: Finding[] = [];
  const made = await media.made();
  const wanted = { inBucket: new Set<string>(), inMediaOut: new Set<string>() };
  const known = new Set<string>();
  let done = 0;
  const find = (kind: Finding['kind'], text: string, id?: string) =>
    findings.push({ kind, text, ...(id === undefined ? {} : { recordingId: id }) });

  /** Whether it is done, once. */
  async function judgeEnd({ id, state, lastError }: Recording, what: string): Promise<boolean> {
    if (state === 'cancelled' && performed.cancelledIds.has(id)) return false;
    if (state !== 'done') {
      find('lost', `${id}, ${what}, is ${state}: ${JSON.stringify(lastError)}`, id);
      return false;
    }
    const ends = (await ledger.recordings.events(id)).filter(({ type }) => type === 'recording.done').length;
    if (ends !== 1) find('doubled', `${id}, ${what}, was done ${ends} times`, id);
    return true;
  }

  async function judgeOrder(job: OrderedJob): Promise<void> {
    const { order, calls } = job;
    const what = `the job ${order.name} by ${order.door}`;
    if (job.refusal !== undefined) find('lost', `${what} was refused: ${job.refusal}`);
    const own = recordings.filter((each) => isOf(job, each));
    for (const { id, reference } of calls) {
      if (id !== undefined && !own.some((each) => each.id === id)) {
        find('lost', `${what} was promised as ${id} (${reference}), and the ledger does not know it`);
      }
    }
    for (const { reference } of calls) {
      const made = own.filter((each) => order.door === 'grpc' && each.reference === reference);
      if (made.length > 1) find('doubled', `${what}: one call has made ${made.length}`, made[0]?.id);
    }
    const unanswered = calls.filter(({ id }) => id === undefined);
    const unasked = own.filter((each) => !calls.some(({ id }) => id === each.id));
    if (unasked.length > unanswered.length) {
      const text = `${what}: ${unasked.length} more than were promised, and ${unanswered.length} calls without an answer: ${troubles(unanswered)}`;
      find('doubled', text, unasked[0]?.id);
    }
    let isCancelled = false;
    for (const recording of own) {
      known.add(recording.id);
      const isDone = await judgeEnd(recording, what);
      isCancelled ||= recording.state === 'cancelled';
      if (!isDone) continue;
      done += 1;
      const handle = trackingIdOf(recording) ?? recording.id;
      const stand = await jobClients.standOf(order, handle);
      const right = order.door === 'grpc' ? 'FINISHED' : 'COMPLETED';
      if (stand !== right)
        find('wrong', `${what}: ${recording.id} is done, and its door says ${stand}`, recording.id);
      if (order.door === 'grpc') await judgeGrpc(order, recording);
    }
    // Jobs of one asset and preset put theirs in one place, and one that is cancelled takes away what lies there.
    if (order.door === 'graphql' && own.some(({ state }) => state === 'done')) {
      await judgeGraphql(order, own.at(-1)?.id, isCancelled);
    }
  }

  async function judgeGrpc(
    order: Extract<JobOrder, { door: 'grpc' }>,
    { id, reference }: Recording,
  ): Promise<void> {
    const folder = `${GRPC_OUTPUTS}${reference}/`;
    judgePicture('inBucket', `${folder}picture.jpg`, FILM_PX, id);
    if (!order.hasPackage) return;
    const found = packageOf(`${folder}film.m3u8`, made.inBucket);
    const attempts = new Set(found.keys.map(attemptPrefix).filter((each) => each !== undefined));
    for (const key of made.inBucket.keys()) {
      // Beside what its manifest names, the attempt that has made it keeps manifests of its own.
      const attempt = attemptPrefix(key);
      if (found.keys.includes(key) || (attempt !== undefined && attempts.has(attempt)))
        wanted.inBucket.add(key);
    }
    for (const key of found.missing) find('lost', `${id}: ${key} is not there`, id);
    if (found.missing.length === 0 && Math.abs(found.seconds - FILM_S) > PACKAGE_TOLERANCE_S) {
      find('wrong', `${id}: its package has ${found.seconds} s of ${FILM_S}`, id);
    }
  }

  async function judgeGraphql(
    order: Extract<JobOrder, { door: 'graphql' }>,
    id: string | undefined,
    mayBeGone: boolean,
  ): Promise<void> {
    const key = outputOf(order);
    if (mayBeGone && !made.inMediaOut.has(key)) return;
    if (order.makes === 'picture') return judgePicture('inMediaOut', key, PRESET_PX, id);
    wanted.inMediaOut.add(key);
    const content = made.inMediaOut.get(key);
    if (content === undefined) {
      find('lost', `${id}: ${key} is not there`, id);
      return;
    }
    const seconds = await filmSeconds(content);
    const wantedS = PART.endS - PART.startS;
    if (seconds === undefined || Math.abs(seconds - wantedS) > PART_TOLERANCE_S) {
      find('wrong', `${id}: ${key} has ${seconds} s of ${wantedS}`, id);
    }
  }

  function judgePicture(place: keyof Made, key: string, size: object, id: string | undefined): void {
    wanted[place].add(key);
    const content = made[place].get(key);
    if (content === undefined) {
      find('lost', `${id}: ${key} is not there`, id);
      return;
    }
    const found = pictureSize(content);
    if (JSON.stringify(found) === JSON.stringify(size)) return;
    find('wrong', `${id}: ${key} is ${JSON.stringify(found)}, and not ${JSON.stringify(size)}`, id);
  }

  for (const job of jobClients.ordered) {
    await judgeOrder(job);
    const asset = recordings.find(({ id }) => id === job.assetId);
    if (asset === undefined) continue;
    known.add(asset.id);
    await judgeEnd(asset, `the asset of ${job.order.name}`);
  }
  for (const { id, naturalKey, runOf } of recordings) {
    if (!known.has(id)) find('doubled', `${id} (${naturalKey}, of ${runOf}) was never asked for`, id);
  }
  for (const place of ['inBucket', 'inMediaOut'] as const) {
    for (const [key, { length }] of made[place]) {
      if (!wanted[place].has(key)) find('left', `${place}: ${key} (${length} bytes) belongs to no job`);
    }
  }
  for (const { key, uploadId, parts } of media.s3.uploads()) {
    find('left', `S3 has the unfinished upload ${uploadId} of ${key} with ${parts} parts`);
  }
  return { done, findings };
}

/** Below which the attempt at a step that has made this has put all that it has made; `undefined`: the key does not say so. */
function attemptPrefix(key: string): string | undefined {
  const mark = attemptOfKey(key);
  return mark && outputPrefix(mark);
}

/** What there was in place of answers, each once. */
function troubles(calls: OrderedJob['calls']): string {
  return [...new Set(calls.map(({ trouble }) => trouble))].join('; ');
}

/** Whether a job was made by a call of an order. */
function isOf({ order, calls }: OrderedJob, { runOf, reference }: Recording): boolean {
  if (order.door === 'graphql') return runOf === recordingId(assetKey(filmOf(order)));
  return calls.some((call) => call.reference === reference);
}

/** Below MEDIA_OUT. */
function outputOf(order: Extract<JobOrder, { door: 'graphql' }>): string {
  return order.makes === 'picture'
    ? `transcoded/${order.name}_thumbnail.jpg`
    : `transcoded/trimmed/${order.name}_${PART.startS}-${PART.endS}.mp4`;
}
