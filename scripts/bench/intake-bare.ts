import { createWriteStream } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { serveMessages } from './child-script.ts';

/** The least that a server in Node can do with an upload: it pipes the body to the end of a file. */
serveMessages(async ({ path }: { path: string }) => {
  const server = createServer((request, response) => {
    pipeline(request, createWriteStream(path, { flags: 'a' })).then(
      () => response.writeHead(204).end(),
      () => response.destroy(),
    );
  });
  server.requestTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
});
