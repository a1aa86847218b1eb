import {
  type AssetPlayer,
  type MadeOfAsset,
  madeKey,
  PLAYER_TASKS,
  playerIn,
} from '../domain/asset-player.ts';
import { KnownError } from '../domain/errors.ts';
import type { Assets } from '../ledger/assets.ts';
import { sha256 } from '../lib/digest.ts';
import type { OpenedFile, WatchedPlaces } from './watching.ts';

/** A file that was made of an asset. */
export interface MadeBytes {
  /** `undefined` of what belongs to a package: its name says it. */
  readonly mediaType: string | undefined;
  /** Another one once it was made anew. */
  readonly tag: string;
  look(signal: AbortSignal): Promise<{ readonly bytes: number } | undefined>;
  /** Begins to read it. Whoever reads no further dismisses it. */
  open(fromByte: number, signal: AbortSignal): Promise<OpenedFile | undefined>;
}

/** What pages show of assets. Keys come from the ledger alone, whatever is asked for. */
export interface AssetPlayers {
  /** By the asset; of all of them in one look at the ledger. */
  of(assetIds: readonly string[]): Promise<ReadonlyMap<string, AssetPlayer>>;
  /** @throws KnownError `NOT_FOUND` where there is none */
  posterOf(assetId: string): Promise<MadeBytes>;
  /** A file that one step of one run has made of an asset. @throws KnownError `NOT_FOUND` */
  file(of: Pick<MadeOfAsset, 'assetId' | 'runId' | 'step'> & { readonly name: string }): Promise<MadeBytes>;
}

/** The newest of a task may be of no use here, such as a package for DASH alone: so many are looked at. */
const MOST_OF_A_TASK = 3;

const TASKS = Object.values(PLAYER_TASKS);

export function createAssetPlayers({
  ledger,
  outputPlaces,
}: {
  readonly ledger: { readonly assets: Pick<Assets, 'made' | 'madeBy'> };
  readonly outputPlaces: WatchedPlaces;
}): AssetPlayers {
  const { assets } = ledger;

  function bytesOf(of: MadeOfAsset, name: string): MadeBytes {
    const found = madeKey(of, name);
    if (found === undefined) throw nothing();
    const { key, mediaType } = found;
    const place = outputPlaces.get(found.to);
    if (place === undefined) throw nothing();
    return {
      mediaType,
      tag: tagOf(of, name),
      look: (signal) => place.look({ key, signal }),
      open: (fromByte, signal) => place.open({ key, fromByte, signal }),
    };
  }

  return {
    async of(assetIds) {
      const made = await assets.made(assetIds, TASKS, MOST_OF_A_TASK);
      return new Map(
        assetIds.map((id) => [id, playerIn(made.filter(({ assetId }) => assetId === id))] as const),
      );
    },

    async posterOf(assetId) {
      const { poster } = playerIn(await assets.made([assetId], [PLAYER_TASKS.poster], MOST_OF_A_TASK));
      if (poster === undefined) throw nothing();
      return bytesOf(poster.of, poster.name);
    },

    async file({ name, ...of }) {
      const made = await assets.madeBy(of);
      if (made === undefined) throw nothing();
      return bytesOf(made, name);
    },
  };
}

/** What tells a file from what lay in its place before. */
export function tagOf({ runId, step, doneAtMs }: MadeOfAsset, name: string): string {
  return sha256(JSON.stringify([runId, step, doneAtMs, name])).slice(0, 24);
}

function nothing(): KnownError {
  return new KnownError('There is no such file', { code: 'NOT_FOUND' });
}
