import { access, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newUploadId } from '../../src/tus/upload-paths.ts';
import {
  age,
  DAY_MS,
  HOUR_MS,
  openSweepWorld,
  type Standing,
  type SweepWorld,
  writeAged,
} from '../support/sweep-world.ts';

let world: SweepWorld;
beforeEach(async () => {
  world = await openSweepWorld();
});
afterEach(() => world.close());

async function spoolFor(id: string): Promise<string> {
  const path = world.spool(id);
  await mkdir(path);
  await writeFile(join(path, 'recording'), 'bytes');
  return path;
}

const UNKNOWN_ID = `rec_${'0'.repeat(24)}`;

describe('the folder of a download', () => {
  it('goes when its recording is done (guarantee 7, C21)', async () => {
    const id = await world.recording('done', 'done');
    const path = await spoolFor(id);

    const { items } = await world.sweep();

    expect(items).toEqual([{ kind: 'spool', name: id, bytes: 5, reason: 'the recording is done' }]);
    await expect(access(path)).rejects.toThrow('ENOENT');
  });

  it.each(['waiting', 'moving', 'backing-off'] satisfies Standing[])(
    'stays while its recording is %s, however old it is',
    async (standing) => {
      const path = await spoolFor(await world.recording('live', standing));
      world.pass(1000 * DAY_MS);

      expect(await world.swept()).toEqual([]);
      await expect(access(path)).resolves.toBeUndefined();
    },
  );

  it('of a failed recording stays for FAILED_KEEP_DAYS, for somebody to retry it, and then goes', async () => {
    const id = await world.recording('failed', 'failed');
    const path = await spoolFor(id);

    world.pass(14 * DAY_MS - HOUR_MS);
    expect(await world.swept()).toEqual([]);
    await expect(access(path)).resolves.toBeUndefined();

    world.pass(2 * HOUR_MS);
    expect(await world.swept()).toEqual([id]);
    await expect(access(path)).rejects.toThrow('ENOENT');
  });

  it('stays when its recording was given a new beginning', async () => {
    const id = await world.recording('again', 'failed');
    await spoolFor(id);
    world.pass(100 * DAY_MS);
    await world.ledger.recordings.accept({
      source: 'zoom',
      naturalKey: 'again',
      aceId: null,
      title: 'again',
      origin: { kind: 'zoom', downloadUrl: 'https://zoom.us/2', downloadToken: null, bytes: 1, eventAtMs: 2 },
      details: {},
    });

    expect(await world.swept()).toEqual([]);
  });

  it('goes when no recording has its id', async () => {
    await world.recording('first', 'waiting');
    // A file system's clock may be some milliseconds behind.
    await age(await spoolFor(UNKNOWN_ID), -1000);

    expect(await world.swept()).toEqual([UNKNOWN_ID]);
  });

  it('stays when the ledger is younger than it, and so cannot know whose it was', async () => {
    await age(await spoolFor(UNKNOWN_ID), 1000);
    expect(await world.swept()).toEqual([]);

    await world.recording('first', 'done');
    expect(await world.swept()).toEqual([]);
  });

  it('is the only thing that goes: what Sluice did not put beside it stays', async () => {
    await world.recording('first', 'done');
    const folder = world.spool('somebody');
    const file = world.spool(UNKNOWN_ID);
    const link = world.spool(`rec_${'1'.repeat(24)}`);
    await mkdir(folder);
    await writeFile(file, 'a file');
    await symlink(folder, link);

    expect(await world.swept()).toEqual([]);
    for (const path of [folder, file, link]) await expect(access(path)).resolves.toBeUndefined();
  });
});

describe('a finished upload', () => {
  async function upload(ageMs = 2 * DAY_MS) {
    const id = newUploadId();
    const path = world.paths.finished(id);
    return { id, path, name: `${id}.upload`, origin: await writeAged(path, ageMs) };
  }

  it('goes when its recording is done', async () => {
    const { path, name, origin } = await upload();
    await world.recording('done', 'done', { origin });

    const { items } = await world.sweep();

    expect(items).toEqual([{ kind: 'upload', name, bytes: 5, reason: 'its recording is done' }]);
    await expect(access(path)).rejects.toThrow('ENOENT');
  });

  it.each(['waiting', 'moving', 'backing-off', 'failed'] satisfies Standing[])(
    'stays while its recording is %s',
    async (standing) => {
      const { path, origin } = await upload();
      await world.recording('live', standing, { origin });

      expect(await world.swept()).toEqual([]);
      await expect(access(path)).resolves.toBeUndefined();
    },
  );

  it('of a failed recording stays for good, since it may be the only copy', async () => {
    const { origin } = await upload();
    await world.recording('failed', 'failed', { origin });

    world.pass(14 * DAY_MS + HOUR_MS);

    expect(await world.swept()).toEqual([]);
  });

  it('stays while a live recording has it beside one that is done', async () => {
    const { origin } = await upload();
    await world.recording('done', 'done', { origin });
    await world.recording('live', 'waiting', { origin });

    expect(await world.swept()).toEqual([]);
  });

  it('is found under whatever path the ledger has it', async () => {
    const { origin, name } = await upload();
    await world.recording('live', 'waiting', { origin: { ...origin, path: `/mnt/elsewhere/${name}` } });

    expect(await world.swept()).toEqual([]);
  });

  it('goes when no recording came from it, a day after its last byte', async () => {
    await world.recording('first', 'waiting');
    const { name } = await upload(0);

    world.pass(DAY_MS - HOUR_MS);
    expect(await world.swept()).toEqual([]);

    world.pass(2 * HOUR_MS);
    expect(await world.swept()).toEqual([name]);
  });

  it('stays while the pipeline has not accepted it, however old it is', async () => {
    await world.recording('first', 'waiting');
    const { id, path } = await upload(0);
    await writeFile(world.paths.note(id), '{"upload_id":"x","ace_id":"y","size":5}');
    world.pass(100 * DAY_MS);

    expect(await world.swept()).toEqual([]);
    for (const each of [path, world.paths.note(id)]) await expect(access(each)).resolves.toBeUndefined();
  });

  it('stays when the ledger is younger than it: an accepted upload is not lost with the ledger', async () => {
    const { path } = await upload();
    expect(await world.swept()).toEqual([]);

    await world.recording('first', 'done');
    expect(await world.swept()).toEqual([]);
    await expect(access(path)).resolves.toBeUndefined();
  });

  it('stays when it has changed since its recording took it, for what is in it now is not in the archive', async () => {
    const { origin, path } = await upload();
    await world.recording('done', 'done', {
      origin: { ...origin, modifiedAtMs: origin.modifiedAtMs - 1000 },
    });

    expect(await world.swept()).toEqual([]);
    await expect(access(path)).resolves.toBeUndefined();
  });

  it('stays when whoever handed it over wants to keep it', async () => {
    const { origin } = await upload();
    await world.recording('kept', 'done', { origin: { ...origin, keep: true } });

    expect(await world.swept()).toEqual([]);
  });

  it('is the only thing that goes: what somebody else has put there stays', async () => {
    await world.recording('first', 'waiting');
    const { incoming, refusedFile } = world.paths;
    const others = [
      join(incoming, 'lesson.mp4'),
      join(incoming, 'notes.upload'),
      refusedFile(newUploadId()),
      `${world.paths.note(newUploadId())}.12.tmp`,
    ];
    for (const path of others) await writeAged(path, 0);
    const folder = world.paths.finished(newUploadId());
    await mkdir(folder);
    world.pass(100 * DAY_MS);

    expect(await world.swept()).toEqual([]);
    for (const path of [...others, folder]) await expect(access(path)).resolves.toBeUndefined();
  });
});
