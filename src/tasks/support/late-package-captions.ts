import { PACKAGED_CAPTIONS_TASK, packagedCaptionsIn } from '../../domain/media/packaged-captions.ts';
import type { Recording } from '../../domain/recording.ts';
import type { LateLooker } from '../../engine/late-looker.ts';
import type { OutputPlace } from '../../engine/ports/output-place.ts';
import type { CompanionPackages } from './companion-packages.ts';
import { nameCaptions } from './package-captions-files.ts';
import type { Scratch } from './scratch.ts';
import type { Tools } from './tools.ts';

/** Where captions of a transcript are looked for that were given up in a package; no key of an output looks like it. */
export function latePackagePlace(prefix: string): string {
  return `captions in ${prefix}`;
}

const PLACE = /^captions in (\S+)$/;

/**
 * Looks at a package for captions that a transcript has brought or taken back, and whose request was given up: unless the
 * transcript has them there, its manifests are to name what the others have, and its files are to go.
 */
export function createPackageCaptionsLooker(options: {
  readonly place: OutputPlace;
  readonly companionPackages: CompanionPackages;
  readonly scratch: Pick<Scratch, 'use'>;
  readonly retry: Tools['retry'];
}): LateLooker {
  const { place, companionPackages, scratch, retry } = options;
  const { service } = place;

  return {
    service,
    isFor: (where) => PLACE.test(where),
    async look({ recordingId, place: where, claim, signal }) {
      const [, prefix = ''] = PLACE.exec(where) ?? [];
      const now = await claim();
      if (now === undefined) return [];
      const { recording, facts, checkpoints } = now;
      const said = [...packagedCaptionsIn({ ...facts }), ...packagedCaptionsIn({ ...checkpoints })];
      if (said.some(({ packages }) => packages.some((each) => each.prefix === prefix))) return [];

      const keys = await left(recording, prefix, signal);
      const { packages } = await companionPackages.of(recording, place.name);
      const shown = packages.find((each) => each.prefix === prefix);
      let isNamed = false;
      if (shown !== undefined) {
        const beside = await companionPackages.captionsBeside(recording, prefix, { orBegun: true });
        const owner = { recording, step: { id: PACKAGED_CAPTIONS_TASK }, fence: 0 };
        const beforeEach = async () => {
          if ((await claim()) === undefined) throw new Error(`${recordingId} has a new beginning`);
        };
        const writer = { place, scratch, retry, owner, beforeEach, signal };
        isNamed = (await nameCaptions(writer, shown, beside)).keys.length > 0;
      }
      if (keys.length === 0 && !isNamed) return [];
      await place.remove({ keys, signal });
      return [{ type: 'late.removed', data: { service, what: 'captions', prefix, files: keys.length } }];
    },
  };

  /** The files of a transcript in a package. */
  async function left({ id }: Recording, prefix: string, signal: AbortSignal): Promise<string[]> {
    const mine = new RegExp(`^captions-[\\w-]+-${id.replace('rec_', '').slice(0, 8)}\\.\\w+$`);
    const keys: string[] = [];
    for await (const { key } of place.list({ prefix: `${prefix}captions-`, signal })) {
      if (mine.test(key.slice(prefix.length))) keys.push(key);
    }
    return keys;
  }
}
