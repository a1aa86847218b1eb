import type { Answer, SimulatorRequest } from '../shared/simulator.ts';
import type { Blobs, Expected } from './blobs.ts';
import { S3Refusal } from './errors.ts';
import type { Moods } from './moods.ts';
import { targetOf } from './operations.ts';
import type { Kept, Store, StoredObject } from './store.ts';
import { document, element, textsOf } from './xml.ts';

/** How many keys a page has, unless fewer are asked for. */
const PAGE = 1000;

export interface CallOptions {
  readonly store: Store;
  readonly blobs: Blobs;
  readonly moods: Moods;
}

/** A call that was let in; `sha256` is what its body was signed with. */
export type Call = (request: SimulatorRequest, sha256: string | undefined) => Promise<Answer>;

/** What the body of a request has to be. */
export function expectedOf({ headers }: SimulatorRequest, sha256: string | undefined): Expected {
  const length = headers['content-length'];
  const md5 = headers['content-md5'];
  return {
    bytes: length === undefined ? undefined : Number(length),
    md5: typeof md5 === 'string' ? md5 : undefined,
    sha256,
  };
}

/** The headers that are given back with an object. */
export function keptOf({ headers }: SimulatorRequest): Kept {
  const names = Object.keys(headers).filter(
    (name) => name.startsWith('x-amz-meta-') || ['content-type', 'cache-control'].includes(name),
  );
  return Object.fromEntries(names.map((name) => [name, String(headers[name])]));
}

export function isForNew({ headers }: SimulatorRequest): boolean {
  return headers['if-none-match'] === '*';
}

export function xml(name: string, content: string): Answer {
  return { status: 200, headers: { 'content-type': 'application/xml' }, body: document(name, content) };
}

/** As lists write a key where they are asked to: as a form would. */
export function listed(key: string, isEncoded: boolean): string {
  return isEncoded
    ? element('Key', encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/'), true)
    : element('Key', key, true);
}

export function createObjectCalls({ store, blobs, moods }: CallOptions) {
  function headersOf(object: StoredObject): Record<string, string> {
    return { ...object.kept, etag: object.etag, 'last-modified': new Date(object.atMs).toUTCString() };
  }

  return {
    async HeadBucket({ url }) {
      store.bucket(targetOf(url).bucket);
      return { status: 200 };
    },

    async CreateBucket(request) {
      await request.bytes();
      store.make(targetOf(request.url).bucket);
      return { status: 200 };
    },

    async ListObjectsV2({ url }) {
      const { searchParams: query } = url;
      const prefix = query.get('prefix') ?? '';
      const after = query.get('continuation-token') ?? '';
      const most = Math.min(PAGE, Number(query.get('max-keys') ?? PAGE));
      const { objects } = store.bucket(targetOf(url).bucket);
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
      const page = keys.slice(0, most);
      const isEncoded = query.get('encoding-type') === 'url';
      const contents = page.map((key) => {
        const { bytes, etag, atMs } = store.object(targetOf(url).bucket, key);
        const facts = [
          listed(key, isEncoded),
          element('LastModified', new Date(atMs).toISOString()),
          element('ETag', etag, true),
          element('Size', bytes),
        ];
        return element('Contents', facts.join(''));
      });
      const isMore = page.length < keys.length;
      return xml(
        'ListBucketResult',
        [
          element('IsTruncated', String(isMore)),
          isMore ? element('NextContinuationToken', page.at(-1) ?? '', true) : '',
          isEncoded ? element('EncodingType', 'url') : '',
          ...contents,
        ].join(''),
      );
    },

    async DeleteObjects(request, sha256) {
      if (!moods.removesMany) throw new S3Refusal(501, 'NotImplemented', 'This is not implemented.');
      if (request.headers['content-md5'] === undefined) {
        throw new S3Refusal(400, 'InvalidRequest', 'Missing required header for this request: Content-Md5');
      }
      const blob = await blobs.receive(request.body, expectedOf(request, sha256));
      const text = Buffer.concat(await blobs.read([blob]).toArray()).toString();
      await blobs.discard([blob]);
      const keys = textsOf(text, 'Key');
      if (keys.length > PAGE) throw new S3Refusal(400, 'MalformedXML', 'There are more than 1000 keys');
      for (const key of keys) await store.remove(targetOf(request.url).bucket, key);
      return xml('DeleteResult', '');
    },

    async HeadObject({ url }) {
      const { bucket, key } = targetOf(url);
      const object = store.object(bucket, key);
      return { status: 200, headers: { ...headersOf(object), 'content-length': String(object.bytes) } };
    },

    async GetObject({ url, headers }) {
      const { bucket, key } = targetOf(url);
      const object = store.object(bucket, key);
      const [, from] = /^bytes=(\d+)-$/.exec(headers.range ?? '') ?? [];
      const start = Number(from ?? 0);
      if (from !== undefined && start >= object.bytes) {
        throw new S3Refusal(416, 'InvalidRange', 'The requested range is not satisfiable');
      }
      const part: Record<string, string> =
        from === undefined ? {} : { 'content-range': `bytes ${start}-${object.bytes - 1}/${object.bytes}` };
      return {
        status: from === undefined ? 200 : 206,
        headers: { ...headersOf(object), ...part, 'content-length': String(object.bytes - start) },
        body: blobs.read(object.blobs, start),
      };
    },

    async PutObject(request, sha256) {
      const { bucket, key } = targetOf(request.url);
      store.bucket(bucket);
      const blob = await blobs.receive(request.body, expectedOf(request, sha256));
      const object = { key, kept: keptOf(request), blob, isNew: isForNew(request) };
      const { etag } = await store.put(bucket, object);
      return { status: 200, headers: { etag } };
    },

    async DeleteObject({ url }) {
      const { bucket, key } = targetOf(url);
      await store.remove(bucket, key);
      return { status: 204 };
    },
  } satisfies Record<string, Call>;
}
