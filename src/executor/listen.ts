import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { isSameText } from '../lib/constant-time.ts';
import { parseJson } from '../lib/json.ts';
import { type Job, remoteJob } from './work.ts';

export interface Listener {
  readonly port: number;
  /** Takes no more jobs, and waits for those that are under way. */
  stop(): Promise<void>;
}

/** The most that a job may say of itself, in bytes. */
const MAX_JOB_BYTES = 1024 * 1024;

/** How many jobs are remembered, so that one that is sent twice is done once. */
const MOST_KNOWN = 1000;

/** Takes jobs by POST, and has them done. @param work Never fails */
export async function listenForJobs(options: {
  readonly host: string;
  readonly port: number;
  readonly secret: string | undefined;
  readonly log: Logger;
  work(job: Job): Promise<unknown>;
}): Promise<Listener> {
  const { host, port, secret, log, work } = options;
  const known = new Set<string>();
  const running = new Set<Promise<unknown>>();
  let isStopping = false;

  const server = createServer((request, response) => {
    take(request, response).catch((error: unknown) => {
      log.warn({ event: 'job.unread', err: error }, 'a job could not be read');
      if (response.headersSent) response.destroy();
      else answer(response, 400, { error: 'The body could not be read' });
    });
  });

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, headers } = request;
    const shown = headers.authorization;
    // Whoever only looks whether we are here need not show a secret; one that is shown has to be right.
    const isOpen = secret === undefined || (method !== 'POST' && shown === undefined);
    if (!isOpen && !isSameText(shown ?? '', `Bearer ${secret}`)) {
      return answer(response, 401, { error: 'The secret is not EXECUTOR_SECRET' });
    }
    if (method === 'GET') return answer(response, 200, { status: 'ok' });
    if (method !== 'POST') return answer(response, 405, { error: 'Send a job by POST' });
    if (isStopping) return answer(response, 503, { error: 'This program is stopping' });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_JOB_BYTES) return answer(response, 413, { error: 'The job is too large' });
      chunks.push(chunk);
    }
    const read = remoteJob.safeParse(parseJson(Buffer.concat(chunks).toString('utf8')));
    if (!read.success) return answer(response, 400, { error: 'This is no job', issues: read.error.issues });
    const { id } = read.data.job;
    if (!known.has(id)) {
      known.add(id);
      if (known.size > MOST_KNOWN) known.delete([...known][0] ?? '');
      const job = work(read.data).finally(() => running.delete(job));
      running.add(job);
    }
    answer(response, 202, { ref: id });
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      isStopping = true;
      server.close();
      server.closeAllConnections();
      await Promise.all(running);
    },
  };
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
