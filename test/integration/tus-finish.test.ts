import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rmdir, symlink, unlink, writeFile } from 'node:fs/promises';
import { Upload } from '@tus/server';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { lengthOf } from '../../src/lib/files.ts';
import { createFinisher } from '../../src/tus/finisher.ts';
import { UploadStore } from '../../src/tus/upload-store.ts';
import {
  createUpload,
  head,
  idOf,
  metadataHeader,
  offsetOf,
  patch,
  problemIn,
  stockUpload,
  tusRequest,
} from '../support/tus-client.ts';
import { startTusWorld, type TusWorld, UNGUARDED } from '../support/tus-world.ts';

let world: TusWorld;
beforeEach(async () => {
  world = await startTusWorld({ expiresAfterMs: 10 * 365 * 86_400_000 });
});
afterEach(() => world.stop());

const CONTENT = Buffer.from('0123456789');

/** An upload that has all its bytes but the last. */
async function almostDone(aceId = 'lesson-1'): Promise<{ url: string; id: string }> {
  const url = await createUpload(world.url, CONTENT.length, { ace_id: aceId });
  await patch(url, 0, CONTENT.subarray(0, -1));
  return { url, id: idOf(url) };
}

const sendLastByte = (url: string) => patch(url, CONTENT.length - 1, CONTENT.subarray(-1));

describe('a finished upload', () => {
  it('has moved and has a note by the time its last byte is answered', async () => {
    world.pipeline.answer = () => ({ status: 503 });
    const { url, id } = await almostDone();

    const answer = await sendLastByte(url);

    expect(answer.status).toBe(204);
    expect(await readFile(world.paths.finished(id))).toEqual(CONTENT);
    expect(await lengthOf(world.paths.data(id))).toBeUndefined();
    expect(JSON.parse(await readFile(world.paths.note(id), 'utf8'))).toEqual({
      upload_id: id,
      ace_id: 'lesson-1',
      size: CONTENT.length,
    });
  });

  it('is never sent again by a client that missed the last answer', async () => {
    const { url } = await almostDone();
    await sendLastByte(url);
    await world.restart();

    const methods: string[] = [];
    await stockUpload(CONTENT, {
      endpoint: world.url,
      uploadUrl: url,
      onBeforeRequest: (request) => void methods.push(request.getMethod()),
    }).done;

    expect(methods).toEqual(['HEAD']);
  });

  it('is handed over once, however often its end is announced (C9)', async () => {
    const { url, id } = await almostDone();
    await sendLastByte(url);
    await expect.poll(() => lengthOf(world.paths.note(id))).toBeUndefined();

    const again = [
      await patch(url, CONTENT.length, Buffer.alloc(0)),
      await patch(url, CONTENT.length, Buffer.alloc(0)),
    ];

    expect(again).toMatchObject([{ status: 204 }, { status: 204 }]);
    await world.stopTus();
    expect(world.pipeline.posts).toHaveLength(1);
  });

  it('is not handed over again when the end is announced while it is being finished (C9)', async () => {
    world.pipeline.answer = (_body, attempt) => (attempt < 3 ? { status: 503 } : undefined);
    const { url, id } = await almostDone();

    const answers = await Promise.all([
      sendLastByte(url),
      ...Array.from({ length: 5 }, () => patch(url, CONTENT.length, Buffer.alloc(0))),
    ]);
    await expect.poll(() => lengthOf(world.paths.note(id))).toBeUndefined();

    expect(answers[0]?.status).toBe(204);
    await world.stopTus();
    expect(world.pipeline.posts).toHaveLength(3);
    expect(world.logLines.filter((line) => line['event'] === 'upload.finished')).toHaveLength(1);
  });

  it('is moved once when several ask for it at the same moment (C9)', async () => {
    const { id } = await almostDone();
    await world.stopTus();
    await writeFile(world.paths.data(id), CONTENT);
    const add = vi.fn();
    const finisher = createFinisher({
      paths: world.paths,
      handOff: { add },
      media: UNGUARDED.media,
      log: world.log,
    });

    await Promise.all([finisher.finish(id), finisher.finish(id), finisher.finish(id)]);
    await finisher.finish(id);

    expect(add).toHaveBeenCalledWith({ upload_id: id, ace_id: 'lesson-1', size: CONTENT.length });
    expect(await readFile(world.paths.finished(id))).toEqual(CONTENT);
    await finisher.stop();
  });

  it('stays, whatever a DELETE at the same moment wants', async () => {
    const uploads = await Promise.all(
      Array.from({ length: 10 }, (_, index) => almostDone(`lesson-${index}`)),
    );

    await Promise.all(
      uploads.map(async ({ url, id }) => {
        const [finished, deleted] = await Promise.all([
          sendLastByte(url),
          tusRequest(url, { method: 'DELETE' }),
        ]);

        const isToldSo = finished.headers['upload-offset'] === String(CONTENT.length);
        if (isToldSo) {
          expect(finished.status).toBe(204);
          expect(deleted.status).toBe(403);
          expect(await readFile(world.paths.finished(id))).toEqual(CONTENT);
        } else {
          // The DELETE was first, did not wait for the byte, or kept it waiting: nobody was told that the upload is safe.
          expect([204, 404, 423]).toContain(finished.status);
          expect(deleted.status).toBe(204);
        }
      }),
    );
  });

  it('is finished also when all bytes come with the creation', async () => {
    const response = await tusRequest(world.url, {
      method: 'POST',
      headers: {
        'upload-length': String(CONTENT.length),
        'upload-metadata': metadataHeader({ ace_id: 'lesson-1' }),
        'content-type': 'application/offset+octet-stream',
      },
      body: CONTENT,
    });

    expect(response).toMatchObject({ status: 201, headers: { 'upload-offset': '10' } });
    await expect.poll(() => world.pipeline.posts).toHaveLength(1);
  });
});

describe('an upload that cannot be finished', () => {
  it('is answered 5xx without details, says that nothing is missing, and is finished later by itself', async () => {
    const { url, id } = await almostDone();
    // A folder in the note's place stops any user, root too.
    await mkdir(world.paths.note(id));

    const answer = await sendLastByte(url);
    const offset = await offsetOf(url);
    await rmdir(world.paths.note(id));
    await expect.poll(() => world.pipeline.posts, { timeout: 10_000 }).toHaveLength(1);

    expect(answer.status).toBe(500);
    expect(problemIn(answer).code).toBe('UPLOAD_STORAGE_FAILED');
    expect(answer.text).not.toContain(world.dataDir);
    expect(offset).toBe(CONTENT.length);
    expect(await readFile(world.paths.finished(id))).toEqual(CONTENT);
  });

  it('is finished by the next process', async () => {
    const { url, id } = await almostDone();
    await mkdir(world.paths.note(id));
    await sendLastByte(url);
    await world.stopTus();
    await rmdir(world.paths.note(id));

    await world.startTus();

    await expect.poll(() => world.pipeline.posts).toMatchObject([{ upload_id: id }]);
  });
});

describe('a process killed while it finishes an upload', () => {
  const NOTE = (id: string) => JSON.stringify({ upload_id: id, ace_id: 'lesson-1', size: CONTENT.length });

  it.each([
    ['before anything', async () => {}],
    ['after the note', async (id: string) => writeFile(world.paths.note(id), NOTE(id))],
    [
      'after the mark',
      async (id: string) => {
        await writeFile(world.paths.note(id), NOTE(id));
        await mark(id);
      },
    ],
    [
      'after the move',
      async (id: string) => {
        await writeFile(world.paths.note(id), NOTE(id));
        await mark(id);
        await rename(world.paths.data(id), world.paths.finished(id));
      },
    ],
    [
      'in the middle of writing the note',
      async (id: string) => writeFile(`${world.paths.note(id)}.99999.tmp`, '{"upl'),
    ],
  ])('loses nothing: %s', async (_name, reach) => {
    const { url, id } = await almostDone();
    await world.stopTus();
    await writeFile(world.paths.data(id), CONTENT);
    await reach(id);

    await world.startTus();

    await expect.poll(() => world.pipeline.posts).toMatchObject([{ upload_id: id, ace_id: 'lesson-1' }]);
    await expect.poll(() => lengthOf(world.paths.note(id))).toBeUndefined();
    expect(await readFile(world.paths.finished(id))).toEqual(CONTENT);
    expect(await offsetOf(url)).toBe(CONTENT.length);
  });

  async function mark(id: string): Promise<void> {
    const sidecar = JSON.parse(await readFile(world.paths.sidecar(id), 'utf8'));
    await writeFile(world.paths.sidecar(id), JSON.stringify({ ...sidecar, finishedAtMs: Date.now() }));
  }
});

describe('an upload that has all its bytes without anyone having noticed', () => {
  it('is handed over once somebody asks for its offset', async () => {
    const { url, id } = await almostDone();
    await writeFile(world.paths.data(id), CONTENT);

    expect(await offsetOf(url)).toBe(CONTENT.length);

    await expect.poll(() => world.pipeline.posts).toMatchObject([{ upload_id: id }]);
  });
});

describe('a full disk', () => {
  it('is answered without its details, and what was acknowledged stays', async () => {
    const url = await createUpload(world.url, 1_000_000);
    const data = world.paths.data(idOf(url));
    await rename(data, `${data}.aside`);
    await symlink('/dev/full', data);

    const answer = await patch(url, 0, randomBytes(1_000_000));
    await unlink(data);
    await rename(`${data}.aside`, data);

    expect(answer.status).toBe(507);
    expect(answer.headers['retry-after']).toBe('60');
    expect(problemIn(answer)).toEqual({
      type: 'urn:sluice:error:UPLOAD_NO_SPACE',
      title: 'There is not enough free space for this upload, counting the uploads that are under way.',
      status: 507,
      detail: 'There is no room for more bytes.',
      code: 'UPLOAD_NO_SPACE',
      advice: 'Try again later; the operator should free some space.',
    });
    expect(world.logLines).toContainEqual(
      expect.objectContaining({
        event: 'upload.failed',
        err: expect.objectContaining({ message: expect.stringContaining('ENOSPC') }),
      }),
    );
    expect(await patch(url, 0, randomBytes(1_000_000))).toMatchObject({ status: 204 });
  });

  it('leaves nothing of an upload that could not be created', async () => {
    const store = new UploadStore({
      paths: world.paths,
      expiresAfterMs: 1000,
      space: { begin: (_bytes, create) => create() },
      bodies: { of: () => undefined },
      onComplete: () => {},
    });
    const id = 'f'.repeat(32);
    await symlink('/dev/full', `${world.paths.sidecar(id)}.${process.pid}.tmp`);

    await expect(store.create(new Upload({ id, size: 5, offset: 0 }))).rejects.toThrow('ENOSPC');

    expect((await readdir(world.paths.uploads)).filter((name) => !name.endsWith('.tmp'))).toEqual([]);
    expect((await head(`${world.url}/${id}`)).status).toBe(404);
  });
});
