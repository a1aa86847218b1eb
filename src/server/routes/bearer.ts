import type { FastifyRequest } from 'fastify';

/** What a request shows as `Authorization: Bearer`; nothing: an empty text, which opens nothing. */
export function bearerOf({ headers }: Pick<FastifyRequest, 'headers'>): string {
  return /^bearer (\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
}
