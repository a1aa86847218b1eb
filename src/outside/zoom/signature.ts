import { createHmac } from 'node:crypto';
import { KnownError } from '../../domain/errors.ts';
import { isSameText } from '../../lib/constant-time.ts';
import type { ZoomAccount } from './account.ts';

export interface SignedRequest {
  /** The body's bytes as they came, before any parsing. */
  readonly body: Buffer;
  /** `x-zm-request-timestamp`: Unix seconds. */
  readonly timestamp: string | undefined;
  /** `x-zm-signature`: `v0=` and an HMAC-SHA256 in hex. */
  readonly signature: string | undefined;
}

/** An account that has signed a request, and the secret by which it did. */
export interface Signatory {
  readonly account: ZoomAccount;
  readonly secret: string;
}

/**
 * Makes sure that Zoom has sent this, lately (Zoom, webhooks: verify with Zoom's header), and says for which accounts:
 * all secrets are tried, the same way whether one fits or not, so that an answer tells nobody which accounts there are.
 *
 * @throws KnownError `SIGNATURE_INVALID` or `SIGNATURE_STALE`
 */
export function verifyZoomSignature(
  { body, timestamp, signature }: SignedRequest,
  options: { accounts: readonly ZoomAccount[]; toleranceS: number; nowMs: number },
): [Signatory, ...Signatory[]] {
  // Anything but digits would make the signed message ambiguous.
  if (timestamp === undefined || signature === undefined || !/^\d{1,12}$/.test(timestamp)) {
    throw new KnownError('The x-zm-signature or x-zm-request-timestamp header is missing or malformed', {
      code: 'SIGNATURE_INVALID',
    });
  }
  const [first, ...others] = options.accounts
    .flatMap((account) => account.secrets.map((secret) => ({ account, secret })))
    .filter(({ secret }) => isSameText(signature, `v0=${hmacHex(secret, `v0:${timestamp}:`, body)}`));
  if (first === undefined) {
    throw new KnownError('The signature does not fit the body', { code: 'SIGNATURE_INVALID' });
  }
  const ageS = Math.abs(options.nowMs / 1000 - Number(timestamp));
  if (ageS > options.toleranceS) {
    throw new KnownError(`The signed timestamp is ${Math.round(ageS)} s away from this server's clock`, {
      code: 'SIGNATURE_STALE',
    });
  }
  return [first, ...others];
}

/**
 * The answer to `endpoint.url_validation`: an HMAC over the plain token alone.
 *
 * A token that could be the beginning of a signed webhook (`v0:...`) is refused, or this would sign anything for anyone.
 *
 * @throws KnownError `REQUEST_INVALID`
 */
export function answerChallenge(plainToken: unknown, secret: string) {
  if (typeof plainToken !== 'string' || !/^[^:\s]{1,128}$/.test(plainToken)) {
    throw new KnownError('payload.plainToken is not a token', { code: 'REQUEST_INVALID' });
  }
  return { plainToken, encryptedToken: hmacHex(secret, plainToken) };
}

function hmacHex(secret: string, ...parts: (string | Buffer)[]): string {
  const hmac = createHmac('sha256', secret);
  for (const part of parts) hmac.update(part);
  return hmac.digest('hex');
}
