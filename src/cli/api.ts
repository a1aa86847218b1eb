import { z } from 'zod';
import { isOutage } from '../domain/errors.ts';
import { type Request, type Response, readText, send } from '../lib/http.ts';
import { parseJson } from '../lib/json.ts';
import { parseEventStream, type StreamedEvent } from './event-stream.ts';
import { EXIT } from './exit-codes.ts';
import { exitCodeOf, Failure, type Trouble } from './failure.ts';
import { graphqlErrorsShape, graphqlFailure } from './graphql.ts';

/** An answer takes as long; a stream says something every 15 seconds, in milliseconds. */
const IDLE_TIMEOUT_MS = 40_000;

/** The operator's API of a running pipeline server. Every call makes one attempt, and fails with a {@link Failure}. */
export interface Api {
  get<T>(path: string, shape: z.ZodType<T>, signal: AbortSignal): Promise<T>;
  post<T>(path: string, body: object, shape: z.ZodType<T>, signal: AbortSignal): Promise<T>;
  /** What happens, from now on or after the event with this number; ends when the server ends it. */
  events(afterId: string | undefined, signal: AbortSignal): AsyncGenerator<StreamedEvent>;
}

const problemShape = z.object({
  code: z.string(),
  title: z.string(),
  detail: z.string(),
  advice: z.string(),
});

export function createApi(server: { readonly url: string; readonly token: string | undefined }): Api {
  const url = server.url.replace(/\/+$/, '');

  function request(method: string, path: string, signal: AbortSignal, body?: object): Request {
    return {
      service: 'Sluice',
      method,
      url: `${url}${path}`,
      headers: {
        accept: 'application/json, application/problem+json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(server.token === undefined ? {} : { authorization: `Bearer ${server.token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
    };
  }

  /** An answer in the 200s. */
  async function ask(asked: Request): Promise<Response> {
    try {
      const response = await send(asked);
      if (response.status >= 200 && response.status <= 299) return response;
      throw refused(response.status, await readText(asked, response));
    } catch (error) {
      if (isOutage(error)) throw notRunning(url, error.message);
      throw error;
    }
  }

  async function askForJson<T>(asked: Request, shape: z.ZodType<T>): Promise<T> {
    const response = await ask(asked);
    const parsed = shape.safeParse(parseJson(await readText(asked, response)));
    if (!parsed.success)
      throw somebodyElse(url, `the answer to ${asked.method} ${asked.url} is not Sluice's`);
    return parsed.data;
  }

  function refused(status: number, text: string): Failure {
    const problem = problemShape.safeParse(parseJson(text));
    if (problem.success) return failureOf(problem.data);
    const errors = graphqlErrorsShape.safeParse(parseJson(text));
    if (errors.success) return graphqlFailure(errors.data);
    return somebodyElse(url, `it answers with ${status} and no problem document`);
  }

  return {
    get: (path, shape, signal) => askForJson(request('GET', path, signal), shape),
    post: (path, body, shape, signal) => askForJson(request('POST', path, signal, body), shape),
    async *events(afterId, signal) {
      const asked = request('GET', '/api/events', signal);
      const headers = {
        ...asked.headers,
        accept: 'text/event-stream, application/problem+json',
        ...(afterId === undefined ? {} : { 'last-event-id': afterId }),
      };
      const response = await ask({ ...asked, headers });
      try {
        yield* parseEventStream(response.body);
      } catch (error) {
        signal.throwIfAborted();
        throw notRunning(url, error instanceof Error ? error.message : String(error));
      } finally {
        response.body.destroy();
      }
    },
  };
}

/** What the server has refused. */
function failureOf(problem: Trouble): Failure {
  const { code, detail } = problem;
  // Its detail names the id.
  if (code === 'NOT_FOUND') return new Failure({ ...problem, title: `${detail}.`, detail: '' });
  return new Failure(problem, exitCodeOf([problem]));
}

function notRunning(url: string, detail: string): Failure {
  return new Failure(
    {
      code: 'NOT_REACHABLE',
      title: `Is Sluice running? Nobody answers at ${url}.`,
      detail,
      advice:
        'Start it with "npm start" in its folder, or look at "npx pm2 list"; "sluice doctor" says more. Another address is given by --url or SLUICE_URL.',
    },
    EXIT.unreachable,
  );
}

function somebodyElse(url: string, detail: string): Failure {
  return new Failure(
    {
      code: 'NOT_SLUICE',
      title: `What answers at ${url} does not speak as Sluice does.`,
      detail,
      advice:
        'Check the address (--url, SLUICE_URL, PIPELINE_PORT), and that both sides have the same version.',
    },
    EXIT.unreachable,
  );
}
