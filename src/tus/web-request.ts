import { IncomingMessage, type ServerResponse } from 'node:http';
import type { ServerOptions } from '@tus/server';

/** Stands in addresses that only the library sees: what it answers names no host. */
const HOST = 'tus';

/**
 * A request as the tus library takes it, without its body: that is for the store to take from the connection. The
 * library learns by `runtime` of a connection that breaks. A whole `Request` would outlive several garbage collections
 * with all that hangs on it; the library reads no more of one than what is here.
 */
export function webRequest(request: IncomingMessage, response: ServerResponse): Request {
  const headers = new Headers();
  const { rawHeaders } = request;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    headers.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '');
  }
  const { method = 'GET', url = '/' } = request;
  const runtime = { name: 'node', node: { req: request, res: response } };
  return { method, url: `http://${HOST}${url}`, headers, body: null, runtime } as unknown as Request;
}

/** The connection's side of a request that the library hands back. */
export function incomingOf(request: LibraryRequest): IncomingMessage {
  const incoming = request.runtime?.node?.req;
  if (!(incoming instanceof IncomingMessage)) throw new TypeError('not a request of this server');
  return incoming;
}

type LibraryRequest = Parameters<NonNullable<ServerOptions['onIncomingRequest']>>[0];
