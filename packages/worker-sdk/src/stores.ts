import { z } from 'zod';

/** Reads what is kept elsewhere, by the code of its store and its key there. */
export type ReadStore = (code: string, key: string) => Promise<string>;

type Fetch = typeof fetch;

const REQUEST_TIMEOUT_MS = 30_000;
const DEFAULT_HOSTNAME = 'http://127.0.0.1:4000/api';
const ENVIRONMENT = ['env', 'ENV', 'environment'];

const sessionSchema = z.object({ access_token: z.string() });
const credentialSchema = z.object({ data: z.object({ value: z.string() }) });

/**
 * The environment, and stores behind HTTP whose address, name and password stand in `CODE_HOSTNAME`, `CODE_USERNAME` and `CODE_PASSWORD`.
 * A store is logged in to once, and anew when it no longer knows the session.
 */
export function createStores({ env, fetch }: { env: NodeJS.ProcessEnv; fetch: Fetch }): ReadStore {
  const tokens = new Map<string, string>();

  async function logIn(code: string): Promise<string> {
    const session = { email: env[`${code}_USERNAME`] ?? '', password: env[`${code}_PASSWORD`] ?? '' };
    const response = await ask(code, '/sessions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ session }),
    });
    const { access_token: token } = await answerOf(response, sessionSchema, 'to the login');
    tokens.set(code, token);
    return token;
  }

  function ask(code: string, path: string, init: RequestInit): Promise<Response> {
    const hostname = (env[`${code}_HOSTNAME`] || DEFAULT_HOSTNAME).replace(/\/$/, '');
    return fetch(`${hostname}${path}`, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  }

  async function readCredential(code: string, key: string): Promise<string> {
    const path = `/credentials/${encodeURIComponent(key)}`;
    const askWith = (token: string) =>
      ask(code, path, { headers: { accept: 'application/json', authorization: token } });
    const known = tokens.get(code);
    let response = await askWith(known ?? (await logIn(code)));
    if (response.status === 401 && known !== undefined) {
      await response.arrayBuffer();
      response = await askWith(await logIn(code));
    }
    return (await answerOf(response, credentialSchema, `for "${key}"`)).data.value;
  }

  return async (code, key) => {
    if (!ENVIRONMENT.includes(code)) {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(code)) throw new Error(`"${code}" is no name of a store`);
      return readCredential(code, key);
    }
    const value = env[key];
    if (value === undefined) throw new Error(`the environment has no ${key}`);
    return value;
  };
}

async function answerOf<Answer>(
  response: Response,
  schema: z.ZodType<Answer>,
  question: string,
): Promise<Answer> {
  const text = await response.text();
  if (!response.ok) throw new Error(`the store answered ${response.status} ${question}`);
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(`the store's answer ${question} cannot be read`, { cause: error });
  }
}
