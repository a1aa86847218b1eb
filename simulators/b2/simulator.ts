import { randomBytes } from 'node:crypto';
import {
  type Answer,
  type Simulator,
  type SimulatorOptions,
  type SimulatorRequest,
  startSimulator,
} from '../shared/simulator.ts';
import { createApi } from './api.ts';
import { type Blobs, createBlobs } from './blobs.ts';
import { createDownloads } from './downloads.ts';
import { B2Refusal, badRequest, toAnswer } from './errors.ts';
import { createControl, createInspection, type Inspection } from './inspection.ts';
import { decode } from './names.ts';
import { ALL_CAPABILITIES } from './shapes.ts';
import { createStore } from './store.ts';
import { createTokens } from './tokens.ts';
import { createUploads } from './uploads.ts';

export interface B2SimulatorOptions extends SimulatorOptions {
  readonly keyId?: string;
  readonly applicationKey?: string;
  /** What the key may do; calls for which it lacks the right are refused. Default all. */
  readonly capabilities?: readonly string[];
  /** The bucket that is there from the start. */
  readonly bucket?: string;
  /** Where file bytes lie; default a temporary folder, removed on close. */
  readonly directory?: string;
  /** With false, bytes are hashed and dropped, so that nothing can be downloaded. Default true. */
  readonly keepBytes?: boolean;
  /** Bytes; default 100 000 000. */
  readonly recommendedPartSize?: number;
  /** Bytes; default 5 000 000. */
  readonly absoluteMinimumPartSize?: number;
  /** Default 24 h. */
  readonly accountTokenTtlMs?: number;
  /** Default 24 h. */
  readonly uploadTokenTtlMs?: number;
}

export interface B2Simulator extends Simulator, Inspection {
  readonly keyId: string;
  readonly applicationKey: string;
  readonly bucket: string;
  /** From now on every account token given out so far is answered with 401 `expired_auth_token`. */
  expireAccountTokens(): void;
  /** The same for upload tokens. */
  expireUploadTokens(): void;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Starts a stand-in for Backblaze B2's native API, v1 to v4: one account with one key, buckets, small and large files.
 *
 * A failure injected on an upload URL makes that URL answer 503 from then on. Besides the common paths under `/__sim/`
 * it answers `GET /__sim/files`, `GET /__sim/unfinished`, `GET /__sim/files/{fileId}/content` and
 * `POST /__sim/expire-tokens` (`{account?: true, upload?: true}`).
 */
export async function startB2Simulator(options: B2SimulatorOptions = {}): Promise<B2Simulator> {
  const keyId = options.keyId ?? 'b2-key-id';
  const applicationKey = options.applicationKey ?? 'b2-application-key';
  const bucket = options.bucket ?? 'ace-academy-recordings';
  const blobs = await createBlobs({ directory: options.directory, keepBytes: options.keepBytes ?? true });
  const store = createStore(blobs);
  store.createBucket(bucket, 'allPrivate');
  const tokens = createTokens({
    accountTokenTtlMs: options.accountTokenTtlMs ?? DAY_MS,
    uploadTokenTtlMs: options.uploadTokenTtlMs ?? DAY_MS,
  });
  const inspection = createInspection(store, blobs);

  const handle = createRouter({
    store,
    tokens,
    blobs,
    keyId,
    applicationKey,
    capabilities: options.capabilities ?? ALL_CAPABILITIES,
    recommendedPartSize: options.recommendedPartSize ?? 100_000_000,
    absoluteMinimumPartSize: options.absoluteMinimumPartSize ?? 5_000_000,
  });
  const simulator = await startSimulator(
    options,
    handle,
    createControl(inspection, tokens),
    (fault, { url }) => tokens.breakUpload(url.pathname, fault),
  ).catch(async (error: unknown) => {
    await blobs.close();
    throw error;
  });

  return {
    ...simulator,
    keyId,
    applicationKey,
    bucket,
    ...inspection,
    expireAccountTokens: tokens.expireAccount,
    expireUploadTokens: tokens.expireUpload,
    async close() {
      await simulator.close();
      await blobs.close();
    },
  };
}

function createRouter(
  options: Parameters<typeof createApi>[0] & { readonly blobs: Blobs },
): (request: SimulatorRequest) => Promise<Answer> {
  const api = createApi(options);
  const upload = createUploads(options);
  const download = createDownloads(options);

  async function route(request: SimulatorRequest): Promise<Answer> {
    const { pathname, searchParams } = request.url;
    const [, bucketName, encodedName] = /^\/file\/([^/]+)\/(.+)$/.exec(pathname) ?? [];
    if (bucketName !== undefined && encodedName !== undefined) {
      return download(request, { bucketName: decode(bucketName), fileName: decode(encodedName) });
    }
    const [, version, name, isUpload] = /^\/b2api\/v([1-4])\/(b2_\w+)(\/.+)?$/.exec(pathname) ?? [];
    if (version === undefined || name === undefined)
      throw new B2Refusal(404, 'not_found', `no such path: ${pathname}`);
    if (isUpload !== undefined) return upload(request, Number(version));
    if (name !== 'b2_download_file_by_id') return api(request, Number(version), name);
    const fileId = searchParams.get('fileId');
    if (fileId === null) throw badRequest('required field fileId is missing');
    return download(request, { fileId });
  }

  return async (request) => {
    const id = { 'x-bz-request-id': randomBytes(8).toString('hex') };
    try {
      const answer = await route(request);
      return { ...answer, headers: { ...id, ...answer.headers } };
    } catch (error) {
      if (!(error instanceof B2Refusal)) throw error;
      return { ...toAnswer(error), headers: id };
    }
  };
}
