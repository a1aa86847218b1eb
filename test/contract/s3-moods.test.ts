import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { S3Profile } from '../../simulators/s3/moods.ts';
import {
  type S3Simulator,
  type S3SimulatorOptions,
  startS3Simulator,
} from '../../simulators/s3/simulator.ts';
import { isOutage } from '../../src/domain/errors.ts';
import type { OutputPlace } from '../../src/engine/ports/output-place.ts';
import { createS3Output } from '../../src/outside/s3/output-place.ts';
import { knownBy, PROFILES } from '../../src/outside/s3/profiles.ts';

const MARK = { recordingId: 'rec_1a', step: 'package', fence: 7 };
const KEY = 'runs/rec_1a/package/7/hls/segment 1+2.m4s';
const MiB = 1024 * 1024;
const { signal } = new AbortController();

let local: string;
let s3: S3Simulator;

beforeEach(async () => {
  local = await mkdtemp(join(tmpdir(), 'sluice-s3-'));
});
afterEach(async () => {
  await s3.close();
  await rm(local, { recursive: true, force: true });
});

async function start(options: S3SimulatorOptions = {}): Promise<void> {
  s3 = await startS3Simulator(options);
}

function open(more: Partial<Parameters<typeof createS3Output>[1]> = {}): OutputPlace {
  const { url: endpoint, keyId, secretKey, region, bucket, profile } = s3;
  const settings = { endpoint, keyId, secretKey, region, bucket, profile: PROFILES[profile] };
  return createS3Output('media-out', {
    ...settings,
    addressing: 'path',
    isMade: false,
    comparesEtags: true,
    prefix: '',
    url: undefined,
    idleTimeoutMs: 2000,
    ...more,
  });
}

async function put(place: OutputPlace, content: string | Buffer = 'hello', more: object = {}) {
  const path = join(local, 'output');
  await writeFile(path, content);
  const file = { key: KEY, path, mediaType: 'video/iso.segment', mark: MARK };
  return await place.put({ ...file, ...more, signal });
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  );
const counted = (operation: string) =>
  s3.requests.filter(({ path }) => path.endsWith(`#${operation}`)).length;
/** What a step notes of an upload, as its checkpoint does. */
function noted() {
  const resume = {
    state: undefined as string | undefined,
    async save(state: string) {
      resume.state = state;
    },
  };
  return resume;
}

describe('a service that speaks S3', () => {
  it.each(['aws', 'b2', 'r2', 'minio', 'gcs', 'ceph', 'generic'] as const satisfies readonly S3Profile[])(
    'of the kind %s takes small and large files, lists them and removes them',
    async (profile) => {
      await start({ profile, region: PROFILES[profile].region });
      const place = open();
      const large = Buffer.alloc(17 * MiB, 'sluice and more');

      await put(place, 'hello', { key: 'small' });
      await put(place, large);

      expect((await buffer(s3.read(KEY))).equals(large)).toBe(true);
      const keys: string[] = [];
      for await (const { key } of place.list({ prefix: '', signal })) keys.push(key);
      expect(keys.sort()).toEqual([KEY, 'small'].sort());
      await place.remove({ keys, signal });
      expect(s3.objects()).toEqual([]);
      expect(s3.uploads()).toEqual([]);
    },
  );

  it('keeps media type, cache time and whose a file is', async () => {
    await start();
    await put(open(), 'hello', { cacheControl: 'public, max-age=31536000, immutable' });

    expect(s3.objects()).toMatchObject([
      {
        kept: {
          'content-type': 'video/iso.segment',
          'cache-control': 'public, max-age=31536000, immutable',
          'x-amz-meta-sluice-recording': 'rec_1a',
          'x-amz-meta-sluice-step': 'package',
          'x-amz-meta-sluice-fence': '7',
        },
      },
    ]);
  });

  it('is told the digest of a small file before its bytes, and keeps none that came otherwise', async () => {
    await start();
    await put(open());

    const [sent] = s3.requests.filter(({ path }) => path.endsWith('#PutObject'));
    expect(sent?.headers['content-md5']).toBe(createHash('md5').update('hello').digest('base64'));
  });

  it('that stored other bytes of a part than were sent is not believed', async () => {
    await start();
    s3.fail({ on: 'PUT *#UploadPart', status: 200, headers: { etag: `"${'0'.repeat(32)}"` } });

    expect(await failure(put(open(), Buffer.alloc(17 * MiB)))).toMatchObject({
      code: 'TRANSFER_CORRUPT',
      retry: 'backoff',
    });
    expect(s3.objects()).toEqual([]);
    expect(s3.uploads()).toEqual([]);
  });

  it('that encrypts with keys of its own is believed, if that is said', async () => {
    await start();
    s3.fail({ on: 'PUT *#UploadPart', status: 200, headers: { etag: `"${'0'.repeat(32)}"` } });

    const error = await failure(put(open({ comparesEtags: false }), Buffer.alloc(17 * MiB)));
    expect(error).toMatchObject({ details: { s3Code: 'InvalidPart' } });
  });

  it('that says within a success that it has failed is heard', async () => {
    await start();
    const body =
      '\n\n<?xml version="1.0"?>\n<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>';
    s3.fail({ on: 'POST *#CompleteMultipartUpload', status: 200, body });
    const resume = noted();

    const error = await failure(put(open(), Buffer.alloc(17 * MiB), { resume }));
    expect(error).toMatchObject({ code: 'REMOTE_UNAVAILABLE', retry: 'backoff' });
    expect(s3.objects()).toEqual([]);

    await put(open(), Buffer.alloc(17 * MiB), { resume });
    expect(s3.objects()).toMatchObject([{ bytes: 17 * MiB }]);
    expect(counted('UploadPart')).toBe(2);
  });

  it('whose answer to the end of an upload is lost is asked, and nothing is sent again', async () => {
    await start();
    s3.fail({ on: 'POST *#CompleteMultipartUpload', drop: 'after-handling' });

    expect(await put(open(), Buffer.alloc(17 * MiB))).toEqual({ bytes: 17 * MiB });

    expect(counted('UploadPart')).toBe(2);
    expect(s3.objects()).toMatchObject([{ key: KEY, parts: 2 }]);
  });

  it('is sent no part twice by who goes on where another was killed, also behind the end', async () => {
    await start();
    const resume = noted();
    const content = Buffer.alloc(49 * MiB, 'one after another');
    s3.fail({ on: 'PUT *#UploadPart', skip: 3, status: 500 });
    await failure(put(open(), content, { resume }));
    s3.faults.clear();
    expect(s3.uploads()[0]?.parts).toBeGreaterThan(0);

    await put(open(), content, { resume });
    await put(open(), content, { resume });

    const taken = s3.requests.filter(({ path, status }) => path.endsWith('#UploadPart') && status === 200);
    expect(taken).toHaveLength(4);
    expect((await buffer(s3.read(KEY))).equals(content)).toBe(true);
  });

  it('gets all parts but the last one in the same size', async () => {
    await start();
    await put(open(), Buffer.alloc(40 * MiB));

    const sizes = s3.requests
      .filter(({ path }) => path.endsWith('#UploadPart'))
      .map((each) => each.requestBytes);
    expect(sizes.sort()).toEqual([16 * MiB, 16 * MiB, 8 * MiB].sort());
  });

  it('by another clock is asked once more by that clock, and then right at once', async () => {
    await start();
    s3.setClock(-3 * 3_600_000);
    const place = open();

    await put(place);
    await put(place);

    const refused = s3.requests.filter(({ status }) => status === 403);
    expect(refused).toHaveLength(1);
    expect(s3.objects()).toHaveLength(1);
  });

  it('gives out links that end by themselves', async () => {
    await start();
    const place = open();
    await put(place);
    const link = (await place.presign?.({ key: KEY, expiresS: 60 })) ?? '';

    expect(await (await fetch(link)).text()).toBe('hello');
    expect((await fetch(link.replace(/..$/, '00'))).status).toBe(403);
    s3.setClock(61_000);
    expect((await fetch(link)).status).toBe(403);
  });

  it('lists more files than one page has', async () => {
    await start();
    const place = open();
    for (let n = 0; n < 3; n += 1) await put(place, 'hello', { key: `many/${n}` });
    s3.fail({
      on: 'GET *#ListObjectsV2',
      status: 200,
      body: '<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>many/0</NextContinuationToken><Contents><Key>many/0</Key><Size>5</Size></Contents></ListBucketResult>',
    });

    const keys: string[] = [];
    for await (const { key } of place.list({ prefix: 'many/', signal })) keys.push(key);
    expect(keys).toEqual(['many/0', 'many/1', 'many/2']);
  });

  it('has a bucket made where that is wished, and not otherwise', async () => {
    await start();
    const missing = await failure(put(open({ bucket: 'another' })));
    expect(missing).toMatchObject({
      code: 'REMOTE_UNAUTHORIZED',
      message: expect.stringContaining('another'),
    });

    await put(open({ bucket: 'another', isMade: true }));
    expect(s3.objects('another')).toHaveLength(1);
  });

  it('is told apart by its host', () => {
    expect(knownBy('https://s3.eu-central-003.backblazeb2.com')).toEqual({
      profile: 'b2',
      region: 'eu-central-003',
    });
    expect(knownBy('https://s3.eu-west-1.amazonaws.com')).toEqual({ profile: 'aws', region: 'eu-west-1' });
    expect(knownBy('https://abc.r2.cloudflarestorage.com')).toMatchObject({ profile: 'r2' });
    expect(knownBy('https://storage.googleapis.com')).toMatchObject({ profile: 'gcs' });
    expect(knownBy('http://127.0.0.1:9000')).toEqual({ profile: 'generic', region: undefined });
  });
});

describe('what a service that speaks S3 says', () => {
  const error = (code: string) => `<Error><Code>${code}</Code><Message>so it is</Message></Error>`;

  it.each([
    ['a wrong secret', { secretKey: 'wrong' }, 'REMOTE_UNAUTHORIZED'],
    ['an unknown key', { keyId: 'unknown' }, 'REMOTE_UNAUTHORIZED'],
    ['another region', { region: 'eu-north-9' }, 'REMOTE_UNAUTHORIZED'],
  ])('of %s is that nobody may, which a person can repair', async (_what, more, code) => {
    await start();
    const refused = await failure(put(open(more)));

    expect(refused).toMatchObject({ code, retry: 'backoff' });
    expect(isOutage(refused)).toBe(true);
    expect(String(refused)).not.toContain(s3.secretKey);
  });

  it.each([
    [503, 'SlowDown', 'REMOTE_THROTTLED', 'backoff'],
    [503, 'ServiceUnavailable', 'REMOTE_UNAVAILABLE', 'backoff'],
    [500, 'InternalError', 'REMOTE_UNAVAILABLE', 'backoff'],
    [400, 'RequestTimeout', 'REMOTE_UNAVAILABLE', 'backoff'],
    [409, 'OperationAborted', 'REMOTE_UNAVAILABLE', 'backoff'],
    [400, 'BadDigest', 'TRANSFER_CORRUPT', 'backoff'],
    [403, 'AccessDenied', 'REMOTE_UNAUTHORIZED', 'backoff'],
    [403, 'QuotaExceeded', 'REMOTE_CAP_EXCEEDED', { waitMs: 900_000 }],
    [507, 'XMinioStorageFull', 'REMOTE_CAP_EXCEEDED', { waitMs: 900_000 }],
    [404, 'NoSuchBucket', 'REMOTE_UNAUTHORIZED', 'backoff'],
    [400, 'KeyTooLongError', 'REMOTE_REJECTED', 'never'],
    [400, 'InvalidRequest', 'REMOTE_REJECTED', 'backoff'],
  ] as const)('by %d %s is %s', async (status, code, expected, retry) => {
    await start();
    s3.fail({ on: 'PUT *#PutObject', status, body: error(code) });

    expect(await failure(put(open()))).toMatchObject({ code: expected, retry, details: { s3Code: code } });
  });

  it('in other words than XML is judged by its status', async () => {
    await start();
    s3.fail({ on: 'PUT *#PutObject', status: 502, body: '<html>Bad gateway</html>' });
    expect(await failure(put(open()))).toMatchObject({ code: 'REMOTE_UNAVAILABLE' });
    s3.fail({ on: 'GET *#ListObjectsV2', status: 200, body: '<html>Welcome</html>' });
    expect(await failure(open().list({ prefix: '', signal })[Symbol.asyncIterator]().next())).toMatchObject({
      code: 'REMOTE_ANSWER_INVALID',
    });
  });
});
