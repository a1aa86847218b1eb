import type { OutputPlace } from '../../engine/ports/output-place.ts';
import { removeBelow } from '../../engine/remove-below.ts';
import type { WithdrawContext } from '../../engine/task.ts';

/**
 * Removes what lies below a prefix in a place of outputs.
 *
 * @param except Keys of what stays.
 * @throws KnownError `LEASE_LOST` before anything more is removed
 */
export async function removeOutputs(
  { checkLease, signal }: Pick<WithdrawContext, 'checkLease' | 'signal'>,
  place: OutputPlace,
  prefix: string,
  except: readonly string[] = [],
): Promise<void> {
  await removeBelow(place, prefix, { signal, beforeEach: checkLease, except });
}
