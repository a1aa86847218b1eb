import { nameOutputs } from '../domain/named-outputs.ts';
import { attemptOfKey, type OutputMark, outputPrefix } from '../domain/output-keys.ts';
import type { OutputPlace } from '../engine/ports/output-place.ts';
import { removeBelow } from '../engine/remove-below.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type Broom, isLive, type Leftover, type SweepTerms } from './broom.ts';

/**
 * Looks in a place of outputs for what attempts have put there that no recording names: those of workers that lost their recordings,
 * and what could not be removed when its output was given up. What is known of no recording stays, for it may be somebody
 * else's; and all of a recording that may still move.
 */
export function createOutputBroom(options: {
  readonly place: Pick<OutputPlace, 'name' | 'service' | 'list' | 'remove'>;
  readonly ledger: Pick<Ledger, 'recordings' | 'claims'>;
  readonly terms: SweepTerms;
}): Broom {
  const { place, terms } = options;
  const { recordings, claims } = options.ledger;

  async function inspect(
    attempt: OutputMark,
    bytes: number,
    signal: AbortSignal,
  ): Promise<Leftover | undefined> {
    const { recordingId, step } = attempt;
    const prefix = outputPrefix(attempt);
    const recording = await recordings.get(recordingId);
    if (recording === undefined || isLive(recording, terms)) return undefined;
    const named = nameOutputs(await recordings.progress(recordingId), step);
    const claimed = await claims.of({ service: place.service, ref: prefix });
    if (named.includes(prefix) || claimed.length > 0) return undefined;
    return {
      bytes,
      reason: `no output of its recording, which is ${recording.state}`,
      async remove() {
        await removeBelow(place, prefix, { signal });
      },
    };
  }

  return {
    kind: 'output',
    async suspects(signal) {
      // Of each attempt once, however many files it has put there.
      const attempts = new Map<string, { readonly attempt: OutputMark; bytes: number }>();
      for await (const { key, bytes } of place.list({ prefix: 'runs/', signal })) {
        const attempt = attemptOfKey(key);
        if (attempt === undefined) continue;
        const prefix = outputPrefix(attempt);
        const found = attempts.get(prefix);
        if (found === undefined) attempts.set(prefix, { attempt, bytes });
        else found.bytes += bytes;
      }
      return [...attempts].map(([prefix, { attempt, bytes }]) => ({
        name: `${place.name}/${prefix}`,
        inspect: () => inspect(attempt, bytes, signal),
      }));
    },
  };
}
