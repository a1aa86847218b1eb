import type { Answer, SimulatorRequest } from '../shared/simulator.ts';
import type { Blobs } from './blobs.ts';
import { B2Refusal } from './errors.ts';
import { encode, toInfoHeaders } from './names.ts';
import { lengthOf } from './shapes.ts';
import type { Store, Version } from './store.ts';
import type { Tokens } from './tokens.ts';

/** What a download asks for: the newest version of a name, or a version by its id. */
export type DownloadTarget =
  | { readonly bucketName: string; readonly fileName: string }
  | { readonly fileId: string };

/** Creates the route for downloads by GET and HEAD, whole or by one `Range`. */
export function createDownloads(options: {
  readonly store: Store;
  readonly tokens: Tokens;
  readonly blobs: Blobs;
}) {
  const { store, tokens, blobs } = options;

  return async (request: SimulatorRequest, target: DownloadTarget): Promise<Answer> => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new B2Refusal(405, 'method_not_allowed', `only GET and HEAD, not ${request.method}`);
    }
    const version = find(target);
    const bucket = store.buckets().find(({ bucketId }) => bucketId === version?.bucketId);
    if (bucket?.bucketType !== 'allPublic') {
      tokens.checkAccount(
        request.headers.authorization ?? request.url.searchParams.get('Authorization') ?? undefined,
      );
    }
    if (version?.action !== 'upload')
      throw new B2Refusal(404, 'not_found', 'File with such name does not exist.');

    const length = lengthOf(version);
    const range = readRange(request.headers.range, length);
    const { start, end } = range ?? { start: 0, end: length - 1 };
    const headers = {
      ...describe(version),
      'content-length': String(end - start + 1),
      ...(range ? { 'content-range': `bytes ${start}-${end}/${length}` } : {}),
    };
    const status = range ? 206 : 200;
    if (request.method === 'HEAD') return { status, headers };
    if (!blobs.areKept) throw new B2Refusal(500, 'internal_error', 'This simulator does not keep bytes');
    return { status, headers, body: blobs.read(version.blobs, start, end) };
  };

  function find(target: DownloadTarget): Version | undefined {
    if ('fileId' in target) return store.versions().find(({ fileId }) => fileId === target.fileId);
    const bucket = store.buckets().find(({ bucketName }) => bucketName === target.bucketName);
    return bucket && store.latest(bucket.bucketId, target.fileName);
  }
}

function describe(version: Version): Record<string, string> {
  return {
    'accept-ranges': 'bytes',
    'content-type': version.contentType ?? 'application/octet-stream',
    'x-bz-file-id': version.fileId,
    'x-bz-file-name': encode(version.fileName),
    'x-bz-content-sha1': version.contentSha1 ?? 'none',
    'x-bz-upload-timestamp': String(version.uploadTimestampMs),
    ...toInfoHeaders(version.fileInfo),
  };
}

function readRange(header: string | undefined, length: number): { start: number; end: number } | undefined {
  if (header === undefined) return undefined;
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  const start = first === '' ? length - Math.min(Number(last), length) : Number(first);
  const end = first === '' || last === '' ? length - 1 : Math.min(Number(last), length - 1);
  if ((first === '' && last === '') || start > end) {
    throw new B2Refusal(416, 'range_not_satisfiable', `The range ${header} does not fit ${length} bytes`);
  }
  return { start, end };
}
