import type { IncomingMessage } from 'node:http';
import { UploadRefused } from './refusal.ts';
import { tidyMetadata } from './upload-metadata.ts';

/** The version of tus that is spoken here. */
export const TUS_VERSION = '1.0.0';

/** What the bytes of an upload are sent as. */
const OFFSET_TYPE = 'application/offset+octet-stream';

/** Methods that a client behind a proxy which knows only GET and POST may ask for (tus 1.0.0, X-HTTP-Method-Override). */
const OVERRIDABLE: ReadonlySet<string> = new Set(['PATCH', 'DELETE', 'HEAD']);

/**
 * Puts a request into the one form that the tus library takes. Clients and proxies write the same thing in many ways;
 * what it means is clear, and so it is taken.
 *
 * @throws UploadRefused for what has no clear meaning: 400, of another content type 415
 */
export function tidyRequest(request: IncomingMessage): void {
  const wanted = headerOf(request, 'x-http-method-override')?.toUpperCase();
  if (request.method === 'POST' && wanted !== undefined && OVERRIDABLE.has(wanted)) request.method = wanted;
  if (request.method === 'OPTIONS') return;

  const [path = '', ...query] = (request.url ?? '').split('?');
  request.url = [path.replace(/(?<=.)\/+$/, ''), ...query].join('?');
  // The library refuses a list such as `https,http`, which two proxies in a row make; nothing here needs these two.
  for (const name of ['x-forwarded-proto', 'tus-version']) setHeader(request, name, undefined);
  setHeader(request, 'tus-resumable', headerOf(request, 'tus-resumable'));
  for (const name of ['upload-length', 'upload-offset']) {
    setHeader(request, name, tidyNumber(headerOf(request, name)));
  }
  const metadata = headerOf(request, 'upload-metadata', ',');
  if (request.method === 'POST' && metadata !== undefined) {
    setHeader(request, 'upload-metadata', tidyMetadata(metadata));
  }
  tidyContentType(request);
}

/** Whether a request speaks the version of tus that is spoken here; once it is tidy. */
export function speaksTus(request: IncomingMessage): boolean {
  return request.method === 'OPTIONS' || headerOf(request, 'tus-resumable') === TUS_VERSION;
}

/** @throws UploadRefused */
function tidyContentType(request: IncomingMessage): void {
  const said = headerOf(request, 'content-type');
  const isOffsetType = said?.split(';')[0]?.trim().toLowerCase() === OFFSET_TYPE;
  if (isOffsetType) setHeader(request, 'content-type', OFFSET_TYPE);
  else if (request.method === 'PATCH') {
    throw new UploadRefused(
      415,
      'REQUEST_INVALID',
      `The bytes of an upload are sent as ${OFFSET_TYPE}, and these came as ${said ?? 'nothing'}.`,
      `Send the header Content-Type: ${OFFSET_TYPE}.`,
    );
  }
}

/** A whole number as the library takes it; anything else as it came, which the library refuses. */
function tidyNumber(text: string | undefined): string | undefined {
  const digits = /^\+?(\d+)$/.exec(text ?? '')?.[1];
  return digits?.replace(/^0+(?=\d)/, '') ?? text;
}

/** A header's text; of one that came several times the one that all say, or all of them where they differ. */
function headerOf(request: IncomingMessage, name: string, joinedBy?: string): string | undefined {
  const { rawHeaders } = request;
  const said: string[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === name) said.push(rawHeaders[index + 1]?.trim() ?? '');
  }
  if (said.length === 0) return undefined;
  if (joinedBy !== undefined) return said.join(joinedBy);
  const values = new Set(said.flatMap((text) => text.split(',')).map((text) => text.trim()));
  return [...values].join(', ');
}

function setHeader(request: IncomingMessage, name: string, value: string | undefined): void {
  delete request.headers[name];
  request.rawHeaders = request.rawHeaders.filter(
    (_text, index, all) => all[index - (index % 2)]?.toLowerCase() !== name,
  );
  if (value === undefined) return;
  request.headers[name] = value;
  request.rawHeaders.push(name, value);
}
