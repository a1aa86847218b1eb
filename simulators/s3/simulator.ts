import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import {
  type Answer,
  type Simulator,
  type SimulatorOptions,
  type SimulatorRequest,
  startSimulator,
} from '../shared/simulator.ts';
import { createBlobs } from './blobs.ts';
import { S3Refusal } from './errors.ts';
import { MOODS, type Moods, type S3Profile } from './moods.ts';
import { type Call, createObjectCalls } from './object-calls.ts';
import { operationOf } from './operations.ts';
import { requireSignature } from './signature.ts';
import { createStore } from './store.ts';
import { createUploadCalls } from './upload-calls.ts';

export interface S3SimulatorOptions extends SimulatorOptions {
  /** Which service's moods it has; default those of none. */
  readonly profile?: S3Profile;
  readonly keyId?: string;
  readonly secretKey?: string;
  readonly region?: string;
  /** The bucket that is there from the start. */
  readonly bucket?: string;
  /** With false, bytes are hashed and dropped, so that only what is small (64 KiB) can be read. Default true. */
  readonly keepBytes?: boolean;
  /** The least that all parts but the last one have, in bytes; default 5 MiB. */
  readonly minPartBytes?: number;
}

/** An object as it lies in a bucket. */
interface S3Object {
  readonly key: string;
  readonly bytes: number;
  /** The headers that are given back with it. */
  readonly kept: Readonly<Record<string, string>>;
  /** Of how many parts it was made; 1 for one that came whole. */
  readonly parts: number;
}

export interface S3Simulator extends Simulator {
  readonly keyId: string;
  readonly secretKey: string;
  readonly region: string;
  readonly bucket: string;
  readonly profile: S3Profile;
  buckets(): string[];
  objects(bucket?: string): S3Object[];
  /** The uploads in parts that are neither complete nor aborted. */
  uploads(bucket?: string): { key: string; uploadId: string; parts: number }[];
  read(key: string, bucket?: string): Readable;
  /** Sets its clock: so far ahead of this machine's. */
  setClock(aheadMs: number): void;
}

/**
 * Starts a stand-in for a service that speaks S3: buckets in the path, objects, uploads in parts, signatures (AWS Signature
 * Version 4, in headers and links) that are checked, and the moods of one service.
 *
 * Faults name a request by its path and its operation: `PUT /bucket/*#UploadPart`.
 */
export async function startS3Simulator(options: S3SimulatorOptions = {}): Promise<S3Simulator> {
  const { keyId = 's3-key-id', secretKey = 's3-secret+key/of=tests', region = 'us-east-1' } = options;
  const { bucket = 'ace-academy', profile = 'generic' } = options;
  const blobs = await createBlobs(options.keepBytes ?? true);
  const moods = MOODS[profile];
  const store = createStore(blobs, { moods, minPartBytes: options.minPartBytes ?? 5 * 1024 * 1024 });
  store.make(bucket);
  let aheadMs = 0;
  const calls: Readonly<Record<string, Call>> = {
    ...createObjectCalls({ store, blobs, moods }),
    ...createUploadCalls({ store, blobs, moods }),
  };

  async function route(request: SimulatorRequest): Promise<Answer> {
    refuseHeaders(request, moods);
    const sha256 = requireSignature(request, { keyId, secretKey, region }, Date.now() + aheadMs);
    const call = calls[operationOf(request.method, request.url) ?? ''];
    if (call === undefined) throw new S3Refusal(501, 'NotImplemented', 'This is not implemented.');
    return await call(request, sha256);
  }

  async function handle(request: SimulatorRequest): Promise<Answer> {
    const more = {
      'x-amz-request-id': randomBytes(8).toString('hex').toUpperCase(),
      date: new Date(Date.now() + aheadMs).toUTCString(),
    };
    try {
      const answer = await route(request);
      return { ...answer, headers: { ...more, ...answer.headers } };
    } catch (error) {
      if (!(error instanceof S3Refusal)) throw error;
      const answer = error.toAnswer();
      return { ...answer, headers: { ...more, ...answer.headers } };
    }
  }

  const named = { nameOf: (method: string, url: URL) => `${url.pathname}#${operationOf(method, url)}` };
  const simulator = await startSimulator({ ...options, ...named }, handle).catch(async (error: unknown) => {
    await blobs.close();
    throw error;
  });

  return {
    ...simulator,
    keyId,
    secretKey,
    region,
    bucket,
    profile,
    buckets: () => [...store.buckets.keys()],
    objects: (name = bucket) =>
      [...store.bucket(name).objects.values()].map(({ key, bytes, kept, blobs: parts }) => ({
        key,
        bytes,
        kept,
        parts: parts.length,
      })),
    uploads: (name = bucket) =>
      [...store.bucket(name).uploads.values()].map(({ key, uploadId, parts }) => ({
        key,
        uploadId,
        parts: parts.size,
      })),
    read: (key, name = bucket) => blobs.read(store.object(name, key).blobs),
    setClock(ahead) {
      aheadMs = ahead;
    },
    async close() {
      await simulator.close();
      await blobs.close();
    },
  };
}

/** What some services do not know they refuse. */
function refuseHeaders({ headers }: SimulatorRequest, { refusedHeaders }: Moods): void {
  const refused = Object.keys(headers).find((name) => refusedHeaders.some((each) => name.startsWith(each)));
  if (refused === undefined) return;
  throw new S3Refusal(400, 'InvalidArgument', `Unsupported header '${refused}' received for this API call.`);
}
