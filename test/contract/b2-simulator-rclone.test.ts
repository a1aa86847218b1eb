import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type B2Simulator, startB2Simulator } from '../../simulators/b2/simulator.ts';

const LARGE_BYTES = 30_000_001;
const sha1 = (data: Buffer) => createHash('sha1').update(data).digest('hex');

/** An independent B2 client meets the simulator: what the two agree on is what the service does. */
describe('rclone against the B2 simulator', () => {
  let folder: string;
  let b2: B2Simulator;
  let rclonePath: string;
  const small = Buffer.from('a small recording\n');
  const large = randomBytes(LARGE_BYTES);

  beforeAll(async () => {
    rclonePath = await findOnPath('rclone');
    folder = await mkdtemp(join(tmpdir(), 'b2-rclone-'));
    b2 = await startB2Simulator();
    await writeFile(join(folder, 'rclone.conf'), '');
    await writeFile(join(folder, 'small file+ä.txt'), small);
    await writeFile(join(folder, 'large.mp4'), large);
  });

  afterAll(async () => {
    await b2?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  /** Runs rclone to its end and answers what it printed; a failure carries its own words. */
  async function rclone(...args: string[]): Promise<Buffer> {
    const account = ['--b2-endpoint', b2.url, '--b2-account', b2.keyId, '--b2-key', b2.applicationKey];
    const sizes = ['--b2-upload-cutoff', '10M', '--b2-chunk-size', '5M', '--retries', '1'];
    const { stdout } = await promisify(execFile)(rclonePath, [...account, ...sizes, ...args], {
      env: { PATH: process.env['PATH'], HOME: folder, RCLONE_CONFIG: join(folder, 'rclone.conf') },
      encoding: 'buffer',
      maxBuffer: 2 * LARGE_BYTES,
    });
    return stdout;
  }

  const remote = (path = '') => `:b2:${b2.bucket}/${path}`;

  it('uploads a small file with its checksum and time', async () => {
    await rclone('copyto', join(folder, 'small file+ä.txt'), remote('class/small file+ä.txt'));

    expect(await b2.files()).toMatchObject([
      {
        fileName: 'class/small file+ä.txt',
        contentLength: small.length,
        contentSha1: sha1(small),
        wholeSha1: sha1(small),
        fileInfo: { src_last_modified_millis: expect.stringMatching(/^\d{13}$/) },
        parts: 1,
      },
    ]);
  });

  it('uploads a large file in parts and leaves nothing unfinished', async () => {
    await rclone('copyto', join(folder, 'large.mp4'), remote('class/large.mp4'));

    expect((await b2.files()).at(-1)).toMatchObject({
      fileName: 'class/large.mp4',
      contentLength: LARGE_BYTES,
      contentSha1: 'none',
      wholeSha1: sha1(large),
      fileInfo: { large_file_sha1: sha1(large) },
      parts: 6,
    });
    expect(b2.unfinished()).toEqual([]);
    const parts = b2.requests.filter(({ path }) => path.includes('/b2_upload_part/'));
    expect(parts).toHaveLength(6);
    for (const part of parts) expect(part.headers['x-bz-content-sha1']).toBe('hex_digits_at_end');
  });

  it('lists both with size and checksum', async () => {
    const listing = (await rclone('lsjson', '--recursive', '--files-only', '--hash', remote())).toString();
    const listed: { Path: string }[] = JSON.parse(listing);

    expect(listed.sort((a, b) => (a.Path < b.Path ? -1 : 1))).toMatchObject([
      { Path: 'class/large.mp4', Size: LARGE_BYTES, Hashes: { sha1: sha1(large) } },
      { Path: 'class/small file+ä.txt', Size: small.length, Hashes: { sha1: sha1(small) } },
    ]);
    expect(JSON.parse((await rclone('lsjson', remote())).toString())).toMatchObject([
      { Path: 'class', IsDir: true },
    ]);
    const sums = (await rclone('hashsum', 'sha1', remote('class'))).toString().trim().split('\n').sort();
    expect(sums).toEqual([`${sha1(large)}  large.mp4`, `${sha1(small)}  small file+ä.txt`].sort());
  });

  it('finds its copies equal to the originals, by checksum and by content', async () => {
    await rclone('check', folder, remote('class'), '--exclude', 'rclone.conf');
    await rclone('check', '--download', folder, remote('class'), '--exclude', 'rclone.conf');
  });

  it('reads back what it wrote, whole and from the middle', async () => {
    expect((await rclone('cat', remote('class/large.mp4'))).equals(large)).toBe(true);
    const middle = await rclone('cat', '--offset', '5242870', '--count', '20', remote('class/large.mp4'));
    expect(middle).toEqual(large.subarray(5_242_870, 5_242_890));

    await rclone('copyto', remote('class/large.mp4'), join(folder, 'back.mp4'));
    expect((await readFile(join(folder, 'back.mp4'))).equals(large)).toBe(true);
  });

  it('gets through an upload URL that fails, with another one', async () => {
    b2.fail({ on: 'POST /b2api/*/b2_upload_part/*', status: 503, skip: 2 });

    await rclone('copyto', join(folder, 'large.mp4'), remote('again.mp4'));

    expect((await b2.files()).at(-1)).toMatchObject({ fileName: 'again.mp4', wholeSha1: sha1(large) });
    expect(b2.faults.struck).toBe(1);
  });

  it('deletes for good', async () => {
    await rclone('delete', '--b2-hard-delete', remote());

    expect(await b2.files()).toEqual([]);
    expect(b2.unfinished()).toEqual([]);
  });
});

async function findOnPath(name: string): Promise<string> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  throw new Error(
    `${name} is not on the PATH: install it (Debian: apt-get install ${name}) to run this test`,
  );
}
