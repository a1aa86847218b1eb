import { aceKey, recordingId } from '../domain/ids.ts';
import { byteSize } from '../lib/byte-size.ts';
import { uploadListShape } from './api-shapes.ts';
import { Failure } from './failure.ts';
import type { Session } from './session.ts';
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
 * @throws Failure which, where there is none, says so of the name and not of the id that was made of it; and how much of
 * its upload has arrived, if there is one
 */
export async function askAbout<T>(
  session: Pick<Session, 'api' | 'signal'>,
  name: string,
  ask: (path: string) => Promise<T>,
): Promise<T> {
  try {
    return await ask(`/api/recordings/${idOf(name)}`);
  } catch (error) {
    if (!(error instanceof Failure) || error.trouble.code !== 'NOT_FOUND' || idOf(name) === name) {
      throw error;
    }
    const { trouble } = error;
    const upload = await uploadOf(session, name);
    if (upload === undefined) {
      throw new Failure({ ...trouble, title: `No recording has the id or the ace_id ${printable(name)}.` });
    }
    const arrived = `${byteSize(upload.received_bytes)} of ${byteSize(upload.total_bytes)}`;
    throw new Failure({
      ...trouble,
      title: `No recording has the ace_id ${printable(name)} yet: of its upload ${arrived} have arrived.`,
      advice: 'It becomes one when all has arrived: sluice list --uploads shows how it goes on.',
    });
  }
}

async function uploadOf({ api, signal }: Pick<Session, 'api' | 'signal'>, aceId: string) {
  const { uploads } = await api.get('/api/uploads', uploadListShape, signal);
  return uploads.find((upload) => upload.ace_id === aceId);
}
