import type { IncomingMessage } from 'node:http';

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

/** Whether an address, as a socket names it, is this machine's own. */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}

/**
 * Why a request does not come from this machine itself, directly and not by way of somebody else's web page; or
 * `undefined` if it does. A page of another site counts as foreign also in a browser on this machine, and so does a
 * host name that was made to lead here.
 *
 * @param ownOrigins Origins of pages that are as good as this server's own
 */
export function whyForeign(
  { socket, headers, httpVersion }: Pick<IncomingMessage, 'socket' | 'headers' | 'httpVersion'>,
  ownOrigins: readonly string[] = [],
): string | undefined {
  const address = socket.remoteAddress ?? '';
  if (!isLoopback(address)) return `it came from ${address}`;
  const forwardedBy = FORWARDING_HEADERS.find((name) => headers[name] !== undefined);
  if (forwardedBy !== undefined) return `it came through a proxy (${forwardedBy})`;
  // What nginx speaks to its upstreams unless it is told otherwise, when it adds no header either.
  if (httpVersion === '1.0') return 'it came through a proxy (HTTP/1.0)';
  if (!LOCAL_HOST.test(headers.host ?? '')) return `it was sent to ${headers.host}`;
  const { origin } = headers;
  if (origin !== undefined && ownOrigins.includes(origin)) return undefined;
  if (origin !== undefined && origin.replace(/^https?:\/\//, '') !== headers.host)
    return `a page of ${origin} sent it`;
  const relation = headers['sec-fetch-site'];
  if (relation !== undefined && relation !== 'same-origin' && relation !== 'none')
    return `a page of another origin sent it (${String(relation)})`;
  return undefined;
}
