import { type KeyObject, verify } from 'node:crypto';

/** Whom every assertion is for, wherever it is sent. */
const AUDIENCE = 'https://oauth2.googleapis.com/token';
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const MAX_LIFE_S = 3600;
const MAX_SKEW_S = 300;

/** Why Google's token endpoint gives no token, in its own words. */
export interface AssertionFlaw {
  readonly error: string;
  readonly error_description: string;
}

/** What is wrong with the JWT that a service account asks with; `undefined`: nothing. */
export function findFlaw(
  assertion: string,
  account: { email: string; publicKey: KeyObject },
  nowMs: number,
): AssertionFlaw | undefined {
  const [head = '', payload = '', signature = ''] = assertion.split('.');
  const header = decoded(head);
  const claims = decoded(payload);
  if (header === undefined || claims === undefined) return grant('Bad Request');
  if (claims['iss'] !== account.email) return grant('Invalid grant: account not found');
  const signed = Buffer.from(`${head}.${payload}`);
  const isSigned = verify('RSA-SHA256', signed, account.publicKey, Buffer.from(signature, 'base64url'));
  if (header['alg'] !== 'RS256' || !isSigned) return grant('Invalid JWT Signature.');
  if (claims['aud'] !== AUDIENCE) return grant('Invalid JWT: Failed audience check.');
  const [iat, exp, nowS] = [Number(claims['iat']), Number(claims['exp']), nowMs / 1000];
  const isTimely =
    iat <= nowS + MAX_SKEW_S && exp > nowS - MAX_SKEW_S && exp - iat <= MAX_LIFE_S && exp > iat;
  if (!isTimely) {
    return grant(
      'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.',
    );
  }
  if (String(claims['scope']).split(' ').includes(SCOPE)) return undefined;
  return {
    error: 'invalid_scope',
    error_description: 'Invalid OAuth scope or ID token audience provided.',
  };
}

function grant(error_description: string): AssertionFlaw {
  return { error: 'invalid_grant', error_description };
}

function decoded(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
