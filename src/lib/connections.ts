import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { PROBLEM_TYPE, problemOf } from '../domain/problem.ts';

/**
 * Holds at most so many connections. For one more the one is let go that has been without a request for longest: it has
 * said nothing, or not yet all of its headers, or is kept alive between two requests. So whoever holds many and says
 * nothing locks nobody out. A connection is refused only where every other one is being answered.
 */
export function limitConnections(server: Server, max: number): void {
  /** How many requests of each are being answered. */
  const busy = new Map<Socket, number>();
  /** In the order in which they fell silent. */
  const silent = new Set<Socket>();

  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => {
      silent.delete(socket);
      busy.delete(socket);
    });
    if (silent.size + busy.size <= max) return;
    const [longestSilent = socket] = silent;
    // Not only later when it has closed: several may come before that.
    silent.delete(longestSilent);
    longestSilent.destroy();
  });

  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    silent.delete(socket);
    busy.set(socket, (busy.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const others = (busy.get(socket) ?? 0) - 1;
      if (others > 0) {
        busy.set(socket, others);
        return;
      }
      busy.delete(socket);
      if (!socket.destroyed) silent.add(socket);
    });
  });
}

/** Answers what is no request by the rules of HTTP, too long, or not there in time; and hangs up. */
export function refuseUnreadable(error: Error & { code?: string }, socket: Duplex): void {
  // Somebody who has had an answer, or half of one, would take this for a part of it.
  const hadAnswer = 'bytesWritten' in socket && socket.bytesWritten !== 0;
  if (error.code === 'ECONNRESET' || !socket.writable || hadAnswer) {
    socket.destroy();
    return;
  }
  const [status, reason, detail] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ([431, 'Request Header Fields Too Large', 'The headers are too long'] as const)
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ([408, 'Request Timeout', 'The request did not arrive in time'] as const)
        : ([400, 'Bad Request', 'This is no request by the rules of HTTP'] as const);
  const body = JSON.stringify(problemOf(status, 'REQUEST_INVALID', detail));
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Cache-Control: no-store\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
