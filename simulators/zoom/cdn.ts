import { createHash, createHmac, randomBytes } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Answer, SimulatorRequest } from '../shared/simulator.ts';
import { type ByteRange, parseRange } from './byte-range.ts';
import type { MeetingFile } from './meetings.ts';

/** The origin that serves the bytes to whoever holds a signed URL. */
export interface Cdn {
  /** A signed URL that says by itself what it is good for; the bytes need no other credential. */
  link(file: MeetingFile): string;
  handle(request: SimulatorRequest): Promise<Answer>;
  /** How many requests arrived with an `Authorization` header, which a client must drop when it changes origin. */
  readonly leaks: number;
}

/** What the CDN is set up with. */
export interface CdnOptions {
  /** Whether it honours `Range`; without it every answer is a 200 with the whole file. */
  readonly supportsRange: boolean;
  readonly cdnUrl: () => string;
  /** How long a signed URL works. */
  readonly linkTtlMs: number;
}

const STEP_BYTES = 1024 * 1024;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  MP4: 'video/mp4',
  M4A: 'audio/mp4',
  VTT: 'text/vtt',
  TXT: 'text/plain',
  CSV: 'text/csv',
  JSON: 'application/json',
  JPG: 'image/jpeg',
};

/** Creates the CDN. */
export function createCdn({ supportsRange, cdnUrl, linkTtlMs }: CdnOptions): Cdn {
  const key = randomBytes(32);
  const files = new Map<string, MeetingFile>();
  let leaks = 0;

  function sign(path: string, expiresS: string): string {
    return createHmac('sha256', key).update(`${path}?${expiresS}`).digest('base64url');
  }

  function isSigned({ pathname, searchParams }: URL): boolean {
    const expiresS = searchParams.get('Expires') ?? '';
    return searchParams.get('Signature') === sign(pathname, expiresS) && Number(expiresS) * 1000 > Date.now();
  }

  return {
    link(file) {
      const stamp = file.recordingStart.replace(/[-:]/g, '').replace('T', '-').replace('Z', '');
      const name = `GMT${stamp}_Recording.${file.fileExtension.toLowerCase()}`;
      const path = `/cmr/replay/${randomBytes(12).toString('hex')}/${name}`;
      files.set(path, file);
      const expiresS = String(Math.ceil((Date.now() + linkTtlMs) / 1000));
      return `${cdnUrl()}${path}?Expires=${expiresS}&Key-Pair-Id=EXAMPLE&Signature=${sign(path, expiresS)}`;
    },
    async handle({ method, url, headers }) {
      if (headers.authorization !== undefined) leaks += 1;
      if (method !== 'GET' && method !== 'HEAD') return { status: 405 };
      const file = files.get(url.pathname);
      if (!file || !isSigned(url)) return refusal(403, 'AccessDenied');
      if (file.state === 'deleted') return refusal(404, 'NoSuchKey');

      const { totalBytes, etag, lastModified } = await inspect(file.source);
      const shared: Record<string, string> = {
        'accept-ranges': supportsRange ? 'bytes' : 'none',
        etag,
        'last-modified': lastModified,
      };
      const ifRange = headers['if-range'];
      const isSame = ifRange === undefined || ifRange === etag || ifRange === lastModified;
      const range = supportsRange && isSame ? parseRange(headers.range, totalBytes) : 'whole';
      if (range === 'unsatisfiable') {
        return { status: 416, headers: { ...shared, 'content-range': `bytes */${totalBytes}` } };
      }

      const { start, end } = range === 'whole' ? { start: 0, end: totalBytes } : range;
      const answer = {
        status: range === 'whole' ? 200 : 206,
        headers: {
          ...shared,
          ...(range === 'whole' ? {} : { 'content-range': `bytes ${start}-${end - 1}/${totalBytes}` }),
          'content-type': CONTENT_TYPES[file.fileExtension] ?? 'application/octet-stream',
          'content-length': String(end - start),
        },
      };
      return method === 'HEAD' ? answer : { ...answer, body: toStream(file.source, { start, end }) };
    },
    get leaks() {
      return leaks;
    },
  };
}

/** The size now, and validators that change with the content. */
async function inspect(source: string | Buffer) {
  const { size: totalBytes, mtimeMs } =
    typeof source === 'string' ? await stat(source) : { size: source.length, mtimeMs: 0 };
  const identity = createHash('md5')
    .update(`${String(source)} ${totalBytes} ${mtimeMs}`)
    .digest('hex');
  return { totalBytes, etag: `"${identity}"`, lastModified: new Date(mtimeMs).toUTCString() };
}

/** Opened at the first read only, so that an answer that is never sent leaves nothing open. */
function toStream(source: string | Buffer, range: ByteRange): Readable {
  if (typeof source !== 'string') return Readable.from([source.subarray(range.start, range.end)]);
  return Readable.from(readSteps(source, range), { objectMode: false, highWaterMark: STEP_BYTES });
}

async function* readSteps(path: string, { start, end }: ByteRange): AsyncGenerator<Buffer> {
  const handle = await open(path);
  try {
    for (let at = start; at < end; ) {
      const step = Buffer.allocUnsafe(Math.min(STEP_BYTES, end - at));
      const { bytesRead } = await handle.read(step, 0, step.length, at);
      if (bytesRead === 0) throw new Error(`${path} became shorter while it was sent`);
      yield step.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

function refusal(status: number, code: string): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}
