import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

export type Listener = Awaited<ReturnType<typeof startListener>>;

/** Hears what is posted to it, and answers 200 unless it was told otherwise. */
export async function startListener() {
  const heard: { readonly path: string; readonly body: unknown }[] = [];
  const answers = new Map<string, { readonly status: number; left: number }>();
  const server = createServer(async (request, response) => {
    const path = request.url ?? '';
    heard.push({ path, body: await json(request).catch(() => undefined) });
    const answer = answers.get(path);
    const isTold = answer !== undefined && answer.left > 0;
    if (isTold) answer.left -= 1;
    response.writeHead(isTold ? answer.status : 200, { location: '/elsewhere' });
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    /** Answers so, so many times. */
    answer(path: string, status: number, times: number): void {
      answers.set(path, { status, left: times });
    },
    count: (path: string) => heard.filter((each) => each.path === path).length,
    /** The first body that came to a path, once it has. */
    async hears(path: string): Promise<unknown> {
      for (;;) {
        const found = heard.find((each) => each.path === path);
        if (found !== undefined) return found.body;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
