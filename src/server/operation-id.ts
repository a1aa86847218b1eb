import type { FastifyRequest, FastifySchema } from 'fastify';

/** The name of an operation, by which programs and the audit trail know it: its schema's, else of its method and path. */
export function operationIdOf(route: {
  readonly method: string;
  readonly url: string;
  readonly schema?: FastifySchema | undefined;
}): string {
  const given = route.schema?.operationId;
  if (given !== undefined) return given;
  const words = route.url.split(/[^A-Za-z0-9]+/).filter((word) => word !== '' && word !== 'api');
  return [
    route.method.toLowerCase(),
    ...words.map((word) => word.replace(/^./, (letter) => letter.toUpperCase())),
  ].join('');
}

/** The name of the operation that a request asks for. */
export function operationOf({ method, routeOptions }: FastifyRequest): string {
  return operationIdOf({ method, url: routeOptions.url ?? '', schema: routeOptions.schema });
}
