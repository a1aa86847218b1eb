import { readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { lengthOf } from '../../src/lib/files.ts';
import { createQueueLocker } from '../../src/tus/queue-locker.ts';
import { createSweep } from '../../src/tus/sweep.ts';
import { createUpload, head, idOf, offsetOf, patch } from '../support/tus-client.ts';
import { startTusWorld, type TusWorld } from '../support/tus-world.ts';

const EXPIRES_AFTER_MS = 3_600_000;
const CONTENT = Buffer.from('0123456789');

let world: TusWorld;
beforeEach(async () => {
  world = await startTusWorld({ expiresAfterMs: EXPIRES_AFTER_MS });
});
afterEach(() => world.stop());

/** Makes a file look as if nothing had been written to it for longer than the expiry. */
async function age(path: string): Promise<void> {
  const longAgo = new Date(Date.now() - EXPIRES_AFTER_MS - 60_000);
  await utimes(path, longAgo, longAgo);
}

/** An upload with half its bytes. */
async function half(aceId = 'lesson-1'): Promise<{ url: string; id: string }> {
  const url = await createUpload(world.url, CONTENT.length, { ace_id: aceId });
  await patch(url, 0, CONTENT.subarray(0, 5));
  return { url, id: idOf(url) };
}

describe('an unfinished upload', () => {
  it('is removed once no byte has come for the time of expiry (C23)', async () => {
    const old = await half();
    const young = await half();
    await age(world.paths.data(old.id));

    await world.restart();

    await expect
      .poll(() => readdir(world.paths.uploads))
      .toEqual(expect.not.arrayContaining([old.id, `${old.id}.json`]));
    expect((await head(old.url)).status).toBe(404);
    expect(await offsetOf(young.url)).toBe(5);
  });

  it('is gone for its client from the same moment, before it is removed (C23)', async () => {
    const { url, id } = await half();
    await age(world.paths.data(id));

    expect((await head(url)).status).toBe(410);
    expect((await patch(url, 5, CONTENT.subarray(5))).status).toBe(410);
  });

  it('ages from its last byte, not from its creation', async () => {
    const { url, id } = await half();
    const sidecar = world.paths.sidecar(id);
    await age(sidecar);
    await age(world.paths.data(id));
    await writeFile(world.paths.data(id), CONTENT.subarray(0, 6));

    await world.restart();
    const answer = await patch(url, 6, CONTENT.subarray(6, 8));

    expect(answer.status).toBe(204);
    const { mtimeMs } = await stat(world.paths.data(id));
    const expiresAtMs = Date.parse(String(answer.headers['upload-expires']));
    expect(Math.abs(expiresAtMs - mtimeMs - EXPIRES_AFTER_MS)).toBeLessThan(60_000);
  });
});

describe('a finished upload', () => {
  it('is never removed, however old it is', async () => {
    world.pipeline.answer = () => ({ status: 503 });
    const { url, id } = await half();
    await patch(url, 5, CONTENT.subarray(5));
    await age(world.paths.finished(id));
    await age(world.paths.note(id));

    await world.restart();
    world.pipeline.answer = () => undefined;

    await expect.poll(() => lengthOf(world.paths.note(id))).toBeUndefined();
    expect(await lengthOf(world.paths.finished(id))).toBe(CONTENT.length);
  });

  it('is never removed either while it waits to be finished', async () => {
    const { id } = await half();
    await world.stopTus();
    await writeFile(world.paths.data(id), CONTENT);
    await age(world.paths.data(id));

    await world.startTus();

    await expect.poll(() => world.pipeline.posts).toHaveLength(1);
    expect(await lengthOf(world.paths.finished(id))).toBe(CONTENT.length);
  });

  it('is found by the sweep, and never swept away, when nobody has noticed that it is complete', async () => {
    const { id } = await half();
    await world.stopTus();
    await writeFile(world.paths.data(id), CONTENT);
    await age(world.paths.data(id));
    const onComplete = vi.fn();
    const { log, paths } = world;
    const locker = createQueueLocker();
    const isClockSettled = async () => true;
    const terms = { expiresAfterMs: EXPIRES_AFTER_MS, isClockSettled };
    const sweep = createSweep({ paths, ...terms, locker, onComplete, log });

    await sweep.run();

    expect(onComplete).toHaveBeenCalledExactlyOnceWith(id);
    expect(await lengthOf(paths.data(id))).toBe(CONTENT.length);
  });

  it('is forgotten after the time of expiry', async () => {
    const { url, id } = await half();
    await patch(url, 5, CONTENT.subarray(5));
    await expect.poll(() => lengthOf(world.paths.note(id))).toBeUndefined();
    await world.stopTus();
    const finishedAtMs = Date.now() - EXPIRES_AFTER_MS - 1;
    const sidecar = { id, size: CONTENT.length, metadata: { ace_id: 'lesson-1' }, finishedAtMs };
    await writeFile(world.paths.sidecar(id), JSON.stringify(sidecar));

    await world.startTus();

    await expect.poll(() => readdir(world.paths.uploads)).toEqual([]);
    expect((await head(url)).status).toBe(404);
    expect(await lengthOf(world.paths.finished(id))).toBe(CONTENT.length);
  });
});

describe('a leftover', () => {
  it('of an interrupted write or creation is removed', async () => {
    await world.stopTus();
    const id = 'b'.repeat(32);
    const names = [
      world.paths.data(id),
      `${world.paths.sidecar(id)}.123.tmp`,
      `${world.paths.note(id)}.123.tmp`,
    ];
    for (const name of names) {
      await writeFile(name, '');
      await age(name);
    }
    await writeFile(world.paths.sidecar('c'.repeat(32)), '{"id":"c","size":5,"metadata":{}}');

    await world.startTus();

    await expect.poll(() => readdir(world.paths.uploads)).toEqual([]);
    await expect.poll(() => readdir(world.paths.incoming)).toEqual(['refused']);
  });
});
