import type { RequestBody } from './request-bodies.ts';

export interface Ahead {
  readonly bytes: Buffer;
  /** Whether the request still has these bytes, for whoever reads on; if not, nothing more will come. */
  readonly hasMore: boolean;
}

/**
 * Waits for the first bytes of a request's body: for so many, or for all that it has, or for what came before the
 * connection broke or the signal stopped it.
 */
export function lookAhead({ request, stopSignal }: RequestBody, wantedBytes: number): Promise<Ahead> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;

    function settle(hasMore: boolean): void {
      request.off('readable', read).off('end', end).off('close', end);
      stopSignal.removeEventListener('abort', end);
      const bytes = Buffer.concat(chunks);
      if (hasMore) request.unshift(bytes);
      resolve({ bytes, hasMore });
    }
    function take(): void {
      while (length < wantedBytes) {
        const chunk: Buffer | null = request.read();
        if (chunk === null) return;
        chunks.push(chunk);
        length += chunk.length;
      }
    }
    function read(): void {
      take();
      if (length >= wantedBytes) settle(true);
    }
    function end(): void {
      take();
      settle(false);
    }

    stopSignal.addEventListener('abort', end);
    request.on('readable', read).on('end', end).on('close', end);
    if (stopSignal.aborted || request.destroyed || request.readableEnded) end();
  });
}
