import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import type { Output } from '../domain/media/output.ts';
import {
  captionsName,
  PACKAGED_CAPTIONS_TASK,
  type PackagedCaptions,
  type PackagedCaptionsFact,
  vttName,
} from '../domain/media/packaged-captions.ts';
import type { TaskShape } from '../domain/recipe.ts';
import type { OutputPlace } from '../engine/ports/output-place.ts';
import type { Task, TaskContext, WithdrawContext } from '../engine/task.ts';
import type { ShownPackage } from './support/companion-packages.ts';
import { labelOf } from './support/late-captions.ts';
import { latePackagePlace } from './support/late-package-captions.ts';
import { type OutputParams, toPlace } from './support/output-params.ts';
import {
  type CaptionsWriter,
  captionsKeys,
  nameCaptions,
  putCaptions,
} from './support/package-captions-files.ts';
import { requireFact } from './support/proofs.ts';
import type { Tools } from './support/tools.ts';
import { flawOf, readTranscript } from './support/transcript.ts';

export const shape = {
  name: PACKAGED_CAPTIONS_TASK,
  label: 'Captions in packages',
  lane: 'upload',
  makesOutputs: true,
  recalledBy: 'package',
  takes: { file: 'proved' },
  params: z.strictObject(toPlace),
} as const satisfies TaskShape;

const checkpointShape = z.looseObject({
  to: z.string(),
  captions: z.object({ name: z.string(), language: z.string(), label: z.string() }).nullable(),
  /** Set before they get them: from then on they may have them. */
  packages: z.array(z.object({ recordingId: z.string(), prefix: z.string() })).readonly(),
});

type Checkpoint = z.output<typeof checkpointShape>;

interface Fact extends PackagedCaptionsFact {
  /** The captions in each package. */
  readonly outputs: readonly Output[];
}

type Context = TaskContext<OutputParams, Checkpoint>;

/** How soon it is looked again for a package that is being made, in milliseconds; whoever records one wakes it. */
const LOOK_AGAIN_MS = 5 * 60_000;

type CaptionsTools = Pick<Tools, 'outputPlaces' | 'companionPackages' | 'scratch' | 'retry'> & {
  readonly settings: Pick<Tools['settings'], 'captions'>;
};

/**
 * Has the packages in which the videos of the same time are shown name a transcript as captions. A package that is made later has
 * this step made once more (`recalledBy`).
 *
 * Safe to repeat: which packages get them is recorded first; files are replaced by what is the same, and manifests come out of
 * what the ledger has of all transcripts, whatever they named before.
 */
export function makeTask(
  tools: CaptionsTools,
): Omit<Task<OutputParams, Fact, Checkpoint>, keyof TaskShape | 'params'> {
  const { outputPlaces, companionPackages, scratch, retry } = tools;

  return {
    checkpoint: checkpointShape,
    serviceFor: ({ params }) => outputPlaces.get(params.to)?.service,

    async run(context) {
      const { recording, params } = context;
      const { to } = params;
      const place = outputPlaces.get(to);
      const { path, bytes } = requireFact(context, 'fetch');
      const nothing = { to, captions: null, packages: [], outputs: [] };
      if (place === undefined || (await flawOf(path, bytes)) !== undefined) return nothing;
      const language = recording.placement?.language ?? tools.settings.captions.language;
      const captions = {
        name: captionsName({ language, recordingId: recording.id }),
        language,
        label: labelOf(language),
      };
      const transcript = await readTranscript(path);
      const done = new Map<string, { shown: ShownPackage; bytes: number }>();
      for (;;) {
        const { packages, isMoreToCome } = await companionPackages.of(recording, to);
        const missing = packages.filter(({ prefix }) => !done.has(prefix));
        if (missing.length === 0) {
          if (isMoreToCome) throw waiting();
          return {
            to,
            captions,
            packages: packages.map(nameOf),
            outputs: outputsOf(place, captions, [...done.values()]),
          };
        }
        await context.saveCheckpoint({ to, captions, packages: packages.map(nameOf) });
        for (const shown of missing) {
          const own = await bring(context, place, { shown, captions, transcript });
          done.set(shown.prefix, { shown, bytes: own });
        }
      }
    },

    /** Takes the captions out of the packages, which stay. */
    async withdraw(context) {
      const { to, captions, packages } = (context.fact as Fact | undefined) ?? context.checkpoint ?? {};
      const place = outputPlaces.get(to ?? '');
      await scratch.remove(context);
      if (place === undefined || captions === null || captions === undefined) return;
      const known = (await companionPackages.of(context.recording, place.name)).packages;
      for (const { prefix } of packages ?? []) {
        await context.expectLate(latePackagePlace(prefix));
        const shown = known.find((each) => each.prefix === prefix);
        if (shown !== undefined) {
          const beside = await companionPackages.captionsBeside(context.recording, prefix);
          await nameCaptions(writerOf(context, place), shown, beside);
        }
        await context.checkLease();
        await place.remove({ keys: captionsKeys({ prefix }, captions), signal: context.signal });
      }
    },
  };

  function writerOf(
    context: Pick<WithdrawContext, 'recording' | 'step' | 'fence' | 'checkLease' | 'signal'>,
    place: OutputPlace,
  ): CaptionsWriter {
    const { checkLease: beforeEach, signal } = context;
    return { place, retry, scratch, owner: context, beforeEach, signal };
  }

  /** Brings captions to one package; returns how many bytes they are, 0 where it is being removed. */
  async function bring(
    context: Context,
    place: OutputPlace,
    of: { shown: ShownPackage; captions: PackagedCaptions; transcript: string },
  ): Promise<number> {
    const { shown, captions, transcript } = of;
    const { recording, signal } = context;
    const { prefix } = shown;
    await context.expectLate(latePackagePlace(prefix));
    const beside = await companionPackages.captionsBeside(recording, prefix);
    const all = [...beside.filter(({ language }) => language !== captions.language), captions];
    const { keys, isDoubtful } = await putCaptions(writerOf(context, place), shown, {
      own: captions,
      all,
      transcript,
    });
    const { packages } = await companionPackages.of(recording, place.name);
    if (packages.some((each) => each.prefix === prefix)) {
      if (!isDoubtful) await context.cameInTime(latePackagePlace(prefix));
    } else {
      // It was removed meanwhile, and these are all that is left of it.
      await context.checkLease();
      await place.remove({ keys, signal });
    }
    return Buffer.byteLength(transcript);
  }
}

function nameOf({ recordingId, prefix }: ShownPackage) {
  return { recordingId, prefix };
}

function outputsOf(
  place: OutputPlace,
  captions: PackagedCaptions,
  done: readonly { shown: ShownPackage; bytes: number }[],
): Output[] {
  return done.map(({ shown: { prefix, durationS }, bytes }) => {
    const key = prefix + vttName(captions);
    return { key, address: place.address(key) ?? null, mediaType: 'text/vtt', bytes, durationS };
  });
}

function waiting(): KnownError {
  return new KnownError('The package of the video is being made', {
    code: 'WAITING_FOR_VIDEO',
    retry: { waitMs: LOOK_AGAIN_MS },
  });
}
