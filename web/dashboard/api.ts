/** Why the server, or the way to it, has refused something; in words for whoever looks at the page. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly advice: string;

  constructor(status: number, code: string, message: string, advice: string) {
    super(message);
    this.name = 'ApiProblem';
    this.status = status;
    this.code = code;
    this.advice = advice;
  }
}

/** @throws ApiProblem */
export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  return await call<T>(path, { signal });
}

/** @throws ApiProblem */
export async function postJson<T>(path: string, body?: object): Promise<T> {
  const json = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  return await call<T>(path, { method: 'POST', ...json });
}

async function call<T>(path: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers: { accept: 'application/json', ...init.headers } });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiProblem(0, 'OFFLINE', 'The server cannot be reached.', 'It is tried again by itself.');
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return body as T;
  const { code = '', detail, advice = '' } = Object(body) as Partial<Record<string, string>>;
  if (response.status === 401 && code === 'LOGIN_REQUIRED') goToLogin();
  throw new ApiProblem(
    response.status,
    code,
    detail ?? `The server has answered ${response.status}.`,
    advice,
  );
}

/** Comes back here afterwards. */
function goToLogin(): void {
  location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
}
