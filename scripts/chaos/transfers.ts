import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** By what a transfer can be traced to its recording. */
export type TransferRef =
  | { readonly kind: 'cdn-file'; readonly name: string }
  | { readonly kind: 'b2-recording'; readonly id: string }
  | { readonly kind: 'b2-large-file'; readonly fileId: string }
  | { readonly kind: 'b2-download' }
  | { readonly kind: 'bunny-video'; readonly videoId: string };

/** One request that carries bytes of a recording, as a simulated service sees it. */
export interface Transfer {
  readonly ref: TransferRef;
  readonly startedAtMs: number;
  /** The first byte of the recording; `undefined` if none came. */
  firstByteAtMs: number | undefined;
  lastByteAtMs: number | undefined;
}

/** Watches the bytes of recordings that pass through the simulators, which run in this process. */
export interface TransferWatch {
  readonly transfers: readonly Transfer[];
  /** When a byte last passed. */
  lastByteAtMs(): number;
  /** The first byte of a transfer that began after this time; `undefined` if there is none yet. */
  firstByteAfter(timeMs: number): number | undefined;
  stop(): void;
}

const CHANNEL = 'http.server.request.start';

/** @param ports Those of the simulators whose requests are watched. */
export function watchTransfers(ports: { cdn: number; b2: number; bunny: number }): TransferWatch {
  const transfers: Transfer[] = [];

  function onRequest(message: unknown): void {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    const ref = refOf(request, ports);
    if (ref === undefined) return;
    const transfer: Transfer = {
      ref,
      startedAtMs: Date.now(),
      firstByteAtMs: undefined,
      lastByteAtMs: undefined,
    };
    transfers.push(transfer);
    const count = () => {
      transfer.lastByteAtMs = Date.now();
      transfer.firstByteAtMs ??= transfer.lastByteAtMs;
    };
    if (ref.kind === 'cdn-file' || ref.kind === 'b2-download') watchAnswer(response, count);
    else watchBody(request, count);
  }

  subscribe(CHANNEL, onRequest);
  return {
    transfers,
    lastByteAtMs: () => Math.max(0, ...transfers.slice(-20).map(({ lastByteAtMs = 0 }) => lastByteAtMs)),
    firstByteAfter: (timeMs) =>
      transfers.find((each) => each.startedAtMs > timeMs && each.firstByteAtMs !== undefined)?.firstByteAtMs,
    stop: () => void unsubscribe(CHANNEL, onRequest),
  };
}

function refOf(
  { method, url = '', headers, socket }: IncomingMessage,
  ports: { cdn: number; b2: number; bunny: number },
): TransferRef | undefined {
  const { localPort } = socket;
  const path = url.split('?')[0] ?? '';
  if (localPort === ports.cdn && method === 'GET') {
    return { kind: 'cdn-file', name: path.slice(path.lastIndexOf('/') + 1) };
  }
  if (localPort === ports.b2 && method === 'GET') {
    return path.endsWith('/b2_download_file_by_id') ? { kind: 'b2-download' } : undefined;
  }
  if (localPort === ports.b2 && method === 'POST') {
    const fileId = /\/b2_upload_part\/([^/]+)\//.exec(path)?.[1];
    if (fileId !== undefined) return { kind: 'b2-large-file', fileId };
    if (path.includes('/b2_upload_file/')) {
      const id = headers['x-bz-info-sluice_recording'];
      // What names none is a question to the service.
      return id === undefined ? undefined : { kind: 'b2-recording', id: String(id) };
    }
  }
  if (localPort === ports.bunny && method === 'PATCH') {
    return { kind: 'bunny-video', videoId: String(headers['videoid']) };
  }
  return undefined;
}

/** The parser hands the body over by `push`. Listening for `data` would make it flow. */
function watchBody(request: IncomingMessage, count: () => void): void {
  const push = request.push.bind(request);
  request.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk !== null) count();
    return push(chunk, encoding);
  };
}

function watchAnswer(response: ServerResponse, count: () => void): void {
  const write = response.write.bind(response);
  response.write = ((...args: Parameters<typeof write>) => {
    if (response.statusCode === 200 || response.statusCode === 206) count();
    return write(...args);
  }) as typeof response.write;
}
