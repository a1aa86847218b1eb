import { once } from 'node:events';
import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';

/** The answer to a small request, read to its end. */
export interface SmallAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Sends a small request, over TLS as its address says. Unlike `fetch` it trusts what Node's own agent does. */
export async function ask(
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  body = '',
): Promise<SmallAnswer> {
  const request = (url.startsWith('https:') ? https : http).request(url, {
    method,
    headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
  });
  request.end(body);
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, headers: answer.headers, text: await text(answer) };
}
