import { open, realpath } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { assetTypeOf, type LibraryFile } from '../domain/asset.ts';
import { hasCode, KnownError, orMachineTrouble, systemCode } from '../domain/errors.ts';
import { type FoundInput, type InputAddress, shownInput } from '../domain/input.ts';
import type { Inputs } from '../engine/ports/inputs.ts';
import { addressBelow } from '../lib/address-below.ts';
import { pathBytes, pathText } from '../lib/byte-path.ts';
import { inspectLocalFile } from '../lib/local-file.ts';
import type { MediaGate } from '../lib/media-gate.ts';
import { walkLibrary } from './folder/library.ts';
import { MEDIA_IN } from './folder/words.ts';
import { createS3Input, type S3Input } from './s3/input.ts';
import type { S3Options } from './s3/requests.ts';
import type { Pace } from './stores.ts';
import { createDownloadHosts } from './web/download-hosts.ts';
import { createDownloads } from './web/downloads.ts';

/** Where inputs may come from, as the settings have it. */
export interface InputSettings {
  readonly inputs: {
    readonly mediaIn:
      | { readonly kind: 'folder'; readonly path: string }
      | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string }
      | undefined;
    /** Where people find what lies below it, without a slash at the end. */
    readonly url?: string | undefined;
    /** How S3 is asked; `undefined`: it is not set up. */
    readonly s3: Omit<S3Options, keyof Pace | 'bucket'> | undefined;
    /** The buckets that addresses may name. */
    readonly buckets: readonly string[] | 'any';
    /** Web servers that addresses may name though they are not public, by their origins. */
    readonly origins: readonly string[];
  };
}

/** What the circuits of buckets are called that inputs are taken from, before the bucket: the key may read less than it may write. */
const BUCKET_SERVICE = 'input s3://';

/** Opens all places of inputs; nothing is asked of them yet. */
export function openInputs({ inputs: settings }: InputSettings, media: MediaGate, pace: Pace): Inputs {
  const { mediaIn, url, s3, buckets, origins } = settings;
  const hosts = createDownloadHosts(origins);
  // Whatever is public may be named: there is no list of names as for Zoom's files.
  const web = createDownloads({
    ...pace,
    service: 'The web server',
    hosts: { ...hosts, checkStart: hosts.checkRedirect },
  });
  const opened = new Map<string, S3Input>();

  function bucketOf(bucket: string): S3Input {
    if (s3 === undefined) throw notAllowed('S3 is not set up here: S3_KEY_ID and S3_SECRET are missing');
    const input = opened.get(bucket) ?? createS3Input({ ...s3, ...pace, bucket });
    opened.set(bucket, input);
    return input;
  }

  /** The file in a bucket that an address means, if it means one. */
  function inBucket(address: InputAddress): { input: S3Input; key: string } | undefined {
    if (address.kind === 's3') {
      if (buckets !== 'any' && !buckets.includes(address.bucket)) {
        const there = buckets.length === 0 ? 'none is' : `those are ${buckets.join(', ')}`;
        throw notAllowed(
          `The bucket ${address.bucket} is not among those that inputs are taken from: ${there}`,
        );
      }
      return { input: bucketOf(address.bucket), key: address.key };
    }
    if (address.kind !== 'media-in' || mediaIn?.kind !== 's3') return undefined;
    return { input: bucketOf(mediaIn.bucket), key: `${mediaIn.prefix}${address.path}` };
  }

  /** The folder of MEDIA_IN for an address below it; `undefined` for any other. */
  function folderOf(address: InputAddress): string | undefined {
    if (address.kind !== 'media-in') return undefined;
    if (mediaIn === undefined) throw notAllowed('MEDIA_IN is not set: there is no media-in');
    return mediaIn.kind === 'folder' ? mediaIn.path : undefined;
  }

  async function lookAtFile(root: string, path: string): Promise<FoundInput> {
    const outside = () => notAllowed(`media-in:${path} leads out of MEDIA_IN by a link`);
    const file = await inspectLocalFile(join(root, path), {
      roots: [root],
      notAllowed: outside,
      gate: media,
    });
    if (file.media === undefined) {
      const what = file.otherwise ?? 'of no kind that is known here';
      throw new KnownError(`By its content the file is ${what}`, { code: 'NOT_MEDIA' });
    }
    const { bytes, modifiedAtMs } = file;
    return { bytes, validator: null, file: { modifiedAtMs, media: file.media } };
  }

  async function openWeb(input: Parameters<Inputs['open']>[0] & { address: { kind: 'web' } & InputAddress }) {
    const { address, ...how } = input;
    return await web.openDownload({ url: address.url, token: null, ...how }).catch((error: unknown) => {
      throw inWordsOfInputs(error, address);
    });
  }

  async function lookElsewhere(address: InputAddress, signal: AbortSignal) {
    const file = inBucket(address);
    if (file !== undefined) return await file.input.look({ key: file.key, signal });
    if (address.kind !== 'web') throw new Error('there is no other kind');
    const download = await openWeb({ address, fromByte: 0, validator: null, signal });
    download.dismiss();
    return { bytes: download.totalBytes ?? null, validator: download.validator };
  }

  async function* listBucket(
    { bucket, prefix }: { bucket: string; prefix: string },
    signal: AbortSignal,
  ): AsyncGenerator<LibraryFile> {
    for await (const { key, bytes, etag } of bucketOf(bucket).list({ prefix, signal })) {
      const path = key.slice(prefix.length);
      const parts = path.split('/');
      // A key of that kind is no path below MEDIA_IN.
      if (parts.some((part) => part === '' || part.startsWith('.'))) continue;
      if (bytes === 0 || assetTypeOf(path) === undefined) continue;
      yield { path, bytes, ...(etag === undefined ? {} : { validator: etag }) };
    }
  }

  return {
    library({ signal }) {
      if (mediaIn === undefined) throw notAllowed('MEDIA_IN is not set: there is nothing to look through');
      return mediaIn.kind === 'folder' ? walkLibrary(mediaIn.path, signal) : listBucket(mediaIn, signal);
    },

    serviceOf(address) {
      if (address.kind === 's3') return `${BUCKET_SERVICE}${address.bucket}`;
      return address.kind === 'media-in' && mediaIn?.kind === 's3' ? MEDIA_IN.service : undefined;
    },

    urlOf(address) {
      if (address.kind !== 'media-in' || url === undefined) return undefined;
      return addressBelow(url, address.path);
    },

    probeOf(service) {
      if (service === MEDIA_IN.service && mediaIn?.kind === 's3') {
        const { bucket, prefix } = mediaIn;
        return ({ signal }) => bucketOf(bucket).probe({ prefix, signal });
      }
      if (!service.startsWith(BUCKET_SERVICE)) return undefined;
      const bucket = service.slice(BUCKET_SERVICE.length);
      return ({ signal }) => bucketOf(bucket).probe({ prefix: '', signal });
    },

    async look({ address, signal }) {
      const root = folderOf(address);
      if (root !== undefined && address.kind === 'media-in') return await lookAtFile(root, address.path);
      const { bytes, validator } = await lookElsewhere(address, signal);
      if (bytes === 0) throw new KnownError(`${shownInput(address)} is empty`, { code: 'FILE_EMPTY' });
      return { bytes, validator };
    },

    async localPath(address) {
      const root = folderOf(address);
      if (root === undefined || address.kind !== 'media-in') return undefined;
      try {
        const [realRoot, path] = await Promise.all([realPathOf(root), realPathOf(join(root, address.path))]);
        if (path.startsWith(realRoot.endsWith(sep) ? realRoot : `${realRoot}${sep}`)) return path;
      } catch (error) {
        if (!['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES'].includes(systemCode(error) ?? ''))
          throw orMachineTrouble(error);
        throw gone(`${basename(address.path)} is not below MEDIA_IN any more (${systemCode(error)})`, error);
      }
      throw gone(`A link leads media-in:${address.path} out of MEDIA_IN`);
    },

    async read({ address, fromByte, signal }) {
      const path = await this.localPath(address);
      if (path !== undefined) return await readLocal(path, fromByte);
      const opened = await this.open({ address, fromByte, validator: null, signal });
      return { ...opened, totalBytes: opened.totalBytes ?? 0 };
    },

    async open({ address, ...how }) {
      const file = inBucket(address);
      if (file !== undefined) return await file.input.open({ key: file.key, ...how });
      if (address.kind === 'web') return await openWeb({ address, ...how });
      throw gone('MEDIA_IN was a bucket when this was asked for, and is a folder now');
    },
  };
}

/** What a web server has refused, without words of a service that is not asked here. */
function inWordsOfInputs(error: unknown, address: InputAddress): unknown {
  if (!(error instanceof KnownError)) return error;
  const { message, retry, details } = error;
  const as = (code: KnownError['code']) => new KnownError(message, { code, retry, details, cause: error });
  if (hasCode(error, 'DOWNLOAD_HOST_REFUSED')) return as('INPUT_NOT_ALLOWED');
  if (hasCode(error, 'DOWNLOAD_NOT_MEDIA')) return as('NOT_MEDIA');
  if (!hasCode(error, 'DOWNLOAD_REFUSED')) return error;
  const isAbsent = [404, 410].includes(Number(details['status']));
  if (!isAbsent) return as('INPUT_REFUSED');
  return new KnownError(`There is nothing at ${shownInput(address)}`, {
    code: 'INPUT_NOT_FOUND',
    retry,
    cause: error,
    details,
  });
}

async function readLocal(path: string, fromByte: number) {
  const handle = await open(pathBytes(path), 'r');
  try {
    const { size } = await handle.stat();
    const stream = handle.createReadStream({ start: Math.min(fromByte, size) });
    return {
      totalBytes: size,
      chunks: stream as AsyncIterable<Buffer>,
      dismiss: () => void stream.destroy(),
    };
  } catch (error) {
    await handle.close();
    throw orMachineTrouble(error);
  }
}

async function realPathOf(path: string): Promise<string> {
  return pathText(await realpath(pathBytes(path), { encoding: 'buffer' }));
}

function notAllowed(message: string): KnownError {
  return new KnownError(message, { code: 'INPUT_NOT_ALLOWED' });
}

function gone(message: string, cause?: unknown): KnownError {
  return new KnownError(message, { code: 'SOURCE_GONE', cause });
}
