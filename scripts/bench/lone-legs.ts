import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { devNull } from 'node:os';
import { ask } from './ask.ts';
import { runProgram } from './programs.ts';
import type { DownloadLink } from './script-job.ts';
import { type SimulatedServices, steer } from './simulated-services.ts';

/** One transfer by itself, made by the cheapest client there is. Each gives back the time it took, in milliseconds. */
export interface LoneLegs {
  /** From Zoom, through its redirect; the bytes are dropped. */
  download(link: DownloadLink): Promise<number>;
  /** To B2, in one request. */
  archive(path: string): Promise<number>;
  /** To B2 as a large file of two parts, sent at once: all that B2 has to be asked for such a file is timed. */
  archiveInParts(halves: readonly Half[]): Promise<number>;
  /** To Bunny, in one request. */
  publish(path: string): Promise<number>;
}

/** One of the two parts that a file is sent in. */
export interface Half {
  readonly path: string;
  readonly sha1: string;
}

/** Writes the two halves of a file beside it. */
export async function splitInHalves(path: string, bytes: number): Promise<readonly Half[]> {
  const middle = Math.ceil(bytes / 2);
  const ranges = [
    { start: 0, end: middle - 1 },
    { start: middle, end: bytes - 1 },
  ];
  return await Promise.all(
    ranges.map(async (range, index): Promise<Half> => {
      const half = `${path}.${index + 1}`;
      const hash = createHash('sha1');
      const target = createWriteStream(half);
      for await (const chunk of createReadStream(path, { ...range, highWaterMark: 1024 * 1024 })) {
        hash.update(chunk as Buffer);
        if (!target.write(chunk)) await once(target, 'drain');
      }
      target.end();
      await once(target, 'close');
      return { path: half, sha1: hash.digest('hex') };
    }),
  );
}

/**
 * The three legs with curl. Only the request that carries the bytes is timed, but for the download's redirect and the
 * large file's parts.
 */
export function createLoneLegs({ urls, environment }: SimulatedServices, signal: AbortSignal): LoneLegs {
  const given = (name: string) => environment[name] ?? '';

  /** Without `Expect`, which would make curl wait for a go-ahead. */
  async function send(method: string, url: string, path: string, headers: Record<string, string>) {
    const lines = Object.entries({ Expect: '', ...headers }).flatMap(([name, value]) => [
      '--header',
      `${name}:${value === '' ? '' : ` ${value}`}`,
    ]);
    return await curl(['--request', method, '--upload-file', path, '--output', devNull, ...lines, url]);
  }

  async function curl(args: readonly string[]): Promise<number> {
    const startedMs = performance.now();
    await runProgram('curl', ['--fail', '--silent', '--show-error', ...args], signal, environment);
    return performance.now() - startedMs;
  }

  const basic = Buffer.from(`${given('B2_KEY_ID')}:${given('B2_APPLICATION_KEY')}`).toString('base64');

  async function callB2(name: string, authorization: string, body: object) {
    const url = `${urls.b2}/b2api/v3/${name}`;
    return (await steer('POST', url, body, { authorization })) as Record<string, string>;
  }

  async function openBucket() {
    const { accountId, authorizationToken = '' } = await callB2('b2_authorize_account', `Basic ${basic}`, {});
    const bucketName = given('B2_BUCKET');
    const { buckets } = await callB2('b2_list_buckets', authorizationToken, { accountId, bucketName });
    const { bucketId } = (buckets as unknown as readonly { readonly bucketId: string }[])[0] ?? {};
    return { authorizationToken, bucketId };
  }

  return {
    download: ({ url, token }) =>
      curl(['--location', '--header', `Authorization: Bearer ${token}`, '--output', devNull, url]),

    async archive(path) {
      const { authorizationToken, bucketId } = await openBucket();
      const target = await callB2('b2_get_upload_url', authorizationToken, { bucketId });
      return await send('POST', target['uploadUrl'] ?? '', path, {
        Authorization: target['authorizationToken'] ?? '',
        'X-Bz-File-Name': `alone/${randomUUID()}.mp4`,
        'Content-Type': 'video/mp4',
        'X-Bz-Content-Sha1': 'do_not_verify',
      });
    },

    async archiveInParts(halves) {
      const startedMs = performance.now();
      const { authorizationToken, bucketId } = await openBucket();
      const file = { bucketId, fileName: `alone/${randomUUID()}.mp4`, contentType: 'video/mp4' };
      const { fileId } = await callB2('b2_start_large_file', authorizationToken, file);
      await Promise.all(
        halves.map(async ({ path, sha1 }, index) => {
          const target = await callB2('b2_get_upload_part_url', authorizationToken, { fileId });
          await send('POST', target['uploadUrl'] ?? '', path, {
            Authorization: target['authorizationToken'] ?? '',
            'X-Bz-Part-Number': String(index + 1),
            'X-Bz-Content-Sha1': sha1,
          });
        }),
      );
      const partSha1Array = halves.map(({ sha1 }) => sha1);
      await callB2('b2_finish_large_file', authorizationToken, { fileId, partSha1Array });
      return performance.now() - startedMs;
    },

    async publish(path) {
      const [libraryId, apiKey] = [given('BUNNY_LIBRARY_ID'), given('BUNNY_API_KEY')];
      const { guid } = (await steer(
        'POST',
        `${urls.bunny}/library/${libraryId}/videos`,
        { title: 'Algebra' },
        { AccessKey: apiKey },
      )) as { readonly guid: string };
      const { size } = await stat(path);
      const expiresAtS = String(Math.floor(Date.now() / 1000) + 3600);
      const rights = {
        AuthorizationSignature: createHash('sha256')
          .update(`${libraryId}${apiKey}${expiresAtS}${guid}`)
          .digest('hex'),
        AuthorizationExpire: expiresAtS,
        VideoId: guid,
        LibraryId: libraryId,
        'Tus-Resumable': '1.0.0',
      };
      const base64 = (value: string) => Buffer.from(value).toString('base64');
      const created = await ask('POST', given('BUNNY_TUS_URL'), {
        ...rights,
        'Upload-Length': String(size),
        'Upload-Metadata': `filetype ${base64('video/mp4')},title ${base64('Algebra')}`,
      });
      return await send('PATCH', created.headers.location ?? '', path, {
        ...rights,
        'Upload-Offset': '0',
        'Content-Type': 'application/offset+octet-stream',
      });
    },
  };
}
