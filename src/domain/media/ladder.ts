import { shownSize, type VideoStream } from './media-file.ts';

/** One rendition of a film. */
export interface Rung {
  /** Unique in its ladder, and good for a name of files: `720p`. */
  readonly name: string;
  readonly widthPx: number;
  readonly heightPx: number;
  /** The most that its pictures take, in bits per second. */
  readonly maxBitsPerS: number;
}

/** Rungs by the names that people know: the shorter side, and kbit (1024) of pictures per second. */
export const NAMED_RUNGS = {
  R_144P: { shortPx: 144, kibit: 95 },
  R_240P: { shortPx: 240, kibit: 150 },
  R_360P: { shortPx: 360, kibit: 276 },
  R_480P: { shortPx: 480, kibit: 750 },
  R_720P: { shortPx: 720, kibit: 2048 },
  R_1080P: { shortPx: 1080, kibit: 4096 },
  R_2K: { shortPx: 1440, kibit: 6144 },
  R_4K: { shortPx: 2160, kibit: 17_408 },
} as const satisfies Readonly<Record<string, { shortPx: number; kibit: number }>>;

export type RungName = keyof typeof NAMED_RUNGS;

/** What nobody has said: every other one, for a player does not need more to choose from. */
const USUAL: readonly RungName[] = ['R_1080P', 'R_720P', 'R_480P', 'R_240P'];

/** Those below a film that is copied. */
const BELOW_COPY: readonly RungName[] = ['R_480P', 'R_240P'];

/** A rung may be larger than the film by so much, and not count as larger. */
const SLACK = 1.02;

/** Of what a film has itself a rendition of its size is given so much more, for it is encoded anew. */
const MORE_THAN_SOURCE = 1.3;

/** A rendition that somebody has thought out. */
export interface CustomRung {
  readonly widthPx: number;
  readonly heightPx: number;
  readonly videoBitsPerS: number;
}

export type WantedLadder = 'auto' | 'top' | readonly (RungName | CustomRung)[];

/**
 * The renditions of a film, largest first. Of those with names none is larger than the film, but one there always is;
 * of a film that stands upright the shorter side is its width.
 *
 * @param wanted auto: by what the film is; top: the largest of those alone.
 * @param hasCopy The film itself is the largest one, so all others are smaller.
 * @param mostPx No rendition has a longer shorter side, whatever is wanted: this machine encodes no more.
 */
export function ladderFor(
  video: VideoStream,
  wanted: WantedLadder,
  hasCopy: boolean,
  mostPx: number = Number.POSITIVE_INFINITY,
): readonly Rung[] {
  const { widthPx, heightPx } = shownSize(video);
  const shortPx = Math.min(widthPx, heightPx);
  if (wanted === 'top') return hasCopy ? [] : ladderFor(video, 'auto', false, mostPx).slice(0, 1);
  const names = wanted === 'auto' ? (hasCopy ? BELOW_COPY : USUAL) : wanted;
  const fits = (px: number) => px <= mostPx && (hasCopy ? px < shortPx / SLACK : px <= shortPx * SLACK);
  const rungs = names.flatMap((each) => {
    if (typeof each !== 'string')
      return Math.min(each.widthPx, each.heightPx) <= mostPx ? [customRung(each)] : [];
    return fits(NAMED_RUNGS[each].shortPx) ? [namedRung(each, video)] : [];
  });
  if (rungs.length === 0 && !hasCopy) {
    rungs.push(shortPx > mostPx ? largestOf(mostPx, video) : smallest(names, video, shortPx));
  }
  const bySize = rungs.sort((a, b) => b.widthPx * b.heightPx - a.widthPx * a.heightPx);
  return unique(wanted === 'auto' ? bySize.map((rung) => notAboveSource(rung, video)) : bySize);
}

/** The film as it is: the largest rendition where it is copied. */
export function copiedRung(video: VideoStream, bitsPerS: number): Rung {
  const { widthPx, heightPx } = shownSize(video);
  return {
    name: `${Math.round(Math.min(widthPx, heightPx))}p`,
    widthPx: video.widthPx,
    heightPx: video.heightPx,
    maxBitsPerS: bitsPerS,
  };
}

/** What a film of this size is given, in bits per second: by the rung with a name that is not smaller. */
export function capFor(video: VideoStream): number {
  const { widthPx, heightPx } = shownSize(video);
  const all = Object.values(NAMED_RUNGS);
  const rung = all.find(({ shortPx }) => shortPx * SLACK >= Math.min(widthPx, heightPx)) ?? NAMED_RUNGS.R_4K;
  return rung.kibit * 1024;
}

function namedRung(name: RungName, video: VideoStream): Rung {
  const { shortPx, kibit } = NAMED_RUNGS[name];
  return { name: `${shortPx}p`, ...sized(video, shortPx), maxBitsPerS: kibit * 1024 };
}

function customRung({ widthPx, heightPx, videoBitsPerS }: CustomRung): Rung {
  return { name: `${widthPx}x${heightPx}`, widthPx, heightPx, maxBitsPerS: videoBitsPerS };
}

/** A film that is larger than anything that may be made of it is shown as large as it may be. */
function largestOf(mostPx: number, video: VideoStream): Rung {
  const names = Object.keys(NAMED_RUNGS) as RungName[];
  return namedRung(names.findLast((name) => NAMED_RUNGS[name].shortPx <= mostPx) ?? 'R_144P', video);
}

/** A film that is smaller than all that were named is shown as large as it is. */
function smallest(names: readonly (RungName | CustomRung)[], video: VideoStream, shortPx: number): Rung {
  const named = names.filter((each) => typeof each === 'string').map((name) => NAMED_RUNGS[name]);
  const kibit = Math.min(...named.map((each) => each.kibit), NAMED_RUNGS.R_240P.kibit);
  const evenPx = Math.max(2, 2 * Math.floor(shortPx / 2));
  return { name: `${evenPx}p`, ...sized(video, evenPx), maxBitsPerS: kibit * 1024 };
}

/** In the shape that the film has, with even sides. */
function sized(video: VideoStream, shortPx: number): Pick<Rung, 'widthPx' | 'heightPx'> {
  const { widthPx, heightPx } = shownSize(video);
  const long = evenOf((shortPx * Math.max(widthPx, heightPx)) / Math.min(widthPx, heightPx));
  return widthPx >= heightPx ? { widthPx: long, heightPx: shortPx } : { widthPx: shortPx, heightPx: long };
}

function evenOf(px: number): number {
  return Math.max(2, 2 * Math.round(px / 2));
}

function notAboveSource(rung: Rung, { bitsPerS }: VideoStream): Rung {
  if (bitsPerS === undefined) return rung;
  const most = Math.max(NAMED_RUNGS.R_144P.kibit * 1024, Math.round(bitsPerS * MORE_THAN_SOURCE));
  return { ...rung, maxBitsPerS: Math.min(rung.maxBitsPerS, most) };
}

function unique(rungs: readonly Rung[]): Rung[] {
  return rungs.filter(({ name }, at) => rungs.findIndex((rung) => rung.name === name) === at);
}
