import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { limitConnections, refuseUnreadable } from '../lib/connections.ts';

/** How long a request's headers may take. */
const HEADERS_TIMEOUT_MS = 20_000;

/** How often connections that break that limit are looked for. */
const CHECK_EVERY_MS = 5000;

/** Of all headers of a request, in bytes. */
const MAX_HEADER_BYTES = 16_384;

/** Each costs memory, however quiet. */
const MAX_CONNECTIONS = 1000;

/**
 * An HTTP server for requests that may take hours: a connection ends when no byte has moved for `idleTimeoutMs`, and
 * never because of the time it has taken (Node's own limit of 300 s ends a request even while its bytes arrive).
 */
export function createUploadHttpServer(idleTimeoutMs: number, onRequest: RequestListener): Server {
  const answering = new WeakMap<Socket, IncomingMessage>();
  const server = createServer(
    {
      requestTimeout: 0,
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_EVERY_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    onRequest,
  );
  limitConnections(server, MAX_CONNECTIONS);
  server.on('clientError', refuseUnreadable);
  server.timeout = idleTimeoutMs;
  server.prependListener('request', (request, response) => {
    const { socket } = request;
    answering.set(socket, request);
    response.once('close', () => answering.delete(socket));
  });
  // Node says so here also of connections kept alive for too long.
  server.on('timeout', (socket) => {
    // A request that has arrived whole waits for us, not we for it: syncing gigabytes takes its time.
    const isOurTurn = answering.get(socket)?.complete === true;
    if (!isOurTurn) socket.destroy();
  });
  return server;
}
