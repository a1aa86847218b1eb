import { nameOutputs } from '../../domain/named-outputs.ts';
import { attemptOfKey } from '../../domain/output-keys.ts';
import { UNFINISHED_STATES } from '../../domain/recording.ts';
import type { LateLooker } from '../../engine/late-looker.ts';
import type { OutputPlace } from '../../engine/ports/output-place.ts';
import { removeBelow } from '../../engine/remove-below.ts';

/**
 * Looks in a place of outputs below the prefix of an attempt for what was put there and given up, and came all the same: once its
 * step is done, or its recording over, whatever lies there that the ledger does not name.
 */
export function createOutputLooker({ place }: { readonly place: OutputPlace }): LateLooker {
  const { service } = place;
  return {
    service,
    async look({ recordingId, place: prefix, claim, signal }) {
      const attempt = attemptOfKey(prefix);
      const now = await claim();
      if (attempt?.recordingId !== recordingId || now === undefined) return [];
      const { recording, ...recorded } = now;
      const isDone = Reflect.get(recorded.facts, attempt.step) !== undefined;
      const isUnderWay = UNFINISHED_STATES.includes(recording.state) || recording.state === 'set-aside';
      if ((isUnderWay && !isDone) || nameOutputs(recorded, attempt.step).includes(prefix)) return [];
      const removed = await removeBelow(place, prefix, {
        signal,
        async beforeEach() {
          if ((await claim()) === undefined) throw new Error(`${recordingId} has a new beginning`);
        },
      });
      if (removed === 0) return [];
      return [{ type: 'late.removed', data: { service, what: 'outputs', prefix, files: removed } }];
    },
  };
}
