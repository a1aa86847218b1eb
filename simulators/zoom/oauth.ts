import type { Answer, SimulatorRequest } from '../shared/simulator.ts';
import type { Tokens } from './tokens.ts';

/** An account and the credentials of its app. */
export interface OauthAccount {
  readonly accountId: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** What the token endpoint is set up with. */
export interface OauthOptions {
  readonly tokens: Tokens;
  readonly accounts: readonly OauthAccount[];
  readonly accessTokenTtlMs: number;
  readonly scope: string;
  /** The base URL told to the client, without `/v2`. */
  readonly apiBaseUrl: () => string;
}

/** Creates `POST /oauth/token` for the server-to-server grant: Basic credentials and a form (Zoom, S2S OAuth). */
export function createOauth(options: OauthOptions) {
  const { tokens, accounts, accessTokenTtlMs, scope, apiBaseUrl } = options;
  const basicOf = ({ clientId, clientSecret }: OauthAccount) =>
    `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;

  return async function handleOauth(request: SimulatorRequest): Promise<Answer | undefined> {
    if (request.url.pathname !== '/oauth/token') return undefined;
    if (request.method !== 'POST') return { status: 405 };
    const account = accounts.find((each) => request.headers.authorization === basicOf(each));
    if (account === undefined) {
      return refusal(401, 'invalid_client', 'Invalid client_id or client_secret');
    }
    if (!request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')) {
      return refusal(400, 'invalid_request', 'Bad Request');
    }
    const form = new URLSearchParams((await request.bytes()).toString('utf8'));
    if (form.get('grant_type') !== 'account_credentials') {
      return refusal(400, 'unsupported_grant_type', 'unsupported grant type');
    }
    if (form.get('account_id') !== account.accountId) return refusal(400, 'invalid_request', 'Bad Request');
    return {
      status: 200,
      body: {
        access_token: tokens.issue({ kind: 'access', ttlMs: accessTokenTtlMs }),
        token_type: 'bearer',
        expires_in: Math.floor(accessTokenTtlMs / 1000),
        scope,
        api_url: apiBaseUrl(),
      },
    };
  };
}

function refusal(status: number, error: string, reason: string): Answer {
  return { status, body: { reason, error } };
}
