import { readFile } from 'node:fs/promises';
import { importPKCS8, SignJWT } from 'jose';
import { z } from 'zod';
import { KnownError, machineTrouble, systemCode } from '../../domain/errors.ts';
import type { Call } from '../../engine/ports/store.ts';
import { parseJson, type Request, readText, send } from '../../lib/http.ts';
import { wallMs } from '../../lib/wall-time.ts';
import { clockHint, describeRefusal, verdictOn } from './refusals.ts';

const TOKEN_ENDPOINT = 'https://oauth2.googleapis.com/token';
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

/** What asks for a token may be good for an hour at most; it is used at once. */
const ASSERTION_LIFE_S = 600;

/** How long before its end a token is not used any more, in milliseconds. */
const EARLY_MS = 60_000;

/** What of the key file of a service account is used. */
const keyShape = z.object({
  client_email: z.string().min(1),
  private_key: z.string().min(1),
  private_key_id: z.string().optional(),
  token_uri: z.url({ protocol: /^https?$/ }).default(TOKEN_ENDPOINT),
});
type Key = z.output<typeof keyShape>;

const tokenShape = z.object({ access_token: z.string().min(1), expires_in: z.number().positive() });
const errorShape = z.object({ error: z.string(), error_description: z.string().optional() });

export interface GoogleTokensOptions {
  /** The JSON that was downloaded for a key of a service account; read anew for each token. */
  readonly keyFile: string;
  readonly idleTimeoutMs: number;
  readonly minBytesPerSecond?: number;
}

/** Access tokens of a service account, each used until shortly before its end. */
export interface GoogleTokens {
  /**
   * @throws KnownError `REMOTE_UNAUTHORIZED` where the file is no key, or the account gets no token for it; else what is
   * wrong with the way there
   */
  current(call: Call): Promise<string>;
  /** Has another one fetched the next time: this one was not taken. */
  drop(token: string): void;
}

export function createGoogleTokens(options: GoogleTokensOptions): GoogleTokens {
  let known: { token: string; untilMs: number } | undefined;
  return {
    async current(call) {
      if (known !== undefined && wallMs() < known.untilMs) return known.token;
      const askedMs = wallMs();
      const { access_token: token, expires_in: lifeS } = await fetchToken(options, call);
      known = { token, untilMs: askedMs + lifeS * 1000 - EARLY_MS };
      return token;
    },
    drop(token) {
      if (known?.token === token) known = undefined;
    },
  };
}

async function fetchToken({ keyFile, ...transfer }: GoogleTokensOptions, { signal }: Call) {
  const key = await readKey(keyFile);
  const request: Request = {
    service: 'Google',
    method: 'POST',
    url: key.token_uri,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: await assertionOf(key, keyFile),
    }).toString(),
    signal,
    ...transfer,
  };
  const response = await send(request);
  const text = await readText(request, response);
  if (response.status >= 200 && response.status <= 299) return parseJson(request, text, tokenShape);
  const { error: reason, error_description: words } = errorIn(text);
  const byStatus = verdictOn(response.status);
  throw describeRefusal(request, response, {
    text: reason === undefined ? text : [reason, words].filter(Boolean).join(': '),
    // No job is spoken of here.
    verdict: byStatus === 'job' ? 'mend' : byStatus,
    reason,
    hint: clockHint(response.headers),
  });
}

async function readKey(keyFile: string): Promise<Key> {
  try {
    return keyShape.parse(JSON.parse(await readFile(keyFile, 'utf8')));
  } catch (error) {
    const trouble = machineTrouble(error);
    if (trouble !== undefined) throw trouble;
    const code = systemCode(error);
    throw notAKey(code === undefined ? `${keyFile} is no key` : `${keyFile} cannot be read (${code})`);
  }
}

async function assertionOf(key: Key, keyFile: string): Promise<string> {
  // What the library says of a broken key may quote it.
  const secret = await importPKCS8(key.private_key, 'RS256').catch(() => {
    throw notAKey(`the private_key of ${keyFile} is none`);
  });
  const nowS = Math.floor(wallMs() / 1000);
  return await new SignJWT({ scope: SCOPE })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: key.private_key_id })
    .setIssuer(key.client_email)
    // Whichever address the file names.
    .setAudience(TOKEN_ENDPOINT)
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + ASSERTION_LIFE_S)
    .sign(secret);
}

function notAKey(what: string): KnownError {
  return new KnownError(`There is no key of a service account to ask Google with: ${what}`, {
    code: 'REMOTE_UNAUTHORIZED',
    retry: 'backoff',
  });
}

function errorIn(text: string): Partial<z.output<typeof errorShape>> {
  try {
    return errorShape.parse(JSON.parse(text));
  } catch {
    return {};
  }
}
