import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Format, outerName, typeOf } from '../../domain/media/manifests.ts';
import { nameOutputs } from '../../domain/named-outputs.ts';
import { attemptOfKey } from '../../domain/output-keys.ts';
import { type Recording, UNFINISHED_STATES } from '../../domain/recording.ts';
import type { LateFinding, LateLooker, LateLookInput } from '../../engine/late-looker.ts';
import type { OutputPlace } from '../../engine/ports/output-place.ts';
import { removeBelow } from '../../engine/remove-below.ts';
import type { Scratch } from './scratch.ts';

/** No step is called so. */
const LATE = 'LATE';

const MOST_MANIFEST_BYTES = 10_000_000;

/**
 * Looks in a place of outputs below the prefix of an attempt for what was put there and given up, and came all the same: once its
 * step is done, or its recording over, whatever lies there that the ledger does not name. At a key that the caller of a run has
 * named only what bears the mark of its step is touched.
 */
export function createOutputLooker({
  place,
  scratch,
}: {
  readonly place: OutputPlace;
  readonly scratch: Pick<Scratch, 'use'>;
}): LateLooker {
  const { service } = place;

  async function lookBelow(prefix: string, { recordingId, claim, signal }: LateLookInput) {
    const attempt = attemptOfKey(prefix);
    const now = await claim();
    if (attempt?.recordingId !== recordingId || now === undefined) return [];
    const { recording, ...recorded } = now;
    const isDone = Reflect.get(recorded.facts, attempt.step) !== undefined;
    if ((isUnderWay(recording) && !isDone) || nameOutputs(recorded, attempt.step).includes(prefix)) return [];
    const removed = await removeBelow(place, prefix, {
      signal,
      async beforeEach() {
        if ((await claim()) === undefined) throw new Error(`${recordingId} has a new beginning`);
      },
    });
    if (removed === 0) return [];
    return [{ type: 'late.removed' as const, data: { service, what: 'outputs', prefix, files: removed } }];
  }

  async function lookAt(key: string, { recordingId, claim, signal }: LateLookInput): Promise<LateFinding[]> {
    const found = await place.look({ key, signal });
    const now = await claim();
    if (found?.recordingId !== recordingId || found.step === undefined || now === undefined) return [];
    const { recording, facts } = now;
    const fact: unknown = Reflect.get(facts, found.step);
    if (typeof fact !== 'object' || fact === null) {
      if (isUnderWay(recording) || (await claim()) === undefined) return [];
      await place.remove({ keys: [key], signal });
      return [{ type: 'late.removed', data: { service, what: 'outputs', prefix: key, files: 1 } }];
    }
    const manifest = manifestAt(key, fact);
    // Of a file every attempt has made the same.
    if (manifest === undefined || manifest.fence === found.fence) return [];
    // It names what an earlier attempt has put, which is gone.
    const { format, prefix, fence } = manifest;
    const opened = await place.open({ key: `${prefix}${outerName(format)}`, fromByte: 0, signal });
    if (opened === undefined) return [];
    const mark = { recordingId, step: found.step, fence };
    await scratch.use({ recording, step: { id: LATE }, fence }, MOST_MANIFEST_BYTES, async (folder) => {
      const path = join(folder, outerName(format));
      await writeFile(path, opened.chunks);
      if ((await claim()) === undefined) throw new Error(`${recordingId} has a new beginning`);
      await place.put({ key, path, mediaType: typeOf(format), mark, signal });
    });
    return [{ type: 'late.restored', data: { service, key } }];
  }

  return {
    service,
    look: async (input) =>
      attemptOfKey(input.place) === undefined
        ? await lookAt(input.place, input)
        : await lookBelow(input.place, input),
  };
}

/** What is said of a package whose manifest lies at a key. */
function manifestAt(key: string, fact: object) {
  const { prefix, keys } = fact as { prefix?: unknown; keys?: Partial<Record<Format, unknown>> };
  const format = (['hls', 'dash'] as const).find((each) => keys?.[each] === key);
  const attempt = typeof prefix === 'string' ? attemptOfKey(prefix) : undefined;
  return format && attempt && { format, prefix: String(prefix), fence: attempt.fence };
}

function isUnderWay({ state }: Recording): boolean {
  return UNFINISHED_STATES.includes(state) || state === 'set-aside';
}
