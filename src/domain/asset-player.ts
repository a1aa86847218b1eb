import { HLS_MASTER } from './media/manifests.ts';
import type { Output } from './media/output.ts';

/* What was made of an asset that people are shown when they look at it or watch it. */

/** What a step of a run has made of an asset. */
export interface MadeOfAsset {
  readonly assetId: string;
  readonly runId: string;
  readonly step: string;
  readonly task: string;
  readonly fact: MadeFact;
  readonly doneAtMs: number;
}

interface MadeFact {
  /** The place, by its name. */
  readonly to: string;
  /** What its keys begin with. */
  readonly prefix: string;
  readonly outputs: readonly Pick<Output, 'key' | 'mediaType'>[];
  /** Of a package: where players begin. */
  readonly keys?: { readonly hls: string | null };
}

/** A file of what was made, by the name that it goes by within its step. */
export interface MadeFile {
  readonly of: MadeOfAsset;
  readonly name: string;
}

/** All that a page is given of an asset to show it; `undefined`: nothing of the kind was made, or it is not there any more. */
export interface AssetPlayer {
  readonly poster: MadeFile | undefined;
  /** A WebVTT file that says which small picture stands for which time. */
  readonly sprite: MadeFile | undefined;
  readonly waveform: MadeFile | undefined;
  /** The manifest of a package. */
  readonly hls: MadeFile | undefined;
}

/** By which tasks each of it is made. */
export const PLAYER_TASKS: Readonly<Record<keyof AssetPlayer, string>> = {
  poster: 'thumbnail',
  sprite: 'sprite',
  waveform: 'waveform',
  hls: 'package',
};

/** Sluice's own presets by which it is made where somebody only wants it to be there, and what the asset has to have for it. */
const PICTURES = [
  { kind: 'poster', preset: 'thumbnail', needs: 'video' },
  { kind: 'sprite', preset: 'sprite', needs: 'video' },
  { kind: 'waveform', preset: 'waveform', needs: 'audio' },
] as const;

/** What is shown of an asset, given what was made of it, the newest first. */
export function playerIn(made: readonly MadeOfAsset[]): AssetPlayer {
  const newest = (kind: keyof AssetPlayer, nameIn: (fact: MadeFact) => string | undefined) => {
    for (const of of made) {
      const name = of.task === PLAYER_TASKS[kind] ? nameIn(of.fact) : undefined;
      if (name !== undefined) return { of, name };
    }
    return undefined;
  };
  const ofType = (type: string) => (fact: MadeFact) => {
    const output = fact.outputs.find(({ mediaType }) => mediaType.startsWith(type));
    return output && nameOf(output.key);
  };
  return {
    poster: newest('poster', ofType('image/')),
    sprite: newest('sprite', ofType('text/vtt')),
    waveform: newest('waveform', ofType('application/json')),
    // That of the package's own folder, beside which all else of it lies.
    hls: newest('hls', ({ keys }) => (keys?.hls == null ? undefined : HLS_MASTER)),
  };
}

/** The presets that would make what is not there yet; where nobody knows what the asset has, all of them might. */
export function missingOf(
  player: AssetPlayer,
  has: { readonly video: boolean; readonly audio: boolean },
): string[] {
  const isKnown = has.video || has.audio;
  return PICTURES.filter(({ kind, needs }) => player[kind] === undefined && (has[needs] || !isKnown)).map(
    ({ preset }) => preset,
  );
}

/**
 * Where a file lies that somebody asks for by its name: one that its step says it has made, or one of a package, beside its manifest.
 * Whatever is asked for, it is nothing else of that place; `undefined`: there is no such file.
 */
export function madeKey(
  { task, fact }: MadeOfAsset,
  name: string,
): { readonly to: string; readonly key: string; readonly mediaType: string | undefined } | undefined {
  if (!Object.values(PLAYER_TASKS).includes(task)) return undefined;
  const { to, prefix, outputs } = fact;
  const output = outputs.find(({ key }) => nameOf(key) === name);
  if (output !== undefined) return { to, key: output.key, mediaType: output.mediaType };
  const isOfPackage = task === PLAYER_TASKS.hls && /^[\w-][\w.-]*$/.test(name);
  return isOfPackage ? { to, key: prefix + name, mediaType: undefined } : undefined;
}

function nameOf(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}
