import { aceKey, recordingId } from '../domain/ids.ts';
import { Failure } from './failure.ts';
import { printable } from './text-width.ts';

/** How commands describe what names recordings. */
export const RECORDING_ARGUMENT = 'an id as `sluice list` shows it, or an ace_id';
export const RECORDINGS_ARGUMENT = 'ids as `sluice list` shows them, or ace_ids';

/** The id of a recording that is named by it or by its ace_id, from which the id follows. */
export function idOf(name: string): string {
  return /^rec_[0-9a-f]{24}$/.test(name) ? name : recordingId(aceKey(name));
}

/**
 * Asks the server about a recording that is named by its id or its ace_id.
 *
 * @throws Failure which, where there is none, says so of the name and not of the id that was made of it
 */
export async function askAbout<T>(name: string, ask: (path: string) => Promise<T>): Promise<T> {
  try {
    return await ask(`/api/recordings/${idOf(name)}`);
  } catch (error) {
    if (!(error instanceof Failure) || error.trouble.code !== 'RECORDING_NOT_FOUND' || idOf(name) === name) {
      throw error;
    }
    throw new Failure({
      ...error.trouble,
      title: `No recording has the id or the ace_id ${printable(name)}.`,
    });
  }
}
