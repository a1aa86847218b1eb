import { readdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { extname, join } from 'node:path';
import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import { type Cost, shareOut } from '../domain/media/cost.ts';
import { NAMED_RUNGS, type RungName } from '../domain/media/ladder.ts';
import {
  bitRates,
  DASH_MANIFEST,
  dashManifest,
  type Format,
  HLS_MASTER,
  hlsPlaylists,
  initName,
  KEPT,
  lengthS,
  type Manifest,
  manifestKeys,
  outerManifest,
  segmentName,
} from '../domain/media/manifests.ts';
import type { MediaFile } from '../domain/media/media-file.ts';
import type { Output } from '../domain/media/output.ts';
import { outputPrefix } from '../domain/output-keys.ts';
import type { TaskShape } from '../domain/recipe.ts';
import type { OutputPlace } from '../engine/ports/output-place.ts';
import { removeKeys } from '../engine/remove-below.ts';
import type { Task, TaskContext, WithdrawContext } from '../engine/task.ts';
import { allOrNone, inParallel } from '../lib/all-or-none.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { sha256 } from '../lib/digest.ts';
import { lengthOf } from '../lib/files.ts';
import {
  type LookedInto,
  lookInto,
  type MediaTools,
  requireMediaTools,
  scanPackets,
} from './support/look-into.ts';
import { drawnMark, markArgs } from './support/marks.ts';
import { toPlaceOrAddress } from './support/output-params.ts';
import { createOutputSender, markOf, requireOutputPlace } from './support/output-sender.ts';
import {
  type OutputSpot,
  outputsOf,
  removeNamed,
  requireFree,
  serviceOf,
  spotOf,
} from './support/output-spot.ts';
import { ENCODERS, type PackagePlan, type PlannedTrack, planPackage } from './support/package-plan.ts';
import { proveCuts, tryToDecode } from './support/package-proof.ts';
import { removeOutputs } from './support/remove-outputs.ts';
import { createSegmentSender, isRepeatable, trackOf } from './support/segment-sender.ts';
import type { Tools } from './support/tools.ts';

const NAMES = Object.keys(NAMED_RUNGS) as [RungName, ...RungName[]];

const customShape = z.strictObject({
  widthPx: z.int().min(16).max(8192).multipleOf(2),
  heightPx: z.int().min(16).max(8192).multipleOf(2),
  videoBitsPerS: z.int().min(10_000).max(100_000_000),
});

const paramsShape = z
  .strictObject({
    ...toPlaceOrAddress,
    /** Default: all that the segments are good for. */
    formats: z
      .array(z.enum(['hls', 'dash']))
      .min(1)
      .optional(),
    /** fmp4: for HLS and DASH; ts: transport streams, which old players want, for HLS alone. */
    segments: z.enum(['fmp4', 'ts']).default('fmp4'),
    codec: z.enum(['h264', 'hevc', 'vp9']).default('h264'),
    /** The renditions, by their names or as somebody has thought them out; auto: by what the film is; top: the largest alone. */
    ladder: z
      .union([
        z.enum(['auto', 'top']),
        z
          .array(z.union([z.enum(NAMES), customShape]))
          .min(1)
          .max(12),
      ])
      .default('auto'),
    /** Whether the film is the largest rendition as it is, where every browser can play it. */
    top: z.enum(['copy', 'encode']).default('copy'),
    /** Longer ones are fewer files for the same film, and later first pictures. */
    segmentS: z.number().min(1).max(10).default(6),
    audioBitsPerS: z.int().min(16_000).max(512_000).default(128_000),
    effort: z.enum(['usual', 'hurry']).default('usual'),
    /** A picture that is drawn on the film, which is encoded for that. */
    mark: drawnMark,
  })
  .superRefine(({ segments, formats, codec }, context) => {
    const say = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (segments !== 'ts') return;
    if (formats?.includes('dash'))
      say('formats', 'segments of MPEG-TS are for HLS alone: leave dash out, or take fmp4');
    if (codec !== 'h264') say('codec', `segments of MPEG-TS carry no ${codec} that players know: take fmp4`);
  });

/** What is made where nothing is said: all that the segments are good for. */
const formatsOf = ({ formats, segments }: { formats?: readonly Format[] | undefined; segments: string }) =>
  formats ?? (segments === 'ts' ? (['hls'] as const) : (['hls', 'dash'] as const));

export const shape = {
  name: 'package',
  label: 'Package',
  lane: 'media',
  makesOutputs: true,
  keysAt: (key, params: z.output<typeof paramsShape>) => Object.values(manifestKeys(key, formatsOf(params))),
  reports: 'seconds',
  params: paramsShape,
  places: { to: 'output-place' },
  takes: { file: 'proved' },
} as const satisfies TaskShape;

type Params = z.output<typeof paramsShape>;

const checkpointShape = z.looseObject({
  to: z.string(),
  /** Where an attempt has begun it, with a slash at the end: what comes out the same each time lies there. */
  prefix: z.string(),
  /** What is made, of what, and how. */
  making: z.string(),
  /** All of it was encoded once: what is left is to bring it there. */
  isSending: z.boolean().optional(),
});

type Checkpoint = z.output<typeof checkpointShape>;

/** A package that browsers play. */
interface Fact {
  readonly to: string;
  /** The key that the caller of the run has named for it. */
  readonly named?: string;
  readonly place: string;
  /** Where its manifests lie, with a slash at the end, and all that an earlier attempt has not sent. */
  readonly prefix: string;
  /** Where players begin; `null`: not asked for, or the place has no address. */
  readonly playback: { readonly hls: string | null; readonly dash: string | null };
  readonly keys: { readonly hls: string | null; readonly dash: string | null };
  /** The manifests at which players begin. */
  readonly outputs: readonly Output[];
  readonly durationS: number;
  readonly bytes: number;
  readonly files: number;
  readonly tracks: readonly {
    readonly id: string;
    readonly codecs: string;
    readonly widthPx: number | null;
    readonly heightPx: number | null;
    readonly isCopied: boolean;
    readonly segments: number;
    readonly bytes: number;
    readonly averageBitsPerS: number;
    readonly peakBitsPerS: number;
    /** Its share of what the run of ffmpeg has cost, in seconds of work. */
    readonly cpuS: number;
  }[];
  /** Of the run of ffmpeg that has made all of them. */
  readonly cost: Cost;
}

type Context = TaskContext<Params, Checkpoint>;

/** How much lies in a folder of segments that is still to be sent, in bytes. */
async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => (await lengthOf(join(folder, name))) ?? 0));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

/** Manifests that are on their way at the same time. */
const PARALLEL_MANIFESTS = 4;

/** By the endings of segments and of their headers. */
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.m4s': 'video/iso.segment',
  '.ts': 'video/mp2t',
  '.mp4': 'video/mp4',
};

type PackageTools = Pick<Tools, 'ffmpeg' | 'ffprobe' | 'inputs' | 'outputPlaces' | 'scratch' | 'retry'> & {
  /** Without a bound this machine encodes whatever is asked for. */
  readonly settings: Pick<Tools['settings'], 'ladderMostPx' | 'marksDir'>;
};

/**
 * Makes a package of a film that browsers play: renditions cut into segments at the same times, which HLS and DASH share.
 * The segments are sent while they are made, and the manifests once all else is there and proved: nobody meets a hole.
 *
 * Safe to repeat: all that it writes lies below its own fence, so a worker that has lost its lease writes what no manifest names. A
 * later attempt makes all once more. What comes out the same each time (a film that is copied, sound) stays where the first
 * attempt has sent it, and is not sent again, where it is the same to the bit; where that attempt began is recorded before
 * anything is sent. In the end all goes that no manifest names.
 */
export function makeTask(tools: PackageTools): Omit<Task<Params, Fact, Checkpoint>, keyof TaskShape> {
  const { scratch, retry } = tools;

  return {
    checkpoint: checkpointShape,
    claims: ({ checkpoint, fact }) => [checkpoint?.prefix, fact?.prefix],
    serviceFor: ({ params }) => serviceOf(tools, params.to),

    async run(context) {
      const { params, signal } = context;
      const media = requireMediaTools(tools);
      const spot = spotOf(tools, params.to);
      await requireKeysFree(context, spot);
      const source = await context.take('file');
      await source.proved();
      const { file, args: input } = await lookInto(media, source.path, signal);
      const plan = await planFor(media, { file, args: input }, context);
      const making = makingOf(source.contentId, plan);
      const base = await baseFor(context, spot, making);
      try {
        return await scratch.use(context, plan.mostBytes, (folder, notesPath) =>
          make(context, { media, spot, file, plan, input, base, making, folder, notesPath }),
        );
      } catch (error) {
        // It will not be better the next time, so nothing of it is to stay.
        if (error instanceof KnownError && error.retry === 'never' && !signal.aborted) {
          await scratch.remove(context);
          await removeAll(context, spot).catch((err: unknown) =>
            context.log.warn({ event: 'package.left', err }, 'half a package is left, and will be swept'),
          );
        }
        throw error;
      }
    },

    async withdraw(context) {
      const fact = context.fact as Fact | undefined;
      await scratch.remove(context);
      for (const to of new Set([context.checkpoint?.to, fact?.to])) {
        if (to === undefined) continue;
        const place = requireOutputPlace(tools, to);
        await removeAll(context, { ...spotOf(tools, context.params.to), place });
      }
    },
  };

  /** Takes away all that any attempt has put. */
  async function removeAll(context: Omit<WithdrawContext<Params>, 'fact'>, spot: OutputSpot): Promise<void> {
    // What names the others goes first.
    for (const [, key] of outerKeys(spot, context.params)) await removeNamed(context, spot, key);
    await removeOutputs(context, spot.place, outputsOf(context, spot));
  }

  /** @throws KnownError `OUTPUT_EXISTS` */
  async function requireKeysFree(context: Context, spot: OutputSpot): Promise<void> {
    if (!context.params.dontReplace) return;
    for (const [, key] of outerKeys(spot, context.params)) await requireFree(context, spot, key);
  }

  /** @throws KnownError `ENCODER_MISSING` where this machine cannot encode it */
  async function planFor(
    media: MediaTools,
    { file, args }: LookedInto,
    { params, signal }: Context,
  ): Promise<PackagePlan> {
    const { video } = file;
    const mayCopy =
      video !== undefined &&
      params.top === 'copy' &&
      params.mark === undefined &&
      params.codec === 'h264' &&
      !Array.isArray(params.ladder);
    const scan = mayCopy ? await scanPackets(media, { args, video, signal }) : undefined;
    const plan = planPackage(file, { ...params, mostPx: tools.settings.ladderMostPx }, scan);
    const needed = [
      ...(plan.tracks.some(({ kind, isCopied }) => kind === 'video' && !isCopied)
        ? [ENCODERS[params.codec]]
        : []),
      ...(plan.tracks.some(({ kind, isCopied }) => kind === 'audio' && !isCopied) ? ['aac'] : []),
    ];
    for (const [name, state] of await media.ffmpeg.encoders(needed, signal)) {
      if (state === 'works') continue;
      throw new KnownError(`This machine cannot encode with ${name}`, { code: 'ENCODER_MISSING' });
    }
    return plan;
  }

  /** Where an earlier attempt has begun the same, or here; then what that has sent is taken away. */
  async function baseFor(context: Context, spot: OutputSpot, making: string): Promise<string> {
    const { place } = spot;
    const { checkpoint } = context;
    if (checkpoint?.making === making && checkpoint.to === place.name) return checkpoint.prefix;
    if (checkpoint !== undefined) {
      const before = requireOutputPlace(tools, checkpoint.to);
      await removeOutputs(context, before, outputsOf(context, spot));
      await scratch.remove(context);
    }
    const prefix = outputPrefix(markOf(context), spot.folder);
    await context.saveCheckpoint({ to: place.name, prefix, making });
    crashPoint('package:after-begin');
    return prefix;
  }

  /**
   * All that manifests will name lies there, whoever has sent it. Returns what lies there besides, of earlier attempts.
   *
   * @throws KnownError `OUTPUT_GONE`
   */
  async function requireThere(
    context: Context,
    spot: OutputSpot,
    needed: ReadonlyMap<string, number | undefined>,
  ): Promise<readonly string[]> {
    const { signal } = context;
    const there = new Map<string, number>();
    for await (const { key, bytes } of spot.place.list({ prefix: outputsOf(context, spot), signal }))
      there.set(key, bytes);
    const gone = [...needed].find(
      ([key, bytes]) => there.get(key) === undefined || (bytes ?? there.get(key)) !== there.get(key),
    );
    if (gone === undefined) return [...there.keys()].filter((key) => !needed.has(key));
    // What is noted as sent is not there: the next attempt sends all.
    await scratch.remove(context);
    throw new KnownError(`${gone[0]} was sent, and is not there`, { code: 'OUTPUT_GONE', retry: 'backoff' });
  }

  interface Making {
    readonly media: MediaTools;
    readonly spot: OutputSpot;
    readonly file: MediaFile;
    readonly plan: PackagePlan;
    readonly input: readonly string[];
    /** Where what comes out the same each time lies. */
    readonly base: string;
    /** What is made, as the checkpoint has it. */
    readonly making: string;
    readonly folder: string;
    readonly notesPath: string;
  }

  async function make(context: Context, making: Making): Promise<Fact> {
    const { media, spot, file, plan, input, base, folder, notesPath } = making;
    let sentBytes = 0;
    /** Known once all is encoded. */
    let totalBytes: number | undefined;
    const { place } = spot;
    const { params, signal } = context;
    const prefix = outputPrefix(markOf(context), spot.folder);
    await context.expectLate(prefix);
    const outgoing = createOutputSender(context, { place, retry });
    const whereOf = (track: PlannedTrack) => (isRepeatable(track) ? base : prefix);

    const sender = await createSegmentSender({
      folder,
      tracks: plan.tracks,
      notesPath,
      async send(track, name, path, by) {
        const mediaType = MEDIA_TYPES[extname(name)] ?? 'application/octet-stream';
        const key = whereOf(track) + name;
        const { bytes } = await outgoing.send({ key, path, mediaType, cacheControl: KEPT.segments }, by);
        sentBytes += bytes;
        if (totalBytes !== undefined) context.progress(sentBytes, Math.max(sentBytes, totalBytes));
        crashPoint('package:after-segment');
      },
    });
    const markInput =
      params.mark === undefined || file.video === undefined
        ? []
        : await markArgs(tools, params.mark.mark, { folder, signal });
    const { durationS } = file;
    let cost: Cost | undefined;
    let tellCut = (): void => {};
    const whenCut = new Promise<void>((resolve) => {
      tellCut = resolve;
    });
    await allOrNone(signal, [
      async (either) => {
        const done = await media.ffmpeg.run({
          args: [...plan.before, ...input, ...markInput, ...plan.behind],
          folder,
          signal: either,
          ...(durationS === undefined ? {} : { expectedS: durationS }),
          onProgress: (doneS) => context.encodes(Math.min(doneS, durationS ?? doneS), durationS ?? 0),
        });
        cost = done.cost;
        totalBytes = sentBytes + (await bytesIn(folder));
        await context.saveCheckpoint({
          ...{ to: place.name, prefix: base, making: making.making },
          isSending: true,
        });
        tellCut();
      },
      (either) => sender.sendAll(whenCut, either),
      async (either) => {
        const beginnings = await sender.beginnings(either);
        await tryToDecode({ media, beginnings, folder, signal: either });
      },
    ]);

    const tracks = sender.cut().map((each) =>
      trackOf(each, {
        folder: whereOf(each.planned) === prefix ? '' : `../${base.split('/').at(-2)}/`,
        sound: soundOf(each.planned.isCopied, file),
      }),
    );
    proveCuts(tracks, file);
    const needed = new Map(
      tracks.flatMap((track, at) => {
        const where = whereOf(plan.tracks[at] as PlannedTrack);
        const named = track.segments.map(
          ({ bytes }, n) => [where + segmentName(track, n + 1), bytes] as const,
        );
        return params.segments === 'ts' ? named : [...named, [where + initName(track), undefined] as const];
      }),
    );
    const unnamed = await requireThere(context, spot, needed);
    crashPoint('package:before-manifests');

    const formats = formatsOf(params);
    const outer = outerKeys(spot, params).map(([format, key]) => {
      const manifest = outerManifest(format, tracks, prefix.slice(spot.folder.length));
      return { ...manifest, format, key };
    });
    const manifests: readonly Manifest[] = [
      ...(formats.includes('dash') ? [dashManifest(tracks)] : []),
      ...(formats.includes('hls') ? hlsPlaylists(tracks) : []),
      // From here it is put at its key once more, where something took effect there late.
      ...outer,
    ];
    const sendManifest = async (
      { name, text, mediaType }: Manifest,
      by: AbortSignal,
      key = prefix + name,
    ) => {
      const path = join(folder, name);
      await writeFile(path, text);
      await outgoing.send({ key, path, mediaType, cacheControl: KEPT.manifests }, by);
      crashPoint('package:after-manifest');
    };
    // What names others comes behind them.
    const master = manifests.filter(({ name }) => name === HLS_MASTER);
    const others = manifests.filter(({ name }) => name !== HLS_MASTER);
    for (const together of [others, master]) {
      const count = together.length;
      await inParallel({ limit: PARALLEL_MANIFESTS, count, signal }, async (at, either) => {
        await sendManifest(together[at] as Manifest, either);
      });
    }

    await requireKeysFree(context, spot);
    for (const manifest of outer) {
      await context.expectLate(manifest.key);
      await sendManifest(manifest, signal, manifest.key);
    }

    const names = new Set(manifests.map(({ name }) => prefix + name));
    const left = unnamed.filter((key) => !names.has(key));
    await removeKeys(place, left, { signal, beforeEach: () => context.checkLease() });
    crashPoint('package:before-fact');

    for (const where of [prefix, ...outer.map(({ key }) => key)]) await outgoing.allCame(where);

    /** The manifests at which players begin. */
    const entries = (['hls', 'dash'] as const).flatMap((format) => {
      const named = outer.find((each) => each.format === format);
      const inner = manifests.find(({ name }) => name === (format === 'hls' ? HLS_MASTER : DASH_MANIFEST));
      return named ?? (inner === undefined ? [] : { ...inner, format, key: prefix + inner.name });
    });
    const keyOf = (format: Format) => entries.find((each) => each.format === format)?.key ?? null;
    const keys = { hls: keyOf('hls'), dash: keyOf('dash') };
    const durationOfAllS = Math.round(1000 * Math.max(...tracks.map(lengthS))) / 1000;
    const outputs = entries.map(({ key, mediaType, text }): Output => {
      const address = addressOf(place, key);
      return { key, address, mediaType, bytes: Buffer.byteLength(text), durationS: durationOfAllS };
    });
    const spent = cost ?? { cpuS: 0, wallS: 0, peakRssBytes: 0 };
    const shares = shareOut(
      spent.cpuS,
      tracks.map((track, at) => ({ ...track, isCopied: plan.tracks[at]?.isCopied === true })),
    );
    const told = tracks.map((track, at) => ({
      id: track.id,
      codecs: track.codecs,
      widthPx: track.widthPx ?? null,
      heightPx: track.heightPx ?? null,
      isCopied: plan.tracks[at]?.isCopied === true,
      segments: track.segments.length,
      bytes: track.segments.reduce((sum, { bytes }) => sum + bytes, 0),
      ...bitRates(track),
      cpuS: shares[at] ?? 0,
    }));
    return {
      to: place.name,
      ...(spot.named === undefined ? {} : { named: spot.named }),
      place: place.place,
      prefix,
      playback: { hls: addressOf(place, keys.hls), dash: addressOf(place, keys.dash) },
      keys,
      outputs,
      durationS: durationOfAllS,
      bytes:
        told.reduce((sum, { bytes }) => sum + bytes, 0) +
        manifests.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0),
      files: needed.size + manifests.length,
      tracks: told,
      cost: spent,
    };
  }
}

/** What makes the bytes what they are: the file, what is asked of ffmpeg, and by how many cores it is done. */
function makingOf(contentId: string, { before, behind }: PackagePlan): string {
  const said = JSON.stringify([contentId, before, behind, availableParallelism()]);
  return sha256(said).slice(0, 32);
}

function soundOf(isCopied: boolean, { audio }: MediaFile): { channels: number; sampleRateHz: number } {
  if (!isCopied || audio === undefined) return { channels: 2, sampleRateHz: 48_000 };
  return { channels: audio.channels, sampleRateHz: audio.sampleRateHz ?? 48_000 };
}

/** The manifests at which players begin, by the keys that a caller has named for them. */
function outerKeys({ named }: OutputSpot, params: Params): (readonly [Format, string])[] {
  if (named === undefined) return [];
  return Object.entries(manifestKeys(named, formatsOf(params))) as [Format, string][];
}

function addressOf(place: OutputPlace, key: string | null): string | null {
  return key === null ? null : (place.address(key) ?? null);
}
