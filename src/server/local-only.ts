import type { FastifyRequest } from 'fastify';
import { KnownError } from '../domain/errors.ts';

/** What proxies add: a request that carries one of these came from somewhere else. */
const FORWARDING_HEADERS = [
  'forwarded',
  'via',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-server',
  'x-original-forwarded-for',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
];

/** The names by which this machine calls itself. */
const LOCAL_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

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

function whyForeign({ socket, headers }: FastifyRequest): string | undefined {
  const address = socket.remoteAddress ?? '';
  if (address !== '::1' && !/^(::ffff:)?127\./.test(address)) return `it came from ${address}`;
  const forwardedBy = FORWARDING_HEADERS.find((name) => headers[name] !== undefined);
  if (forwardedBy !== undefined) return `it came through a proxy (${forwardedBy})`;
  if (!LOCAL_HOST.test(headers.host ?? '')) return `it was sent to ${headers.host}`;
  const { origin } = headers;
  if (origin !== undefined && !LOCAL_HOST.test(origin.replace(/^https?:\/\//, '')))
    return `a page of ${origin} sent it`;
  return undefined;
}
