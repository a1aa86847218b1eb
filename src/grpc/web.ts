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
