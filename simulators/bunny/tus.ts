import { createHash, randomBytes } from 'node:crypto';
import type { Answer, SimulatorRequest } from '../shared/simulator.ts';
import type { Content } from './content.ts';
import type { Library, Video } from './library.ts';
import type { WebhookEvent } from './webhooks.ts';

/** Cuts PATCHes short: keeps `acceptBytes` of the body, reads the rest away and answers `status`. */
export interface PatchInterruption {
  readonly acceptBytes: number;
  /** With 204 and no bytes accepted: success that does not move the offset. */
  readonly status: number;
  /** How many PATCHes it strikes; default 1. */
  readonly count?: number;
}

interface Upload {
  readonly id: string;
  readonly video: Video;
  readonly lengthBytes: number;
  readonly content: Content;
  /** Whether a PATCH is open. */
  isBusy: boolean;
}

/** Bunny's tus endpoint: creation, offset and append (Bunny, TUS resumable uploads). */
export interface TusEndpoint {
  handle(request: SimulatorRequest): Promise<Answer>;
  interrupt(interruption: PatchInterruption): void;
  /** Forgets the video's unfinished upload. */
  forget(guid: string): Promise<void>;
  /** Forgets every unfinished upload and says how many there were. */
  purge(): Promise<number>;
  /** How many bytes of the video's unfinished upload have arrived. */
  receivedBytes(guid: string): number;
}

export const TUS_PATH = '/tusupload';
const TUS_VERSION = '1.0.0';

export interface TusOptions {
  readonly library: Library;
  readonly libraryId: string;
  readonly apiKey: string;
  readonly newContent: (name: string) => Content;
  /** What Bunny's clock shows, in milliseconds. */
  readonly clock: () => number;
  readonly tell: (guid: string, event: WebhookEvent) => void;
}

/** Creates the endpoint. An upload stays known after its last byte, so that an offset can still be asked for. */
export function createTusEndpoint(options: TusOptions): TusEndpoint {
  const { library, newContent, tell } = options;
  const uploads = new Map<string, Upload>();
  let interruptions: { acceptBytes: number; status: number; left: number }[] = [];

  function create(request: SimulatorRequest, video: Video): Answer | Promise<Answer> {
    const lengthBytes = toWhole(request.headers['upload-length']);
    if (lengthBytes === undefined || lengthBytes === 0)
      return text(400, 'Upload-Length is missing or invalid');
    const metadata = parseMetadata(request.headers['upload-metadata']);
    for (const key of ['filetype', 'title']) {
      if (!metadata.get(key)) return text(400, `Upload-Metadata has no ${key}`);
    }
    if (video.content !== undefined) return text(400, 'The requested video was already uploaded');
    return begin(request, video, lengthBytes, metadata);
  }

  async function begin(
    request: SimulatorRequest,
    video: Video,
    lengthBytes: number,
    metadata: ReadonlyMap<string, string>,
  ): Promise<Answer> {
    const id = randomBytes(16).toString('hex');
    const forgotten = forget(video.guid);
    uploads.set(id, { id, video, lengthBytes, content: newContent(id), isBusy: false });
    video.uploadsCreated += 1;
    video.collectionId = metadata.get('collection') || video.collectionId;
    video.thumbnailTimeMs = toWhole(metadata.get('thumbnailTime')) ?? video.thumbnailTimeMs;
    tell(video.guid, 'presignedUploadStarted');
    await forgotten;
    return { status: 201, headers: { location: `${request.url.origin}${TUS_PATH}/${id}` } };
  }

  async function append(request: SimulatorRequest, upload: Upload): Promise<Answer> {
    if (request.headers['content-type'] !== 'application/offset+octet-stream') {
      return text(415, 'Content-Type must be application/offset+octet-stream');
    }
    const offsetBytes = toWhole(request.headers['upload-offset']);
    if (offsetBytes === undefined) return text(400, 'Upload-Offset is missing or invalid');
    if (upload.isBusy) {
      return text(409, `File ${upload.id} is currently being updated. Please try again later`);
    }
    if (offsetBytes !== upload.content.bytes) {
      return text(
        409,
        `Offset does not match current file. Current offset: ${upload.content.bytes}. Request offset: ${offsetBytes}`,
      );
    }
    const leftBytes = upload.lengthBytes - offsetBytes;
    if ((toWhole(request.headers['content-length']) ?? 0) > leftBytes) {
      return text(413, 'The body is longer than what the upload lacks');
    }
    return receive(request, upload, leftBytes);
  }

  async function receive(request: SimulatorRequest, upload: Upload, leftBytes: number): Promise<Answer> {
    const { content } = upload;
    const interruption = nextInterruption();
    const limitBytes = Math.min(leftBytes, interruption?.acceptBytes ?? leftBytes);
    const wasFinished = leftBytes === 0;
    let surplusBytes = 0;
    upload.isBusy = true;
    try {
      ({ surplusBytes } = await content.receive(request.body, limitBytes));
    } finally {
      upload.isBusy = false;
      if (!wasFinished && content.bytes === upload.lengthBytes && uploads.has(upload.id)) finish(upload);
    }
    if (!uploads.has(upload.id)) return text(404, 'The upload does not exist');
    const headers = { 'upload-offset': String(content.bytes) };
    if (interruption !== undefined) return { status: interruption.status, headers };
    if (surplusBytes > 0) return { ...text(413, 'The body is longer than what the upload lacks'), headers };
    return { status: 204, headers };
  }

  function finish(upload: Upload): void {
    tell(upload.video.guid, 'presignedUploadFinished');
    library.attach(upload.video.guid, upload.content);
  }

  function nextInterruption(): { acceptBytes: number; status: number } | undefined {
    const next = interruptions[0];
    if (next === undefined) return undefined;
    next.left -= 1;
    interruptions = interruptions.filter(({ left }) => left > 0);
    return next;
  }

  function unfinished(guid?: string): Upload[] {
    return [...uploads.values()].filter(
      ({ video, content }) => video.content !== content && (guid === undefined || video.guid === guid),
    );
  }

  async function forget(guid?: string): Promise<number> {
    const forgotten = unfinished(guid);
    for (const upload of forgotten) uploads.delete(upload.id);
    await Promise.all(forgotten.map(({ content }) => content.drop()));
    return forgotten.length;
  }

  async function route(request: SimulatorRequest): Promise<Answer> {
    const method = overriddenMethod(request);
    if (method === 'OPTIONS') return { status: 204, headers: { 'tus-extension': 'creation' } };
    if (request.headers['tus-resumable'] !== TUS_VERSION) return text(412, 'Tus-Resumable must be 1.0.0');
    const refusal = refuse(request, options);
    if (refusal !== undefined) return text(401, refusal);

    const video = library.known(String(request.headers['videoid']));
    const id = request.url.pathname.slice(TUS_PATH.length + 1);
    if (video === undefined) return text(404, 'The requested video was not found');
    if (id === '')
      return method === 'POST' ? create(request, video) : text(405, 'Only POST creates an upload');

    const upload = uploads.get(id);
    if (upload === undefined) return text(404, 'The upload does not exist');
    if (upload.video !== video) return text(401, 'The upload belongs to another video');
    if (method === 'HEAD') {
      return {
        status: 200,
        headers: {
          'upload-offset': String(upload.content.bytes),
          'upload-length': String(upload.lengthBytes),
          'cache-control': 'no-store',
        },
      };
    }
    return method === 'PATCH' ? append(request, upload) : text(405, `${method} is not supported`);
  }

  return {
    async handle(request) {
      const answer = await route(request);
      const headers = { 'tus-resumable': TUS_VERSION, 'tus-version': TUS_VERSION, ...answer.headers };
      return { ...answer, headers };
    },
    interrupt({ acceptBytes, status, count = 1 }) {
      interruptions.push({ acceptBytes, status, left: count });
    },
    async forget(guid) {
      await forget(guid);
    },
    purge: () => forget(),
    receivedBytes: (guid) => unfinished(guid)[0]?.content.bytes ?? 0,
  };
}

/** Lowercase hex SHA-256 of library, key, expiry and video, one after the other (Bunny, TUS resumable uploads). */
export function signUpload(input: {
  readonly libraryId: string;
  readonly apiKey: string;
  readonly expiresAtS: number | string;
  readonly videoId: string;
}): string {
  const { libraryId, apiKey, expiresAtS, videoId } = input;
  return createHash('sha256').update(`${libraryId}${apiKey}${expiresAtS}${videoId}`).digest('hex');
}

const AUTHORIZATION_HEADERS = [
  'AuthorizationSignature',
  'AuthorizationExpire',
  'VideoId',
  'LibraryId',
] as const;

/** Why the request is not let in, or `undefined`. */
function refuse(request: SimulatorRequest, options: TusOptions): string | undefined {
  const given = (name: string) => String(request.headers[name.toLowerCase()] ?? '');
  const missing = AUTHORIZATION_HEADERS.filter((name) => given(name) === '');
  if (missing.length > 0) return `Missing ${missing.join(', ')}`;

  const expiresAtS = given('AuthorizationExpire');
  // Milliseconds have three digits more and are refused since June 2025.
  if (!/^\d{1,11}$/.test(expiresAtS)) return 'AuthorizationExpire is not a UNIX timestamp in seconds';
  if (given('LibraryId') !== options.libraryId) return 'The library does not exist or the key is not its own';
  const { libraryId, apiKey } = options;
  const signature = signUpload({ libraryId, apiKey, expiresAtS, videoId: given('VideoId') });
  if (given('AuthorizationSignature') !== signature) return 'AuthorizationSignature is invalid';
  if (Number(expiresAtS) * 1000 <= options.clock()) return 'AuthorizationExpire has passed';
  return undefined;
}

function overriddenMethod(request: SimulatorRequest): string {
  return String(request.headers['x-http-method-override'] ?? request.method).toUpperCase();
}

/** Reads `key base64,key base64` (tus 1.0.0, creation). */
function parseMetadata(header: string | string[] | undefined): Map<string, string> {
  const pairs = String(header ?? '').split(',');
  return new Map(
    pairs.map((pair) => {
      const [key = '', value = ''] = pair.trim().split(' ');
      return [key, Buffer.from(value, 'base64').toString('utf8')];
    }),
  );
}

function toWhole(value: string | string[] | undefined): number | undefined {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

function text(status: number, body: string): Answer {
  return { status, headers: { 'content-type': 'text/plain' }, body };
}
