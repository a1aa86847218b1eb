import { hasCode, type KnownError } from '../../domain/errors.ts';
import type { OutputMark } from '../../domain/output-keys.ts';
import { held } from '../../engine/held.ts';
import type { OutputFile, OutputPlace, OutputPlaces } from '../../engine/ports/output-place.ts';
import type { TaskContext } from '../../engine/task.ts';
import { retryInPlace } from './retry-in-place.ts';
import type { Tools } from './tools.ts';

/** A place by its name; `undefined`: it is not set up, or may not be named any more. */
export function placeNamed(places: Pick<OutputPlaces, 'get'>, name: string): OutputPlace | undefined {
  try {
    return places.get(name);
  } catch (error) {
    if (hasCode(error, 'OUTPUT_NOT_ALLOWED')) return undefined;
    throw error;
  }
}

/** @throws KnownError `OUTPUT_PLACE_MISSING`: it waits until somebody has set the place up again */
export function requireOutputPlace({ outputPlaces }: Pick<Tools, 'outputPlaces'>, name: string): OutputPlace {
  const place = placeNamed(outputPlaces, name);
  if (place !== undefined) return place;
  throw outputPlaceMissing(name);
}

export function outputPlaceMissing(name: string): KnownError {
  return held(`The place of outputs "${name}" is not set up`, 'OUTPUT_PLACE_MISSING');
}

/** Whose the outputs of an attempt are. */
export function markOf({
  recording,
  step,
  fence,
}: Pick<TaskContext, 'recording' | 'step' | 'fence'>): OutputMark {
  return { recordingId: recording.id, step: step.id, fence };
}

/** Brings the files of one attempt to a place of outputs, and knows whether something may come there late. */
export function createOutputSender(
  context: Pick<TaskContext, 'recording' | 'step' | 'fence' | 'checkLease' | 'cameInTime'>,
  { place, retry }: { readonly place: OutputPlace } & Pick<Tools, 'retry'>,
) {
  const mark = markOf(context);
  let isDoubtful = false;

  return {
    async send(file: Omit<OutputFile, 'mark'>, signal: AbortSignal): Promise<{ readonly bytes: number }> {
      let tries = 0;
      return await retryInPlace(retry, signal, async () => {
        await context.checkLease();
        // The one before was given up, and may come all the same.
        tries += 1;
        isDoubtful ||= tries > 1;
        return await place.put({ ...file, mark, signal });
      });
    },

    /** What was expected late below a prefix has come, if every request was answered. */
    async allCame(prefix: string): Promise<void> {
      if (!isDoubtful) await context.cameInTime(prefix);
    },
  };
}
