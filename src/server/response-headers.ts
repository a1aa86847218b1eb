import type { FastifyInstance } from 'fastify';

const HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // Not no-referrer: browsers would then send our own forms with the origin "null".
  'referrer-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

/** Tells browsers to trust no answer further than it goes; a page that needs more says so in headers of its own. */
export function addResponseHeaders(app: FastifyInstance): void {
  app.addHook('onSend', async (_request, reply) => {
    for (const [name, value] of Object.entries(HEADERS)) {
      if (name === 'x-frame-options' && isFramed(reply.getHeader('content-security-policy'))) continue;
      if (!reply.hasHeader(name)) void reply.header(name, value);
    }
  });
}

/** Whether a policy says by itself who may show the page in a frame, which the older header cannot. */
function isFramed(policy: unknown): boolean {
  return typeof policy === 'string' && policy.includes("frame-ancestors 'self'");
}
