import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { UploadDesk } from '../desk/uploads.ts';
import { withinTime } from '../lib/abort.ts';
import type { Disk } from '../lib/disk.ts';
import { whyForeign } from '../lib/local-caller.ts';
import type { MediaGate } from '../lib/media-gate.ts';
import { sendRefusal } from './answer.ts';
import { allowPages } from './cross-origin.ts';
import { createFinisher } from './finisher.ts';
import { GuardedUploadStore } from './guarded-upload-store.ts';
import type { HandOff } from './hand-off.ts';
import { createPassOn } from './pass-on.ts';
import { createQueueLocker } from './queue-locker.ts';
import { UploadRefused } from './refusal.ts';
import { createRequestBodies } from './request-bodies.ts';
import { createSweep } from './sweep.ts';
import { speaksTus, TUS_VERSION, tidyRequest } from './tidy-request.ts';
import { createTusProtocol, TUS_PATH } from './tus-protocol.ts';
import { createUploadCounts, type UploadCounts } from './upload-counts.ts';
import { createUploadHttpServer } from './upload-http-server.ts';
import { hostOfUpload, makeUploadFolders, uploadPaths } from './upload-paths.ts';
import { createUploadPermission } from './upload-permission.ts';
import { createUploadQuota, type UploadLimits } from './upload-quota.ts';
import { createUploadSpace } from './upload-space.ts';

export interface TusServerOptions {
  /** With which the website may sign its tokens; none: callers on this machine may upload without. */
  readonly tokenSecrets: readonly string[];
  /** Of pages that may upload from a browser. */
  readonly allowedOrigins: readonly string[];
  readonly limits: UploadLimits;
  /** Whether a proxy on this machine tells the client's address in X-Forwarded-For. */
  readonly trustsProxy: boolean;
  /** Says what is let in. */
  readonly media: MediaGate;
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
  readonly desk: Pick<UploadDesk, 'isTaken'>;
  /** The names of the recipes that there are; unset: whatever is named is handed on. */
  readonly recipes?: readonly string[];
  readonly handOff: Pick<HandOff, 'add'>;
  /** What of several hosts this one is, and where the others are; unset: there is one alone. */
  readonly hosts?:
    | { readonly own: string; readonly addressOf: (host: string) => Promise<string | undefined> }
    | undefined;
  /** Whether the wall clock has not jumped lately; by default it has not. */
  readonly isClockSettled?: () => Promise<boolean>;
  readonly log: Logger;
}

/** Takes uploads in at `/tusupload`, resumable at every byte, and keeps what it has accepted. */
export interface TusServer {
  /** Takes up what an earlier process left, then listens; resolves with the port, which port 0 leaves to the system. */
  start(address: { readonly host: string; readonly port: number }): Promise<{ readonly port: number }>;
  /** Ends open requests, keeping their bytes; resolves after `timeoutMs` at the latest. */
  stop(timeoutMs: number): Promise<void>;
  readonly counts: UploadCounts;
}

export function createTusServer(options: TusServerOptions): TusServer {
  const { expiresAfterMs, handOff, disk, promisedBytes, media, tokenSecrets, log } = options;
  const { isClockSettled = async () => true } = options;
  const paths = uploadPaths(options.directory, options.incomingDirectory);
  const locker = createQueueLocker();
  const bodies = createRequestBodies(locker);
  const finisher = createFinisher({ paths, handOff, media, log });
  const onComplete = finisher.finishLater;
  const space = createUploadSpace({ disk, uploads: paths.uploads, promisedBytes, log });
  const quota = createUploadQuota({ limits: options.limits, paths, locker, log });
  const permission = createUploadPermission({ secrets: tokenSecrets, expiresAfterMs });
  const allowedOrigins = new Set(options.allowedOrigins);
  const sweep = createSweep({ paths, expiresAfterMs, locker, onComplete, isClockSettled, log });
  const counts = createUploadCounts();
  const { hosts } = options;
  const elsewhere = hosts && createPassOn({ host: hosts.own, ...hosts, ...options });
  /** Requests that are not answered, each with the end of its connection or answer. */
  const open = new Map<IncomingMessage, Promise<void>>();
  let handle: ReturnType<typeof createTusProtocol> | undefined;

  /** Returns the code of a refusal. */
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<string | undefined> {
    const refuse = (refusal: UploadRefused) => {
      sendRefusal(request, response, refusal);
      return refusal.code;
    };
    const owner = request.method === 'OPTIONS' ? undefined : ownerOf(request);
    if (elsewhere !== undefined && owner !== undefined && owner !== hosts?.own) {
      return await elsewhere.passOn(owner, request, response);
    }
    allowPages(allowedOrigins, request, response);
    if (request.method !== 'OPTIONS') response.setHeader('Tus-Resumable', TUS_VERSION);
    const why = tokenSecrets.length === 0 ? whyForeign(request, options.allowedOrigins) : undefined;
    if (why !== undefined && request.method !== 'OPTIONS') return refuse(notLocal(why));

    const path = request.url?.split('?')[0] ?? '';
    if (path !== TUS_PATH && !path.startsWith(`${TUS_PATH}/`)) {
      return refuse(new UploadRefused(404, 'NOT_FOUND', 'There is nothing at this address.'));
    }
    try {
      tidyRequest(request);
    } catch (error) {
      if (error instanceof UploadRefused) return refuse(error);
      throw error;
    }
    if (request.method === 'GET') {
      response.setHeader('Allow', 'POST, HEAD, PATCH, DELETE, OPTIONS');
      return refuse(
        new UploadRefused(405, 'DOWNLOAD_GET_REFUSED', 'Uploads cannot be downloaded from here.'),
      );
    }
    if (!speaksTus(request)) {
      response.setHeader('Tus-Version', TUS_VERSION);
      return refuse(otherVersion());
    }
    return await handle?.(request, response);
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
    answer(request, response).then(
      (code) => {
        if (code !== undefined) counts.refused(code);
      },
      (err: unknown) => {
        log.error({ event: 'request.failed', method: request.method, err }, 'request failed');
        response.destroy();
      },
    );
  });
  counts.follow(server);

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
    counts,
    async start({ host, port }) {
      await makeUploadFolders(paths);
      handle = createTusProtocol({
        ...options,
        host: hosts?.own,
        store: new GuardedUploadStore({ paths, expiresAfterMs, space, bodies, onComplete, quota, media }),
        paths,
        permission,
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

/** The host that the upload of a request lies on, if its address names one. */
function ownerOf({ url = '' }: IncomingMessage): string | undefined {
  const [path = ''] = url.split('?');
  if (!path.startsWith(`${TUS_PATH}/`)) return undefined;
  return hostOfUpload(path.slice(TUS_PATH.length + 1).replace(/\/+$/, ''));
}

function otherVersion(): UploadRefused {
  return new UploadRefused(
    412,
    'REQUEST_INVALID',
    `This server speaks tus ${TUS_VERSION}, and the request does not say that it does too.`,
    `Send the header Tus-Resumable: ${TUS_VERSION}.`,
  );
}

function notLocal(why: string): UploadRefused {
  return new UploadRefused(
    403,
    'NOT_LOCAL',
    `Without upload tokens only callers on this machine may upload, and this request comes from elsewhere: ${why}.`,
    'The operator has to set UPLOAD_TOKEN_SECRET, with which the website signs upload tokens.',
  );
}
