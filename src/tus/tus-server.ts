import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Recordings } from '../ledger/recordings.ts';
import { withinTime } from '../lib/abort.ts';
import type { Disk } from '../lib/disk.ts';
import { createFinisher } from './finisher.ts';
import type { HandOff } from './hand-off.ts';
import { createQueueLocker } from './queue-locker.ts';
import { type TusAnswer, UploadRefused } from './refusal.ts';
import { createRequestBodies } from './request-bodies.ts';
import { createSweep } from './sweep.ts';
import { createTusProtocol, TUS_PATH } from './tus-protocol.ts';
import { createUploadHttpServer } from './upload-http-server.ts';
import { makeUploadFolders, uploadPaths } from './upload-paths.ts';
import { createUploadSpace } from './upload-space.ts';
import { UploadStore } from './upload-store.ts';

/** Methods that a client behind a proxy which knows only GET and POST may ask for (tus 1.0.0, X-HTTP-Method-Override). */
const OVERRIDABLE: ReadonlySet<string> = new Set(['PATCH', 'DELETE', 'HEAD']);

export interface TusServerOptions {
  /** Folder of uploads in progress. */
  readonly directory: string;
  /** Folder of finished uploads, on the same file system. */
  readonly incomingDirectory: string;
  readonly maxBytes: number;
  /** The disk that both folders are on. */
  readonly disk: Pick<Disk, 'usableBytes'>;
  /** What will be written to that disk besides uploads, in bytes. */
  readonly promisedBytes: () => Promise<number>;
  /** Time without a byte after which an unfinished upload is removed. */
  readonly expiresAfterMs: number;
  /** Time without a byte after which a connection is closed. */
  readonly idleTimeoutMs: number;
  /** How long a request that holds an upload is given once another one wants it; default 3 s. */
  readonly lockDrainTimeoutMs?: number;
  readonly recordings: Pick<Recordings, 'get'>;
  readonly handOff: Pick<HandOff, 'add'>;
  readonly log: Logger;
}

/** Takes uploads in at `/tusupload`, resumable at every byte, and keeps what it has accepted. */
export interface TusServer {
  /** Takes up what an earlier process left, then listens; resolves with the port, which port 0 leaves to the system. */
  start(address: { readonly host: string; readonly port: number }): Promise<{ readonly port: number }>;
  /** Ends open requests, keeping their bytes; resolves after `timeoutMs` at the latest. */
  stop(timeoutMs: number): Promise<void>;
}

export function createTusServer(options: TusServerOptions): TusServer {
  const { expiresAfterMs, handOff, disk, promisedBytes, log } = options;
  const paths = uploadPaths(options.directory, options.incomingDirectory);
  const locker = createQueueLocker();
  const bodies = createRequestBodies(locker);
  const finisher = createFinisher({ paths, handOff, log });
  const onComplete = finisher.finishLater;
  const space = createUploadSpace({ disk, uploads: paths.uploads, promisedBytes, log });
  const sweep = createSweep({ paths, expiresAfterMs, locker, onComplete, log });
  /** Requests that are not answered, each with the end of its connection or answer. */
  const open = new Map<IncomingMessage, Promise<void>>();
  let handle: ReturnType<typeof createTusProtocol> | undefined;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    adapt(request);
    const path = request.url?.split('?')[0] ?? '';
    if (path !== TUS_PATH && !path.startsWith(`${TUS_PATH}/`)) {
      return send(response, new UploadRefused(404, 'NOT_FOUND', 'There is nothing at this address.'));
    }
    if (request.method === 'GET') {
      response.setHeader('Allow', 'POST, HEAD, PATCH, DELETE, OPTIONS');
      return send(
        response,
        new UploadRefused(405, 'DOWNLOAD_GET_REFUSED', 'Uploads cannot be downloaded from here.'),
      );
    }
    await handle?.(request, response);
  }

  const server = createUploadHttpServer(options.idleTimeoutMs, (request, response) => {
    open.set(
      request,
      new Promise((resolve) => {
        response.once('close', () => {
          open.delete(request);
          resolve();
        });
      }),
    );
    answer(request, response).catch((err: unknown) => {
      log.error({ event: 'request.failed', method: request.method, err }, 'request failed');
      response.destroy();
    });
  });

  /** Waits until nothing is written any more: a connection that is gone may still have bytes on their way to the disk. */
  async function settle(): Promise<void> {
    await Promise.all(open.values());
    await locker.idle();
    // Whoever let go of the last lock may be about to finish its upload.
    await nextTurn();
    await finisher.stop();
    await sweep.stop();
  }

  return {
    async start({ host, port }) {
      await makeUploadFolders(paths);
      handle = createTusProtocol({
        ...options,
        store: new UploadStore({ paths, expiresAfterMs, space, bodies, onComplete }),
        bodies,
        finisher,
      });
      await finisher.resume();
      sweep.start();
      server.listen(port, host);
      await once(server, 'listening');
      const address = server.address();
      return { port: typeof address === 'object' && address !== null ? address.port : port };
    },

    async stop(timeoutMs) {
      const closed = server.listening ? once(server, 'close') : undefined;
      server.close();
      server.closeIdleConnections();
      for (const request of open.keys()) {
        if (!request.complete) request.socket.destroy();
      }
      const isInTime = await withinTime(settle(), timeoutMs);
      if (!isInTime) log.warn({ event: 'tus.stopped-late', open: open.size }, 'requests were cut off');
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Makes up for what proxies do to requests. */
function adapt(request: IncomingMessage): void {
  const wanted = request.headers['x-http-method-override'];
  if (request.method === 'POST' && typeof wanted === 'string' && OVERRIDABLE.has(wanted))
    request.method = wanted;

  // The library refuses a list such as `https,http`, which two proxies in a row make; nothing here needs the header.
  delete request.headers['x-forwarded-proto'];
  request.rawHeaders = request.rawHeaders.filter((_text, index, all) => {
    const name = all[index - (index % 2)];
    return name?.toLowerCase() !== 'x-forwarded-proto';
  });
}

function send(response: ServerResponse, { status_code, body }: TusAnswer): void {
  response.writeHead(status_code, { 'content-type': 'text/plain; charset=utf-8' }).end(body);
}
