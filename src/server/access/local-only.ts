import type { FastifyRequest } from 'fastify';
import { KnownError } from '../../domain/errors.ts';
import { isLoopback, whyForeign } from '../../lib/local-caller.ts';

/** What tells who a caller is, whatever it speaks. */
export type Visitor = Pick<FastifyRequest, 'headers' | 'socket'> & {
  readonly raw: Pick<FastifyRequest['raw'], 'httpVersion'>;
};

/**
 * Lets only callers on this machine pass that came directly, and not by way of somebody else's web page: neither one
 * that sends requests here from a browser on this machine, nor one whose host name was made to lead here.
 *
 * @throws KnownError `NOT_LOCAL`
 */
export async function requireLocal(request: FastifyRequest): Promise<void> {
  const why = whyNotLocal(request);
  if (why !== undefined) throw notLocal(why);
}

/** The refusal of a caller who would have to be on this machine. */
export function notLocal(why: string): KnownError {
  return new KnownError(`This door is for callers on this machine, and the request is none: ${why}`, {
    code: 'NOT_LOCAL',
  });
}

/** Why a request does not count as one from this machine, or `undefined` if it does. */
export function whyNotLocal({ socket, headers, raw }: Visitor): string | undefined {
  return whyForeign({ socket, headers, httpVersion: raw.httpVersion });
}

/**
 * Whether a browser says that a page of this server sent the request; `undefined` if no browser says anything, as
 * every one does of a request that changes something.
 */
export function isFromOwnPage({ headers }: Pick<Visitor, 'headers'>): boolean | undefined {
  const relation = headers['sec-fetch-site'];
  if (relation !== undefined) return relation === 'same-origin' || relation === 'none';
  const { origin } = headers;
  if (origin === undefined) return undefined;
  // A browser lets no page set these: behind a proxy one of them is the name in the address bar.
  const names = [headers.host, headers['x-forwarded-host']];
  return names.includes(origin.replace(/^https?:\/\//, ''));
}

/**
 * Where a request comes from, to count by: the address that the nearest proxy names, if there is one on this machine.
 * Of IPv6 the network, since everyone there has more addresses than could be counted.
 */
export function callerOf({ socket, headers }: Pick<Visitor, 'socket' | 'headers'>): string {
  const direct = socket.remoteAddress ?? '';
  const forwarded = headers['x-forwarded-for'];
  const address =
    isLoopback(direct) && forwarded !== undefined
      ? (String(forwarded).split(',').at(-1)?.trim() ?? direct)
      : direct;
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').slice(0, 64);
  return plain.includes(':') ? networkOf(plain) : plain;
}

/** The first half of an IPv6 address, whichever way it is written. */
function networkOf(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - last.length);
  return [...groups, ...Array<string>(zeros).fill('0'), ...last]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
