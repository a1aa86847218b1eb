import type { z } from 'zod';
import { type refusal, sendForJson } from '../lib/http.ts';

/** Says something to Sluice by POST, and reads what it answers. @throws KnownError what `refusalOf` makes of a refusal, or of the way there */
export async function askSluice<T>(
  url: string,
  {
    secret,
    body,
    signal,
    idleTimeoutMs,
  }: {
    /** Shown as `Authorization: Bearer`. */
    readonly secret: string;
    readonly body: object;
    readonly signal: AbortSignal;
    readonly idleTimeoutMs: number;
  },
  shape: z.ZodType<T>,
  refusalOf: typeof refusal,
): Promise<T> {
  return await sendForJson(
    {
      service: 'Sluice',
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
      body: JSON.stringify(body),
      signal,
      idleTimeoutMs,
    },
    shape,
    refusalOf,
  );
}
