import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { MOST_MESSAGE_BYTES, type Services } from './handler.ts';

/** Answers gRPC-Web and Connect among the routes of the pages, for browsers and for whoever has curl: the same services, the same rules. */
export function grpcWeb(services: Services) {
  return {
    signatures: {},
    addTo(app: FastifyInstance): void {
      app.register((scope, _options, registered) => {
        // The body is read by who answers.
        scope.removeAllContentTypeParsers();
        scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
        for (const path of services.paths) {
          scope.post(
            path,
            {
              bodyLimit: MOST_MESSAGE_BYTES + 1024,
              // Who calls is asked by each method, which knows whether it only reads.
              config: { access: 'anyone' },
              schema: { hide: true },
            },
            (request, reply) => {
              reply.hijack();
              const { headers, socket, raw } = request;
              keepWhileRead(reply.raw, socket);
              const call = { headers, socket, httpVersion: raw.httpVersion };
              services.handle(raw, reply.raw, () => app.doorkeeper.admit(call));
            },
          );
        }
        registered();
      });
    },
  };
}

/** How long a connection is silent before its other end is asked whether it is still there, in milliseconds. */
const ASK_AFTER_MS = 60_000;

/**
 * Keeps a connection on which nothing is said for longer than the server waits, as long as all that was said has been read: a stream has
 * nothing to tell of a run that waits.
 */
function keepWhileRead(response: ServerResponse, socket: Socket): void {
  socket.setKeepAlive(true, ASK_AFTER_MS);
  // With a listener the server ends no connection by itself.
  response.on('timeout', () => {
    if (socket.writableLength > 0) socket.destroy();
  });
}
