import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createMediaGate, STRICT_MEDIA_GATE } from '../../src/lib/media-gate.ts';
import { createUpload, head, idOf, patch, problemIn } from '../support/tus-client.ts';
import { startTusWorld, type TusWorld } from '../support/tus-world.ts';

let world: TusWorld;
afterEach(() => world.stop());

const SAMPLE = new URL('../fixtures/sample.mp4', import.meta.url);
const NOISE = Buffer.concat([Buffer.from('00000000', 'hex'), Buffer.alloc(20_000, 1)]);

describe('what only the whole tells', () => {
  it('is taken, and looked at before the last answer', async () => {
    world = await startTusWorld({ media: STRICT_MEDIA_GATE });
    const room = Buffer.concat([Buffer.from('00003000', 'hex'), Buffer.from('uuid'), randomBytes(0x2ff8)]);
    const film = Buffer.concat([room, await readFile(SAMPLE)]);
    const url = await createUpload(world.url, film.length);

    expect((await patch(url, 0, film.subarray(0, 9000))).status).toBe(204);
    expect((await patch(url, 9000, film.subarray(9000))).status).toBe(204);
    expect(film.equals(await readFile(world.paths.finished(idOf(url))))).toBe(true);
  });

  it('is refused where it is neither audio nor video, and nothing is left of it', async () => {
    world = await startTusWorld({ media: STRICT_MEDIA_GATE });
    const url = await createUpload(world.url, NOISE.length);

    expect((await patch(url, 0, NOISE.subarray(0, 9000))).status).toBe(204);
    const answer = await patch(url, 9000, NOISE.subarray(9000));

    expect(problemIn(answer)).toMatchObject({ status: 415, code: 'NOT_MEDIA' });
    expect((await head(url)).status).toBe(404);
    expect(await readdir(world.paths.uploads)).toEqual([]);
    expect(world.pipeline.posts).toEqual([]);
  });

  it('is taken where an operator allows it, by its name', async () => {
    world = await startTusWorld({ media: createMediaGate({ allowed: ['acm'] }) });
    const url = await createUpload(world.url, NOISE.length, { ace_id: 'lesson-1', filename: 'lesson.acm' });

    expect((await patch(url, 0, NOISE)).status).toBe(204);
  });
});
