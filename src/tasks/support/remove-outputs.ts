import { stepPrefix } from '../../domain/output-keys.ts';
import type { OutputPlace } from '../../engine/ports/output-place.ts';
import { removeBelow } from '../../engine/remove-below.ts';
import type { WithdrawContext } from '../../engine/task.ts';

/** What all attempts of a step write lies below, with a slash at the end. */
export function outputsOf({ recording, step }: Pick<WithdrawContext, 'recording' | 'step'>): string {
  return stepPrefix({ recordingId: recording.id, step: step.id });
}

/**
 * Removes what lies below a prefix in a place of outputs.
 *
 * @throws KnownError `LEASE_LOST` before anything more is removed
 */
export async function removeOutputs(
  { checkLease, signal }: Pick<WithdrawContext, 'checkLease' | 'signal'>,
  place: OutputPlace,
  prefix: string,
): Promise<void> {
  await removeBelow(place, prefix, { signal, beforeEach: checkLease });
}
