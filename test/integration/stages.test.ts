import { access, appendFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createB2 } from '../../src/outside/b2/client.ts';
import { digestOf, type House, openHouse } from '../support/house.ts';

describe('the stages of a recording', () => {
  let house: House;

  beforeEach(async () => {
    house = await openHouse({ ARCHIVE_PART_BYTES: '5000000', PUBLISH_PATCH_BYTES: '4194304' });
    await house.startWorker();
  });
  afterEach(() => house.close());

  it('R22 R23 R24 bring a Zoom recording into the archive and the stream, byte for byte', async () => {
    const { id, path } = await house.addZoom('Algebra', 12_000_000);
    await house.reaches(id, 'done');

    const { facts } = await house.recordings.progress(id);
    const [archived, ...otherFiles] = await house.b2.files();
    const [video, ...otherVideos] = house.bunny.videos();
    expect([otherFiles, otherVideos]).toEqual([[], []]);
    expect(archived).toMatchObject({
      fileId: facts.archive?.fileId,
      fileName: facts.archive?.fileName,
      wholeSha1: await digestOf(path, 'sha1'),
      parts: 3,
    });
    expect(video).toMatchObject({
      guid: facts.publish?.videoId,
      title: 'Algebra',
      sha256: await digestOf(path, 'sha256'),
    });
  });

  it('R23 archives a small recording in one request, a large one in parts, each under its own name', async () => {
    const small = await house.addCustom('Small');
    const large = await house.addCustom('Large', { bytes: 11_000_000 });
    await house.reaches(small.id, 'done');
    await house.reaches(large.id, 'done');

    const files = await house.b2.files();
    expect(files.map((file) => [file.fileName.split('/').at(-1)?.split('-')[0], file.parts])).toEqual([
      ['Small', 1],
      ['Large', 3],
    ]);
    expect(house.b2.unfinished()).toEqual([]);
  });

  it('R25 tells the website once all is done, with the ids that B2 and Bunny gave, signed', async () => {
    const { id, path } = await house.addCustom('Geometry', { ace_id: 'ace-7', keep_file: true });
    await house.reaches(id, 'done');
    await house.announced(id);

    const [heard, ...others] = house.heard('recording.published');
    const { facts } = await house.recordings.progress(id);
    expect(others).toEqual([]);
    expect(heard).toMatchObject({
      isValid: true,
      type: 'recording.published',
      body: {
        data: {
          id,
          ace_id: 'ace-7',
          title: 'Geometry',
          sha1: await digestOf(path, 'sha1'),
          b2: { file_id: facts.archive?.fileId, bucket: house.b2.bucket },
          bunny: { video_id: facts.publish?.videoId },
        },
      },
    });
    const history = await house.history(id);
    expect(history.indexOf('stage.done publish')).toBeLessThan(history.indexOf('stage.started notify'));
  });

  it('R26 removes the local file afterwards, the caller’s own one too unless it is to be kept', async () => {
    const zoom = await house.addZoom('Physics');
    const gone = await house.addCustom('Gone');
    const kept = await house.addCustom('Kept', { keep_file: true });
    for (const { id } of [zoom, gone, kept]) await house.reaches(id, 'done');

    await expect(access(gone.path)).rejects.toThrow('ENOENT');
    await expect(access(kept.path)).resolves.toBeUndefined();
    expect(await house.staged()).toEqual([]);
  });

  it('R27 keeps archive and stream apart: each stays, byte for byte, when the other is removed', async () => {
    const first = await house.addCustom('First', { keep_file: true });
    const second = await house.addCustom('Second', { keep_file: true });
    await house.reaches(first.id, 'done');
    await house.reaches(second.id, 'done');
    const factsOf = async (id: string) => (await house.recordings.progress(id)).facts;
    const [one, other] = [await factsOf(first.id), await factsOf(second.id)];

    const { bunny, b2 } = house.config;
    const removal = await fetch(`${bunny.apiUrl}/library/${bunny.libraryId}/videos/${one.publish?.videoId}`, {
      method: 'DELETE',
      headers: { AccessKey: bunny.apiKey },
    });
    const archived = other.archive;
    if (archived === undefined) throw new Error('not archived');
    await createB2({ ...b2, idleTimeoutMs: 5000 }).deleteFile({
      ...archived,
      signal: AbortSignal.timeout(5000),
    });

    // Of the first only the archive's copy is left, of the second only the stream's.
    expect(removal.status).toBe(200);
    expect(await house.b2.files()).toMatchObject([
      { fileId: one.archive?.fileId, wholeSha1: await digestOf(first.path, 'sha1') },
    ]);
    expect(house.bunny.videos()).toMatchObject([
      { guid: other.publish?.videoId, sha256: await digestOf(second.path, 'sha256') },
    ]);
  });

  it('R20 passes recordings of all three sources through the same stages, with the same facts and announcements', async () => {
    const zoom = await house.addZoom('One');
    const custom = await house.addCustom('Two', { ace_id: 'two' });
    const manual = await house.addManual('Three');
    const ids = [zoom, custom, manual].map(({ id }) => id);
    for (const id of ids) await house.reaches(id, 'done');
    await house.announced(...ids);

    const sources = await Promise.all(ids.map(async (id) => (await house.recordings.get(id))?.source));
    expect(sources).toEqual(['zoom', 'custom', 'manual']);
    const stagesOf = async (id: string) =>
      (await house.history(id)).filter((type) => type.startsWith('stage.')).sort();
    const factsOf = async (id: string) =>
      Object.entries((await house.recordings.progress(id)).facts)
        .map(([stage, fact = {}]) => [stage, Object.keys(fact).sort()] as const)
        .sort();
    const expected = ['archive', 'cleanup', 'fetch', 'notify', 'publish'];
    for (const id of ids) {
      expect(await stagesOf(id)).toEqual([
        ...expected.map((stage) => `stage.done ${stage}`),
        ...expected.map((stage) => `stage.started ${stage}`),
      ]);
      expect(await factsOf(id)).toEqual(await factsOf(zoom.id));
    }
    const heard = house
      .heard('recording.published')
      .map(({ body }) => (body as { data: { id: string } }).data);
    expect(heard.map(({ id }) => id).sort()).toEqual([...ids].sort());
    for (const data of heard) expect(Object.keys(data)).toEqual(Object.keys(heard[0] ?? {}));
    const names = (await house.b2.files()).map(({ fileName }) => fileName.split('/')[0]);
    expect(names.sort()).toEqual(['custom', 'manual', 'zoom']);
    expect(house.bunny.videos()).toHaveLength(3);
    expect(await house.staged()).toEqual([]);
  });

  it('C31 C34 never archives a web page, whatever name it comes under', async () => {
    house.zoom.cdn.fail({
      on: 'GET /*',
      count: 1000,
      status: 200,
      headers: { 'content-type': 'video/mp4' },
      body: '<!doctype html><title>Sign in</title>'.padEnd(5000),
    });
    const { id } = await house.addZoom('Locked');
    await house.reaches(id, 'failed');

    expect((await house.recordings.get(id))?.lastError?.code).toMatch(/^DOWNLOAD_/);
    expect([await house.b2.files(), house.bunny.videos()]).toEqual([[], []]);
    expect(await house.staged()).not.toContain(`${id}/recording`);
  });

  it('fails a file that has changed since it was handed over, and leaves it alone', async () => {
    const soon = new Date(Date.now() + 1500).toISOString();
    const { id, path } = await house.addCustom('Changing', { not_before: soon });
    await appendFile(path, 'more');
    await house.reaches(id, 'failed');

    expect((await house.recordings.get(id))?.lastError?.code).toBe('SOURCE_CHANGED');
    await expect(access(path)).resolves.toBeUndefined();
  });
});
