import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { READ_STEP_BYTES } from '../../../src/lib/files.ts';
import { createGrowingFile, type GrowingFile } from '../../../src/lib/growing-file.ts';

const CONTENT = Buffer.from('0123456789');

describe('a file that is read while it grows', () => {
  let folder: string;
  let handle: FileHandle;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-'));
    handle = await open(join(folder, 'file'), 'w+');
  });
  afterEach(async () => {
    await handle.close();
    await rm(folder, { recursive: true });
  });

  const growing = (availableBytes = 0, beforeLastByte?: () => Promise<void>): GrowingFile =>
    createGrowingFile({
      handle,
      totalBytes: CONTENT.length,
      availableBytes,
      ...(beforeLastByte ? { beforeLastByte } : {}),
    });

  async function write(file: GrowingFile, end: number): Promise<void> {
    await handle.write(CONTENT, 0, end, 0);
    file.grow(end);
  }

  it('gives out what is there, and the rest as it comes', async () => {
    const file = growing();
    await write(file, 4);
    const chunks = file.read(2, 10)[Symbol.asyncIterator]();
    expect(String((await chunks.next()).value)).toBe('23');
    const later = chunks.next();
    await write(file, 7);
    expect(String((await later).value)).toBe('456');
  });

  it('keeps the last byte back until the whole is proved', async () => {
    const file = growing();
    await write(file, 10);
    const chunks = file.read(0, 10)[Symbol.asyncIterator]();
    expect(String((await chunks.next()).value)).toBe('012345678');
    const last = chunks.next();
    await expect(Promise.race([last, Promise.resolve('not yet')])).resolves.toBe('not yet');
    file.prove();
    expect(String((await last).value)).toBe('9');
    expect((await chunks.next()).done).toBe(true);
  });

  it('lets nobody write over what a reader that was broken off has given out', async () => {
    const bytes = 3 * READ_STEP_BYTES;
    await handle.write(Buffer.concat(['a', 'b', 'c'].map((letter) => Buffer.alloc(READ_STEP_BYTES, letter))));
    const file = createGrowingFile({ handle, totalBytes: bytes, availableBytes: bytes });
    file.prove();
    const broken = file.read(0, bytes)[Symbol.asyncIterator]();
    const { value: kept } = await broken.next();
    await broken.return?.();

    for (let round = 0; round < 3; round += 1) for await (const _ of file.read(READ_STEP_BYTES, bytes));

    expect(kept?.every((byte: number) => byte === 'a'.charCodeAt(0))).toBe(true);
  });

  it('reads one part after the other into the same memory', async () => {
    const bytes = 2 * READ_STEP_BYTES;
    await handle.write(Buffer.alloc(bytes));
    const file = createGrowingFile({ handle, totalBytes: bytes, availableBytes: bytes });
    file.prove();
    const memory = new Set<ArrayBufferLike>();
    for (let part = 0; part < 20; part += 1) {
      for await (const chunk of file.read(0, bytes)) memory.add(chunk.buffer);
    }
    expect(memory.size).toBe(1);
  });

  it('serves several readers at different places', async () => {
    const file = growing();
    await write(file, 10);
    file.prove();
    const all = await Promise.all([text(file, 0, 5), text(file, 5, 10), text(file, 0, 10)]);
    expect(all).toEqual(['01234', '56789', '0123456789']);
  });

  it('tells whoever waits that nothing more will come', async () => {
    const file = growing();
    const waiting = [text(file, 0, 3), file.reaches(5), file.proved()];
    file.fail(new Error('the download broke'));
    for (const each of waiting) await expect(each).rejects.toThrow('the download broke');
  });

  it('looks before the end whether the file is what it was', async () => {
    await handle.write(CONTENT);
    const file = growing(10, () => Promise.reject(new Error('changed')));
    file.prove();
    await expect(text(file, 0, 9)).resolves.toBe('012345678');
    await expect(text(file, 0, 10)).rejects.toThrow('changed');
  });

  it('fails when the file has become shorter', async () => {
    const file = growing(10);
    file.prove();
    await expect(text(file, 0, 10)).rejects.toMatchObject({ code: 'SOURCE_CHANGED' });
  });
});

async function text(file: GrowingFile, start: number, end: number): Promise<string> {
  let read = '';
  for await (const chunk of file.read(start, end)) read += String(chunk);
  return read;
}
