import { KnownError, machineTrouble, systemCode } from '../../domain/errors.ts';
import { hasCues, readText } from './companion-content.ts';

/** A transcript of many hours has a few hundred thousand bytes. */
const MAX_CAPTIONS_BYTES = 20 * 1024 * 1024;

/** What keeps a transcript from being shown with a video. */
export async function flawOf(path: string, bytes: number): Promise<string | undefined> {
  if (bytes > MAX_CAPTIONS_BYTES) return 'it is too large';
  return (await hasCues(path).catch(throwGone)) ? undefined : 'nobody speaks in it';
}

/** What a transcript says, as text. */
export async function readTranscript(path: string): Promise<string> {
  return await readText(path).catch(throwGone);
}

export function throwGone(error: unknown): never {
  const trouble = machineTrouble(error);
  if (trouble !== undefined) throw trouble;
  throw new KnownError(`The transcript is no longer on the disk (${systemCode(error)})`, {
    code: 'SOURCE_GONE',
    cause: error,
  });
}
