import { errors, jwtVerify, SignJWT } from 'jose';
import { wallMs } from './wall-time.ts';

/** The only way in which a token may be signed; what a token itself says of it is not asked. */
const ALGORITHM = 'HS256';

/** By how much the clocks of the website and of this server may differ, in seconds. */
const CLOCK_TOLERANCE_S = 30;

/** In characters. */
const MAX_TOKEN_LENGTH = 4096;

/** What a token says of a recording: that it opens it, that it did, or nothing. */
type WatchTokenReading = 'valid' | 'expired' | 'invalid';

/** Makes what opens one recording for a time, as the website does: a JWT with the claims `id` and `exp`. */
export async function createWatchToken(options: {
  readonly secret: string;
  readonly recordingId: string;
  readonly expiresInS: number;
}): Promise<string> {
  return await new SignJWT({ id: options.recordingId })
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
    .setExpirationTime(Math.floor(wallMs() / 1000) + options.expiresInS)
    .sign(Buffer.from(options.secret));
}

/** Reads what somebody shows to watch a recording, of any content; several secrets are valid while one takes over. */
export async function readWatchToken(
  text: string,
  { secrets, recordingId }: { readonly secrets: readonly string[]; readonly recordingId: string },
): Promise<WatchTokenReading> {
  if (text.length > MAX_TOKEN_LENGTH) return 'invalid';
  for (const secret of secrets) {
    try {
      const { payload } = await jwtVerify(text, Buffer.from(secret), {
        algorithms: [ALGORITHM],
        requiredClaims: ['exp', 'id'],
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: new Date(wallMs()),
      });
      return payload['id'] === recordingId ? 'valid' : 'invalid';
    } catch (error) {
      // The signature has been checked before the claims.
      if (error instanceof errors.JWTExpired)
        return error.payload['id'] === recordingId ? 'expired' : 'invalid';
      if (error instanceof errors.JWTClaimValidationFailed) return 'invalid';
    }
  }
  return 'invalid';
}
