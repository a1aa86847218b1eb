import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import { wallMs } from './wall-time.ts';

/** The only way in which a token may be signed; what a token itself says of it is not asked. */
const ALGORITHM = 'HS256';

/** By how much the clocks of the website and of this server may differ, in seconds. */
const CLOCK_TOLERANCE_S = 30;

/** In characters; what is longer was not made by a website. */
const MAX_TOKEN_LENGTH = 4096;

/** Of the claims, in characters. */
const MAX_LENGTHS = { aceId: 200, title: 1000, recipe: 40 } as const;

/** What the website allows to whoever carries the token. */
export interface UploadGrant {
  /** The recording that may be uploaded. */
  readonly aceId: string;
  readonly expiresAtMs: number;
  /** How large it may be; the server's own limit counts too. */
  readonly maxBytes?: number;
  /** The title that it gets, whatever the uploader says. */
  readonly title?: string;
  /** The recipe that it goes by, whatever the uploader says. */
  readonly recipe?: string;
}

/** A token that was signed with one of the secrets, and in time or not; or why it is none. */
export type TokenReading =
  | { readonly kind: 'valid' | 'expired'; readonly grant: UploadGrant }
  | { readonly kind: 'invalid'; readonly reason: string };

export interface UploadTokenOptions {
  readonly secret: string;
  readonly aceId: string;
  readonly expiresInS: number;
  readonly maxBytes?: number;
  readonly title?: string;
  readonly recipe?: string;
}

/** Makes a token as the website does: a JWT with which one recording may be uploaded. */
export async function createUploadToken(options: UploadTokenOptions): Promise<string> {
  const { aceId, maxBytes, title, recipe } = options;
  const issuedAtS = Math.floor(wallMs() / 1000);
  const claims = { ace_id: aceId, max_bytes: maxBytes, title, recipe };
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
    .setIssuedAt(issuedAtS)
    .setExpirationTime(issuedAtS + options.expiresInS)
    .setJti(crypto.randomUUID())
    .sign(Buffer.from(options.secret));
}

/** Reads what somebody sent as a token, of any content; several secrets are valid while one takes over from another. */
export async function readUploadToken(
  text: string,
  secrets: readonly string[],
  nowMs = wallMs(),
): Promise<TokenReading> {
  if (text.length > MAX_TOKEN_LENGTH) return { kind: 'invalid', reason: 'it is too long' };
  let reading: TokenReading | undefined;
  for (const secret of secrets) {
    reading = await readWith(text, Buffer.from(secret), nowMs);
    if (reading !== undefined) return reading;
  }
  return { kind: 'invalid', reason: "it is damaged, or not signed with this server's secret and HS256" };
}

/** `undefined` for what was not signed with this secret. */
async function readWith(text: string, secret: Uint8Array, nowMs: number): Promise<TokenReading | undefined> {
  try {
    const { payload } = await jwtVerify(text, secret, {
      algorithms: [ALGORITHM],
      requiredClaims: ['exp', 'ace_id'],
      clockTolerance: CLOCK_TOLERANCE_S,
      currentDate: new Date(nowMs),
    });
    return readClaims(payload, 'valid');
  } catch (error) {
    // The signature has been checked before the claims.
    if (error instanceof errors.JWTExpired) return readClaims(error.payload, 'expired');
    if (error instanceof errors.JWTClaimValidationFailed) return { kind: 'invalid', reason: whyUnfit(error) };
    return undefined;
  }
}

function whyUnfit({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (reason === 'missing') return `it has no claim ${claim}`;
  return claim === 'nbf' && reason === 'check_failed'
    ? 'it is not valid yet'
    : `its claim ${claim} is malformed`;
}

function readClaims(claims: JWTPayload, kind: 'valid' | 'expired'): TokenReading {
  const { ace_id: aceId, max_bytes: maxBytes, title, recipe, exp } = claims;
  const malformed = (claim: string): TokenReading => ({
    kind: 'invalid',
    reason: `its claim ${claim} is malformed`,
  });
  if (typeof aceId !== 'string' || aceId.trim() === '') return malformed('ace_id, which has to be a text,');
  if (aceId.length > MAX_LENGTHS.aceId || /\p{Cc}/u.test(aceId)) return malformed('ace_id');
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return malformed('exp');
  if (!isAbsent(maxBytes) && !(Number.isSafeInteger(maxBytes) && Number(maxBytes) > 0)) {
    return malformed('max_bytes');
  }
  if (!isAbsent(title) && (typeof title !== 'string' || title.length > MAX_LENGTHS.title)) {
    return malformed('title');
  }
  if (!isAbsent(recipe) && (typeof recipe !== 'string' || recipe.length > MAX_LENGTHS.recipe)) {
    return malformed('recipe');
  }
  return {
    kind,
    grant: {
      aceId,
      expiresAtMs: exp * 1000,
      ...(typeof maxBytes === 'number' ? { maxBytes } : {}),
      ...(typeof title === 'string' && title.trim() !== '' ? { title } : {}),
      ...(typeof recipe === 'string' && recipe.trim() !== '' ? { recipe } : {}),
    },
  };
}

/** PHP and others send `null` for what is not there. */
function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}
