import { z } from 'zod';
import type { Executor } from '../../engine/ports/executor.ts';
import type { Call } from '../../engine/ports/store.ts';
import { type Request, readText, send } from '../../lib/http.ts';
import { describeRefusal } from './refusals.ts';

/** What a program may say of a job that it has taken. */
const takenShape = z.object({ ref: z.string().min(1).max(2048) });

export interface HttpExecutorOptions {
  readonly url: string;
  /** Shown as `Authorization: Bearer`; `undefined`: nothing is. */
  readonly secret: string | undefined;
  readonly idleTimeoutMs: number;
  readonly minBytesPerSecond?: number;
}

/**
 * Hands jobs to a program that listens at an address: each is one POST of its JSON, with its id as `Idempotency-Key`, by
 * which the program knows one that it has already.
 */
export function createHttpExecutor(options: HttpExecutorOptions): Executor {
  const { url, secret, idleTimeoutMs, minBytesPerSecond } = options;
  return {
    name: 'http',
    service: 'executor',
    label: 'The executor',

    async start(job, { signal }) {
      const request: Request = {
        service: 'The executor',
        method: 'POST',
        url,
        // Addresses of functions are often open to whoever knows them.
        isPathSecret: true,
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          'idempotency-key': job.job.id,
          ...bearer(secret),
        },
        body: JSON.stringify(job),
        signal,
        idleTimeoutMs,
        minBytesPerSecond,
      };
      const response = await send(request);
      const text = await readText(request, response);
      if (response.status >= 200 && response.status <= 299) return { ref: refIn(text) };
      throw describeRefusal(request, response, { text });
    },
  };
}

/** What a program answers who is asked for nothing, as a status; it is shown the secret. */
export async function askWhetherThere(options: HttpExecutorOptions, { signal }: Call): Promise<number> {
  const { url, secret, idleTimeoutMs, minBytesPerSecond } = options;
  const request: Request = {
    service: 'The executor',
    method: 'GET',
    url,
    isPathSecret: true,
    headers: bearer(secret),
    signal,
    idleTimeoutMs,
    minBytesPerSecond,
  };
  const response = await send(request);
  await readText(request, response);
  return response.status;
}

function bearer(secret: string | undefined): Record<string, string> {
  return secret === undefined ? {} : { authorization: `Bearer ${secret}` };
}

/** What the job is called there; a program that has no name for it may answer with anything. */
function refIn(text: string): string | null {
  try {
    return takenShape.parse(JSON.parse(text)).ref;
  } catch {
    return null;
  }
}
