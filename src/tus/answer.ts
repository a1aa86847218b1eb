import type { IncomingMessage, ServerResponse } from 'node:http';
import { PROBLEM_TYPE } from '../domain/problem.ts';
import { type TusAnswer, UploadRefused } from './refusal.ts';
import { parseObject } from './sidecar.ts';

/** How long a client that was answered in the middle of its request is heard out, in milliseconds. */
const LISTENING_MS = 5000;

/** After how long a client that has reached a limit, or met a disk that takes nothing, may try again, in seconds. */
const RETRY_AFTER_S = '60';
const RETRIED_STATUSES: ReadonlySet<number> = new Set([429, 503, 507]);

/**
 * Sends what the library has made of a request, and returns the code of a refusal. The headers for pages of other origins
 * are set already.
 */
export async function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Response,
): Promise<string | undefined> {
  const { status } = answer;
  const text = await answer.text();
  for (const [name, value] of answer.headers) {
    // The library knows only one answer to pages, and hangs up on clients that are still sending.
    const isOurs = name.startsWith('access-control-') || ['connection', 'content-length'].includes(name);
    if (!isOurs) response.setHeader(name, value);
  }
  if (status < 400) {
    if (status === 204) response.writeHead(status).end();
    else response.writeHead(status, { 'Content-Length': Buffer.byteLength(text) }).end(text);
    listenOn(request);
    return undefined;
  }
  const body = problemIn(status, text);
  sendRefusal(request, response, { status_code: status, body });
  return String(parseObject(body)?.['code']);
}

/** Sends a refusal as a problem document, so that a client which is still sending can read it. */
export function sendRefusal(
  request: IncomingMessage,
  response: ServerResponse,
  { status_code: status, body }: TusAnswer,
): void {
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  if (RETRIED_STATUSES.has(status) && !response.hasHeader('Retry-After'))
    response.setHeader('Retry-After', RETRY_AFTER_S);
  response.writeHead(status, {
    'Content-Type': PROBLEM_TYPE,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(body);
  listenOn(request);
}

/** What the library says by itself, before any of our words are asked for, is plain text. */
function problemIn(status: number, text: string): string {
  if (parseObject(text)?.['code'] !== undefined) return text;
  return new UploadRefused(status, 'REQUEST_INVALID', `${text.trim().replace(/\.$/, '')}.`).body;
}

/**
 * Goes on reading, for a while, what a client sends after its answer: one that is hung up on at once loses the answer
 * with the connection.
 */
function listenOn(request: IncomingMessage): void {
  if (request.complete) return;
  request.removeAllListeners('data');
  request.resume();
  const timer = setTimeout(() => request.socket.destroy(), LISTENING_MS).unref();
  request.once('end', () => clearTimeout(timer));
}
