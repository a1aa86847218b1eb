import { connect } from 'node:net';

export interface RawOptions {
  /** How long to wait for more once an answer, or nothing, has come; default 400 ms. */
  readonly quietMs?: number;
  /** The whole patience; default 10 s. */
  readonly timeoutMs?: number;
  /** The address to come from: on this machine everything in 127.0.0.0/8. */
  readonly from?: string;
}

/** All that came back on a connection. */
export interface RawAnswer {
  readonly text: string;
  /** Of every answer on the connection, in order; an answer without a status line has none. */
  readonly statuses: readonly number[];
  /** Whether the other side ended it. */
  readonly wasClosed: boolean;
}

/** Writes exactly these bytes to a port of this machine and collects what comes back until the connection is quiet. */
export function sendRaw(port: number, bytes: string | Buffer, options: RawOptions = {}): Promise<RawAnswer> {
  const { quietMs = 400, timeoutMs = 10_000, from } = options;
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect({
      port,
      host: '127.0.0.1',
      ...(from === undefined ? {} : { localAddress: from }),
    });
    let quiet: NodeJS.Timeout | undefined;
    const deadline = setTimeout(() => end(false), timeoutMs);
    function end(wasClosed: boolean): void {
      clearTimeout(quiet);
      clearTimeout(deadline);
      socket.destroy();
      const text = Buffer.concat(chunks).toString('latin1');
      resolve({ text, statuses: statusesIn(text), wasClosed });
    }
    const rest = () => {
      clearTimeout(quiet);
      quiet = setTimeout(() => end(false), quietMs);
    };
    socket.on('connect', () => {
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
      rest();
    });
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      rest();
    });
    socket.on('close', () => end(true));
    socket.on('error', () => end(true));
  });
}

function statusesIn(text: string): number[] {
  return [...text.matchAll(/^HTTP\/1\.[01] (\d{3})/gm)].map(([, status]) => Number(status));
}
