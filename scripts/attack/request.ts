import { type OutgoingHttpHeaders, request } from 'node:http';

export interface Answer {
  readonly status: number | undefined;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** One request on a connection of its own; a connection that is closed without an answer has no status. */
export function send(
  port: number,
  method: string,
  path: string,
  options: { headers?: OutgoingHttpHeaders; body?: string | Buffer; from?: string; timeoutMs?: number } = {},
): Promise<Answer> {
  const { headers = {}, body, from, timeoutMs = 10_000 } = options;
  const local = from === undefined ? {} : { localAddress: from };
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve) => {
    const none = () => resolve({ status: undefined, text: '', headers: {} });
    const sending = request(
      { port, host: '127.0.0.1', method, path, agent: false, headers: { ...length, ...headers }, ...local },
      (answer) => {
        const { statusCode: status, headers: said } = answer;
        answer
          .toArray()
          .then(
            (chunks: Buffer[]) => resolve({ status, text: Buffer.concat(chunks).toString(), headers: said }),
            none,
          );
      },
    );
    sending.setTimeout(timeoutMs, () => sending.destroy());
    sending.on('error', none);
    sending.end(body);
  });
}
