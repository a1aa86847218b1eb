import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { markedTitle, tagsOf } from '../../src/domain/video-mark.ts';
import {
  archiving,
  clockMoves,
  DAY_MS,
  HOUR_MS,
  openSweepWorld,
  publishing,
  type Standing,
  type SweepWorld,
} from '../support/sweep-world.ts';

let world: SweepWorld;
beforeEach(async () => {
  world = await openSweepWorld();
});
afterEach(() => world.close());

describe('an unfinished large file', () => {
  it('is cancelled a day after its beginning when its recording is done (C25)', async () => {
    const id = await world.recording('done', 'done');
    const fileId = await world.largeFile({ sluice_recording: id });

    world.pass(DAY_MS - HOUR_MS);
    expect(await world.swept()).toEqual([]);
    expect(world.unfinished()).toEqual([fileId]);

    world.pass(2 * HOUR_MS);
    const { items } = await world.sweep();
    expect(items).toMatchObject([{ kind: 'large-file', bytes: 4, reason: 'its recording is done' }]);
    expect(items[0]?.name).toContain(fileId);
    expect(world.unfinished()).toEqual([]);
  });

  it.each(['waiting', 'moving', 'backing-off', 'failed'] satisfies Standing[])(
    'stays while its recording is %s (C25)',
    async (standing) => {
      const id = await world.recording('live', standing);
      const fileId = await world.largeFile({ sluice_recording: id });
      world.pass(13 * DAY_MS);

      expect(await world.swept()).toEqual([]);
      expect(world.unfinished()).toEqual([fileId]);
    },
  );

  it('is cancelled once its recording has failed and nobody has retried it for FAILED_KEEP_DAYS', async () => {
    const id = await world.recording('failed', 'failed');
    await world.largeFile({ sluice_recording: id });
    world.pass(15 * DAY_MS);

    await world.sweep();

    expect(world.unfinished()).toEqual([]);
  });

  it('stays when the checkpoint of a live recording names it, whatever the file itself says', async () => {
    const done = await world.recording('done', 'done');
    const fileId = await world.largeFile({ sluice_recording: done });
    await world.recording('live', 'backing-off', { checkpoints: { archive: archiving(fileId) } });
    world.pass(2 * DAY_MS);

    expect(await world.swept()).toEqual([]);
    expect(world.unfinished()).toEqual([fileId]);
  });

  it('is cancelled when the ledger has never had its recording, unless the ledger is the younger of the two', async () => {
    const old = await world.largeFile({ sluice_recording: 'rec_unknown' });
    await clockMoves();
    await world.recording('first', 'done');
    await clockMoves();
    await world.largeFile({ sluice_recording: 'rec_unknown' });
    world.pass(2 * DAY_MS);

    await world.sweep();

    expect(world.unfinished()).toEqual([old]);
  });

  it('of somebody else stays for ever', async () => {
    await world.recording('first', 'done');
    const fileId = await world.largeFile({ other_program: 'x' });
    world.pass(1000 * DAY_MS);

    expect(await world.swept()).toEqual([]);
    expect(world.unfinished()).toEqual([fileId]);
  });

  it('is found among more than one page of others', async () => {
    const id = await world.recording('done', 'done');
    for (let count = 0; count < 101; count += 1) await world.largeFile({ other_program: 'x' });
    await world.largeFile({ sluice_recording: id });
    world.pass(2 * DAY_MS);

    expect(await world.swept()).toHaveLength(1);
    expect(world.unfinished()).toHaveLength(101);
  });
});

describe('an empty video', () => {
  it('whose id a recording has noted goes a day after it was made, once the recording is over', async () => {
    const videoId = await world.video('Algebra');
    await world.recording('failed', 'failed', { checkpoints: { publish: publishing(videoId) } });

    world.pass(15 * DAY_MS);
    const { items } = await world.sweep();

    expect(items).toMatchObject([{ kind: 'video', name: videoId }]);
    expect(world.videos()).toEqual([]);
  });

  it.each(['waiting', 'moving', 'backing-off', 'failed'] satisfies Standing[])(
    'stays while the recording that has noted it is %s',
    async (standing) => {
      const videoId = await world.video('Algebra');
      await world.recording('live', standing, { checkpoints: { publish: publishing(videoId) } });
      world.pass(13 * DAY_MS);

      expect(await world.swept()).toEqual([]);
      expect(world.videos()).toEqual([videoId]);
    },
  );

  it('whose creation was never answered goes by its mark, and the one that was published stays', async () => {
    const used = await world.video('Algebra');
    const id = await world.recording('done', 'done', {
      title: 'Algebra',
      checkpoints: { publish: publishing(used) },
      facts: { publish: { libraryId: '1', videoId: used } },
    });
    const lost = await world.video(markedTitle({ id, title: 'Algebra' }));

    world.pass(DAY_MS - HOUR_MS);
    expect(await world.swept()).toEqual([]);

    world.pass(2 * HOUR_MS);
    expect(await world.swept()).toEqual([lost]);
    expect(world.videos()).toEqual([used]);
  });

  it('goes by the tag of its recording, which speaks louder than its title', async () => {
    const id = await world.recording('done', 'done');
    const other = await world.recording('other', 'backing-off');
    const lost = await world.video(markedTitle({ id: other, title: 'Algebra' }));
    await world.bunny.updateVideo({
      videoId: lost,
      title: markedTitle({ id: other, title: 'Algebra' }),
      tags: tagsOf([], { recordingId: id, bytes: 5 }),
      signal: new AbortController().signal,
    });
    world.pass(2 * DAY_MS);

    expect(await world.swept()).toEqual([lost]);
  });

  it('stays while the live recording whose mark it bears has noted none, and may still look for it', async () => {
    const id = await world.recording('live', 'backing-off', {
      checkpoints: { publish: publishing(null, Date.now() - 5 * HOUR_MS) },
    });
    const lost = await world.video(markedTitle({ id, title: 'Algebra' }));
    world.pass(2 * DAY_MS);

    expect(await world.swept()).toEqual([]);
    expect(world.videos()).toEqual([lost]);
  });

  it('goes when the live recording whose mark it bears has another one', async () => {
    const used = await world.video('Algebra');
    const id = await world.recording('live', 'backing-off', { checkpoints: { publish: publishing(used) } });
    const late = await world.video(markedTitle({ id, title: 'Algebra' }));
    world.pass(2 * DAY_MS);

    expect(await world.swept()).toEqual([late]);
  });

  it.each([
    ['of the same title', 'Algebra'],
    ['of a longer title', 'Algebra II'],
    [
      'with the mark of a recording that this ledger has never had',
      'Algebra [sluice 0123456789abcdef01234567]',
    ],
    ['with something that looks like a mark', 'Algebra [sluice]'],
  ])('%s that nobody of ours has made stays', async (_name, title) => {
    const foreign = await world.video(title);
    for (const standing of ['done', 'failed'] satisfies Standing[]) {
      await world.recording(standing, standing, {
        title: 'Algebra',
        checkpoints: { publish: publishing('another') },
        facts: standing === 'done' ? { publish: { libraryId: '1', videoId: 'another' } } : {},
      });
    }
    world.pass(100 * DAY_MS);

    expect(await world.swept()).toEqual([]);
    expect(world.videos()).toEqual([foreign]);
  });

  it.each([
    ['ahead', 5 * 60_000],
    ['behind', -5 * 60_000],
    ['a day and a half ahead', 36 * HOUR_MS],
  ])('is a day old by Bunny’s own clock, also when that is %s', async (_name, aheadMs) => {
    world.simulators.bunny.setClock(aheadMs);
    const id = await world.recording('done', 'done');
    const lost = await world.video(markedTitle({ id, title: 'Algebra' }));

    world.pass(DAY_MS - 60_000);
    expect(await world.swept()).toEqual([]);
    world.pass(2 * 60_000);
    expect(await world.swept()).toEqual([lost]);
  });

  it('is found among more than one page of others', async () => {
    const videoId = await world.video('Algebra');
    await world.recording('failed', 'failed', { checkpoints: { publish: publishing(videoId) } });
    for (let count = 0; count < 101; count += 1) await world.video('Physics');
    world.pass(15 * DAY_MS);

    expect(await world.swept()).toEqual([videoId]);
  });
});

describe('a video with a file', () => {
  async function fill(videoId: string): Promise<void> {
    const { apiUrl, libraryId, apiKey } = world.config.bunny;
    const url = `${apiUrl}/library/${libraryId}/videos/${videoId}`;
    const answer = await fetch(url, { method: 'PUT', headers: { AccessKey: apiKey }, body: 'bytes' });
    if (!answer.ok) throw new Error(`PUT was answered ${answer.status}`);
  }

  it('is never removed, even if it is ours and nobody needs it', async () => {
    const videoId = await world.video('Algebra');
    await world.recording('failed', 'failed', { checkpoints: { publish: publishing(videoId) } });
    await fill(videoId);
    world.pass(100 * DAY_MS);

    expect(await world.swept()).toEqual([]);
    expect(world.videos()).toEqual([videoId]);
  });

  it('is looked at again right before: one that has just been filled stays', async () => {
    const [first, second] = [await world.video('Algebra'), await world.video('Algebra')];
    for (const videoId of [first, second]) {
      await world.recording(videoId, 'failed', { checkpoints: { publish: publishing(videoId) } });
    }
    world.pass(100 * DAY_MS);
    const { bunny } = world.simulators;
    // Newest first: while the second one is looked at, the first one gets its file.
    bunny.fail({ on: `GET /library/*/videos/${second}`, delayMs: 500 });
    const sweeping = world.sweep();
    await expect
      .poll(() => bunny.requests.some(({ method, path }) => method === 'GET' && path.endsWith('/videos')))
      .toBe(true);
    await fill(first);

    expect((await sweeping).items.map(({ name }) => name)).toEqual([second]);
    expect(world.videos()).toEqual([first]);
  });
});
