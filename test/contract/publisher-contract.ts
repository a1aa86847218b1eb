import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KnownError } from '../../src/domain/errors.ts';
import { publisherOf } from '../../src/domain/published.ts';
import type { Publisher, Video } from '../../src/engine/ports/publisher.ts';

/** A publisher as a test may use it, and what lies with it, seen from the other side. */
export interface PublisherUnderTest {
  readonly publisher: Publisher;
  /** The bytes of a video as people get them. */
  read(videoId: string): Promise<Buffer>;
  /** Puts something of somebody else there; says whether it still is. */
  addForeign(): Promise<() => Promise<boolean>>;
  /** All that is there, in words that differ where anything does. */
  inventory(): Promise<unknown>;
  close(): Promise<void>;
}

const RECORDING = { id: 'rec_0123456789abcdef01234567', title: 'Алгебра & más +1: 代数 🧮' };
const OTHER = { id: 'rec_ffffffffffffffffffffffff', title: RECORDING.title };
const BYTES = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7 + (at >> 8)) % 256));
const { signal } = new AbortController();

async function* inPieces(bytes: Buffer, pieceBytes = 65_536): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** What every publisher has to do. */
export function describePublisher(name: string, open: () => Promise<PublisherUnderTest>): void {
  let house: PublisherUnderTest;
  let publisher: Publisher;
  beforeEach(async () => {
    house = await open();
    publisher = house.publisher;
  });
  afterEach(() => house.close());

  const reserve = async (recording = RECORDING, shelf: string | null = null) =>
    (await publisher.reserve({ recording, shelf, extension: 'mp4', signal })).videoId;

  const begin = async (videoId: string, bytes = BYTES.length) => {
    const of = { videoId, recording: RECORDING, bytes, mediaType: 'video/mp4', signal };
    return { videoId, uploadUrl: (await publisher.begin(of)).uploadUrl };
  };

  const append = (target: { videoId: string; uploadUrl: string }, start: number, end: number) =>
    publisher.append({
      ...target,
      offset: start,
      bytes: end - start,
      chunks: inPieces(BYTES.subarray(start, end)),
      signal,
    });

  const offset = (target: { videoId: string; uploadUrl: string }) => publisher.offset({ ...target, signal });

  const playable = async (videoId: string) => {
    await vi.waitFor(async () =>
      expect(await publisher.look({ videoId, signal })).toMatchObject({ status: 'playable' }),
    );
    return await house.read(videoId);
  };

  async function publish(recording = RECORDING): Promise<string> {
    const videoId = await reserve(recording);
    const target = await begin(videoId);
    await append(target, 0, BYTES.length);
    await playable(videoId);
    return videoId;
  }

  const ownIds = async (recording = RECORDING) =>
    (await publisher.findOwn({ recording, signal })).map(({ videoId }) => videoId).sort();

  describe(`as a publisher, ${name}`, () => {
    it('is well, and nothing stays of the question', async () => {
      const before = await house.inventory();
      await publisher.probe({ signal });
      expect(await house.inventory()).toEqual(before);
    });

    it('makes a video that is empty, and is its recording’s alone', async () => {
      const videoId = await reserve();

      const known = { videoId, status: 'empty', ownerId: RECORDING.id };
      expect(await publisher.look({ videoId, signal })).toMatchObject(known);
      expect(await publisher.findOwn({ recording: RECORDING, signal })).toMatchObject([known]);
      expect(await ownIds(OTHER)).toEqual([]);
    });

    it('says when a video was begun, by our clock', async () => {
      const video = await publisher.look({ videoId: await reserve(), signal });
      expect(Math.abs((video?.createdAtMs ?? 0) - Date.now())).toBeLessThan(60_000);
    });

    it('takes a video in pieces, says how far it is, and shows it byte for byte', async () => {
      const videoId = await reserve();
      const target = await begin(videoId);
      expect(await offset(target)).toEqual({ offset: 0, totalBytes: BYTES.length });

      expect(await append(target, 0, 100_000)).toEqual({ offset: 100_000 });
      expect(await offset(target)).toMatchObject({ offset: 100_000 });
      expect(await publisher.look({ videoId, signal })).toMatchObject({ status: 'empty' });
      expect(await append(target, 100_000, BYTES.length)).toEqual({ offset: BYTES.length });

      expect((await playable(videoId)).equals(BYTES)).toBe(true);
      expect(await publisher.look({ videoId, signal })).toMatchObject({ ownerId: RECORDING.id });
    });

    it('tells how much has left', async () => {
      const target = await begin(await reserve());
      const sent: number[] = [];
      await publisher.append({
        ...target,
        offset: 0,
        bytes: BYTES.length,
        chunks: inPieces(BYTES),
        onSent: (bytes) => sent.push(bytes),
        signal,
      });
      expect(sent.at(-1)).toBe(BYTES.length);
      expect(sent).toEqual([...sent].sort((a, b) => a - b));
    });

    it('keeps what arrived of a request that broke off, and goes on behind it', async () => {
      const target = await begin(await reserve());
      async function* breaking(): AsyncGenerator<Buffer> {
        yield BYTES.subarray(0, 65_536);
        throw new Error('the reader has failed');
      }
      await expect(
        publisher.append({ ...target, offset: 0, bytes: BYTES.length, chunks: breaking(), signal }),
      ).rejects.toThrow('the reader has failed');

      // The service may not have noticed yet that nobody sends any more; it says so, and is asked again.
      const at = await vi.waitUntil(async () => {
        const from = (await offset(target))?.offset ?? -1;
        expect(from).toBeLessThanOrEqual(65_536);
        try {
          await append(target, from, BYTES.length);
          return from + 1;
        } catch (error) {
          if (error instanceof KnownError && error.details['status'] === 409) return undefined;
          throw error;
        }
      }, 20_000);
      expect(at).toBeGreaterThan(0);

      expect((await playable(target.videoId)).equals(BYTES)).toBe(true);
    });

    it('takes nothing at another place than where the upload stands', async () => {
      const target = await begin(await reserve());
      await append(target, 0, 100_000);
      await expect(append(target, 50_000, 150_000)).rejects.toMatchObject({ name: 'KnownError' });
      await expect(append(target, 150_000, 200_000)).rejects.toMatchObject({ name: 'KnownError' });
      expect(await offset(target)).toMatchObject({ offset: 100_000 });
    });

    it('has all of it where the answer to the last bytes was lost', async () => {
      const target = await begin(await reserve());
      await append(target, 0, BYTES.length);
      const known = await offset(target);
      // Some forget an upload once all of it has arrived; then the video says so.
      if (known !== undefined) expect(known.offset).toBe(BYTES.length);
      expect((await playable(target.videoId)).equals(BYTES)).toBe(true);
    });

    it('begins an upload anew in the same video', async () => {
      const videoId = await reserve();
      await append(await begin(videoId), 0, 100_000);

      const again = await begin(videoId);
      expect(await offset(again)).toMatchObject({ offset: 0 });
      await append(again, 0, BYTES.length);

      expect((await playable(videoId)).equals(BYTES)).toBe(true);
    });

    it('keeps two videos of one recording apart, and removes one without the other', async () => {
      const first = await publish();
      const second = await publish();
      expect(await ownIds()).toEqual([first, second].sort());

      await publisher.remove({ videoId: first, signal });

      expect(await ownIds()).toEqual([second]);
      expect((await house.read(second)).equals(BYTES)).toBe(true);
    });

    it('removes a video that is half there, and one that is gone already', async () => {
      const before = await house.inventory();
      const videoId = await reserve();
      await append(await begin(videoId), 0, 100_000);

      await publisher.remove({ videoId, signal });
      expect(await publisher.look({ videoId, signal })).toBeUndefined();
      expect(await ownIds()).toEqual([]);
      await publisher.remove({ videoId, signal });
      await publisher.remove({ videoId: await publish(), signal });

      expect(await house.inventory()).toEqual(before);
    });

    it('knows no video and no upload that it has never made', async () => {
      for (const videoId of [
        '8a6bb0a1-0000-4000-8000-000000000000',
        'folder/ffff-0123456789abcdef01234567.mp4',
      ]) {
        expect(await publisher.look({ videoId, signal })).toBeUndefined();
        await publisher.remove({ videoId, signal });
      }
    });

    it('lists what is ours with its mark, and claims nothing of others', async () => {
      const isThere = await house.addForeign();
      const [empty, whole] = [await reserve(), await publish(OTHER)];

      const listed: Video[] = [];
      for await (const video of publisher.list({ signal })) listed.push(video);

      const ours = listed.filter(({ ownerId }) => ownerId !== undefined);
      expect(Object.fromEntries(ours.map(({ videoId, ownerId }) => [videoId, ownerId]))).toEqual({
        [empty]: RECORDING.id,
        [whole]: OTHER.id,
      });
      for (const videoId of [empty, whole]) await publisher.remove({ videoId, signal });
      expect(await isThere()).toBe(true);
    });

    it('puts a video on a shelf that may not be there yet', async () => {
      const first = await reserve(RECORDING, 'Mathematics / 数学');
      const second = await reserve(OTHER, 'Mathematics / 数学');
      expect(await ownIds()).toEqual([first]);
      expect(await ownIds(OTHER)).toEqual([second]);
    });

    it('records of each video what tells it from all others, and whose it is', async () => {
      const [first, second] = [await reserve(), await reserve()];
      expect(publisher.factOf(first)).toMatchObject({ videoId: first });
      expect(publisher.factOf(first)).not.toEqual(publisher.factOf(second));
      expect(publisherOf(first)).toBe(publisher.name);
    });

    it('keeps its mark when it gets its plain title', async () => {
      const videoId = await publish();
      const video = await publisher.look({ videoId, signal });
      if (publisher.setTitle === undefined) {
        expect(video).toMatchObject({ hasPlainTitle: true, madeOfBytes: BYTES.length });
        return;
      }
      expect(video?.hasPlainTitle).toBe(false);
      for (let time = 1; time <= 2; time += 1) {
        await publisher.setTitle({
          video: video ?? { videoId, tags: [] },
          recording: RECORDING,
          bytes: BYTES.length,
          signal,
        });
        expect(await publisher.look({ videoId, signal })).toMatchObject({
          title: RECORDING.title,
          ownerId: RECORDING.id,
          hasPlainTitle: true,
          madeOfBytes: BYTES.length,
        });
      }
      expect(await ownIds()).toEqual([videoId]);
    });

    it('shows captions, if it can, in place of those that were there', async () => {
      const { captions } = publisher;
      const videoId = await publish();
      const language = { videoId, language: 'en', label: 'English', signal };
      const shown = async () => (await publisher.look({ videoId, signal }))?.captions;
      for (const text of ['WEBVTT\n', 'WEBVTT again\n']) {
        await captions?.set({ ...language, text: Buffer.from(text) });
        expect(await shown()).toEqual(captions === undefined ? [] : [{ language: 'en', label: 'English' }]);
      }
      await captions?.remove(language);
      await captions?.remove(language);
      expect(await shown()).toEqual([]);
    });

    it('does nothing for somebody who has given up', async () => {
      const before = await house.inventory();
      const gone = { signal: AbortSignal.abort(new Error('given up')) };
      await expect(
        publisher.reserve({ recording: RECORDING, shelf: null, extension: 'mp4', ...gone }),
      ).rejects.toThrow();
      await expect(publisher.look({ videoId: 'x', ...gone })).rejects.toThrow();
      await expect(publisher.probe(gone)).rejects.toThrow();
      expect(await house.inventory()).toEqual(before);
    });
  });
}
