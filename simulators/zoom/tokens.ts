import { createHmac, randomBytes } from 'node:crypto';

/**
 * What a token is for: `webhook`, the files of one event; `api`, the files of one meeting asked for by REST
 * (`download_access_token`); `access`, the REST interface itself.
 */
export type TokenKind = 'webhook' | 'api' | 'access';

/** Which tokens to end: those that fetch files, those of the REST interface, or both. */
export type ExpiringTokens = 'download' | 'access' | 'all';

/** Issues and checks bearer tokens. */
export interface Tokens {
  /** A JWT of Zoom's shape (HS512; `exp` in seconds), bound to a meeting where `mid` names one. */
  issue(input: {
    readonly kind: TokenKind;
    readonly mid?: string;
    readonly userId?: string;
    readonly issuedAtMs?: number;
    readonly ttlMs: number;
  }): string;
  /** Whether the `Authorization` header carries a token of one of the kinds, for that meeting if it is bound to one. */
  isValid(authorization: string | undefined, kinds: readonly TokenKind[], mid?: string): boolean;
  /** Ends the tokens issued so far, whatever their `exp` says. */
  expire(which: ExpiringTokens): void;
}

/** Creates an issuer with a key of its own. */
export function createTokens(accountId: string): Tokens {
  const key = randomBytes(64);
  const issued = new Map<string, { kind: TokenKind; mid: string | undefined; expiresAtMs: number }>();

  return {
    issue({ kind, mid, userId, issuedAtMs = Date.now(), ttlMs }) {
      const expiresAtMs = issuedAtMs + ttlMs;
      const token = signJwt(key, {
        iss: kind === 'webhook' ? 'https://event.zoom.us' : 'https://oauth.zoom.us',
        aud: 'https://oauth.zoom.us',
        accountId,
        ...(mid === undefined ? {} : { mid }),
        ...(userId === undefined ? {} : { userId }),
        exp: Math.floor(expiresAtMs / 1000),
        jti: randomBytes(12).toString('base64url'),
      });
      issued.set(token, { kind, mid, expiresAtMs });
      return token;
    },
    isValid(authorization, kinds, mid) {
      const token = /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1];
      const known = token === undefined ? undefined : issued.get(token);
      if (!known || !kinds.includes(known.kind) || known.expiresAtMs <= Date.now()) return false;
      return known.mid === undefined || known.mid === mid;
    },
    expire(which) {
      for (const [token, { kind }] of issued) {
        if (which === 'all' || (kind === 'access') === (which === 'access')) issued.delete(token);
      }
    },
  };
}

function signJwt(key: Buffer, claims: object): string {
  const toPart = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${toPart({ alg: 'HS512', typ: 'JWT' })}.${toPart(claims)}`;
  return `${signed}.${createHmac('sha512', key).update(signed).digest('base64url')}`;
}
