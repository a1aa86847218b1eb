import type { Link } from '../../simulators/shared/link.ts';

/** Counts the bytes that pass over a link, and when. */
export interface Meter {
  /** How many bytes passed from one time to another, both in milliseconds since 1970. */
  bytesBetween(fromMs: number, toMs: number): number;
}

/** Bytes within this time count as one sample, in milliseconds. */
const SAMPLE_MS = 5;

/** Puts a meter on a link. It counts what is asked to pass, in both directions. */
export function meterLink(link: Link): Meter {
  const samples: { readonly fromMs: number; totalBytes: number }[] = [{ fromMs: 0, totalBytes: 0 }];
  const take = link.take.bind(link);

  link.take = (bytes) => {
    const last = samples.at(-1);
    const nowMs = Date.now();
    const totalBytes = (last?.totalBytes ?? 0) + bytes;
    if (last !== undefined && nowMs - last.fromMs < SAMPLE_MS) last.totalBytes = totalBytes;
    else samples.push({ fromMs: nowMs, totalBytes });
    return take(bytes);
  };

  const totalBefore = (timeMs: number) => samples.findLast(({ fromMs }) => fromMs < timeMs)?.totalBytes ?? 0;

  return { bytesBetween: (fromMs, toMs) => totalBefore(toMs) - totalBefore(fromMs) };
}
