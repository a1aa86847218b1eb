import { access, appendFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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

  it('R27 keeps archive and stream apart: the archive’s copy stays when the video is deleted', async () => {
    const { id, path } = await house.addCustom('Twice', { keep_file: true });
    await house.reaches(id, 'done');
    const { facts } = await house.recordings.progress(id);

    const { bunny } = house.config;
    await fetch(`${bunny.apiUrl}/library/${bunny.libraryId}/videos/${facts.publish?.videoId}`, {
      method: 'DELETE',
      headers: { AccessKey: bunny.apiKey },
    });

    expect(house.bunny.videos()).toEqual([]);
    expect(await house.b2.files()).toMatchObject([{ wholeSha1: await digestOf(path, 'sha1') }]);
  });

  it('R20 passes recordings of every source through the same stages', async () => {
    const zoom = await house.addZoom('One');
    const custom = await house.addCustom('Two');
    await house.reaches(zoom.id, 'done');
    await house.reaches(custom.id, 'done');

    const stagesOf = async (id: string) =>
      (await house.history(id)).filter((type) => type.startsWith('stage.')).sort();
    expect(await stagesOf(zoom.id)).toEqual(await stagesOf(custom.id));
    expect(await stagesOf(zoom.id)).toHaveLength(10);
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
