import { KnownError } from '../../domain/errors.ts';
import type { Call } from '../../engine/ports/store.ts';
import { isRejection } from './errors.ts';
import type { Requests, S3Options } from './requests.ts';

/** The key under which it is asked whether bytes are taken; nothing is ever kept under it. */
const PROBE_KEY = 'sluice-probe';

/** What an MD5 is not that belongs to anything that is sent. */
const WRONG_MD5 = Buffer.alloc(16).toString('base64');

/** The bucket as such. */
export interface Bucket {
  /**
   * Makes sure that it is there; makes it where it is to be made.
   *
   * @throws KnownError `REMOTE_UNAUTHORIZED` if there is none that this key can see
   */
  require(call: Call): Promise<void>;
  /** Asks whether it is there now; makes it if that is wanted. */
  isThere(call: Call & { readonly isMade: boolean }): Promise<boolean>;
  /**
   * Asks whether the service is well by what belongs to no recording: the bucket, and bytes that it is to refuse for their
   * digest. Leaves nothing.
   */
  probe(call: Call, prefix: string): Promise<void>;
}

export function createBucket(
  requests: Requests,
  { bucket, region, profile, isMade, setting }: S3Options & { isMade: boolean; setting: string },
): Bucket {
  let isKnown = false;

  async function find(signal: AbortSignal): Promise<boolean> {
    try {
      // A refusal of HEAD would not say what is wrong.
      await requests.ask({ method: 'GET', query: { 'list-type': '2', 'max-keys': '1' }, signal });
      return true;
    } catch (error) {
      if (error instanceof KnownError && error.details['s3Code'] === 'NoSuchBucket') return false;
      throw error;
    }
  }

  async function make(signal: AbortSignal): Promise<void> {
    const isElsewhere = !['us-east-1', 'auto'].includes(region);
    const body = isElsewhere
      ? `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>${region}</LocationConstraint></CreateBucketConfiguration>`
      : '';
    try {
      await requests.ask({ method: 'PUT', body, signal });
    } catch (error) {
      // Somebody else was faster, or its name is somebody else's: which of these the next question says.
      if (!isRejection(error) || error.details['status'] !== 409) throw error;
    }
  }

  async function isThere(call: Call & { isMade: boolean }): Promise<boolean> {
    isKnown = await find(call.signal);
    if (!isKnown && call.isMade) {
      await make(call.signal);
      isKnown = await find(call.signal);
    }
    return isKnown;
  }

  async function require({ signal }: Call): Promise<void> {
    if (isKnown || (await isThere({ signal, isMade }))) return;
    throw new KnownError(`${profile.title} has no bucket ${bucket} that this key can see (${setting})`, {
      code: 'REMOTE_UNAUTHORIZED',
      retry: 'backoff',
    });
  }

  return {
    require,
    isThere,

    async probe({ signal }, prefix) {
      isKnown = false;
      await require({ signal });
      const key = `${prefix}${PROBE_KEY}`;
      try {
        await requests.ask({
          method: 'PUT',
          key,
          headers: { 'content-md5': WRONG_MD5, 'content-type': 'application/octet-stream' },
          body: '?',
          signal,
        });
      } catch (error) {
        if (error instanceof KnownError && ['TRANSFER_CORRUPT', 'REMOTE_REJECTED'].includes(error.code))
          return;
        throw error;
      }
      await requests.ask({ method: 'DELETE', key, signal });
    },
  };
}
