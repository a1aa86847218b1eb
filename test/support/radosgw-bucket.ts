import { createServer, type IncomingMessage, request as passOn, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createObjects } from '../../src/outside/s3/objects.ts';
import { createRequests } from '../../src/outside/s3/requests.ts';
import type { MediaService } from './media-house.ts';
import { startRadosgw } from './radosgw.ts';
import { s3Settings } from './s3-worlds.ts';

/** When the server dies at a write: while its bytes come, once it is carried out and nobody is told, once that is told. */
export const MOMENTS = ['while it comes', 'before it is answered', 'once it is answered'] as const;

type Moment = (typeof MOMENTS)[number];

/** An answer that got through, of a write or another request. */
interface Told {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly status: number;
}

/** A bucket of a real server, with a door before it that tells what was asked, and has the server die at a moment of our choice. */
export interface RadosgwBucket extends MediaService {
  readonly requests: readonly Told[];
  /** Has the server killed at the nth write (PUT or POST) from now on. */
  dieAt(write: number, moment: Moment): void;
  isUp(): boolean;
  /** Starts the server anew on what it has on its disk. */
  start(): Promise<void>;
  objects(): Promise<readonly { readonly key: string; readonly etag: string | undefined }[]>;
}

/** The server's database lists an upload in parts among the files as long as it is not complete, which no service does. */
const UNFINISHED = /\.2~[\w-]+$/;

const WRITES: readonly (string | undefined)[] = ['PUT', 'POST'];

const { signal } = new AbortController();

export async function startRadosgwBucket(): Promise<RadosgwBucket> {
  const radosgw = await startRadosgw();
  const settings = s3Settings({ ...radosgw, profile: 'ceph' });
  const inside = createRequests({ ...settings, idleTimeoutMs: 30_000 });
  const objects = createObjects(inside, settings.profile);
  await inside.ask({ method: 'PUT', signal });

  const requests: Told[] = [];
  /** What was begun in parts, and its caller knows of it: of others nobody could, for the server gives no list of uploads. */
  const begun = new Set<string>();
  let doom: { writesLeft: number; readonly moment: Moment } | undefined;

  function momentOfDeath({ method }: IncomingMessage): Moment | undefined {
    if (doom === undefined || !WRITES.includes(method)) return undefined;
    doom.writesLeft -= 1;
    if (doom.writesLeft > 0) return undefined;
    const { moment } = doom;
    doom = undefined;
    return moment;
  }

  async function pass(asked: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', headers } = asked;
    const moment = momentOfDeath(asked);
    const passed = passOn(`${radosgw.url}${url}`, { method, headers, agent: false });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      passed.once('response', resolve).once('error', reject);
    });
    if (moment === 'while it comes') asked.once('data', () => void radosgw.kill());
    const [answer] = await Promise.all([answered, pipeline(asked, passed)]);
    const text = Buffer.concat(await answer.toArray()).toString('latin1');
    if (moment === 'before it is answered') {
      await radosgw.kill();
      throw new Error('nobody is told');
    }
    const { pathname, search } = new URL(url, radosgw.url);
    const status = answer.statusCode ?? 0;
    requests.push({ method, path: pathname, query: search, status });
    const [, uploadId] = /<InitiateMultipartUploadResult.*<UploadId>([^<]+)</s.exec(text) ?? [];
    if (uploadId !== undefined) begun.add(uploadId);
    const { 'content-length': _, 'transfer-encoding': __, ...more } = answer.headers;
    const shown = Buffer.from(text.includes('<ListBucketResult') ? withoutUnfinished(text) : text, 'latin1');
    const length = method === 'HEAD' ? answer.headers['content-length'] : shown.length;
    response.writeHead(status, { ...more, 'content-length': length }).end(shown);
    if (moment === 'once it is answered') await radosgw.kill();
  }

  const door = createServer((asked, response) => {
    pass(asked, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  const { port } = door.address() as AddressInfo;

  async function* read(key: string): AsyncGenerator<Buffer> {
    const opened = await objects.open({ key, fromByte: 0, signal });
    if (opened === undefined) throw new Error(`there is no ${key}`);
    yield* opened.chunks;
  }

  async function listed(): Promise<{ readonly key: string; readonly etag: string | undefined }[]> {
    const found = [];
    for await (const each of objects.list({ prefix: '', signal })) found.push(each);
    return found;
  }

  const objectsThere = async () => (await listed()).filter(({ key }) => !UNFINISHED.test(key));

  return {
    url: `http://127.0.0.1:${port}`,
    keyId: radosgw.keyId,
    secretKey: radosgw.secretKey,
    region: settings.region,
    bucket: settings.bucket,
    profile: 'ceph',
    requests,
    dieAt(write, moment) {
      doom = { writesLeft: write, moment };
    },
    isUp: radosgw.isUp,
    async start() {
      doom = undefined;
      await radosgw.start();
    },
    objects: objectsThere,
    uploads: async () =>
      (await listed()).filter(({ key }) => begun.has(UNFINISHED.exec(key)?.[0].slice(1) ?? '')),
    read: (key) => Readable.from(read(key)),
    async close() {
      door.closeAllConnections();
      await new Promise((resolve) => door.close(resolve));
      await radosgw.close();
    },
  };
}

/** A list of files as any other service gives it. */
function withoutUnfinished(list: string): string {
  return list.replace(/<Contents>.*?<\/Contents>/gs, (file) =>
    UNFINISHED.test(/<Key>(.*?)<\/Key>/s.exec(file)?.[1]?.replaceAll('%7E', '~') ?? '') ? '' : file,
  );
}
