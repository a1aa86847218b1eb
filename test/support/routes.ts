import type { FastifyInstance } from 'fastify';

/** Every route of a server that is ready, whether it is described or hidden; parameters are filled with something. */
export function routesOf(app: FastifyInstance): { method: string; path: string }[] {
  const open: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const [, indent = '', piece = '', methods = ''] =
        /^([│ ]*)[├└]── (.*?)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? [];
      if (piece === '') return [];
      const depth = indent.length / 4;
      open.length = depth;
      open.push(piece);
      const path = open.join('').replaceAll('//', '/').replace(/:\w+/g, 'some');
      return methods === '' ? [] : methods.split(', ').map((method) => ({ method, path }));
    });
}
