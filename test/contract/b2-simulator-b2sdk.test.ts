import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { b2Fault } from '../../simulators/b2/errors.ts';
import { type B2Simulator, startB2Simulator } from '../../simulators/b2/simulator.ts';

const SCRIPT = new URL('../support/ask-b2sdk.py', import.meta.url).pathname;
const LARGE_BYTES = 12_000_001;
const sha1 = (data: Buffer | string) => createHash('sha1').update(data).digest('hex');

/** Backblaze's own client meets the simulator: what crashes it, or what it reads otherwise, the service does not do. */
describe('b2sdk against the B2 simulator', () => {
  let folder: string;
  let b2: B2Simulator;
  let python: string;
  const small = Buffer.from('a small recording\n');
  const large = randomBytes(LARGE_BYTES);

  beforeAll(async () => {
    python = await findPython();
    folder = await mkdtemp(join(tmpdir(), 'b2-b2sdk-'));
    b2 = await startB2Simulator({ recommendedPartSize: 5_000_000 });
    await writeFile(join(folder, 'small.txt'), small);
    await writeFile(join(folder, 'large.mp4'), large);
  });

  afterAll(async () => {
    await b2?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  async function ask(command: string, fields: object = {}) {
    const child = spawn(python, [SCRIPT, b2.url, b2.keyId, b2.applicationKey, b2.bucket], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.end(JSON.stringify({ command, ...fields }));
    return JSON.parse(await text(child.stdout));
  }

  it('uploads a small file and a large one in parts, and understands what it is told of them', async () => {
    const info = { recording: 'ä b' };
    const first = await ask('upload', { path: join(folder, 'small.txt'), name: 'class/small+ä.txt', info });
    const second = await ask('upload', { path: join(folder, 'large.mp4'), name: 'class/large.mp4', info });

    const told = { fileInfo: expect.objectContaining(info), retention: null, legalHold: null };
    expect(first.ok).toMatchObject({ ...told, size: small.length, sha1: sha1(small), action: 'upload' });
    expect(second.ok).toMatchObject({ ...told, size: LARGE_BYTES, sha1: 'none', action: 'upload' });
    expect(await b2.files()).toMatchObject([
      { fileName: 'class/small+ä.txt', wholeSha1: sha1(small), parts: 1 },
      { fileName: 'class/large.mp4', wholeSha1: sha1(large), fileInfo: info, parts: 2 },
    ]);
    expect(b2.unfinished()).toEqual([]);
    expect((await ask('info', { fileId: second.ok.fileId })).ok).toMatchObject({
      ...told,
      size: LARGE_BYTES,
    });
  });

  it('downloads whole, by name, by id and by range, and checks the hashes', async () => {
    const [{ fileId = '' } = {}, { fileId: largeId = '' } = {}] = await b2.files();

    expect((await ask('download', { fileId })).ok).toMatchObject({
      bytes: small.length,
      sha1: sha1(small),
      told: sha1(small),
      fileName: 'class/small+ä.txt',
      fileInfo: { recording: 'ä b' },
    });
    expect((await ask('download', { name: 'class/large.mp4' })).ok).toMatchObject({
      sha1: sha1(large),
      fileId: largeId,
    });
    expect((await ask('download', { fileId: largeId, range: [4_999_990, 5_000_010] })).ok).toMatchObject({
      bytes: 21,
      sha1: sha1(large.subarray(4_999_990, 5_000_011)),
    });
    expect(await ask('download', { name: 'class/none.mp4' })).toMatchObject({ error: 'FileNotPresent' });
  });

  it('lists names with their folders, and every version with hide markers, two at a time', async () => {
    await ask('upload', { path: join(folder, 'small.txt'), name: 'class/small+ä.txt', info: {} });
    expect((await ask('hide', { name: 'class/small+ä.txt' })).ok).toMatchObject({ action: 'hide' });

    const listed = (await ask('versions')).ok as { fileName: string; action: string }[];
    expect(listed.map(({ fileName, action }) => `${action} ${fileName}`)).toEqual([
      'upload class/large.mp4',
      'hide class/small+ä.txt',
      'upload class/small+ä.txt',
      'upload class/small+ä.txt',
    ]);
    expect((await ask('names')).ok).toEqual([{ name: 'class/large.mp4', folder: 'class/' }]);
    expect((await ask('names', { folder: 'class' })).ok).toEqual([{ name: 'class/large.mp4', folder: null }]);
    expect(await ask('hide', { name: 'class/small+ä.txt' })).toMatchObject({ error: 'FileAlreadyHidden' });
  });

  it('lists unfinished files and their parts, also from one that was cancelled meanwhile', async () => {
    const names = ['a.mp4', 'b.mp4', 'c.mp4'];
    const ids: string[] = [];
    for (const name of names) ids.push((await ask('start', { name, parts: ['first', 'second'] })).ok.fileId);

    expect((await ask('parts', { fileId: ids[0] })).ok).toEqual([
      { partNumber: 1, sha1: sha1('first'), bytes: 5 },
      { partNumber: 2, sha1: sha1('second'), bytes: 6 },
    ]);
    expect((await ask('unfinished')).ok).toMatchObject(
      names.map((fileName, index) => ({ fileName, fileId: ids[index], fileInfo: { of: 'b2sdk' } })),
    );
    expect((await ask('cancel', { fileId: ids[1] })).ok).toEqual({ fileId: ids[1] });
    expect((await ask('unfinished', { startFileId: ids[1] })).ok).toMatchObject([{ fileId: ids[2] }]);
    expect((await ask('unfinished', { prefix: 'a' })).ok).toMatchObject([{ fileId: ids[0] }]);
    expect(await ask('cancel', { fileId: ids[1] })).toHaveProperty('error');
    for (const fileId of [ids[0], ids[2]]) await ask('cancel', { fileId });
    expect(b2.unfinished()).toEqual([]);
  });

  it('asks for another upload URL when the token of one has expired', async () => {
    b2.fail(b2Fault('POST /b2api/*/b2_upload_file/*', 401, 'expired_auth_token'));

    await ask('upload', { path: join(folder, 'small.txt'), name: 'again.txt', info: {} });

    expect(b2.faults.struck).toBe(1);
    expect((await b2.files()).filter(({ fileName }) => fileName === 'again.txt')).toHaveLength(1);
  });

  it('deletes versions for good', async () => {
    for (const { fileId, fileName } of await b2.files()) {
      expect((await ask('delete', { fileId, name: fileName })).ok).toEqual({ fileId });
    }

    expect(await b2.files()).toEqual([]);
    expect(await ask('delete', { fileId: '4_zx_f1', name: 'none' })).toMatchObject({
      error: 'FileNotPresent',
    });
  });
});

/** A Python that has b2sdk; the first on the PATH need not be the system's. */
async function findPython(): Promise<string> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, 'python3');
    const has = await promisify(execFile)(path, ['-c', 'import b2sdk.v2']).then(
      () => true,
      () => false,
    );
    if (has) return path;
  }
  throw new Error('no python3 on the PATH has b2sdk: install it (Debian: apt-get install python3-b2sdk)');
}
