import type { FastifyRequest } from 'fastify';
import { KnownError } from '../domain/errors.ts';
import { whyForeign } from '../lib/local-caller.ts';

/**
 * Lets only callers on this machine pass that came directly, and not by way of somebody else's web page: neither one
 * that sends requests here from a browser on this machine, nor one whose host name was made to lead here.
 *
 * @throws KnownError `NOT_LOCAL`
 */
export async function requireLocal(request: FastifyRequest): Promise<void> {
  const why = whyForeign(request);
  if (why === undefined) return;
  throw new KnownError(`This door is for callers on this machine, and the request is none: ${why}`, {
    code: 'NOT_LOCAL',
  });
}
