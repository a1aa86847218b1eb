/** What a run of ffmpeg has cost this machine. */
export interface Cost {
  /** Seconds of work of all cores together. */
  readonly cpuS: number;
  /** Seconds from its start to its end. */
  readonly wallS: number;
  /** The most memory that it held. */
  readonly peakRssBytes: number;
}

/** A stream that one run of ffmpeg has made beside others. */
export interface CostSharer {
  readonly kind: 'video' | 'audio';
  readonly isCopied: boolean;
  /** Of a film. */
  readonly widthPx?: number | undefined;
  readonly heightPx?: number | undefined;
}

/** By how much the work of a picture grows with its pixels: measured of x264, where four times as many are three times the work. */
const PIXELS_POWER = 0.75;

/** Beside pictures 25 times a second: what encoding sound weighs, and copying a stream as it is. */
const SOUND_WEIGHT = 1300;
const COPY_WEIGHT = 150;

/**
 * Shares the seconds of work of one run out among the streams that it has made, which cannot be measured apart: the pictures are
 * decoded once for all of them. All of a run have as many pictures per second. The shares add up to the whole.
 */
export function shareOut(cpuS: number, streams: readonly CostSharer[]): number[] {
  const weights = streams.map(({ kind, isCopied, widthPx = 0, heightPx = 0 }) => {
    if (isCopied) return COPY_WEIGHT;
    return kind === 'audio' ? SOUND_WEIGHT : (widthPx * heightPx) ** PIXELS_POWER;
  });
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  let doneMs = 0;
  let given = 0;
  return weights.map((weight) => {
    given += weight;
    const untilMs = Math.round((1000 * cpuS * given) / all);
    const ownMs = untilMs - doneMs;
    doneMs = untilMs;
    return ownMs / 1000;
  });
}
