import { siblingsOf } from '../../domain/companions.ts';
import { type PackagedCaptions, packagedCaptionsIn } from '../../domain/media/packaged-captions.ts';
import { packagesIn } from '../../domain/playback.ts';
import type { Plan } from '../../domain/recipe.ts';
import { MOVABLE_STATES, type Recording, TAKING_BACK_STATES } from '../../domain/recording.ts';
import type { Recordings } from '../../ledger/recordings.ts';

/** A package in which a video is shown. */
export interface ShownPackage {
  readonly recordingId: string;
  /** What its keys begin with. */
  readonly prefix: string;
  readonly durationS: number;
  /** The keys of its manifests, as far as it has them. */
  readonly manifests: readonly string[];
}

/** What a transcript has to know of the packages of its meeting. */
export interface CompanionPackages {
  /**
   * Those in which the videos of the same time are shown, by themselves and by further runs, at a place of outputs.
   *
   * @returns `isMoreToCome`: others are being made, or soon will be
   */
  of(companion: Recording, to: string): Promise<{ packages: ShownPackage[]; isMoreToCome: boolean }>;
  /**
   * What other companions of the same time have in a package; of two of one language the later one.
   *
   * @param how.orBegun Those too that are being brought there just now.
   */
  captionsBeside(
    companion: Recording,
    prefix: string,
    how?: { readonly orBegun: boolean },
  ): Promise<PackagedCaptions[]>;
}

const PACKAGE_TASK = 'package';

export function createCompanionPackages(options: {
  recordings: Pick<Recordings, 'ofGroup' | 'runsOf' | 'progress' | 'outputs'>;
  planOf: (recording: Recording) => Promise<Plan>;
}): CompanionPackages {
  const { recordings, planOf } = options;

  async function siblings(companion: Recording) {
    const { groupKey } = companion;
    return siblingsOf(companion, groupKey === null ? [] : await recordings.ofGroup(groupKey));
  }

  /** Those of one recording, and whether it is to have others. */
  async function packagesOf(recording: Recording, to: string) {
    const { facts } = await recordings.progress(recording.id);
    const stands = await recordings.outputs(recording.id);
    const packages: ShownPackage[] = [];
    for (const [step, fact] of Object.entries(facts)) {
      const [found] = packagesIn({ [step]: fact });
      if (found?.to !== to || stands[step]?.ending != null) continue;
      const { prefix, durationS, keys } = found;
      const manifests = [keys.dash, keys.hls].filter((key) => key !== null);
      packages.push({ recordingId: recording.id, prefix, durationS, manifests });
    }
    if (!MOVABLE_STATES.includes(recording.state)) return { packages, isMoreToCome: false };
    const { steps } = await planOf(recording);
    const isMoreToCome = steps.some(
      ({ id, task }) => task === PACKAGE_TASK && facts[id] === undefined && stands[id]?.ending == null,
    );
    return { packages, isMoreToCome };
  }

  return {
    async of(companion, to) {
      const { videos } = await siblings(companion);
      const runs = await Promise.all(videos.map(({ id }) => recordings.runsOf(id)));
      const found = [];
      for (const recording of [...videos, ...runs.flat()]) {
        if (!TAKING_BACK_STATES.includes(recording.state)) found.push(await packagesOf(recording, to));
      }
      return {
        packages: found.flatMap(({ packages }) => packages),
        isMoreToCome: found.some(({ isMoreToCome }) => isMoreToCome),
      };
    },

    async captionsBeside(companion, prefix, { orBegun } = { orBegun: false }) {
      const { companions } = await siblings(companion);
      const byLanguage = new Map<string, PackagedCaptions>();
      for (const { id, state } of companions) {
        if (id === companion.id || TAKING_BACK_STATES.includes(state)) continue;
        const { facts, checkpoints } = await recordings.progress(id);
        const said = [...(orBegun ? packagedCaptionsIn(checkpoints) : []), ...packagedCaptionsIn(facts)];
        for (const { captions, packages } of said) {
          if (captions === null || !packages.some((each) => each.prefix === prefix)) continue;
          byLanguage.set(captions.language, captions);
        }
      }
      return [...byLanguage.values()];
    },
  };
}
