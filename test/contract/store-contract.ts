import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isOutage } from '../../src/domain/errors.ts';
import type { FileRef, Mark, NewFile, Store, StoredPart } from '../../src/engine/ports/store.ts';

/** A store to try, with the means to see and to spoil what lies behind it. */
export interface StoreWorld {
  readonly store: Store;
  /** The same place as another process sees it, which knows nothing of what was asked before. */
  reopen(): Store;
  /** Puts somebody else's file there. */
  putForeign(name: string, text: string): Promise<void>;
  /** What all finished files of a name hold, whosever they are. */
  contentsOf(name: string): Promise<string[]>;
  /** From now on there is no room for anything, until the function that is returned is called; absent where that cannot be had here. */
  readonly fill?: (() => Promise<() => Promise<void>>) | undefined;
  /**
   * What is behind it gives back files that were made of parts, and all that is read from a byte on, otherwise than they
   * came: there only their length is looked at.
   */
  readonly misreads?: boolean;
  /** The next request of this kind is carried out, and its answer is lost; absent where no answer can be. */
  readonly loseAnswer?: (call: 'put' | 'begin' | 'putPart' | 'finish') => void;
  close(): Promise<void>;
}

const { signal } = new AbortController();
const MARK: Mark = { recordingId: 'rec_1', content: 'c0ffee' };
const NAME = 'zoom/2026/01/05/algebra-1.mp4';

/** Parts of a file, all but the last of them long enough for any store. */
const PARTS = ['hello, large and', ' whole, wide wor', 'ld'] as const;
const TEXT = PARTS.join('');

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex');

async function* chunksOf(text: string): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 8) yield bytes.subarray(at, at + 8);
}

const body = (text: string) => ({ bytes: Buffer.byteLength(text), chunks: chunksOf(text), signal });

function newFile(text: string, more: Partial<NewFile> = {}): NewFile {
  const totalBytes = Buffer.byteLength(text);
  return {
    name: NAME,
    mediaType: 'video/mp4',
    mark: MARK,
    totalBytes,
    modifiedAtMs: 1_767_607_860_000,
    ...more,
  };
}

/** What every store does. What one of them does beyond that has tests of its own. */
export function storeContract(name: string, open: () => Promise<StoreWorld>): void {
  describe(name, () => {
    let world: StoreWorld;
    let store: Store;

    beforeEach(async () => {
      world = await open();
      store = world.store;
    });
    afterEach(() => world.close());

    /** By which a store tells parts. */
    const digest = (text: string) => createHash(store.partDigest).update(text).digest('hex');

    const put = (text = 'hello', more: Partial<NewFile> = {}) =>
      store.put({ ...newFile(text, more), ...body(text) });

    const begin = async (more: Partial<NewFile> = {}): Promise<FileRef> => {
      const { id } = await store.begin({ ...newFile(TEXT, more), signal });
      return { id, name: more.name ?? NAME };
    };

    const putPart = (file: FileRef, number: number, text: string = PARTS[number - 1] ?? '') => {
      const startByte = PARTS.slice(0, number - 1).join('').length;
      return store.putPart({ file, number, startByte, ...body(text) });
    };

    async function putParts(file: FileRef): Promise<StoredPart[]> {
      const parts = await Promise.all(PARTS.map((_text, index) => putPart(file, index + 1)));
      return parts.map((part, index) => ({ ...part, bytes: PARTS[index]?.length ?? 0 }));
    }

    async function read(file: FileRef, fromByte = 0): Promise<string> {
      const opened = await store.open({ file, fromByte, signal });
      const text = (await buffer(opened.chunks)).toString();
      return text.slice(fromByte - opened.startByte);
    }

    /** That a file made of parts, or read from a byte on, is what was sent. */
    async function expectContent(file: FileRef, text: string, fromByte = 0): Promise<void> {
      const content = await read(file, fromByte);
      if (world.misreads) expect(content).toHaveLength(text.length);
      else expect(content).toBe(text);
    }

    const find = (name = NAME) => store.find({ name, signal });
    const unfinished = (prefix = '') => store.unfinished({ prefix, signal });

    describe('a file that is put whole', () => {
      it('is found under its name, with its length, its digest and its mark', async () => {
        const { id, sha1: told } = await put('hello');

        expect(told).toBe(sha1('hello'));
        const file = { id, name: NAME, bytes: 5, sha1: sha1('hello'), mark: MARK, isFinished: true };
        expect(await find()).toEqual([file]);
        expect(await store.look({ file, signal })).toEqual(file);
        expect(await read(file)).toBe('hello');
        expect(await find('zoom/2026/01/05/algebra-1')).toEqual([]);
        expect(await unfinished()).toEqual([]);
      });

      it('may be empty', async () => {
        const { id } = await put('');

        expect(await find()).toMatchObject([{ id, bytes: 0, sha1: sha1('') }]);
        expect(await read({ id, name: NAME })).toBe('');
      });

      it('tells how many of its bytes are sent', async () => {
        const told: number[] = [];
        await store.put({ ...newFile(TEXT), ...body(TEXT), onSent: (bytes) => told.push(bytes) });

        expect(told.at(-1)).toBe(TEXT.length);
      });

      it.each([
        'zoom/2026/01/05/Геометрия-1.mp4',
        'zoom/2026/01/05/Γεωμετρία-1.mp4',
        'zoom/2026/01/05/هندسة-1.mp4',
        'zoom/2026/01/05/ජ්‍යාමිතිය-1.mp4',
        'zoom/2026/01/05/幾何-1.mp4',
        'zoom/2026/01/05/🎓👩‍🏫-1.mp4',
        "zoom/2026/01/05/a b+c,d&e%2Ff?g#h-._~!'()*:;=@$.mp4",
        `zoom/2026/01/05/${'ü'.repeat(100)}.mp4`,
        'a.mp4',
      ])('keeps the name %j', async (name) => {
        const { id } = await put('hello', { name });

        expect(await find(name)).toMatchObject([{ id, name, mark: MARK }]);
        expect(await read({ id, name })).toBe('hello');
        expect(await store.remove({ file: { id, name }, signal })).toBe('removed');
      });

      it.each([
        ['too few', 'hell'],
        ['too many', 'hello!'],
      ])('is not there if %s bytes come', async (_what, came) => {
        await expect(
          store.put({ ...newFile('hello'), bytes: 5, chunks: chunksOf(came), signal }),
        ).rejects.toThrow();

        expect(await find()).toEqual([]);
      });

      it('is not there if its source fails', async () => {
        async function* failing(): AsyncGenerator<Buffer> {
          yield Buffer.from('he');
          throw new Error('the download broke off');
        }
        await expect(
          store.put({ ...newFile('hello'), bytes: 5, chunks: failing(), signal }),
        ).rejects.toThrow();

        expect(await find()).toEqual([]);
      });

      it('is adopted by its mark by a process that knows nothing of it', async () => {
        const { id } = await put('hello');

        expect(await world.reopen().find({ name: NAME, signal })).toMatchObject([
          { id, mark: MARK, bytes: 5 },
        ]);
      });

      it('is made once more, or replaced, by a repeat, and both times whole', async () => {
        await put('hello');
        const { id } = await put('world, hello', { mark: { ...MARK, content: 'other' } });

        const [newest] = await find();
        expect(newest).toMatchObject({ id, bytes: 12, mark: { ...MARK, content: 'other' } });
        expect(await read({ id, name: NAME })).toBe('world, hello');
      });

      it("leaves somebody else's file of its name as it is", async () => {
        await world.putForeign(NAME, 'theirs');
        await put('hello').catch((error) => expect(error).toMatchObject({ code: 'REMOTE_REJECTED' }));

        expect(await world.contentsOf(NAME)).toContain('theirs');
        const theirs = (await find()).filter(({ mark }) => mark === undefined);
        expect(theirs).toMatchObject([{ bytes: 6 }]);
        expect(await unfinished()).toEqual([]);
      });
    });

    describe('a file in parts', () => {
      it('is made of them in their order, whatever order they came in, under the id that it began with', async () => {
        const file = await begin();
        expect(await store.look({ file, signal })).toMatchObject({ isFinished: false, mark: MARK });
        expect(await find()).toEqual([]);
        const last = { ...(await putPart(file, 3)), bytes: PARTS[2].length };
        const first = { ...(await putPart(file, 1)), bytes: PARTS[0].length };
        const second = { ...(await putPart(file, 2)), bytes: PARTS[1].length };
        expect(first.digest).toBe(digest(PARTS[0]));

        await store.finish({ file, parts: [first, second, last], signal });

        expect(await find()).toEqual([
          { ...file, bytes: TEXT.length, sha1: undefined, mark: MARK, isFinished: true },
        ]);
        await expectContent(file, TEXT);
        expect(await unfinished()).toEqual([]);
      });

      it('goes on in another process with the parts that have arrived', async () => {
        const file = await begin();
        await putPart(file, 1);
        store = world.reopen();

        expect(await store.parts({ file, signal })).toEqual(
          new Map([[1, { bytes: PARTS[0].length, digest: digest(PARTS[0]) }]]),
        );
        const parts = [
          { bytes: PARTS[0].length, digest: digest(PARTS[0]) },
          { bytes: PARTS[1].length, ...(await putPart(file, 2)) },
          { bytes: PARTS[2].length, ...(await putPart(file, 3)) },
        ];
        await store.finish({ file, parts, signal });

        await expectContent(file, TEXT);
      });

      it('takes a part again in place of the first', async () => {
        const file = await begin();
        await putPart(file, 1, PARTS[0].toUpperCase());
        const parts = await putParts(file);

        expect((await store.parts({ file, signal }))?.get(1)?.digest).toBe(digest(PARTS[0]));
        await store.finish({ file, parts, signal });
        await expectContent(file, TEXT);
      });

      it('has no part of which too few bytes came', async () => {
        const file = await begin();
        await putPart(file, 1);

        const part = {
          file,
          number: 1,
          startByte: 0,
          bytes: PARTS[0].length,
          chunks: chunksOf('hell'),
          signal,
        };
        await expect(store.putPart(part)).rejects.toThrow();

        const known = (await store.parts({ file, signal }))?.get(1);
        expect(known === undefined || known.digest === digest(PARTS[0])).toBe(true);
      });

      it('is not finished of other parts than have arrived', async () => {
        const file = await begin();
        const [first, second, third] = await putParts(file);
        const other = { bytes: PARTS[0].length, digest: digest('another beginnin') };

        await expect(
          store.finish({ file, parts: [other, second, third] as StoredPart[], signal }),
        ).rejects.toMatchObject({ name: 'KnownError' });
        await expect(
          store.finish({ file, parts: [first, third, second] as StoredPart[], signal }),
        ).rejects.toMatchObject({ name: 'KnownError' });

        expect(await find()).toEqual([]);
        await store.finish({ file, parts: [first, second, third] as StoredPart[], signal });
        await expectContent(file, TEXT);
      });

      it('is there once, however often it is finished', async () => {
        const file = await begin();
        const parts = await putParts(file);
        await store.finish({ file, parts, signal });

        await store.finish({ file, parts, signal }).catch((error) => {
          expect(error).toMatchObject({ code: 'REMOTE_REJECTED' });
        });

        expect(await find()).toMatchObject([{ ...file, isFinished: true }]);
        expect(await store.look({ file, signal })).toMatchObject({ isFinished: true, bytes: TEXT.length });
        expect(await store.parts({ file, signal })).toBeUndefined();
        expect(await world.contentsOf(NAME)).toHaveLength(1);
        await expectContent(file, TEXT);
      });

      it('may be abandoned, and again', async () => {
        const file = await begin();
        await putPart(file, 1);
        await store.abandon({ file, signal });
        await store.abandon({ file, signal });

        expect(await unfinished()).toEqual([]);
        expect(await store.look({ file, signal })).toBeUndefined();
        expect(await store.parts({ file, signal })).toBeUndefined();
        await expect(putPart(file, 2)).rejects.toMatchObject({ name: 'KnownError' });
      });

      it('stays when it is abandoned once it is finished', async () => {
        const file = await begin();
        await store.finish({ file, parts: await putParts(file), signal });
        await store.abandon({ file, signal });

        await expectContent(file, TEXT);
      });

      it('is found among the unfinished by the beginning of its name, oldest first, with its mark', async () => {
        const begun: FileRef[] = [];
        for (const n of [1, 2, 3]) begun.push(await begin({ name: `zoom/${n}.mp4` }));
        await begin({ name: 'manual/1.mp4' });

        const found = await store.unfinished({ prefix: 'zoom/', signal });

        expect(found.map(({ id, name }) => ({ id, name }))).toEqual(begun);
        expect(found[0]).toMatchObject({ mark: MARK, startedAtMs: expect.any(Number) });
        expect(Math.abs((found[0]?.startedAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
        expect(await unfinished()).toHaveLength(4);
        expect(await unfinished('nobody/')).toEqual([]);
      });
    });

    describe('a finished file', () => {
      it.each([0, 1, 7, TEXT.length])('is read from byte %d on', async (fromByte) => {
        const { id } = await put(TEXT);
        if (fromByte === TEXT.length) return;

        await expectContent({ id, name: NAME }, TEXT.slice(fromByte), fromByte);
        const opened = await store.open({ file: { id, name: NAME }, fromByte, signal });
        expect(opened.totalBytes).toBe(TEXT.length);
        opened.dismiss();
      });

      it('is removed, and a second time is harmless', async () => {
        const { id } = await put();
        const file = { id, name: NAME };

        expect(await store.remove({ file, signal })).toBe('removed');
        expect(await store.remove({ file, signal })).toBe('removed');

        expect(await find()).toEqual([]);
        expect(await store.look({ file, signal })).toBeUndefined();
        await expect(store.open({ file, fromByte: 0, signal })).rejects.toMatchObject({
          code: 'ARCHIVED_FILE_GONE',
        });
      });

      it('is told from another of its name that is removed', async () => {
        const { id: first } = await put('hello');
        await store.remove({ file: { id: first, name: NAME }, signal });
        const { id: second } = await put('hello');

        await store.remove({ file: { id: first, name: NAME }, signal });

        expect(await find()).toMatchObject([{ id: second }]);
      });
    });

    it('has no room: that is its own trouble and no recording’s, and goes by', async () => {
      if (world.fill === undefined) return;
      const file = await begin();
      await putPart(file, 1);
      const giveRoom = await world.fill();

      const errors = await Promise.all([
        put('hello', { name: 'zoom/full.mp4' }).catch((error) => error),
        store.begin({ ...newFile(TEXT, { name: 'zoom/full-2.mp4' }), signal }).catch((error) => error),
      ]);
      expect(errors.map(isOutage)).toEqual([true, true]);
      expect(errors.map(({ retry }) => retry)).not.toContain('never');
      await giveRoom();

      await put('hello', { name: 'zoom/full.mp4' });
      expect(await find('zoom/full.mp4')).toMatchObject([{ bytes: 5 }]);
      expect((await store.parts({ file, signal }))?.get(1)?.digest).toBe(digest(PARTS[0]));
    });

    it('says that it is well by what belongs to no recording, and leaves nothing', async () => {
      await store.probe({ signal });

      expect(await unfinished()).toEqual([]);
      const { partBytes, minPartBytes } = await store.limits({ signal });
      expect(partBytes).toBeGreaterThanOrEqual(minPartBytes);
    });

    it('does nothing more once it is to stop', async () => {
      const stopped = AbortSignal.abort(new Error('the worker stops'));

      await expect(store.put({ ...newFile('hello'), ...body('hello'), signal: stopped })).rejects.toThrow(
        'the worker stops',
      );
      expect(await find()).toEqual([]);
    });

    describe('an answer that is lost', () => {
      it('of a file that was put whole leaves it to be found by its mark', async () => {
        if (world.loseAnswer === undefined) return;
        world.loseAnswer('put');
        await expect(put()).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });

        expect(await find()).toMatchObject([{ mark: MARK, bytes: 5 }]);
      });

      it('of a beginning leaves it to be found among the unfinished', async () => {
        if (world.loseAnswer === undefined) return;
        world.loseAnswer('begin');
        await expect(begin()).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });

        const [found] = await unfinished(NAME);
        expect(found).toMatchObject({ name: NAME, mark: MARK });
        expect(await store.parts({ file: found as FileRef, signal })).toEqual(new Map());
      });

      it('of a part leaves it where a repeat replaces it', async () => {
        if (world.loseAnswer === undefined) return;
        const file = await begin();
        world.loseAnswer('putPart');
        await expect(putPart(file, 1)).rejects.toMatchObject({ code: 'REMOTE_UNAVAILABLE' });

        expect((await store.parts({ file, signal }))?.get(1)?.digest).toBe(digest(PARTS[0]));
        await store.finish({ file, parts: await putParts(file), signal });
        await expectContent(file, TEXT);
      });

      it('of the end leaves a file that says itself that it is finished', async () => {
        if (world.loseAnswer === undefined) return;
        const file = await begin();
        const parts = await putParts(file);
        world.loseAnswer('finish');
        await expect(store.finish({ file, parts, signal })).rejects.toMatchObject({
          code: 'REMOTE_UNAVAILABLE',
        });

        expect(await store.look({ file, signal })).toMatchObject({ isFinished: true, bytes: TEXT.length });
      });
    });
  });
}
