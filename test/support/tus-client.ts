import { once } from 'node:events';
import http from 'node:http';
import { DefaultHttpStack, Upload, type UploadOptions } from 'tus-js-client';
import type { Problem } from '../../src/domain/problem.ts';

export interface TusResponse {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

export interface TusRequest {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** Sends one request of the tus protocol as it is given, on a connection of its own. */
export async function tusRequest(
  url: string,
  { method, headers = {}, body }: TusRequest,
): Promise<TusResponse> {
  const length: Record<string, string> = body === undefined ? {} : { 'content-length': String(body.length) };
  const request = http.request(url, {
    method,
    agent: false,
    headers: { 'tus-resumable': '1.0.0', ...length, ...headers },
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: Buffer.concat(chunks).toString(),
  };
}

/** The problem document that a request was refused with. */
export function problemIn({ headers, text }: TusResponse): Problem {
  if (headers['content-type'] !== 'application/problem+json') throw new Error(`this is no problem: ${text}`);
  return JSON.parse(text);
}

export function metadataHeader(metadata: Readonly<Record<string, string>>): string {
  return Object.entries(metadata)
    .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
    .join(',');
}

/** Creates an upload and returns its address. */
export async function createUpload(
  endpoint: string,
  size: number,
  metadata: Readonly<Record<string, string>> = { ace_id: 'lesson-1' },
): Promise<string> {
  const response = await tusRequest(endpoint, {
    method: 'POST',
    headers: { 'upload-length': String(size), 'upload-metadata': metadataHeader(metadata) },
  });
  if (response.status !== 201) throw new Error(`POST was answered ${response.status}: ${response.text}`);
  return new URL(response.headers.location ?? '', endpoint).toString();
}

export function patch(url: string, offset: number, body: Buffer): Promise<TusResponse> {
  return tusRequest(url, { method: 'PATCH', headers: patchHeaders(offset), body });
}

export function head(url: string): Promise<TusResponse> {
  return tusRequest(url, { method: 'HEAD' });
}

/** The offset that the server tells. */
export async function offsetOf(url: string): Promise<number> {
  return Number((await head(url)).headers['upload-offset']);
}

/** Begins a PATCH of `length` bytes whose bytes the test writes itself; `ended` resolves however it ends. */
export function openPatch(
  url: string,
  offset: number,
  length: number,
  headers: Readonly<Record<string, string>> = {},
) {
  const request = http.request(url, {
    method: 'PATCH',
    agent: false,
    headers: {
      'tus-resumable': '1.0.0',
      'content-length': String(length),
      ...patchHeaders(offset),
      ...headers,
    },
  });
  request.flushHeaders();
  const ended = new Promise<number | 'closed'>((resolve) => {
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', () => resolve('closed'));
  });
  return { request, ended };
}

export function patchHeaders(offset: number): Record<string, string> {
  return { 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) };
}

/** The id in an upload's address. */
export function idOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}

export interface StockUpload {
  readonly upload: Upload;
  /** Resolves once the client reports success. */
  readonly done: Promise<void>;
}

/** Uploads with tus-js-client as it comes, each request on a connection of its own. */
export function stockUpload(content: Buffer, options: UploadOptions): StockUpload {
  let upload: Upload | undefined;
  const done = new Promise<void>((resolve, reject) => {
    upload = new Upload(content, {
      retryDelays: [0, 50, 100, 200],
      httpStack: new DefaultHttpStack({ agent: false }),
      ...options,
      onSuccess: () => resolve(),
      onError: reject,
    });
    upload.start();
  });
  if (upload === undefined) throw new Error('the client did not start');
  return { upload, done };
}
