import { formatBytes, formatDuration, formatLeft } from '../shared/format.ts';
import type { Encoding, Leg, Progress } from './types.ts';

/** What has not got on for so long stands still, in seconds. */
const STANDING_AFTER_S = 10;

/** How far a step is, whether it moves bytes or encodes. */
export interface Pace {
  /** 0 to 1. */
  readonly share: number;
  readonly words: string;
}

/** What is known of how far a step is: what it encodes, else the bytes that it moves. */
export function paceOf(progress: Progress | undefined, step: string): Pace | undefined {
  const encoding = progress?.encodings?.[step];
  if (encoding !== undefined) return encodingPace(encoding);
  const leg = progress?.legs[step];
  return leg && legPace(leg);
}

function legPace(leg: Leg): Pace {
  const { done_bytes: done, total_bytes: total, bytes_per_s, idle_s, left_s } = leg;
  if (total === 0) return { share: 0, words: `${formatBytes(done)} so far` };
  if (done >= total) return { share: 1, words: `${formatBytes(total)}, finishing` };
  const speed = bytes_per_s > 0 ? `${formatBytes(bytes_per_s)}/s` : '';
  return paced(done / total, { what: 'no bytes', speed, idle_s, left_s });
}

function encodingPace({ done_s: done, total_s: total, speed, idle_s, left_s }: Encoding): Pace {
  if (total === 0) return { share: 0, words: `${formatDuration(done * 1000)} encoded` };
  if (done >= total) return { share: 1, words: `${formatDuration(total * 1000)} encoded, finishing` };
  const fast = speed > 0 ? `${speed.toFixed(1)}× as fast as it plays` : '';
  return paced(done / total, { what: 'nothing encoded', speed: fast, idle_s, left_s });
}

function paced(
  share: number,
  of: {
    readonly what: string;
    readonly speed: string;
    readonly idle_s: number;
    readonly left_s: number | null;
  },
): Pace {
  const percent = `${Math.min(100, Math.floor(share * 100))} %`;
  if (of.idle_s >= STANDING_AFTER_S) {
    return { share, words: `${percent} · ${of.what} for ${formatDuration(of.idle_s * 1000)}` };
  }
  const left = of.left_s === null ? '' : formatLeft(of.left_s);
  return { share, words: [percent, of.speed, left].filter(Boolean).join(' · ') };
}
