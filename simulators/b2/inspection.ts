import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Answer, SimulatorRequest } from '../shared/simulator.ts';
import type { Blobs } from './blobs.ts';
import { lengthOf } from './shapes.ts';
import type { Store, Version } from './store.ts';
import type { Tokens } from './tokens.ts';

/** A finished version of a file, or a hide marker, as the simulator itself knows it. */
interface B2File {
  readonly fileId: string;
  readonly fileName: string;
  readonly bucketName: string;
  readonly action: 'upload' | 'hide';
  readonly contentLength: number;
  readonly contentType: string | null;
  readonly contentSha1: string | null;
  readonly fileInfo: Readonly<Record<string, string>>;
  readonly uploadTimestampMs: number;
  /** Computed here over the whole content; absent for hide markers and for large files whose bytes are not kept. */
  readonly wholeSha1?: string;
  /** Of how many uploads the content is made: 1, or a large file's parts; 0 for a hide marker. */
  readonly parts: number;
}

/** A large file that is neither finished nor cancelled, with its parts by number. */
interface B2UnfinishedFile {
  readonly fileId: string;
  readonly fileName: string;
  readonly bucketName: string;
  readonly contentType: string;
  readonly fileInfo: Readonly<Record<string, string>>;
  readonly uploadTimestampMs: number;
  readonly parts: readonly {
    readonly partNumber: number;
    readonly contentLength: number;
    readonly contentSha1: string;
  }[];
}

/** A look into the account that needs no token. */
export interface Inspection {
  /** Every finished version and hide marker, oldest first. */
  files(): Promise<readonly B2File[]>;
  /** Every unfinished large file, oldest first. */
  unfinished(): readonly B2UnfinishedFile[];
  /** The content of a finished version; throws when there is none. */
  read(fileId: string): Readable;
}

/** Creates the look into an account. The SHA-1 of a large file is computed when first asked for. */
export function createInspection(store: Store, blobs: Blobs): Inspection {
  const wholeSha1s = new Map<string, Promise<string | undefined>>();

  function wholeSha1(version: Version): Promise<string | undefined> {
    const known = wholeSha1s.get(version.fileId);
    if (known !== undefined) return known;
    const computing = hashBlobs(version, blobs);
    wholeSha1s.set(version.fileId, computing);
    return computing;
  }

  const bucketName = (bucketId: string) => store.bucket(bucketId).bucketName;

  return {
    files: () =>
      Promise.all(
        store.versions().map(async (version) => {
          const { bucketId, blobs: contents, order: _, ...facts } = version;
          const sha1 = await wholeSha1(version);
          return {
            ...facts,
            bucketName: bucketName(bucketId),
            contentLength: lengthOf(version),
            ...(sha1 === undefined ? {} : { wholeSha1: sha1 }),
            parts: contents.length,
          };
        }),
      ),
    unfinished: () =>
      store
        .largeFiles()
        .map(({ fileId, fileName, bucketId, contentType, fileInfo, uploadTimestampMs, parts }) => ({
          fileId,
          fileName,
          bucketName: bucketName(bucketId),
          contentType,
          fileInfo,
          uploadTimestampMs,
          parts: [...parts.values()]
            .sort((a, b) => a.partNumber - b.partNumber)
            .map(({ partNumber, blob, contentSha1 }) => ({
              partNumber,
              contentLength: blob.bytes,
              contentSha1,
            })),
        })),
    read(fileId) {
      const version = store.versions().find((each) => each.fileId === fileId);
      if (version === undefined) throw new Error(`there is no finished version ${fileId}`);
      return blobs.read(version.blobs);
    },
  };
}

async function hashBlobs({ blobs: contents }: Version, blobs: Blobs): Promise<string | undefined> {
  if (contents.length <= 1) return contents[0]?.sha1;
  if (!blobs.areKept) return undefined;
  const hash = createHash('sha1');
  for await (const chunk of blobs.read(contents)) hash.update(chunk);
  return hash.digest('hex');
}

/** Creates the answers under `/__sim/` that other processes inspect and steer the simulator by. */
export function createControl(inspection: Inspection, tokens: Tokens) {
  return async (request: SimulatorRequest): Promise<Answer | undefined> => {
    const { pathname } = request.url;
    const [, fileId] = /^\/__sim\/files\/([^/]+)\/content$/.exec(pathname) ?? [];
    if (request.method === 'GET' && fileId !== undefined) {
      try {
        return { status: 200, body: inspection.read(decodeURIComponent(fileId)) };
      } catch (error) {
        return { status: 404, body: { message: error instanceof Error ? error.message : String(error) } };
      }
    }
    switch (`${request.method} ${pathname}`) {
      case 'GET /__sim/files':
        return { status: 200, body: await inspection.files() };
      case 'GET /__sim/unfinished':
        return { status: 200, body: inspection.unfinished() };
      case 'POST /__sim/expire-tokens': {
        const { account, upload } = ((await request.json()) ?? {}) as { account?: true; upload?: true };
        if (account) tokens.expireAccount();
        if (upload) tokens.expireUpload();
        return { status: 204 };
      }
      default:
        return undefined;
    }
  };
}
