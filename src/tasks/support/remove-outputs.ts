import { stepPrefix } from '../../domain/output-keys.ts';
import type { OutputPlace } from '../../engine/ports/output-place.ts';
import type { WithdrawContext } from '../../engine/task.ts';

/** As many files are removed by one request. */
const AT_ONCE = 500;

/** What all attempts of a step write lies below, with a slash at the end. */
export function outputsOf({ recording, step }: Pick<WithdrawContext, 'recording' | 'step'>): string {
  return stepPrefix({ recordingId: recording.id, step: step.id });
}

/**
 * Removes what lies below a prefix in a place of outputs, but for the keys that are kept.
 *
 * @throws KnownError `LEASE_LOST` before anything more is removed
 */
export async function removeOutputs(
  { checkLease, signal }: Pick<WithdrawContext, 'checkLease' | 'signal'>,
  place: OutputPlace,
  prefix: string,
  kept: ReadonlySet<string> = new Set(),
): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of place.list({ prefix, signal })) if (!kept.has(key)) keys.push(key);
  for (let at = 0; at < keys.length; at += AT_ONCE) {
    await checkLease();
    await place.remove({ keys: keys.slice(at, at + AT_ONCE), signal });
  }
}
