import type { S3Simulator } from '../../simulators/s3/simulator.ts';
import { createRequests, type Requests } from '../../src/outside/s3/requests.ts';
import type { House } from './house.ts';

/** What has Sluice use this S3. */
export function s3Environment({
  url,
  keyId,
  secretKey,
  profile,
}: Pick<S3Simulator, 'url' | 'keyId' | 'secretKey' | 'profile'>) {
  return { S3_ENDPOINT: url, S3_KEY_ID: keyId, S3_SECRET: secretKey, S3_PROFILE: profile };
}

/** Asks one bucket of the S3 that a house uses. */
export function requestsTo({ config }: Pick<House, 'config'>, bucket: string): Requests {
  const { s3: connection } = config.inputs;
  if (connection === undefined) throw new Error('S3 is not set up');
  return createRequests({ ...connection, bucket, idleTimeoutMs: 5000 });
}

interface PutTerms {
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

/** Puts an object into a bucket, whole. */
export async function putObject(
  requests: Requests,
  key: string,
  content: Buffer,
  { headers = {}, signal = new AbortController().signal }: PutTerms = {},
): Promise<void> {
  const chunks = (async function* () {
    yield content;
  })();
  await requests.ask({ method: 'PUT', key, headers, body: { bytes: content.length, chunks }, signal });
}
