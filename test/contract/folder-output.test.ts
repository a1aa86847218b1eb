import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isOutage } from '../../src/domain/errors.ts';
import type { OutputPlace } from '../../src/engine/ports/output-place.ts';
import { createFolderOutput } from '../../src/outside/folder/output-place.ts';
import { canMakeDisks, mountSmallDisk, type SmallDisk } from '../support/small-disk.ts';

const MARK = { recordingId: 'rec_1a', step: 'package', fence: 7 };
const KEY = 'runs/rec_1a/package/7/hls/init.mp4';
const { signal } = new AbortController();

let home: string;
let path: string;
let place: OutputPlace;
let disk: SmallDisk | undefined;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'sluice-output-'));
  path = join(home, 'media');
  await mkdir(path);
  place = open();
});
afterEach(async () => {
  await disk?.unmount();
  disk = undefined;
  await rm(home, { recursive: true, force: true });
});

function open({ url }: { url: string | undefined } = { url: 'https://media.example' }): OutputPlace {
  const memoryPath = join(home, 'folders.json');
  return createFolderOutput('media-out', { path, url, memoryPath, reserveBytes: 0, idleTimeoutMs: 2000 });
}

async function put(content: string | Buffer = 'hello', key = KEY) {
  const from = join(home, 'output');
  await writeFile(from, content);
  await place.put({ key, path: from, mediaType: 'video/mp4', mark: MARK, signal });
}

const parts = () => readdir(join(path, '.sluice/unfinished'));

describe('a folder of outputs', () => {
  it('lets everybody read what is whole, and nobody what is the house’s own', async () => {
    await put();

    expect((await stat(join(path, KEY))).mode & 0o777).toBe(0o644);
    for (const folder of ['runs', 'runs/rec_1a', 'runs/rec_1a/package/7/hls']) {
      expect((await stat(join(path, folder))).mode & 0o777).toBe(0o755);
    }
    expect((await stat(join(path, '.sluice'))).mode & 0o077).toBe(0);
  });

  it('shows the earlier file until the next one is whole', async () => {
    await put('hello');
    const from = join(home, 'next');
    await writeFile(from, Buffer.alloc(3_000_000));
    const seen: Promise<string>[] = [];
    const onSent = () => {
      seen.push(readFile(join(path, KEY), 'utf8'));
    };

    await place.put({ key: KEY, path: from, mediaType: 'video/mp4', mark: MARK, onSent, signal });

    expect((await Promise.all(seen)).length).toBeGreaterThan(1);
    expect(await seen[0]).toBe('hello');
    expect((await stat(join(path, KEY))).size).toBe(3_000_000);
  });

  it('is not followed out of by a link, nor written to where a folder is', async () => {
    await mkdir(join(home, 'elsewhere'));
    await symlink(join(home, 'elsewhere'), join(path, 'runs'));
    await expect(put()).rejects.toMatchObject({ code: 'REMOTE_REJECTED' });
    await mkdir(join(path, 'poster.jpg'));
    await expect(put('hello', 'poster.jpg')).rejects.toMatchObject({ code: 'REMOTE_REJECTED' });

    expect(await readdir(join(home, 'elsewhere'))).toEqual([]);
    await expect.poll(parts).toEqual([]);
  });

  it('is tidied of what a kill has left half, once that is a day old', async () => {
    await put();
    const [old, young] = ['output-old', 'output-young'].map((name) => join(path, '.sluice/unfinished', name));
    for (const part of [old, young]) await writeFile(part as string, 'half');
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    await utimes(old as string, yesterday, yesterday);

    place = open();
    await put();

    expect(await parts()).toEqual(['output-young']);
  });

  it('that is not there, or another than before, is an outage', async () => {
    await put();
    await rm(path, { recursive: true });
    const gone = await put().catch((error) => error);
    await mkdir(path);
    const other = await put().catch((error) => error);

    expect([gone, other].map(isOutage)).toEqual([true, true]);
    expect(await readdir(path)).toEqual([]);
  });

  it.runIf(canMakeDisks)(
    'that is full is an outage, keeps what it has, and leaves nothing half',
    async () => {
      disk = await mountSmallDisk(path, { bytes: 4 * 1024 * 1024 });
      await put('hello');
      await disk.fill();

      const full = await put(Buffer.alloc(1_000_000)).catch((error) => error);

      expect(isOutage(full)).toBe(true);
      expect(await readFile(join(path, KEY), 'utf8')).toBe('hello');
      await expect.poll(parts).toEqual([]);
      await disk.free();
      await put('hello again');
      expect(await readFile(join(path, KEY), 'utf8')).toBe('hello again');
    },
  );

  it('without a public address tells nobody where its files are', () => {
    expect(open({ url: undefined }).address(KEY)).toBeUndefined();
  });

  it('has no folders left of what was removed', async () => {
    await put();
    await place.remove({ keys: [KEY], signal });

    expect(await readdir(path)).toEqual(['.sluice']);
  });
});
