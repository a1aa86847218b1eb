import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';
import { isLoopback } from '../lib/local-caller.ts';

/**
 * Who sends a request, by address, for counting: `undefined` where that cannot be told, which is everybody behind a
 * proxy on this machine unless `trustsProxy`. Then the last entry of X-Forwarded-For counts, which that proxy itself
 * has written; all before it is hearsay, and from anywhere but this machine the whole header is.
 */
export function clientAddress(
  { socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>,
  trustsProxy: boolean,
): string | undefined {
  const direct = socket.remoteAddress ?? '';
  if (!isLoopback(direct)) return direct === '' ? undefined : network(direct);
  if (!trustsProxy) return undefined;
  const forwarded = [headers['x-forwarded-for'] ?? ''].flat().join(',');
  const last = withoutPort(forwarded.split(',').at(-1)?.trim() ?? '');
  return isIP(last) === 0 || isLoopback(last) ? undefined : network(last);
}

function withoutPort(text: string): string {
  return /^\[([^\]]+)\](:\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
}

/** The address, or of an IPv6 address the half that tells the subscriber: of the other half everybody has plenty. */
function network(address: string): string {
  const bare = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!isIPv6(bare)) return bare;
  const [before = '', after = ''] = bare.split('::');
  const [start, end] = [before, after].map((half) => half.split(':').filter(Boolean));
  const zeros = Math.max(0, 8 - (start?.length ?? 0) - (end?.length ?? 0));
  const groups = [...(start ?? []), ...Array.from({ length: zeros }, () => '0'), ...(end ?? [])];
  const half = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${half.join(':')}::/64`;
}
