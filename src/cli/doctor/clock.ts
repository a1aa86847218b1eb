import { type Finding, fail, ok, warn } from '../../domain/finding.ts';
import { durationText } from '../../lib/duration-text.ts';
import { dismiss, send } from '../../lib/http.ts';

/** Signatures bear a time; more than this is wrong, in milliseconds. */
const MAX_SKEW_MS = 60_000;

/** A date in whole seconds and the way of the answer do not tell more of a clock that is wrong, in milliseconds. */
const TOLD_TO_MS = 60_000;

/** Compares this machine's clock with the dates that the services put on their answers. */
export async function checkClock(urls: readonly string[], signal: AbortSignal): Promise<Finding> {
  const skews = await Promise.all(urls.map((url) => skewAgainst(url, signal)));
  return judgeClock(skews.filter((skew) => skew !== undefined));
}

/** @param skewsMs By how much this clock is ahead of each service's. */
export function judgeClock(skewsMs: readonly number[]): Finding {
  // The one in the middle: one service with a wrong clock does not make this one wrong.
  const skewMs = [...skewsMs].sort((a, b) => a - b)[Math.floor(skewsMs.length / 2)];
  if (skewMs === undefined) {
    return warn('could not be compared: no service answers', 'Check the network, then ask again.');
  }
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return ok('agrees with the services');
  const toldMs = Math.round(Math.abs(skewMs) / TOLD_TO_MS) * TOLD_TO_MS;
  const direction = skewMs > 0 ? 'ahead' : 'behind';
  return fail(
    `is ${durationText(toldMs)} ${direction}`,
    'Signatures bear the time and are refused: let NTP set the clock (timedatectl set-ntp true).',
  );
}

async function skewAgainst(url: string, signal: AbortSignal): Promise<number | undefined> {
  const sentMs = Date.now();
  try {
    const response = await send({ service: 'clock', method: 'HEAD', url, signal, idleTimeoutMs: 5000 });
    dismiss(response);
    const theirMs = Date.parse(response.headers.date ?? '');
    // A date has whole seconds.
    return Number.isNaN(theirMs) ? undefined : (sentMs + Date.now()) / 2 - (theirMs + 500);
  } catch {
    return undefined;
  }
}
