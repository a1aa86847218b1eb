import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP relay that counts what clients send, and can cut a connection. */
export interface Cutter {
  /** The relayed address of the same path. */
  readonly url: string;
  /** Bytes that clients have sent so far, headers included. */
  sentBytes(): number;
  /** Cuts, once, when this many more bytes have passed. */
  cutAfter(bytes: number): void;
  /** Resolves when the cut has been made. */
  readonly cut: Promise<void>;
  stop(): Promise<void>;
}

export async function startCutter(targetUrl: string): Promise<Cutter> {
  const target = new URL(targetUrl);
  const sockets = new Set<Socket>();
  let sentBytes = 0;
  let cutAtBytes = Number.POSITIVE_INFINITY;
  let onCut = () => {};
  const cut = new Promise<void>((resolve) => {
    onCut = resolve;
  });

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    upstream.pipe(client);
    client.on('end', () => upstream.end());
    client.on('close', () => upstream.end());
    client.on('data', (chunk: Buffer) => {
      if (sentBytes + chunk.length >= cutAtBytes) {
        // What was let through arrives; then the line is dead in both directions.
        upstream.end(chunk.subarray(0, cutAtBytes - sentBytes));
        sentBytes = cutAtBytes;
        cutAtBytes = Number.POSITIVE_INFINITY;
        client.destroy();
        onCut();
        return;
      }
      sentBytes += chunk.length;
      if (!upstream.write(chunk)) {
        client.pause();
        upstream.once('drain', () => client.resume());
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${target.pathname}`,
    sentBytes: () => sentBytes,
    cutAfter(bytes) {
      cutAtBytes = sentBytes + bytes;
    },
    cut,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
