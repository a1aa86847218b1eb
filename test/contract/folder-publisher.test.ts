import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Publisher } from '../../src/engine/ports/publisher.ts';
import { createFolderPublisher } from '../../src/outside/folder/publisher.ts';
import { canMakeDisks, mountSmallDisk, type SmallDisk } from '../support/small-disk.ts';

const RECORDING = { id: 'rec_0123456789abcdef01234567', title: 'Algebra' };
const BYTES = Buffer.alloc(1_000_000, 'sluice');
const { signal } = new AbortController();

let home: string;
let path: string;
let publisher: Publisher;
let disk: SmallDisk | undefined;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'sluice-folder-'));
  path = join(home, 'published');
  await mkdir(path);
  publisher = open();
});
afterEach(async () => {
  await disk?.unmount();
  disk = undefined;
  await rm(home, { recursive: true, force: true });
});

function open(): Publisher {
  return createFolderPublisher({
    path,
    url: 'https://videos.example',
    memoryPath: join(home, 'folders.json'),
    reserveBytes: 0,
    idleTimeoutMs: 2000,
  });
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
}

async function begin(bytes = BYTES.length) {
  const { videoId } = await publisher.reserve({
    recording: RECORDING,
    shelf: null,
    extension: 'mp4',
    signal,
  });
  const of = { videoId, recording: RECORDING, bytes, mediaType: 'video/mp4', signal };
  return { videoId, uploadUrl: (await publisher.begin(of)).uploadUrl };
}

const append = (target: { videoId: string; uploadUrl: string }, from = 0, to = BYTES.length) =>
  publisher.append({
    ...target,
    offset: from,
    bytes: to - from,
    chunks: chunksOf(BYTES.subarray(from, to)),
    signal,
  });

const [, mark = ''] = RECORDING.id.split('_');
const fileOf = (videoId: string) => join(path, mark, videoId.slice(`folder/${mark}-`.length));
const partOf = (videoId: string) => join(path, '.sluice/unfinished', videoId.slice('folder/'.length));

describe('a folder of published videos', () => {
  it('shows a file only once it is whole, then to everybody', async () => {
    const target = await begin();
    await append(target, 0, 500_000);
    expect((await readdir(path)).filter((name) => !name.startsWith('.'))).toEqual([]);
    expect((await stat(join(path, '.sluice'))).mode & 0o077).toBe(0);

    await append(target, 500_000);

    expect((await readFile(fileOf(target.videoId))).equals(BYTES)).toBe(true);
    expect((await stat(fileOf(target.videoId))).mode & 0o777).toBe(0o644);
    expect((await stat(join(path, mark))).mode & 0o777).toBe(0o755);
    expect(await readdir(join(path, '.sluice/unfinished'))).toEqual([]);
  });

  it('gives a file that has all its bytes its name, where a worker died before it did', async () => {
    const target = await begin();
    await writeFile(partOf(target.videoId), BYTES);

    expect(await open().offset({ ...target, signal })).toEqual({
      offset: BYTES.length,
      totalBytes: BYTES.length,
    });

    expect((await readFile(fileOf(target.videoId))).equals(BYTES)).toBe(true);
  });

  it('begins an upload again that was begun before the machine was started anew', async () => {
    const target = await begin();
    await append(target, 0, 500_000);
    const before = { ...target, uploadUrl: `${BYTES.length} another-boot` };

    expect(await publisher.offset({ ...before, signal })).toBeUndefined();
  });

  it('is not made where it is missing', async () => {
    await rm(path, { recursive: true });

    await expect(begin()).rejects.toMatchObject({ code: 'FOLDER_UNUSABLE', retry: 'backoff' });
    await expect(publisher.probe({ signal })).rejects.toMatchObject({ code: 'FOLDER_UNUSABLE' });

    expect(await readdir(home)).not.toContain('published');
  });

  it('puts nothing where a link in the place of a recording’s folder leads', async () => {
    const elsewhere = join(home, 'elsewhere');
    await mkdir(elsewhere);
    const target = await begin();
    await symlink(elsewhere, join(path, mark));

    await expect(append(target)).rejects.toMatchObject({ code: 'REMOTE_REJECTED' });

    expect(await readdir(elsewhere)).toEqual([]);
  });

  it('leaves what others have put beside its own', async () => {
    const target = await begin();
    await append(target);
    const theirs = join(path, mark, 'notes.txt');
    await writeFile(theirs, 'theirs');

    await publisher.remove({ videoId: target.videoId, signal });

    expect(await readdir(join(path, mark))).toEqual(['notes.txt']);
    expect(await publisher.findOwn({ recording: RECORDING, signal })).toEqual([]);
  });

  it('removes nothing by an id that leads elsewhere', async () => {
    const theirs = join(home, 'theirs.mp4');
    await writeFile(theirs, 'theirs');
    for (const videoId of ['folder/../theirs.mp4', '../theirs.mp4', 'folder/abc-/../../theirs.mp4']) {
      await publisher.remove({ videoId, signal });
      expect(await publisher.look({ videoId, signal })).toBeUndefined();
    }
    expect(await readFile(theirs, 'utf8')).toBe('theirs');
  });
});

describe.runIf(canMakeDisks)('a disk of published videos', () => {
  beforeEach(async () => {
    disk = await mountSmallDisk(path, { bytes: 4_000_000 });
    publisher = open();
  });

  it('that has no room for a video says so before it is sent', async () => {
    await expect(begin(8_000_000)).rejects.toMatchObject({
      code: 'FOLDER_FULL',
      retry: { waitMs: expect.any(Number) },
    });
  });

  it('that fills up keeps what it has, and goes on once there is room', async () => {
    const target = await begin();
    await append(target, 0, 500_000);
    await disk?.fill();
    await expect(append(target, 500_000)).rejects.toMatchObject({ code: 'FOLDER_FULL' });

    await disk?.free();
    const { offset = 0 } = (await publisher.offset({ ...target, signal })) ?? {};
    expect(offset).toBeGreaterThanOrEqual(500_000);
    await append(target, offset);

    expect((await readFile(fileOf(target.videoId))).equals(BYTES)).toBe(true);
  });

  it('that is read-only is the trouble of the publisher', async () => {
    const target = await begin();
    await disk?.setReadOnly(true);
    await expect(append(target)).rejects.toMatchObject({ code: 'FOLDER_UNUSABLE', retry: 'backoff' });
    await expect(publisher.probe({ signal })).rejects.toMatchObject({ code: 'FOLDER_UNUSABLE' });
    await disk?.setReadOnly(false);
  });

  it('that is no longer mounted leaves its mount point as it is', async () => {
    await begin();
    await disk?.unmount();
    disk = undefined;
    for (const each of [publisher, open()]) {
      await expect(each.probe({ signal })).rejects.toMatchObject({ code: 'FOLDER_UNUSABLE' });
    }
    await expect(begin()).rejects.toMatchObject({ code: 'FOLDER_UNUSABLE' });
    expect(await readdir(path)).toEqual([]);
  });
});
