import { access, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDisk } from '../../src/lib/disk.ts';
import { createScratch, type Scratch } from '../../src/tasks/support/scratch.ts';
import { openSweepWorld, type Standing, type SweepWorld } from '../support/sweep-world.ts';

const OWNER = { recording: { id: 'rec_1' }, step: { id: 'package' }, fence: 7 };

describe('the scratch of a step', () => {
  let folder: string;
  let scratch: Scratch;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-scratch-'));
    scratch = createScratch(folder, { disk: createDisk(folder, 0) });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is there while it works, and gone once it is done', async () => {
    const made = await scratch.use(OWNER, 0, async (path) => {
      await writeFile(join(path, 'one.m4s'), 'bytes');
      return path;
    });

    expect(made).toBe(join(folder, 'rec_1', 'package', '7'));
    await expect(access(made)).rejects.toThrow('ENOENT');
  });

  it('is gone as well where the work fails, and what failed is told', async () => {
    const work = scratch.use(OWNER, 0, async (path) => {
      await writeFile(join(path, 'one.m4s'), 'bytes');
      throw new Error('no good');
    });

    await expect(work).rejects.toThrow('no good');
    expect(await readdir(join(folder, 'rec_1', 'package'))).toEqual([]);
  });

  it('begins empty, whatever a worker that died has left', async () => {
    const left = join(folder, 'rec_1', 'package', '6');
    await mkdir(left, { recursive: true });
    await writeFile(join(left, 'half.m4s'), 'ha');

    await scratch.use(OWNER, 0, async (path) => expect(await readdir(path)).toEqual([]));
    await expect(access(left)).rejects.toThrow('ENOENT');
  });

  it('waits for room on the disk, which others have been promised a part of', async () => {
    const disk = createDisk(folder, 0);
    const usable = await disk.usableBytes();
    const tight = createScratch(folder, { disk, promisedBytes: async () => usable });
    const work = tight.use(OWNER, 1_000_000_000, async () => 'done');

    await expect(work).rejects.toMatchObject({ code: 'DISK_FULL', retry: { waitMs: expect.any(Number) } });
  });
});

describe('the scratch that a worker has left', () => {
  let world: SweepWorld;
  beforeEach(async () => {
    world = await openSweepWorld();
  });
  afterEach(() => world.close());

  async function scratchOf(id: string, step = 'package'): Promise<string> {
    const path = world.scratch(id, step);
    await mkdir(join(path, '3'), { recursive: true });
    await writeFile(join(path, '3', 'one.m4s'), 'bytes');
    return path;
  }

  it.each(['failed', 'done'] satisfies Standing[])('goes when its recording is %s', async (standing) => {
    const id = await world.recording('over', standing);
    await scratchOf(id);

    const { items } = await world.sweep();

    const reason = `the recording is ${standing}`;
    expect(items).toEqual([{ kind: 'scratch', name: `${id}/package`, bytes: 5, reason }]);
    await expect(access(join(world.scratch(id, 'package'), '..'))).rejects.toThrow('ENOENT');
  });

  it.each(['waiting', 'moving', 'backing-off'] satisfies Standing[])(
    'stays while its recording is %s and the step is to be done',
    async (standing) => {
      const path = await scratchOf(await world.recording('live', standing));

      expect(await world.swept()).toEqual([]);
      await expect(access(path)).resolves.toBeUndefined();
    },
  );

  it('goes when its step is done, though others of the recording are not', async () => {
    const id = await world.recording('live', 'moving', {
      facts: { fetch: { path: '/x', bytes: 5, mediaType: 'video/mp4', extension: 'mp4' } as never },
    });
    await scratchOf(id, 'fetch');
    const other = await scratchOf(id, 'package');

    expect(await world.swept()).toEqual([`${id}/fetch`]);
    await expect(access(other)).resolves.toBeUndefined();
  });

  it('is the only thing that goes: what Sluice did not put there stays', async () => {
    await world.recording('first', 'done');
    const path = await scratchOf('somebody');

    expect(await world.swept()).toEqual([]);
    await expect(access(path)).resolves.toBeUndefined();
  });
});
