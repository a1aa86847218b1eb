import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AfterDonePoint } from '../../src/lib/crash-point.ts';
import {
  happens,
  QUICK_SETTINGS,
  type Sent,
  type Source,
  sendMeeting,
  writeSource,
} from '../support/faults-house.ts';
import {
  buildCrashCopy,
  type CrashAt,
  type CrashWorker,
  expectDeath,
  startCrashWorker,
} from '../support/faults-worker.ts';
import { type House, openHouse } from '../support/house.ts';
import { theseOf } from '../support/whole-tables.ts';

type Deed = 'rename' | 'publish-again' | 'delete';

/** Where the worker dies while it does what an operator has asked for with a recording that is home. */
const CRASHES: readonly (readonly [CrashAt, Deed])[] = [
  ['rename:after-update', 'rename'],
  ['fetch:mid-download', 'publish-again'],
  ['fetch:before-fact', 'publish-again'],
  ['publish:after-create', 'publish-again'],
  ['publish:after-naming', 'publish-again'],
  ['notify:after-outbox', 'publish-again'],
  ['watch:after-removal', 'publish-again'],
  ['withdraw:after-stage:1', 'delete'],
  ['withdraw:after-stage:2', 'delete'],
] satisfies readonly (readonly [CrashAt | AfterDonePoint, Deed])[];

/** Of those, which are tried: one of each deed, and the one point that there is on no way home. */
const TRIED = theseOf(CRASHES, [
  'rename:after-update',
  'publish:after-create',
  'watch:after-removal',
  'withdraw:after-stage:1',
]);

const WATCHED = { PLAYABLE_POLL_MIN_S: '0.1', PLAYABLE_POLL_MAX_S: '0.3', RETRY_ATTEMPTS: '60' };
let house: House;
let source: Source;
const home = new Map<CrashAt, Sent & { readonly videoId: string }>();

beforeAll(async () => {
  await buildCrashCopy();
  house = await openHouse(QUICK_SETTINGS);
  source = await writeSource(house, 'small');
  const worker = startCrashWorker(house, { settings: WATCHED });
  const sent = await Promise.all(TRIED.map(([crashAt]) => sendMeeting(house, crashAt, source)));
  for (const [index, [crashAt]] of TRIED.entries()) {
    const recording = sent[index] as Sent;
    await house.reaches(recording.id, 'done');
    const isPlayable = async () => expect(await house.history(recording.id)).toContain('video.playable');
    await vi.waitFor(isPlayable, { timeout: 30_000 });
    const { facts } = await house.recordings.progress(recording.id);
    home.set(crashAt, { ...recording, videoId: facts.publish?.videoId ?? '' });
  }
  await worker.kill();
});
afterAll(() => house.close());

const videosOf = (id: string) =>
  house.bunny.videos().filter(({ metaTags, title }) => {
    const mark = id.replace('rec_', '');
    return JSON.stringify(metaTags).includes(id) || title.includes(mark);
  });
const filesOf = async (id: string) =>
  (await house.b2.files()).filter((file) => file.fileInfo['sluice_recording'] === id);

/** What is true in the end, whenever the worker died. */
const ENDS: Readonly<Record<Deed, (sent: Sent & { readonly videoId: string }) => Promise<void>>> = {
  async rename({ id, videoId }) {
    await happens(house, id, 'recording.renamed');
    await expect.poll(() => house.bunny.videos().find(({ guid }) => guid === videoId)?.title).toBe('Renamed');
    const told = (await house.deliveries.ofRecording(id)).filter(({ type }) => type === 'recording.renamed');
    expect(told).toHaveLength(1);
  },
  async 'publish-again'({ id, videoId, sha256 }) {
    await happens(house, id, 'video.replaced');
    await house.reaches(id, 'done');
    expect(videosOf(id)).toMatchObject([{ sha256 }]);
    expect(videosOf(id)[0]?.guid).not.toBe(videoId);
    expect(await filesOf(id)).toHaveLength(1);
    const told = (await house.deliveries.ofRecording(id)).map(({ type }) => type).sort();
    const twice = ['recording.playable', 'recording.playable', 'recording.published', 'recording.published'];
    expect(told).toEqual(twice);
  },
  async delete({ id }) {
    await house.reaches(id, 'deleted');
    expect(videosOf(id)).toEqual([]);
    expect(await filesOf(id)).toEqual([]);
    const told = (await house.deliveries.ofRecording(id)).filter(({ type }) => type === 'recording.deleted');
    expect(told).toHaveLength(1);
  },
};

describe('a recording that is home, and whose worker is killed', () => {
  it.each(TRIED)('at %s: %s goes on to its end, once', async (crashAt, deed) => {
    const sent = home.get(crashAt);
    if (sent === undefined) throw new Error('not home');
    const { status } = await house.post(`/api/recordings/${sent.id}/${deed}`, { title: 'Renamed' });
    expect(status).toBe(200);

    const marker = join(house.files, `${crashAt}.died`);
    const doomed = startCrashWorker(house, { crashAt, marker, settings: WATCHED });
    await expectDeath(doomed, { crashAt, marker });

    const heir: CrashWorker = startCrashWorker(house, { settings: WATCHED });
    try {
      await ENDS[deed](sent);
      expect(await house.staged()).toEqual([]);
    } finally {
      await Promise.all([doomed.kill(), heir.kill()]);
    }
  });
});
