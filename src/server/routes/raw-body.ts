import type { FastifyInstance, FastifyRequest, FastifySchema } from 'fastify';
import { KnownError } from '../../domain/errors.ts';

/**
 * Adds a POST route that is given the body's bytes as they came, which is what signatures cover. A body that `handle`
 * cannot parse as JSON is the caller's mistake.
 */
export function addRawBodyRoute(
  app: FastifyInstance,
  route: { path: string; maxBytes: number; schema: FastifySchema },
  handle: (body: Buffer, request: FastifyRequest) => Promise<object>,
): void {
  app.register((scope, _options, registered) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    const { path, maxBytes, schema } = route;
    // Whoever may call it signs what it sends.
    const options = { bodyLimit: maxBytes, schema, config: { access: 'anyone', limit: 'webhook' } } as const;
    scope.post<{ Body: Buffer | undefined }>(path, options, async (request) => {
      try {
        return await handle(request.body ?? Buffer.alloc(0), request);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        throw new KnownError('The body is not JSON', { code: 'REQUEST_INVALID', cause: error });
      }
    });
    registered();
  });
}

/** A header that is there once, or `undefined`. */
export function singleHeader(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? undefined : value;
}
