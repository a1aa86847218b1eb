import { mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createUploadDesk } from '../../src/desk/uploads.ts';
import { aceKey, recordingId } from '../../src/domain/ids.ts';
import { lengthOf } from '../../src/lib/files.ts';
import { createHandOff } from '../../src/tus/hand-off.ts';
import { uploadPaths } from '../../src/tus/upload-paths.ts';
import { createUpload, idOf, patch } from '../support/tus-client.ts';
import { acceptFile, failRecording, startTusWorld, type TusWorld } from '../support/tus-world.ts';

let world: TusWorld;
beforeEach(async () => {
  world = await startTusWorld();
});
afterEach(() => world.stop());

const CONTENT = Buffer.from('0123456789');

/** Uploads a small file and returns the upload's id. */
async function upload(aceId: string): Promise<string> {
  const url = await createUpload(world.url, CONTENT.length, { ace_id: aceId });
  const { status } = await patch(url, 0, CONTENT);
  if (status !== 204) throw new Error(`PATCH was answered ${status}`);
  return idOf(url);
}

const noteIsGone = (id: string) => expect.poll(() => lengthOf(world.paths.note(id))).toBeUndefined();
const eventsOf = (id: string) =>
  world.logLines.filter((line) => line['uploadId'] === id).map((line) => line['event']);

describe('the handoff', () => {
  it.each([
    ['is down', { status: 503 }],
    ['forbids it', { status: 403 }],
    ['may not read the file', { status: 400, text: '{"code":"FILE_NOT_READABLE"}' }],
    ['does not know the address', { status: 404 }],
    ['answers something else', { status: 200, text: 'It works!' }],
    ['answers 202 with nonsense', { status: 202, text: 'ok' }],
  ])('is repeated until it is accepted when the pipeline %s (R9)', async (_name, answer) => {
    world.pipeline.answer = (_body, attempt) => (attempt < 4 ? answer : undefined);

    const id = await upload('lesson-1');
    await noteIsGone(id);

    expect(world.pipeline.posts).toHaveLength(4);
    expect(await readFile(world.paths.finished(id))).toEqual(CONTENT);
  });

  it('goes on after a restart (R9)', async () => {
    world.pipeline.answer = () => ({ status: 503 });
    const id = await upload('lesson-1');
    await world.stopTus();
    world.pipeline.answer = () => undefined;
    world.pipeline.posts.length = 0;

    await world.startTus();
    await noteIsGone(id);

    expect(world.pipeline.posts).toMatchObject([{ upload_id: id, path: world.paths.finished(id) }]);
  });

  it('of one upload holds up no other', async () => {
    world.pipeline.answer = (body) => (body.ace_id === 'stuck' ? { status: 503 } : undefined);
    const stuck = await upload('stuck');

    const other = await upload('lesson-2');

    await noteIsGone(other);
    expect(await lengthOf(world.paths.note(stuck))).toBeGreaterThan(0);
  });

  it.each([[400], [409], [415]])(
    'sets an upload aside that the pipeline refuses for good, with %i',
    async (status) => {
      world.pipeline.answer = () => ({ status, text: '{"code":"NOT_MEDIA"}' });

      const id = await upload('lesson-1');
      await noteIsGone(id);
      await world.restart();

      expect(await readFile(world.paths.refusedFile(id))).toEqual(CONTENT);
      expect(JSON.parse(await readFile(world.paths.refusedNote(id), 'utf8'))).toMatchObject({
        ace_id: 'lesson-1',
        refusal: { status, reason: '{"code":"NOT_MEDIA"}' },
      });
      expect(await lengthOf(world.paths.finished(id))).toBeUndefined();
      expect(world.pipeline.posts).toHaveLength(1);
      expect(eventsOf(id)).toContain('handoff.refused');
    },
  );

  it('keeps what was refused for a while, then removes it', async () => {
    world.pipeline.answer = () => ({ status: 415 });
    const id = await upload('lesson-1');
    await noteIsGone(id);
    await world.restart();
    expect(await lengthOf(world.paths.refusedFile(id))).toBe(CONTENT.length);
    const longAgo = new Date(Date.now() - 7_200_000);
    await utimes(world.paths.refusedNote(id), longAgo, longAgo);

    await world.restart();

    await expect.poll(() => readdir(world.paths.refused)).toEqual([]);
  });

  it.each([
    ['removes the file of a second upload of the same recording and bytes', true],
    ['keeps the file of a second upload of the same recording with other bytes', false],
  ])('%s, and its history says so', async (_name, isSame) => {
    const [first, second] = [
      await createUpload(world.url, CONTENT.length),
      await createUpload(world.url, CONTENT.length),
    ];
    await patch(first, 0, CONTENT);
    await noteIsGone(idOf(first));

    const other = Buffer.concat([CONTENT.subarray(0, -1), Buffer.from([(CONTENT.at(-1) ?? 0) ^ 1])]);
    await patch(second, 0, isSame ? CONTENT : other);
    await noteIsGone(idOf(second));

    expect(await lengthOf(world.paths.finished(idOf(first)))).toBe(CONTENT.length);
    expect(await lengthOf(world.paths.finished(idOf(second)))).toBeUndefined();
    expect(eventsOf(idOf(second))).toContain('handoff.surplus');
    expect(await lengthOf(world.paths.refusedFile(idOf(second)))).toBe(isSame ? undefined : CONTENT.length);
    const told = (await world.ledger.recordings.events()).filter(({ type }) => type === 'upload.surplus');
    expect(told.map(({ data }) => data)).toEqual([
      { upload_id: idOf(second), bytes: CONTENT.length, kept: !isSame },
    ]);
  });

  it('keeps the file of an upload that comes while its recording is being cancelled: it begins anew with that', async () => {
    const { ledger } = world;
    const [first, second] = [
      await createUpload(world.url, CONTENT.length),
      await createUpload(world.url, CONTENT.length),
    ];
    await patch(first, 0, CONTENT);
    await noteIsGone(idOf(first));
    const recordingId = (await ledger.recordings.newest(1))[0]?.id ?? '';
    const lease = await ledger.gate.acquire({ recordingId, holder: 'test', onLost: () => {} });
    const fence = lease?.fence ?? 0;
    await ledger.moves.startAttempt(recordingId, fence);
    await ledger.operator.cancel(recordingId);

    await patch(second, 0, CONTENT);
    await noteIsGone(idOf(second));
    await ledger.moves.giveBack(recordingId, 'an operator has asked', fence);
    expect(await ledger.moves.withdrawn(recordingId, fence)).toBe(true);
    await lease?.release();

    const origin = (await ledger.recordings.get(recordingId))?.origin;
    expect(origin).toMatchObject({ path: world.paths.finished(idOf(second)) });
    expect(await readFile(world.paths.finished(idOf(second)))).toEqual(CONTENT);
  });

  it('keeps the file when only the answer was lost', async () => {
    world.pipeline.answer = (_body, attempt) => (attempt === 1 ? { status: 500 } : undefined);
    const id = await createUploadKnownToTheLedger();

    await noteIsGone(id);

    expect(world.pipeline.posts).toHaveLength(2);
    expect(await readFile(world.paths.finished(id))).toEqual(CONTENT);
  });

  it('keeps the file when the ledger knows it by another way to the same folder', async () => {
    const link = join(world.dataDir, 'link');
    await symlink(world.paths.incoming, link);
    world.pipeline.answer = () => ({ status: 503 });
    const id = await upload('lesson-1');
    await acceptFile(world.ledger, 'lesson-1', join(link, `${id}.upload`));
    world.pipeline.answer = () => undefined;

    await noteIsGone(id);

    expect(await readFile(world.paths.finished(id))).toEqual(CONTENT);
  });

  it('replaces the file of a recording that has failed', async () => {
    const failed = await upload('lesson-1');
    await noteIsGone(failed);
    await failRecording(world.ledger, recordingId(aceKey('lesson-1')));

    const next = await upload('lesson-1');
    await noteIsGone(next);

    expect(await lengthOf(world.paths.finished(failed))).toBeUndefined();
    expect(await lengthOf(world.paths.finished(next))).toBe(CONTENT.length);
  });

  it('is over when the recording is already known and its file already swept away', async () => {
    world.pipeline.answer = () => ({ status: 503 });
    const id = await createUploadKnownToTheLedger();
    await world.stopTus();
    await rm(world.paths.finished(id));
    world.pipeline.posts.length = 0;

    await world.startTus();
    await noteIsGone(id);

    expect(world.pipeline.posts).toEqual([]);
  });

  it('follows the data folder when that has been moved', async () => {
    await world.stopTus();
    const paths = uploadPaths(join(world.dataDir, 'moved/uploads'), join(world.dataDir, 'moved/incoming'));
    await mkdir(paths.incoming, { recursive: true });
    const id = 'a'.repeat(32);
    await writeFile(paths.finished(id), CONTENT);
    const { ledger, log, pipeline } = world;
    const handOff = createHandOff({ paths, pipelineUrl: pipeline.url, desk: createUploadDesk(ledger), log });

    handOff.add({ upload_id: id, ace_id: 'lesson-1', size: CONTENT.length });
    await expect.poll(() => pipeline.posts).toMatchObject([{ path: paths.finished(id) }]);
    await handOff.stop();
  });

  /** An upload whose recording is in the ledger while its handoff is still going on. */
  async function createUploadKnownToTheLedger(): Promise<string> {
    const url = await createUpload(world.url, CONTENT.length);
    await patch(url, 0, CONTENT);
    const id = idOf(url);
    await acceptFile(world.ledger, 'lesson-1', world.paths.finished(id)).catch(() => {});
    return id;
  }
});
