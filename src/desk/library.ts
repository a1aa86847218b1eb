import type { Logger } from 'pino';
import {
  type AssetStatus,
  assetKey,
  assetStatusOf,
  assetTypeOf,
  endingOf,
  endingOfPart,
  isOutputOver,
  type JobStatus,
  jobStatusOf,
  type LibraryFile,
  type LookedInto,
  markOf,
  outputKeyOf,
  REGISTER,
  REGISTER_STEP,
  stemOf,
} from '../domain/asset.ts';
import { type ErrorSummary, KnownError } from '../domain/errors.ts';
import { filenameOf, inputText, readInput } from '../domain/input.ts';
import { outputsIn } from '../domain/job.ts';
import type { Output } from '../domain/media/output.ts';
import { archiveDayOf, titleOfFile } from '../domain/names.ts';
import type { ProgressMessage } from '../domain/progress.ts';
import type { Plan, TaskShapes } from '../domain/recipe.ts';
import type { NewRecording, Recording } from '../domain/recording.ts';
import type { Assets, FoundAsset } from '../ledger/assets.ts';
import type { Jobs as JobRows, Reached } from '../ledger/jobs.ts';
import type { Accepted } from '../ledger/recordings.ts';
import { keepLast } from '../lib/keep-last.ts';
import type { RecipeBook } from '../recipes/book.ts';
import type { Deeds } from './control.ts';
import type { PresetBook } from './presets.ts';
import type { ProgressBoard } from './progress-board.ts';
import type { InputDesk, NewRun, ReadInput } from './runs.ts';

/** What a look through MEDIA_IN has come to. */
export interface Scanned {
  /** All files that could be assets. */
  readonly found: number;
  /** New ones. */
  readonly registered: number;
  /** Those that were written anew, and are looked into once more. */
  readonly changed: number;
  /** Those that are known, and as they were. */
  readonly skipped: number;
}

/** An asset with what a look into it has told. */
export interface AssetInSight {
  readonly id: string;
  readonly seq: number;
  /** Below MEDIA_IN. */
  readonly path: string;
  readonly filename: string;
  readonly bytes: number | null;
  readonly status: AssetStatus;
  /** Why it cannot be used, or why it is not looked into yet. */
  readonly error: ErrorSummary | null;
  readonly looked: LookedInto | undefined;
  readonly comments: string;
  readonly createdAtMs: number;
  /** Where people find the file; `undefined`: nobody has said where. */
  readonly url: string | undefined;
}

/** A job of an asset: its run by one preset, or one part of it. */
export interface AssetJob {
  readonly id: string;
  readonly seq: number;
  readonly assetId: string;
  /** The name of the preset; `null` of a part. */
  readonly preset: string | null;
  readonly title: string;
  readonly status: JobStatus;
  /** From 0 to 100; does not go back while it runs. */
  readonly percent: number;
  /** What it has met last. */
  readonly error: ErrorSummary | null;
  readonly outputs: readonly Output[];
  /** Of a part that was cut out: from where to where it is, in seconds of the asset. */
  readonly part: { readonly startsAtS: number; readonly endsAtS: number } | undefined;
  readonly createdAtMs: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
}

/** A part of an asset that somebody wants, from one moment to another, as the task `trim` has them. */
export interface WantedPart {
  readonly start: string | number | undefined;
  readonly end: string | number | undefined;
  /** Encoded anew, and so exact. */
  readonly isEncoded: boolean;
}

/** What a list shows, the newest first. */
export interface ListQuery<Status> {
  readonly status?: Status | undefined;
  /** Words that all have to be in the title, the name or the id. */
  readonly text?: string | undefined;
  readonly limit: number;
  readonly beforeSeq?: number | undefined;
}

interface Listed<T> {
  readonly items: readonly T[];
  readonly isLast: boolean;
}

/** The file of an asset. */
export interface AssetFile {
  readonly bytes: number;
  readonly mediaType: string;
  /** Begins to read it. @throws KnownError what the place says */
  read(from: { readonly fromByte: number; readonly signal: AbortSignal }): Promise<ReadInput>;
}

/** What lies below MEDIA_IN, and what is made of it. */
export interface Library {
  /**
   * Looks through MEDIA_IN and takes in what is new there. Whoever asks while that goes on hears of the same look.
   *
   * @throws KnownError `INPUT_NOT_ALLOWED` where MEDIA_IN is not set, and what the place there says
   */
  scan(): Promise<Scanned>;
  listAssets(query: ListQuery<AssetStatus>): Promise<Listed<AssetInSight>>;
  /** In no order; those that there are not are left out. */
  readAssets(ids: readonly string[]): Promise<AssetInSight[]>;
  /** The file of an asset, as it is now. @throws KnownError `NOT_FOUND`, and what the place says */
  fileOf(id: string, signal: AbortSignal): Promise<AssetFile>;
  /** @throws KnownError `NOT_FOUND` */
  comment(id: string, comments: string): Promise<AssetInSight>;
  /** Forgets an asset: the file stays, and so do its jobs and what they have made. @throws KnownError `NOT_FOUND` */
  forget(id: string, by: string): Promise<void>;
  listJobs(query: ListQuery<JobStatus>): Promise<Listed<AssetJob>>;
  /** In no order; those that there are not are left out. */
  readJobs(ids: readonly string[]): Promise<AssetJob[]>;
  /** The newest jobs of each of these assets, by the asset. */
  jobsOf(ids: readonly string[], limit: number): Promise<ReadonlyMap<string, readonly AssetJob[]>>;
  /** @throws KnownError `NOT_FOUND` of the asset or the preset, and what `startRun` throws */
  startJob(assetId: string, preset: string): Promise<AssetJob>;
  /** @throws KnownError `NOT_FOUND`, and what `startRun` throws */
  startPart(assetId: string, part: WantedPart): Promise<AssetJob>;
  /** Of one that is under way. @throws KnownError `NOT_FOUND`, `WRONG_STATE` */
  cancelJob(id: string, by: string): Promise<AssetJob>;
  /** Of one that has failed or was cancelled. @throws KnownError `NOT_FOUND`, `WRONG_STATE` */
  retryJob(id: string, by: string): Promise<AssetJob>;
  /** Ends a look that goes on; what it has taken in stays. */
  stop(): Promise<void>;
}

export interface LibraryOptions {
  readonly ledger: { readonly assets: Assets; readonly jobs: JobRows };
  readonly book: Pick<RecipeBook, 'require' | 'planOf'>;
  readonly presets: Pick<PresetBook, 'get'>;
  readonly tasks: TaskShapes;
  readonly inputs: InputDesk;
  readonly progress: Pick<ProgressBoard, 'of'>;
  readonly control: {
    as(by: string): Pick<Deeds, 'cancel' | 'retry' | 'delete'>;
    startRun(run: NewRun): Promise<Accepted>;
  };
  /** Hears of recordings that wait in a lane. */
  readonly laneOf: (lane: string) => { poke(): void; reconcile(): void } | undefined;
  readonly log: Logger;
}

/** So many files are taken in together. */
const GROUP = 200;

/** Behind what comes in by the doors. */
const PLACE = 1;

/** Of so many jobs it is remembered how far they were told to be. */
const MOST_TOLD = 1000;

/** The step of a job that cuts a part out. */
const PART_STEP = 'trim';

export function createLibrary(options: LibraryOptions): Library {
  const { ledger, book, presets, tasks, inputs, progress, control, log } = options;
  const { assets, jobs } = ledger;
  const stopping = new AbortController();
  const told = new Map<string, number>();
  let scanning: Promise<Scanned> | undefined;

  async function scan(): Promise<Scanned> {
    const plan = book.require(REGISTER);
    const lane = options.laneOf(plan.steps[0]?.lane ?? '');
    const startedMs = performance.now();
    let sum: Scanned = { found: 0, registered: 0, changed: 0, skipped: 0 };
    let group: FoundAsset[] = [];

    async function takeIn(): Promise<void> {
      const { registered, changed } = await assets.take(group);
      sum = {
        found: sum.found + group.length,
        registered: sum.registered + registered,
        changed: sum.changed + changed,
        skipped: sum.skipped + group.length - registered - changed,
      };
      group = [];
      if (registered > 0) lane?.poke();
    }

    for await (const file of inputs.library({ signal: stopping.signal })) {
      group.push(foundAsset(file, plan));
      if (group.length >= GROUP) await takeIn();
    }
    await takeIn();
    // What begins anew is older than the last one that was put in line.
    if (sum.registered + sum.changed > 0) lane?.reconcile();
    const ms = Math.round(performance.now() - startedMs);
    log.info({ event: 'library.scanned', ...sum, ms }, 'the library was looked through');
    return sum;
  }

  function assetInSight(
    recording: Recording,
    reached: Reached | undefined,
    comments: string,
    seq: number,
  ): AssetInSight | undefined {
    const { id, origin, state, acceptedAtMs, lastError } = recording;
    const status = assetStatusOf(state);
    if (status === undefined || origin.kind !== 'input') return undefined;
    const address = readInput(origin.address);
    if (address.kind !== 'media-in') return undefined;
    return {
      id,
      seq,
      path: address.path,
      filename: filenameOf(address),
      bytes: origin.bytes,
      status,
      error: status === 'ready' ? null : lastError,
      looked: reached?.fact(REGISTER_STEP) as LookedInto | undefined,
      comments,
      createdAtMs: acceptedAtMs,
      url: inputs.urlOf(address),
    };
  }

  async function assetsOf(
    rows: readonly { readonly id: string; readonly comments: string; readonly seq: number }[],
  ): Promise<AssetInSight[]> {
    const ids = rows.map(({ id }) => id);
    const known = new Map((await jobs.recordings(ids)).map((each) => [each.id, each] as const));
    const reached = await jobs.reached(ids);
    return rows.flatMap(({ id, comments, seq }) => {
      const own = known.get(id);
      return (own && assetInSight(own, reached.get(id), comments, seq)) ?? [];
    });
  }

  const readAssets = async (ids: readonly string[]) => assetsOf(await assets.rows(ids));

  /** @throws KnownError `NOT_FOUND` */
  async function requireAsset(id: string): Promise<AssetInSight & { readonly hasNamesake: boolean }> {
    const [row] = await assets.rows([id]);
    const [asset] = row === undefined ? [] : await assetsOf([row]);
    if (row === undefined || asset === undefined) {
      throw new KnownError(`There is no asset ${id}`, { code: 'NOT_FOUND' });
    }
    return { ...asset, hasNamesake: row.hasNamesake };
  }

  /** How far a job is, and never less than was told of it before. */
  function percentOf(id: string, status: JobStatus, step: string | undefined, isOver: boolean): number {
    if (status === 'COMPLETED') return 100;
    const now = status !== 'PROCESSING' ? 0 : isOver ? 99 : percentIn(progress.of(id), step);
    const percent = Math.max(now, told.get(id) ?? 0);
    if (percent > 0) keepLast(told, id, percent, MOST_TOLD);
    return percent;
  }

  async function jobInSight(recording: Recording, reached: Reached): Promise<AssetJob[]> {
    const { stands } = reached;
    const { id, seq, runOf, state, details } = recording;
    if (runOf === undefined || recording.source !== 'library') return [];
    if (state === 'deleting' || state === 'deleted') return [];
    const steps = outputsIn(await book.planOf(recording), tasks).map((step) => step.id);
    const [step] = steps;
    const isOver = isOutputOver(steps, reached);
    const status = jobStatusOf(recording, isOver);
    const outputs = (step === undefined ? undefined : reached.fact(step)) as
      | { outputs?: readonly Output[]; startsAtS?: number; endsAtS?: number }
      | undefined;
    const { startsAtS, endsAtS } = outputs ?? {};
    return [
      {
        id,
        seq,
        assetId: runOf,
        preset: details['presets'] === undefined ? null : (step ?? null),
        title: recording.title,
        status,
        percent: percentOf(id, status, step, isOver),
        error:
          status === 'COMPLETED' ? null : errorOf(recording, step === undefined ? undefined : stands[step]),
        outputs: status === 'CANCELLED' ? [] : (outputs?.outputs ?? []),
        part: startsAtS === undefined || endsAtS === undefined ? undefined : { startsAtS, endsAtS },
        createdAtMs: recording.acceptedAtMs,
        startedAtMs: recording.startedAtMs,
        endedAtMs: recording.endedAtMs,
      },
    ];
  }

  async function readJobs(ids: readonly string[]): Promise<AssetJob[]> {
    if (ids.length === 0) return [];
    const [known, reached] = [await jobs.recordings(ids), await jobs.reached(ids)];
    const seen = known.map(async (recording) => {
      const own = reached.get(recording.id);
      return own === undefined ? [] : await jobInSight(recording, own);
    });
    return (await Promise.all(seen)).flat();
  }

  /** @throws KnownError `NOT_FOUND` */
  async function requireJob(id: string): Promise<AssetJob> {
    const [job] = await readJobs([id]);
    if (job === undefined) throw new KnownError(`There is no job ${id}`, { code: 'NOT_FOUND' });
    return job;
  }

  return {
    scan() {
      scanning ??= scan().finally(() => {
        scanning = undefined;
      });
      return scanning;
    },

    async listAssets(query) {
      const { rows, isLast } = await assets.page(query);
      return { items: await assetsOf(rows), isLast };
    },

    readAssets,

    async fileOf(id, signal) {
      const { path } = await requireAsset(id);
      const address = { kind: 'media-in', path } as const;
      const { bytes } = await inputs.look({ address, signal });
      return {
        bytes: bytes ?? 0,
        mediaType: assetTypeOf(path)?.mime ?? 'application/octet-stream',
        read: (from) => inputs.read({ address, ...from }),
      };
    },

    async comment(id, comments) {
      await requireAsset(id);
      await assets.comment(id, comments);
      return await requireAsset(id);
    },

    async forget(id, by) {
      const { status } = await requireAsset(id);
      const deeds = control.as(by);
      await (status === 'ready' ? deeds.delete(id, { withCompanions: false }) : deeds.cancel(id));
      await assets.forget(id);
    },

    async listJobs(query) {
      const { rows, isLast } = await assets.jobs(query);
      const found = new Map((await readJobs(rows.map(({ id }) => id))).map((job) => [job.id, job] as const));
      return { items: rows.flatMap(({ id }) => found.get(id) ?? []), isLast };
    },

    readJobs,

    async jobsOf(ids, limit) {
      const found = await assets.jobsOf(ids, limit);
      const byId = new Map((await readJobs([...found.values()].flat())).map((job) => [job.id, job] as const));
      return new Map([...found].map(([id, own]) => [id, own.flatMap((job) => byId.get(job) ?? [])] as const));
    },

    async startJob(assetId, name) {
      const { path, hasNamesake } = await requireAsset(assetId);
      const { task, params } = await presets.get(name);
      const ending = endingOf(task, params);
      const to = params['to'] ?? OUTPUT_PLACE;
      const isNamed = ending !== undefined && to === OUTPUT_PLACE;
      const { id } = await control.startRun({
        of: { recordingId: assetId },
        way: { presets: [name] },
        params: isNamed
          ? { [name]: { to: addressOf(outputKeyOf({ path, suffix: name, ending, hasNamesake })) } }
          : undefined,
      });
      return await requireJob(id);
    },

    async startPart(assetId, { start, end, isEncoded }) {
      const { path, hasNamesake, looked } = await requireAsset(assetId);
      const suffix = [start ?? 0, end ?? 'end'].map(momentWords).join('-');
      const ending = endingOfPart(path, looked, isEncoded);
      const to = addressOf(outputKeyOf({ path, suffix, ending, hasNamesake, isPart: true }));
      const params = {
        to,
        exact: isEncoded,
        ...(start === undefined ? {} : { start }),
        ...(end === undefined ? {} : { end }),
      };
      const { id } = await control.startRun({
        of: { recordingId: assetId },
        way: { outputs: [{ id: PART_STEP, task: 'trim', params }] },
      });
      return await requireJob(id);
    },

    async cancelJob(id, by) {
      const { status } = await requireJob(id);
      if (status === 'COMPLETED' || status === 'FAILED') {
        throw wrongStatus(id, status, 'only what is PENDING or PROCESSING can be cancelled');
      }
      if (status !== 'CANCELLED') await control.as(by).cancel(id);
      return await requireJob(id);
    },

    async retryJob(id, by) {
      const { status } = await requireJob(id);
      if (status !== 'FAILED' && status !== 'CANCELLED') {
        throw wrongStatus(id, status, 'only what is FAILED or CANCELLED can be tried again');
      }
      await control.as(by).retry(id);
      told.delete(id);
      return await requireJob(id);
    },

    async stop() {
      stopping.abort();
      await scanning?.catch(() => {});
    },
  };
}

/** Where outputs of assets go. */
const OUTPUT_PLACE = 'media-out';

const addressOf = (key: string) => `${OUTPUT_PLACE}:${key}`;

/** A file as it becomes known. */
function foundAsset(file: LibraryFile, plan: Plan): FoundAsset {
  const { path, bytes, modifiedAtMs, validator = null } = file;
  const media = assetTypeOf(path);
  const address = inputText({ kind: 'media-in', path });
  const filename = filenameOf({ kind: 'media-in', path });
  const recording: NewRecording = {
    source: 'library',
    naturalKey: assetKey(path),
    aceId: null,
    title: titleOfFile(filename) || 'Asset',
    origin: {
      kind: 'input',
      address,
      ...archiveDayOf(modifiedAtMs ?? null),
      bytes,
      validator,
      ...(modifiedAtMs === undefined || media === undefined ? {} : { file: { modifiedAtMs, media } }),
    },
    details: { input: address, filename, recipe: REGISTER },
    place: PLACE,
    plan,
  };
  return { recording, bytes, mark: markOf(file), stem: stemOf(path) };
}

/** Of a job that is being worked at: the fetch first, then what is made, then what is sent. */
function percentIn(message: ProgressMessage | undefined, step: string | undefined): number {
  const encoding = step === undefined ? undefined : message?.encodings[step];
  if (encoding !== undefined) return between(5, 90, encoding.doneS, encoding.totalS);
  const leg = step === undefined ? undefined : message?.legs[step];
  if (leg !== undefined) return between(90, 99, leg.doneBytes, leg.totalBytes);
  const fetched = message?.legs['fetch'];
  return fetched === undefined ? 0 : between(0, 5, fetched.doneBytes, fetched.totalBytes);
}

function between(from: number, to: number, done: number, total: number): number {
  const share = total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
  return Math.floor(from + (to - from) * share);
}

function errorOf(
  { lastError }: Recording,
  stand: Reached['stands'][string] | undefined,
): ErrorSummary | null {
  return stand?.error ?? lastError;
}

/** A moment as a part of a name. */
function momentWords(moment: string | number): string {
  return String(moment)
    .replaceAll('%', 'pct')
    .replace(/[^\w.]+/g, '.')
    .slice(0, 40);
}

function wrongStatus(id: string, status: JobStatus, why: string): KnownError {
  return new KnownError(`The job ${id} is ${status}: ${why}`, { code: 'WRONG_STATE', details: { status } });
}
