import { type Finding, fail, ok, warn } from '../../domain/finding.ts';
import type { Checkup } from '../checkup.ts';
import { type B2Options, createB2 } from './client.ts';
import { B2 } from './words.ts';

const IDLE_TIMEOUT_MS = 15_000;

const NEEDED = ['listBuckets', 'listFiles', 'readFiles', 'writeFiles'];

interface Settings {
  readonly b2: Omit<B2Options, 'idleTimeoutMs' | 'minBytesPerSecond'>;
}

export const B2_CHECKUP: Checkup<Settings> = {
  name: B2.name,
  service: B2.service,
  needs: ['B2_KEY_ID', 'B2_APPLICATION_KEY', 'B2_BUCKET', 'B2_API_URL'],
  clock: { setting: 'B2_API_URL', urlOf: ({ b2 }) => b2.apiUrl },
  check: ({ b2 }, { signal }) => checkB2(b2, signal),
};

/** The credentials, the bucket, and what the key may do. */
async function checkB2(b2: Settings['b2'], signal: AbortSignal): Promise<Finding> {
  const client = createB2({ ...b2, idleTimeoutMs: IDLE_TIMEOUT_MS });
  const { capabilities, namePrefix } = await client.keyRights({ signal });
  const missing = NEEDED.filter((name) => !capabilities.includes(name));
  const advice = 'Make an application key for this bucket with all of them, and put it into .env.';
  if (missing.length > 0) return fail(`the key lacks ${missing.join(', ')}`, advice);
  if (namePrefix) {
    return fail(
      `the key is only for names that begin with ${namePrefix}`,
      'Make an application key without a file name prefix.',
    );
  }
  if (!capabilities.includes('deleteFiles')) {
    return warn(
      `bucket ${b2.bucket}; the key lacks deleteFiles`,
      'All works, but the archived file of a recording that is cancelled late stays in B2.',
    );
  }
  return ok(`bucket ${b2.bucket}; the key may do all that is needed`);
}
