import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { hasCode, KnownError, orMachineTrouble } from '../../domain/errors.ts';
import type { Cost } from '../../domain/media/cost.ts';
import type { MediaFile } from '../../domain/media/media-file.ts';
import { isAsLong, type Output, type OutputsFact, sumOf } from '../../domain/media/output.ts';
import { outputPrefix } from '../../domain/output-keys.ts';
import type { TaskShape } from '../../domain/recipe.ts';
import type { Bytes } from '../../engine/bytes.ts';
import type { FfmpegDone, FfmpegRun } from '../../engine/ports/ffmpeg.ts';
import type { Resume } from '../../engine/ports/output-place.ts';
import type { Task, TaskContext } from '../../engine/task.ts';
import { crashPoint } from '../../lib/crash-point.ts';
import { pictureSize } from '../../lib/picture-size.ts';
import type { Elsewhere } from './elsewhere.ts';
import { lookAt, type MediaTools, requireMediaTools } from './look-into.ts';
import { type MediaInput, openMedia } from './media-input.ts';
import type { OutputParams } from './output-params.ts';
import { createOutputSender, markOf } from './output-sender.ts';
import { type OutputSpot, outputsOf, removeNamed, requireFree, serviceOf, spotOf } from './output-spot.ts';
import { removeOutputs } from './remove-outputs.ts';
import type { Tools } from './tools.ts';

export type OutputTools = Pick<
  Tools,
  'elsewhere' | 'ffmpeg' | 'ffprobe' | 'outputPlaces' | 'retry' | 'scratch'
>;

const checkpointShape = z
  .object({
    /** Set before the first output is brought to its place: from then on there may be some. */
    to: z.string(),
    /** Large ones that are on their way there, and what the place needs to go on with them. */
    unfinished: z.array(z.object({ key: z.string(), state: z.string() })).optional(),
    /** Something was made once, and is being brought there. */
    isSending: z.boolean().optional(),
  })
  .loose();

type Checkpoint = Readonly<z.infer<typeof checkpointShape>>;

type Unfinished = NonNullable<Checkpoint['unfinished']>[number];

/** What an output has to be; what is said of none of it is not looked at. */
export interface Proof {
  readonly durationS?: number;
  /** By how much it may be longer: as long as its last picture stands. */
  readonly overS?: number;
  readonly videoCodec?: string;
  readonly audioCodec?: string;
}

export interface PictureSize {
  readonly widthPx: number;
  readonly heightPx: number;
}

/** What the work of a step is given: a file, a folder, and the means to make something of it there. */
export interface MediaWork<P> extends Pick<TaskContext, 'recording' | 'step' | 'note' | 'signal' | 'log'> {
  readonly params: P;
  readonly input: MediaInput;
  /** Empty, and gone afterwards. */
  readonly folder: string;
  readonly programs: MediaTools;
  /** Runs ffmpeg in the folder; what it costs is counted. */
  run(run: Omit<FfmpegRun, 'signal' | 'folder'>): Promise<FfmpegDone>;
  /**
   * Looks whether a file of the folder is what it had to be.
   *
   * @throws KnownError `OUTPUT_DIFFERS`
   */
  prove(name: string, proof: Proof): Promise<MediaFile>;
  /** The same of a JPEG or PNG, which has to be so large. */
  provePicture(name: string, size: PictureSize): Promise<void>;
  /** Brings a file of the folder to the place of outputs, under its name. */
  put(name: string, what: { readonly mediaType: string; readonly durationS?: number }): Promise<Output>;
}

export interface MediaStep<P, F> {
  readonly shape: TaskShape;
  readonly tools: OutputTools;
  /** The most that lies in its folder at once, in bytes. */
  readonly scratchBytes: (sourceBytes: number) => number;
  /** Makes the outputs; what it returns is told of them. */
  work(work: MediaWork<P>): Promise<F>;
}

/**
 * A step that makes files of a recording and brings them to a place of outputs.
 *
 * Safe to repeat: each attempt writes below a number of its own (`outputPrefix`), and what it writes counts only once the
 * fact names it. That there may be something is recorded before; an attempt that finds this recorded removes first what
 * earlier ones have written, and one that fails what it has written itself; a large output that was on its way stays. What is taken back is all that lies below the
 * step's own folder, whoever wrote it.
 *
 * A large output that was on its way is made anew, and goes on where it lies, below the number of the attempt that began it: the
 * parts that are the same to the bit are not sent again. Whoever else still sends it cannot spoil it: an upload is made a file
 * of parts that are named by what is in them.
 *
 * An output that goes to an address is one file, which each attempt puts there whole, in place of that of the one before; only
 * what bears the mark of this step is removed.
 */
export function createMediaTask<P extends OutputParams, F extends object>(
  step: MediaStep<P, F>,
): Task<P, OutputsFact & F, Checkpoint> {
  const { shape, tools } = step;
  const { elsewhere, scratch, retry } = tools;

  return {
    ...(shape as TaskShape & { params: z.ZodType<P> }),
    checkpoint: checkpointShape,
    // A job elsewhere, before anything of it is here.
    ...(elsewhere === undefined ? {} : { leavesUnrecorded: true }),
    claims: ({ fact }) => [fact?.prefix],
    serviceFor: ({ params }) => serviceOf(tools, params.to),

    async run(context) {
      const { recording, params, signal, checkpoint } = context;
      const bytes = await context.take('file');
      const { path, totalBytes } = bytes;
      const programs = requireMediaTools(tools);
      const spot = spotOf(tools, params.to);
      const { place, named } = spot;
      if (named !== undefined && params.dontReplace) await requireFree(context, spot, named);
      const unfinished = checkpoint?.to === place.name ? (checkpoint.unfinished ?? []) : [];
      if (checkpoint !== undefined && named === undefined) {
        // One of these may be there whole, and only the answer is missing that said so.
        const kept = unfinished.map(({ key }) => key);
        await removeOutputs(context, place, outputsOf(context, spot), kept);
      }
      return await scratch.use(context, step.scratchBytes(totalBytes), async (folder) => {
        const input = await openMedia(programs, path, signal);
        const attempt = createAttempt(context, { programs, spot, folder, unfinished });
        try {
          const told = elsewhere?.takes(shape.name, params)
            ? await workElsewhere(elsewhere, { context, bytes, folder, attempt })
            : await step.work({
                recording,
                step: context.step,
                note: context.note,
                params,
                signal,
                log: context.log,
                input,
                folder,
                programs,
                ...attempt.means,
              });
          await attempt.abandonRest();
          await attempt.allCame();
          return { ...told, ...attempt.fact() };
        } catch (error) {
          await attempt.clear(error);
          throw error;
        }
      });
    },

    async withdraw(context) {
      await scratch.remove(context);
      await elsewhere?.end(context);
      const hasPut = context.checkpoint !== undefined || context.fact !== undefined;
      if (!hasPut && context.recording.state !== 'deleting') return;
      const spot = spotOf(tools, context.params.to);
      const { place } = spot;
      const { checkpoint, signal } = context;
      if (checkpoint?.to === place.name) {
        for (const each of checkpoint.unfinished ?? []) await place.abandon({ ...each, signal });
      }
      await removePut(context, spot, outputsOf(context, spot));
    },
  };

  /** Has a program elsewhere make the outputs, looks at them, and brings them to their place. */
  async function workElsewhere(
    elsewhere: Elsewhere,
    at: {
      readonly context: TaskContext<P, Checkpoint>;
      readonly bytes: Bytes;
      readonly folder: string;
      readonly attempt: ReturnType<typeof createAttempt>;
    },
  ): Promise<F> {
    const { context, bytes, folder, attempt } = at;
    const maxBytes = step.scratchBytes(bytes.totalBytes);
    const { outputs, told, cost } = await elsewhere.run(context, { bytes, folder, maxBytes });
    try {
      for (const { name, mediaType, durationS } of outputs) {
        const what = { mediaType, ...(durationS == null ? {} : { durationS }) };
        if (/^(video|audio)\//.test(mediaType)) await attempt.means.prove(name, what);
        await attempt.means.put(name, what);
      }
    } catch (error) {
      // What it has made stays for the next attempt, unless that is what is wrong: another time it may do better.
      if (!hasCode(error, 'OUTPUT_DIFFERS')) throw error;
      await elsewhere.end(context);
      throw new KnownError(error.message, { code: error.code, retry: 'backoff', cause: error });
    }
    attempt.hasCost(cost);
    await elsewhere.end(context);
    return told as F;
  }

  /** One attempt: what it has made so far, and the means to make more. */
  function createAttempt(
    context: TaskContext<P, Checkpoint>,
    at: {
      readonly programs: MediaTools;
      readonly spot: OutputSpot;
      readonly folder: string;
      /** What earlier attempts have begun. */
      readonly unfinished: readonly Unfinished[];
    },
  ) {
    const { signal, params } = context;
    const { programs, spot, folder } = at;
    const { place, named } = spot;
    const sender = createOutputSender(context, { place, retry });
    const unfinished = new Map(at.unfinished.map(({ key, state }) => [key, state]));
    const [begun] = unfinished.keys();
    const prefix =
      named ??
      (begun === undefined ? outputPrefix(markOf(context)) : begun.slice(0, begun.lastIndexOf('/') + 1));
    const outputs: Output[] = [];
    const costs: Cost[] = [];
    let isAnnounced = false;

    async function announce(): Promise<void> {
      if (isAnnounced) return;
      await save();
      await context.expectLate(prefix);
      isAnnounced = true;
    }

    const save = () =>
      context.saveCheckpoint({
        ...context.checkpoint,
        to: place.name,
        isSending: true,
        unfinished: [...unfinished].map(([key, state]) => ({ key, state })),
      });

    /** How a large output goes on, in this attempt and in later ones. */
    const resumeOf = (key: string): Resume => ({
      get state() {
        return unfinished.get(key);
      },
      async save(state) {
        unfinished.set(key, state);
        await save();
      },
    });

    const means: Pick<MediaWork<P>, 'run' | 'prove' | 'provePicture' | 'put'> = {
      async run(run) {
        const totalS = run.expectedS ?? 0;
        const done = await programs.ffmpeg.run({
          ...run,
          signal,
          folder,
          onProgress(doneS) {
            context.encodes(totalS > 0 ? Math.min(doneS, totalS) : doneS, totalS);
            run.onProgress?.(doneS);
          },
        });
        costs.push(done.cost);
        return done;
      },
      async prove(name, proof) {
        const file = await lookAt(programs.ffprobe, join(folder, name));
        const flaw = file === undefined ? 'cannot be read' : flawOf(file, proof);
        if (file === undefined || flaw !== undefined) throw differs(name, flaw ?? '');
        return file;
      },
      async provePicture(name, { widthPx, heightPx }) {
        const size = await pictureSize(join(folder, name));
        if (size?.widthPx === widthPx && size.heightPx === heightPx) return;
        const is = size === undefined ? 'is no picture' : `is ${size.widthPx} × ${size.heightPx}`;
        throw differs(name, `${is}, and not ${widthPx} × ${heightPx}`);
      },
      async put(name, { mediaType, durationS }) {
        const path = join(folder, name);
        const { size } = await stat(path);
        if (size === 0) throw differs(name, 'is empty');
        const key = named ?? `${prefix}${name}`;
        if (named !== undefined && params.dontReplace) await requireFree(context, spot, named);
        await announce();
        const onSent = (sentBytes: number) => context.progress(sentBytes, size);
        const { bytes } = await sender.send({ key, path, mediaType, resume: resumeOf(key), onSent }, signal);
        if (unfinished.delete(key)) await save();
        crashPoint('output:after-put');
        const output = {
          key,
          address: place.address(key) ?? null,
          mediaType,
          bytes,
          durationS: durationS ?? null,
        };
        outputs.push(output);
        return output;
      },
    };

    return {
      means,
      fact: (): OutputsFact => ({
        to: place.name,
        ...(named === undefined ? {} : { named }),
        prefix,
        outputs,
        cost: sumOf(costs),
      }),
      hasCost(cost: Cost | undefined): void {
        if (cost !== undefined) costs.push(cost);
      },
      /** Throws away what earlier attempts have begun, and nobody goes on with. */
      async abandonRest(): Promise<void> {
        for (const [key, state] of unfinished) {
          await place.abandon({ key, state, signal });
          if (named === undefined) await place.remove({ keys: [key], signal });
        }
      },
      /** Every request was answered: nothing can come late of it. */
      async allCame(): Promise<void> {
        if (isAnnounced) await sender.allCame(prefix);
      },
      /** Removes what was put, of an attempt that has failed. Whoever is stopped or has lost the lease leaves that to the next one. */
      async clear(error: unknown): Promise<void> {
        if (signal.aborted || hasCode(error, 'LEASE_LOST')) return;
        const isLast = error instanceof KnownError && error.retry === 'never';
        try {
          if (isLast) await this.abandonRest();
          const kept = isLast ? [] : [...unfinished.keys()];
          if (isAnnounced) await removePut(context, spot, prefix, kept);
        } catch (trouble) {
          context.log.warn(
            { event: 'output.left', err: orMachineTrouble(trouble) },
            'left for the next attempt',
          );
        }
      },
    };
  }
}

/** Takes away what was put below a prefix, but for some keys, or at the key that the caller has named. */
async function removePut(
  context: Parameters<typeof removeNamed>[0],
  spot: OutputSpot,
  prefix: string,
  kept: readonly string[] = [],
): Promise<void> {
  if (spot.named === undefined) await removeOutputs(context, spot.place, prefix, kept);
  else await removeNamed(context, spot, spot.named);
}

/** What a file is not that it had to be. */
function flawOf({ durationS, video, audio }: MediaFile, proof: Proof): string | undefined {
  const { videoCodec, audioCodec, durationS: wantedS, overS = 0 } = proof;
  if (videoCodec !== undefined && video?.codec !== videoCodec) {
    return `has ${video?.codec ?? 'no'} pictures, and not ${videoCodec}`;
  }
  if (audioCodec !== undefined && audio?.codec !== audioCodec) {
    return `has ${audio?.codec ?? 'no'} sound, and not ${audioCodec}`;
  }
  const isRight = (lastS: number, endS: number) =>
    isAsLong(lastS, endS) || (lastS > endS && isAsLong(Math.max(endS, lastS - overS), endS));
  if (wantedS === undefined || (durationS !== undefined && isRight(durationS, wantedS))) return undefined;
  return `is ${durationS?.toFixed(2) ?? 'of unknown length, not'} of ${wantedS.toFixed(2)} s`;
}

function differs(name: string, flaw: string): KnownError {
  return new KnownError(`What was made (${name}) ${flaw}`, { code: 'OUTPUT_DIFFERS' });
}
