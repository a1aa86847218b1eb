import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** What has come since the last time: bytes, or refusals by their `code`. */
export interface UploadCount {
  readonly name: 'upload_bytes' | 'upload_refusals';
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What the tus server meets, for metrics: gathered here until it is written to the ledger. */
export interface UploadCounts {
  /** Follows the connections of a server. */
  follow(server: Pick<Server, 'on'>): void;
  refused(code: string): void;
  /** How many connections are open. */
  connections(): number;
  /** What has come since the last that was written. */
  list(): UploadCount[];
  /** This is in the ledger now. */
  written(told: readonly UploadCount[]): void;
}

export function createUploadCounts(): UploadCounts {
  const open = new Set<Socket>();
  const refusals = new Map<string, number>();
  /** Of connections that are closed, less what is written. */
  let bytes = 0;

  return {
    follow(server) {
      server.on('connection', (socket: Socket) => {
        open.add(socket);
        socket.once('close', () => {
          open.delete(socket);
          bytes += socket.bytesRead;
        });
      });
    },
    refused(code) {
      refusals.set(code, (refusals.get(code) ?? 0) + 1);
    },
    connections: () => open.size,

    list() {
      const received = [...open].reduce((sum, { bytesRead }) => sum + bytesRead, bytes);
      return [
        { name: 'upload_bytes' as const, labels: {}, value: received },
        ...Array.from(refusals, ([code, value]) => ({
          name: 'upload_refusals' as const,
          labels: { code },
          value,
        })),
      ].filter(({ value }) => value > 0);
    },
    written(told) {
      for (const { name, labels, value } of told) {
        const code = labels['code'] ?? '';
        if (name === 'upload_bytes') bytes -= value;
        else refusals.set(code, (refusals.get(code) ?? 0) - value);
      }
    },
  };
}
