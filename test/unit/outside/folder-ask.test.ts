import { type FileHandle, open } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { KnownError } from '../../../src/domain/errors.ts';
import { askToOpen, createAsk } from '../../../src/outside/folder/ask.ts';

const { signal } = new AbortController();

/** The error of a system with this code. */
function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: so it is`), { code });
}

describe('a question to the file system of a folder', () => {
  const ask = createAsk({ folder: '/mnt/archive', idleTimeoutMs: 5000 });

  it.each([
    ['ENOSPC', 'FOLDER_FULL'],
    ['EDQUOT', 'FOLDER_FULL'],
    ['EROFS', 'FOLDER_UNUSABLE'],
    ['EIO', 'FOLDER_UNUSABLE'],
    ['ESTALE', 'FOLDER_UNUSABLE'],
    ['ENOTCONN', 'FOLDER_UNUSABLE'],
    ['ENOENT', 'FOLDER_UNUSABLE'],
    ['EACCES', 'FOLDER_UNUSABLE'],
    ['EXDEV', 'FOLDER_UNUSABLE'],
    ['EMFILE', 'DISK_UNUSABLE'],
    ['ENAMETOOLONG', 'REMOTE_REJECTED'],
    ['EFBIG', 'REMOTE_REJECTED'],
  ])('that is answered with %s fails with %s', async (system, code) => {
    await expect(ask(signal, () => Promise.reject(systemError(system)))).rejects.toMatchObject({ code });
  });

  it('passes on what is no system error', async () => {
    const error = new KnownError('so it is', { code: 'SOURCE_CHANGED' });

    await expect(ask(signal, () => Promise.reject(error))).rejects.toBe(error);
  });

  it('is not waited for longer than it may take, and until it is answered nothing else is asked', async () => {
    const hasty = createAsk({ folder: '/mnt/archive', idleTimeoutMs: 1 });
    let answer = (): void => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let asked = 0;
    const count = async () => {
      asked += 1;
    };

    await expect(hasty(signal, () => answered)).rejects.toMatchObject({ code: 'FOLDER_UNUSABLE' });
    await expect(hasty(signal, count)).rejects.toMatchObject({ code: 'FOLDER_UNUSABLE' });
    expect(asked).toBe(0);

    answer();
    await answered;
    await new Promise(setImmediate);
    await hasty(signal, count);
    expect(asked).toBe(1);
  });

  it('is not waited for once its asker is to stop', async () => {
    const stopping = new AbortController();
    const asked = ask(stopping.signal, () => new Promise(() => {}));
    stopping.abort(new Error('the worker stops'));

    await expect(asked).rejects.toThrow('the worker stops');
  });
});

it.each([
  ['who asked has left', { isLeft: true, idleTimeoutMs: 60_000 }],
  ['the folder took too long', { isLeft: false, idleTimeoutMs: 1 }],
] as const)('a file that opens after %s is closed', async (_what, { isLeft, idleTimeoutMs }) => {
  let letOpen = (): void => {};
  const held = new Promise<void>((resolve) => {
    letOpen = resolve;
  });
  let handle: FileHandle | undefined;
  const gone = new AbortController();
  const asked = askToOpen(createAsk({ folder: '/', idleTimeoutMs }), gone.signal, async () => {
    await held;
    handle = await open(import.meta.filename, 'r');
    return handle;
  });
  if (isLeft) gone.abort(new Error('nobody listens any more'));

  await expect(asked).rejects.toThrow();
  expect(handle).toBeUndefined();
  letOpen();
  await expect.poll(() => handle?.fd).toBe(-1);
});
