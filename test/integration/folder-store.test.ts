import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isOutage } from '../../src/domain/errors.ts';
import type { FileRef, Store } from '../../src/engine/ports/store.ts';
import { createFolderStore } from '../../src/outside/folder/store.ts';
import { checkFolderStore } from '../../src/outside/folder/store-check.ts';
import { canMakeDisks, mountSmallDisk, type SmallDisk } from '../support/small-disk.ts';

const { signal } = new AbortController();
const NAME = 'zoom/2026/01/05/algebra-1.mp4';
const MODIFIED_AT_MS = 1_767_607_860_000;

let base: string;
let path: string;
let memoryPath: string;
let store: Store;
const closers: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'sluice-folder-'));
  path = join(base, 'archive');
  memoryPath = join(base, 'data/folders.json');
  store = openStore();
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(base, { recursive: true, force: true });
});

function openStore(more: { path?: string; reserveBytes?: number } = {}): Store {
  return createFolderStore({ path, memoryPath, reserveBytes: 0, idleTimeoutMs: 5000, ...more });
}

async function mount(): Promise<SmallDisk> {
  await mkdir(path, { recursive: true });
  const disk = await mountSmallDisk(path, { bytes: 4 * 1024 * 1024 });
  closers.push(() => disk.unmount().catch(() => {}));
  return disk;
}

async function* chunksOf(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

const about = (name: string, totalBytes: number) => ({
  name,
  mediaType: 'video/mp4',
  mark: { recordingId: 'rec_1', content: 'c0ffee' },
  totalBytes,
  modifiedAtMs: MODIFIED_AT_MS,
  signal,
});

function put(name = NAME, text = 'hello') {
  const bytes = Buffer.byteLength(text);
  return store.put({ ...about(name, bytes), bytes, chunks: chunksOf(text) });
}

async function begin(name: string, totalBytes: number): Promise<FileRef> {
  return { id: (await store.begin(about(name, totalBytes))).id, name };
}

function putPart(file: FileRef, number: number, startByte: number, text: string) {
  return store.putPart({ file, number, startByte, bytes: text.length, chunks: chunksOf(text), signal });
}

/** What people see in the folder. */
async function shown(folder = path): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true });
  return found
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name).slice(folder.length + 1))
    .filter((name) => !name.startsWith('.sluice/'))
    .sort();
}

describe('a folder that recordings are kept in', () => {
  it('is made the first time, and shows the files under their names and nothing else', async () => {
    await put();

    expect(await shown()).toEqual([NAME]);
    expect(await readFile(join(path, NAME), 'utf8')).toBe('hello');
    expect(`${store.place}/${NAME}`).toBe(join(path, NAME));
  });

  it('shows each file with the time of its recording, to its user and group alone', async () => {
    const umask = process.umask(0o077);
    await put().finally(() => process.umask(umask));

    const { mtimeMs, mode } = await stat(join(path, NAME));
    expect(mtimeMs).toBe(MODIFIED_AT_MS);
    expect(mode & 0o777).toBe(0o640);
    expect((await stat(join(path, 'zoom'))).mode & 0o777).toBe(0o750);
  });

  it('is left without empty folders when its last file is removed', async () => {
    const { id } = await put();
    await put('zoom/2026/other.mp4');
    await store.remove({ file: { id, name: NAME }, signal });

    expect(await readdir(join(path, 'zoom/2026'))).toEqual(['other.mp4']);
  });

  it('keeps a file that somebody has put in the place of ours', async () => {
    const { id } = await put();
    await writeFile(join(path, NAME), 'somebody has cut this');

    expect(await store.find({ name: NAME, signal })).toMatchObject([{ mark: undefined }]);
    await store.remove({ file: { id, name: NAME }, signal });
    expect(await readFile(join(path, NAME), 'utf8')).toBe('somebody has cut this');
  });

  it('loses nothing to what writes beside the recording while it is put there', async () => {
    const file = await begin(NAME, 5);
    const part = { bytes: 5, ...(await putPart(file, 1, 0, 'hello')) };
    await mkdir(join(path, 'zoom/2026/01/05'), { recursive: true });
    await writeFile(join(path, NAME), 'theirs');

    await expect(store.finish({ file, parts: [part], signal })).rejects.toMatchObject({
      code: 'REMOTE_REJECTED',
      retry: 'backoff',
    });

    expect(await readFile(join(path, NAME), 'utf8')).toBe('theirs');
    await rm(join(path, NAME));
    await store.finish({ file, parts: [part], signal });
    expect(await readFile(join(path, NAME), 'utf8')).toBe('hello');
  });
});

describe('a name', () => {
  it.each([
    '',
    '/etc/passwd',
    '../outside.mp4',
    'zoom/../../outside.mp4',
    'zoom/../inside.mp4',
    'zoom//a.mp4',
    './a.mp4',
    'zoom/.',
    'zoom/',
    'a\0.mp4',
    '.sluice/store.json',
    '.Sluice/a.mp4',
    `${'x'.repeat(256)}.mp4`,
    `${'x/'.repeat(3000)}a.mp4`,
  ])('%j is refused for ever, and nothing is written', async (name) => {
    const refused = { code: 'REMOTE_REJECTED', retry: 'never' };

    await expect(put(name)).rejects.toMatchObject(refused);
    await expect(store.find({ name, signal })).rejects.toMatchObject(refused);
    expect((await readdir(base)).filter((each) => !['archive', 'data'].includes(each))).toEqual([]);
    expect(await shown().catch(() => [])).toEqual([]);
    expect(await store.unfinished({ prefix: '', signal })).toEqual([]);
  });

  it('does not lead out of the folder by a link, nor does its removal', async () => {
    const outside = join(base, 'outside');
    await mkdir(join(outside, '05'), { recursive: true });
    await put('zoom/2026/other.mp4');
    await symlink(outside, join(path, 'zoom/2026/01'));
    await writeFile(join(outside, '05/algebra-1.mp4'), 'theirs');

    await expect(put()).rejects.toMatchObject({ code: 'REMOTE_REJECTED', retry: 'backoff' });
    await expect(store.remove({ file: { id: 'x', name: NAME }, signal })).rejects.toMatchObject({
      code: 'REMOTE_REJECTED',
    });

    expect(await shown(outside)).toEqual(['05/algebra-1.mp4']);
  });

  it('may lead through a link that stays inside', async () => {
    await put('moved/other.mp4');
    await symlink(join(path, 'moved'), join(path, 'zoom'));

    await put();

    expect(await readFile(join(path, 'moved/2026/01/05/algebra-1.mp4'), 'utf8')).toBe('hello');
  });

  it('that is a link is not ours, and stays', async () => {
    await put('zoom/2026/01/05/other.mp4');
    const theirs = join(base, 'theirs');
    await writeFile(theirs, 'hello');
    await symlink(theirs, join(path, NAME));

    await expect(put()).rejects.toMatchObject({ code: 'REMOTE_REJECTED' });

    expect(await readFile(theirs, 'utf8')).toBe('hello');
  });
});

describe('a worker that is killed', () => {
  it('loses only the part that it was writing', async () => {
    const partBytes = 64 * 1024;
    const options = { path, memoryPath, reserveBytes: 0, idleTimeoutMs: 5000, partBytes };
    const script = join(import.meta.dirname, '../support/folder-store-process.ts');
    const child = fork(script, [JSON.stringify(options)], { execArgv: ['--import', 'tsx'] });
    const [file] = (await once(child, 'message')) as [FileRef];
    child.kill('SIGKILL');
    await once(child, 'exit');

    const sha1 = createHash('sha1').update(Buffer.alloc(partBytes, 1)).digest('hex');
    const first = { bytes: partBytes, digest: sha1 };
    expect(await store.unfinished({ prefix: '', signal })).toMatchObject([file]);
    expect(await store.parts({ file, signal })).toEqual(new Map([[1, first]]));
    const second = { bytes: 5, ...(await putPart(file, 2, partBytes, 'hello')) };
    const third = {
      bytes: 2 * partBytes - 5,
      ...(await putPart(file, 3, partBytes + 5, 'x'.repeat(2 * partBytes - 5))),
    };
    await store.finish({ file, parts: [first, second, third], signal });

    expect((await stat(join(path, file.name))).size).toBe(3 * partBytes);
    expect(await shown()).toEqual([file.name]);
  });

  it('after the file had its name leaves nothing to be done', async () => {
    const file = await begin(NAME, 5);
    const part = { bytes: 5, ...(await putPart(file, 1, 0, 'hello')) };
    const folder = join(path, '.sluice/unfinished', file.id);
    const kept = join(base, 'kept');
    await mkdir(kept);
    for (const name of await readdir(folder))
      await writeFile(join(kept, name), await readFile(join(folder, name)));
    await store.finish({ file, parts: [part], signal });
    // As it is where the end came before what was written was cleared away.
    await mkdir(folder);
    for (const name of await readdir(kept))
      await writeFile(join(folder, name), await readFile(join(kept, name)));

    store = openStore();
    expect(await store.look({ file, signal })).toMatchObject({ isFinished: true });
    expect(await store.parts({ file, signal })).toBeUndefined();
    expect(await store.unfinished({ prefix: '', signal })).toEqual([]);
    expect(await readdir(join(path, '.sluice/unfinished'))).toEqual([]);
  });

  it('in the middle of a note loses that part, and no other', async () => {
    const file = await begin(NAME, 10);
    await putPart(file, 1, 0, 'hello');
    await writeFile(join(path, '.sluice/unfinished', file.id, 'parts'), '\n{"number":2,"startB', {
      flag: 'a',
    });
    await putPart(file, 2, 5, 'world');

    expect([...((await openStore().parts({ file, signal })) ?? [])].map(([number]) => number)).toEqual([
      1, 2,
    ]);
  });
});

describe('a part that is written anew and breaks off', () => {
  it('is neither the one nor the other, and counts as none', async () => {
    const file = await begin(NAME, 10);
    await putPart(file, 1, 0, 'hello');
    const anew = { file, number: 1, startByte: 0, bytes: 5, chunks: chunksOf('HE'), signal };
    await expect(store.putPart(anew)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });

    expect(await store.parts({ file, signal })).toEqual(new Map());
  });
});

describe('bytes that are not on the disk as they were written', () => {
  it('are found at the end, and sent again', async () => {
    const file = await begin(NAME, 10);
    const first = { bytes: 5, ...(await putPart(file, 1, 0, 'hello')) };
    const second = { bytes: 5, ...(await putPart(file, 2, 5, 'world')) };
    await writeFile(join(path, '.sluice/unfinished', file.id, 'file'), 'hellaworld');

    await expect(store.finish({ file, parts: [first, second], signal })).rejects.toMatchObject({
      code: 'TRANSFER_CORRUPT',
      retry: 'backoff',
    });

    expect(await shown()).toEqual([]);
    expect([...((await store.parts({ file, signal })) ?? []).keys()]).toEqual([2]);
    await putPart(file, 1, 0, 'hello');
    await store.finish({ file, parts: [first, second], signal });
    const { chunks } = await store.open({ file, fromByte: 0, signal });
    expect((await buffer(chunks)).toString()).toBe('helloworld');
  });
});

describe('room that is to stay free', () => {
  it('is not used', async () => {
    store = openStore({ reserveBytes: Number.MAX_SAFE_INTEGER });

    const error = await put().catch((thrown) => thrown);

    expect(error).toMatchObject({ code: 'FOLDER_FULL', retry: { waitMs: expect.any(Number) } });
    expect(isOutage(error)).toBe(true);
    await expect(store.begin(about(NAME, 5))).rejects.toMatchObject({ code: 'FOLDER_FULL' });
  });
});

describe('a folder that is another than before', () => {
  it('is not written to, until that is meant', async () => {
    await put();
    await rm(path, { recursive: true });
    await mkdir(path);
    store = openStore();

    await expect(put()).rejects.toMatchObject({ code: 'FOLDER_UNUSABLE' });
    expect(await readdir(path)).toEqual([]);

    await rm(memoryPath);
    store = openStore();
    await put();
    expect(await shown()).toEqual([NAME]);
  });

  it('is told from the one that was there, though it was one of ours too', async () => {
    await put();
    await rm(path, { recursive: true });
    await createFolderStore({
      path,
      memoryPath: join(base, 'other.json'),
      reserveBytes: 0,
      idleTimeoutMs: 5000,
    }).limits({
      signal,
    });

    await expect(openStore().limits({ signal })).rejects.toMatchObject({
      code: 'FOLDER_UNUSABLE',
      message: expect.stringContaining(memoryPath),
    });
  });

  it('is the same one for a Sluice whose data are lost', async () => {
    const { id } = await put();
    await rm(memoryPath);

    expect(await openStore().find({ name: NAME, signal })).toMatchObject([{ id }]);
    expect(Object.keys(JSON.parse(await readFile(memoryPath, 'utf8')))).toEqual([path]);
  });

  it('may be made by two processes at once, and is one', async () => {
    const both = [openStore(), openStore()];
    await Promise.all(both.map((each) => each.limits({ signal })));

    for (const each of both) await each.probe({ signal });
  });
});

describe.runIf(canMakeDisks)('a disk', () => {
  it('that is not mounted is down, and nothing is written to where it was', async () => {
    const disk = await mount();
    const file = await begin(NAME, 10);
    await disk.unmount();

    const errors = await Promise.all(
      [
        () => put('zoom/b.mp4'),
        () => putPart(file, 1, 0, 'hello'),
        () => store.probe({ signal }),
        () => store.find({ name: NAME, signal }),
      ].map((call) => call().catch((error) => error)),
    );

    expect(errors.map(({ code }) => code)).toEqual(Array(4).fill('FOLDER_UNUSABLE'));
    expect(errors.every(isOutage)).toBe(true);
    expect(await readdir(path)).toEqual([]);
  });

  it('that is read-only is down, and up again once it is not', async () => {
    const disk = await mount();
    const { id } = await put();
    await disk.setReadOnly(true);

    for (const call of [() => put('zoom/b.mp4'), () => store.probe({ signal })]) {
      const error = await call().catch((thrown) => thrown);
      expect(error).toMatchObject({ code: 'FOLDER_UNUSABLE' });
      expect(isOutage(error)).toBe(true);
    }
    expect(await store.look({ file: { id, name: NAME }, signal })).toMatchObject({ isFinished: true });

    await disk.setReadOnly(false);
    await put('zoom/b.mp4');
    await store.probe({ signal });
  });

  it('that fills up in the middle of a part keeps the parts before it', async () => {
    const disk = await mount();
    const half = 'x'.repeat(1024 * 1024);
    const file = await begin(NAME, 2 * half.length);
    const first = { bytes: half.length, ...(await putPart(file, 1, 0, half)) };
    await disk.fill();

    const error = await putPart(file, 2, half.length, half).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'FOLDER_FULL' });

    await disk.free();
    const second = { bytes: half.length, ...(await putPart(file, 2, half.length, half)) };
    await store.finish({ file, parts: [first, second], signal });
    expect((await stat(join(path, NAME))).size).toBe(2 * half.length);
  });
});

describe('the doctor', () => {
  const look = (more: { path?: string; reserveBytes?: number } = {}) =>
    checkFolderStore({
      dataDir: join(base, 'data'),
      folderStore: { path, memoryPath, reserveBytes: 0, ...more },
    });

  it('leaves the folder store out where none is set up', async () => {
    expect(await checkFolderStore({ dataDir: base, folderStore: undefined })).toMatchObject({
      state: 'skip',
    });
  });

  it('makes nothing for a look, and says where a drive should be mounted first', async () => {
    expect(await look()).toMatchObject({ state: 'ok', text: expect.stringContaining('is made by') });
    expect(await readdir(base)).toEqual([]);
    await mkdir(path);
    expect(await look()).toMatchObject({ state: 'warn', text: expect.stringContaining('disk of DATA_DIR') });
    expect(await readdir(path)).toEqual([]);
  });

  it('says how much fits in', async () => {
    await put();

    expect(await look()).toMatchObject({
      state: 'ok',
      text: expect.stringMatching(/room for \d+ recordings/),
    });
    expect(await look({ reserveBytes: Number.MAX_SAFE_INTEGER })).toMatchObject({ state: 'fail' });
  });

  it('finds a folder that is gone, no folder, or not the one that it was', async () => {
    await put();
    await rm(path, { recursive: true });
    expect(await look()).toMatchObject({ state: 'fail', text: `${path} is not there` });

    await mkdir(path);
    expect(await look()).toMatchObject({ state: 'fail', text: expect.stringContaining('not mounted?') });

    await rm(path, { recursive: true });
    await writeFile(path, '');
    expect(await look()).toMatchObject({ state: 'fail', text: `${path} is no folder` });
  });
});
