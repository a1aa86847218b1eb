import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { outputPrefix } from '../../src/domain/output-keys.ts';
import type { OutputFile, OutputPlace } from '../../src/engine/ports/output-place.ts';

/** A place of outputs to try, with the means to see and to spoil what lies behind it. */
export interface OutputPlaceWorld {
  readonly place: OutputPlace;
  /** The same place as another process sees it. */
  reopen(): OutputPlace;
  /** Its public address. */
  readonly url: string;
  /** Puts somebody else's file there. */
  putForeign(key: string, text: string): Promise<void>;
  /** What somebody finds who looks there without us; `undefined`: nothing. */
  read(key: string): Promise<Buffer | undefined>;
  /** How many bytes a file has from which on it is sent in several pieces; absent: it is always sent in one. */
  readonly largeBytes?: number;
  /** How many files and beginnings of files lie there beside those that are listed. */
  scraps(): Promise<number>;
  /**
   * What is behind it gives back what was made of parts, and ranges, otherwise than they came, and lists parts among files:
   * there the length of large files is looked at alone, and files are read whole.
   */
  readonly misreads?: boolean;
  close(): Promise<void>;
}

const { signal } = new AbortController();
const MARK = { recordingId: 'rec_1a', step: 'package', fence: 7 };
const PREFIX = outputPrefix(MARK);
const KEY = `${PREFIX}hls/720p/segment-1.m4s`;

/** What every place of outputs does. What one of them does beyond that has tests of its own. */
export function outputPlaceContract(name: string, open: () => Promise<OutputPlaceWorld>): void {
  describe(name, () => {
    let world: OutputPlaceWorld;
    let place: OutputPlace;
    let local: string;

    beforeEach(async () => {
      local = await mkdtemp(join(tmpdir(), 'sluice-output-'));
      world = await open();
      place = world.place;
    });
    afterEach(async () => {
      await world.close();
      await rm(local, { recursive: true, force: true });
    });

    async function put(content: string | Buffer = 'hello', more: Partial<OutputFile> = {}) {
      const path = join(local, 'output');
      await writeFile(path, content);
      return await place.put({ key: KEY, path, mediaType: 'video/iso.segment', mark: MARK, ...more, signal });
    }

    async function listed(prefix = ''): Promise<string[]> {
      const keys: string[] = [];
      for await (const { key } of place.list({ prefix, signal })) keys.push(key);
      return keys.sort();
    }

    const look = (key = KEY) => place.look({ key, signal });
    const read = async (key = KEY) => (await world.read(key))?.toString();

    describe('a file that is put', () => {
      it('lies at its key, with its length and whose it is', async () => {
        expect(await put('hello')).toEqual({ bytes: 5 });

        expect(await read()).toBe('hello');
        expect(await look()).toEqual({ bytes: 5, ...MARK });
        expect(await listed()).toEqual([KEY]);
        expect(await world.scraps()).toBe(0);
      });

      it('may be empty', async () => {
        expect(await put('')).toEqual({ bytes: 0 });

        expect(await read()).toBe('');
        expect(await look()).toMatchObject({ bytes: 0 });
      });

      it('tells how many of its bytes are sent', async () => {
        const told: number[] = [];
        await put(Buffer.alloc(3_000_000, 'x'), { onSent: (bytes) => told.push(bytes) });

        expect(told.at(-1)).toBe(3_000_000);
        expect(told).toEqual([...told].sort((one, other) => one - other));
      });

      it('takes the place of an earlier one', async () => {
        await put('hello');
        await put('another, longer one');

        expect(await read()).toBe('another, longer one');
        expect(await look()).toMatchObject({ bytes: 19 });
        expect(await listed()).toEqual([KEY]);
      });

      it("takes the place of somebody else's, under an address that somebody has chosen", async () => {
        const key = 'courses/algebra/index.m3u8';
        await world.putForeign(key, 'theirs');
        expect(await look(key)).toMatchObject({ bytes: 6, recordingId: undefined });

        await put('ours', { key });

        expect(await read(key)).toBe('ours');
        expect(await world.reopen().look({ key, signal })).toEqual({ bytes: 4, ...MARK });
      });

      it.each([
        'courses/Геометрия/1.mp4',
        'courses/幾何 🎓/1.mp4',
        "courses/a b+c,d&e%2Ff?g#h-._~!'()*:;=@$.mp4",
        'poster.jpg',
      ])('keeps the key %j', async (key) => {
        await put('hello', { key });

        expect(await look(key)).toEqual({ bytes: 5, ...MARK });
        expect(await listed()).toEqual([key]);
        expect(await read(key)).toBe('hello');
        const { pathname, origin } = new URL(place.address(key) ?? '');
        expect(`${origin}/${decodeURIComponent(pathname.slice(1))}`).toBe(`${world.url}/${key}`);
        await place.remove({ keys: [key], signal });
        expect(await look(key)).toBeUndefined();
      });

      it.each(['../out.mp4', 'a/../../out.mp4', '/etc/out', 'a//b.mp4', 'a/./b.mp4', ''])(
        'is not put at %j, which is no key',
        async (key) => {
          await expect(put('hello', { key })).rejects.toMatchObject({
            code: 'REMOTE_REJECTED',
            retry: 'never',
          });

          expect(await listed()).toEqual([]);
        },
      );

      it('is not there when the file on this machine is missing', async () => {
        const path = join(local, 'nowhere');
        const missing = place.put({ key: KEY, path, mediaType: 'video/mp4', mark: MARK, signal });
        await expect(missing).rejects.toMatchObject({ code: 'ENOENT' });

        expect(await look()).toBeUndefined();
        expect(await world.scraps()).toBe(0);
      });

      it('is not there when it is to stop before', async () => {
        const path = join(local, 'output');
        await writeFile(path, 'hello');
        const stopped = AbortSignal.abort(new Error('the worker stops'));

        const put = place.put({ key: KEY, path, mediaType: 'video/mp4', mark: MARK, signal: stopped });
        await expect(put).rejects.toThrow('the worker stops');

        expect(await look()).toBeUndefined();
        expect(await world.scraps()).toBe(0);
      });
    });

    describe('a large file', () => {
      const large = () => Buffer.alloc((world.largeBytes ?? 3_000_000) + 1_000_001, 'sluice, and more');

      async function expectContent(content: Buffer): Promise<void> {
        const found = await world.read(KEY);
        if (world.misreads) expect(found).toHaveLength(content.length);
        else expect(found?.equals(content)).toBe(true);
      }

      it('arrives as it is', async () => {
        const content = large();
        expect(await put(content)).toEqual({ bytes: content.length });

        await expectContent(content);
        expect(await look()).toEqual({ bytes: content.length, ...MARK });
        expect(await world.scraps()).toBe(0);
      });

      it('that is stopped is not there, nor does anything of it stay once it is abandoned', async () => {
        const stop = new AbortController();
        let state: string | undefined;
        const path = join(local, 'output');
        await writeFile(path, large());
        const broken = place.put({
          key: KEY,
          path,
          mediaType: 'video/mp4',
          mark: MARK,
          resume: {
            state: undefined,
            async save(noted) {
              state = noted;
            },
          },
          onSent: (sentBytes) => {
            if (sentBytes > 2_000_000) stop.abort(new Error('the worker stops'));
          },
          signal: stop.signal,
        });
        await expect(broken).rejects.toThrow('the worker stops');

        expect(await look()).toBeUndefined();
        if (!world.misreads) expect(await listed()).toEqual([]);
        const again = world.reopen();
        for (let times = 0; state !== undefined && times < 2; times += 1) {
          await again.abandon({ key: KEY, state, signal });
        }
        await expect.poll(() => world.scraps()).toBe(0);
      });

      it('goes on in another process with what was noted', async () => {
        const content = large();
        const stop = new AbortController();
        let state: string | undefined;
        const path = join(local, 'output');
        await writeFile(path, content);
        const file = { key: KEY, path, mediaType: 'video/mp4', mark: MARK };
        async function save(noted: string) {
          state = noted;
        }
        const onSent = (sentBytes: number) => {
          if (sentBytes > 2_000_000) stop.abort(new Error('the worker stops'));
        };
        const resume = { state, save };
        await place.put({ ...file, resume, onSent, signal: stop.signal }).catch(() => {});

        expect(await world.reopen().put({ ...file, resume: { state, save }, signal })).toEqual({
          bytes: content.length,
        });

        await expectContent(content);
        await expect.poll(() => world.scraps()).toBe(0);
      });
    });

    it('is read from any byte on, and nothing is read where nothing lies', async () => {
      await put('0123456789');
      const open = async (fromByte: number, key = KEY) => await place.open({ key, fromByte, signal });
      for (const fromByte of world.misreads === true ? [0] : [0, 4]) {
        const opened = await open(fromByte);
        const chunks: Buffer[] = [];
        for await (const chunk of opened?.chunks ?? []) chunks.push(chunk);
        expect(opened).toMatchObject({ startByte: fromByte, totalBytes: 10 });
        expect(Buffer.concat(chunks).toString()).toBe('0123456789'.slice(fromByte));
      }
      (await open(0))?.dismiss();
      expect(await open(0, `${PREFIX}nowhere`)).toBeUndefined();
    });

    describe('many files', () => {
      const keys = ['a/1', 'a/2', 'a/b/3', 'ab/4', 'c'].map((name) => `${PREFIX}${name}`);

      it('are listed by the beginning of their keys', async () => {
        await world.putForeign('theirs.txt', 'theirs');
        for (const key of keys) await put(key, { key });

        expect(await listed(PREFIX)).toEqual(keys);
        expect(await listed(`${PREFIX}a`)).toEqual(keys.slice(0, 4));
        expect(await listed(`${PREFIX}a/`)).toEqual(keys.slice(0, 3));
        expect(await listed('runs/rec_')).toEqual(keys);
        expect(await listed('runs/rec_2/')).toEqual([]);
        expect(await listed()).toEqual([...keys, 'theirs.txt']);
        for await (const { key, bytes } of place.list({ prefix: PREFIX, signal })) {
          expect(bytes).toBe(key.length);
        }
      });

      it('are put at the same time', async () => {
        await Promise.all(
          keys.map(async (key, n) => {
            const path = join(local, String(n));
            await writeFile(path, key);
            await place.put({ key, path, mediaType: 'video/mp2t', mark: MARK, signal });
          }),
        );

        expect(await listed(PREFIX)).toEqual(keys);
        expect(await Promise.all(keys.map(read))).toEqual(keys);
      });

      it('are removed, and a second time is harmless; the others stay', async () => {
        for (const key of keys) await put('hello', { key });
        const [first = '', ...others] = keys;

        await place.remove({ keys: [first, `${PREFIX}nowhere`], signal });
        await place.remove({ keys: [first], signal });

        expect(await look(first)).toBeUndefined();
        expect(await listed()).toEqual(others);
        await place.remove({ keys: others, signal });
        expect(await listed()).toEqual([]);
        await place.remove({ keys: [], signal });
      });
    });

    it('says that it is well, and leaves nothing', async () => {
      await place.probe({ signal });

      expect(await listed()).toEqual([]);
      expect(await world.scraps()).toBe(0);
    });
  });
}
