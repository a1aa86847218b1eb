import { type Finding, fail, ok, warn } from '../../domain/finding.ts';
import type { Checkup } from '../checkup.ts';
import { type BunnyOptions, createBunny } from './client.ts';
import { BUNNY } from './words.ts';

const IDLE_TIMEOUT_MS = 15_000;

interface Settings {
  readonly bunny: Omit<BunnyOptions, 'idleTimeoutMs' | 'minBytesPerSecond' | 'now'> & {
    readonly readOnlyApiKey: string | undefined;
  };
}

export const BUNNY_CHECKUP: Checkup<Settings> = {
  name: BUNNY.name,
  service: BUNNY.service,
  needs: ['BUNNY_LIBRARY_ID', 'BUNNY_API_KEY', 'BUNNY_READ_ONLY_API_KEY', 'BUNNY_API_URL'],
  clock: { setting: 'BUNNY_API_URL', urlOf: ({ bunny }) => bunny.apiUrl },
  check: ({ bunny }, { signal }) => checkBunny(bunny, signal),
};

/** The library and its key. */
async function checkBunny(bunny: Settings['bunny'], signal: AbortSignal): Promise<Finding> {
  const videos = await createBunny({ ...bunny, idleTimeoutMs: IDLE_TIMEOUT_MS }).countVideos({ signal });
  const library = `library ${bunny.libraryId}, ${videos} videos`;
  if (bunny.apiKey === bunny.readOnlyApiKey) {
    return fail(
      `${library}; BUNNY_API_KEY is the Read-Only key`,
      'Put the library\'s "API Key" there, which may write.',
    );
  }
  if (bunny.readOnlyApiKey === undefined) {
    return warn(
      `${library}; BUNNY_READ_ONLY_API_KEY is not set`,
      "Without it Bunny's webhooks are refused, and videos are looked at now and then instead.",
    );
  }
  return ok(library);
}
