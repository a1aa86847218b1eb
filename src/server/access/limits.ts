import type { FastifyInstance, FastifyRequest } from 'fastify';
import { KnownError } from '../../domain/errors.ts';
import { limitConnections } from '../../lib/connections.ts';
import { callerOf, whyNotLocal } from './local-only.ts';
import { createRate, type RateOptions } from './rate.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** How much of it one caller may ask for; what says nothing has an operator's measure, `none` counts by itself. */
    limit?: 'webhook' | 'viewer' | 'none';
  }
}

/** Requests of one caller, on this route or others of its kind. */
export type RequestLimits = Readonly<
  Record<'webhook' | 'operator' | 'viewer' | 'nothing', Pick<RateOptions, 'burst' | 'perSecond'>>
>;

export const REQUEST_LIMITS: RequestLimits = {
  // Zoom sends from few addresses, and a whole academy's lessons may end at the same hour.
  webhook: { burst: 5000, perSecond: 1000 },
  operator: { burst: 300, perSecond: 50 },
  // A school watches from one address, and each of its viewers fetches a segment or two in four seconds.
  viewer: { burst: 3000, perSecond: 300 },
  // Who asks for what is not there is looking for something.
  nothing: { burst: 60, perSecond: 1 },
};

/** The connections that are held at once. Each costs memory, also one that says nothing. */
const MAX_CONNECTIONS = 5000;

/** How long the server waits for what a caller sends, and how much of it is read. */
export const SERVER_LIMITS = {
  bodyLimit: 64 * 1024,
  // Slow senders of headers or bodies do not hold a connection for ever.
  requestTimeout: 30_000,
  connectionTimeout: 60_000,
  // Longer than a proxy keeps one idle (nginx: 60 s): or it might send on one that is being closed.
  keepAliveTimeout: 72_000,
  http: { headersTimeout: 15_000, connectionsCheckingInterval: 5000, maxHeaderSize: 16 * 1024 },
} as const;

/**
 * Answers callers that ask for too much with 429, and Zoom and Bunny with 503: of these answers, only that one makes
 * them send again. Direct callers on this machine are not counted. Operators who have proved that they are have a
 * measure of their own, so that strangers at their address do not use it up.
 */
export function limitRequests(
  app: FastifyInstance,
  limits: RequestLimits,
  isProven: (request: FastifyRequest) => boolean,
): void {
  const rates = {
    webhook: createRate(limits.webhook),
    operator: createRate(limits.operator),
    viewer: createRate(limits.viewer),
    nothing: createRate(limits.nothing),
  };
  limitConnections(app.server, MAX_CONNECTIONS);

  app.addHook('onRequest', async (request) => {
    if (whyNotLocal(request) === undefined) return;
    const kind = request.is404 ? 'nothing' : (request.routeOptions.config.limit ?? 'operator');
    if (kind === 'none') return;
    const caller = callerOf(request);
    const afterMs = rates[kind].take(isProven(request) ? `proven ${caller}` : caller);
    if (afterMs === 0) return;
    throw new KnownError('Too many requests', {
      code: kind === 'webhook' ? 'TOO_BUSY' : 'TOO_MANY_REQUESTS',
      details: { afterMs },
    });
  });
}
