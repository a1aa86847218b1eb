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

/** Lets only callers on this machine pass that came directly. @throws KnownError `NOT_LOCAL` */
export async function requireLocal(request: FastifyRequest): Promise<void> {
  const address = request.socket.remoteAddress ?? '';
  const isLoopback = address === '::1' || /^(::ffff:)?127\./.test(address);
  const forwardedBy = FORWARDING_HEADERS.find((name) => request.headers[name] !== undefined);
  if (isLoopback && forwardedBy === undefined) return;

  const why = isLoopback ? `it came through a proxy (${forwardedBy})` : `it came from ${address}`;
  throw new KnownError(`This door is for callers on this machine, and the request is none: ${why}`, {
    code: 'NOT_LOCAL',
  });
}
