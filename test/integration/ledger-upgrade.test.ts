import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkpointSchemas } from '../../src/domain/checkpoints.ts';
import { idsHeard, QUICK_SETTINGS } from '../support/faults-house.ts';
import { type House, openHouse } from '../support/house.ts';
import { countersOf, dumpLedger } from '../support/ledger.ts';
import { bringOldLedger, type OldRecording, type Seen, setUpAgain } from '../support/old-ledger.ts';

let folder: string;
let house: House;
let seen: Seen;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-upgrade-'));
  const dataDir = join(folder, 'data');
  seen = await bringOldLedger(join(dataDir, 'ledger.db'));
  house = await openHouse({ ...QUICK_SETTINGS, DATA_DIR: dataDir });
});
afterEach(async () => {
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

async function get(path: string) {
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely in tests
  return (await (await fetch(`${house.config.pipeline.url}${path}`)).json()) as any;
}

function old(title: string): OldRecording {
  const found = seen.recordings[title];
  if (found === undefined) throw new Error(`there was no ${title}`);
  return found;
}

describe('a ledger of commit 71508ad', () => {
  it('has recordings in every state that there was then', () => {
    expect(new Set(Object.values(seen.recordings).map(({ state }) => state))).toEqual(
      new Set(['waiting', 'moving', 'backing-off', 'set-aside', 'cancelling', 'done', 'failed', 'cancelled']),
    );
  });

  it('opens, and each recording is where it was, with the same facts, checkpoints, announcements and history', async () => {
    for (const [title, then] of Object.entries(seen.recordings)) {
      const now = await get(`/api/recordings/${then.id}`);
      const same = [
        'id',
        'seq',
        'source',
        'kind',
        'state',
        'wanted',
        'title',
        'ace_id',
        'bytes',
        'not_before',
      ];
      const when = ['failed_attempts', 'accepted_at', 'started_at', 'ended_at', 'stages'];
      for (const field of [...same, ...when]) expect(now[field], `${title}: ${field}`).toEqual(then[field]);
      // What an event says may have got words since.
      expect(now.events, title).toHaveLength(then.events.length);
      expect(now.events, title).toMatchObject(then.events);
      expect(now.last_error?.message, title).toBe(then.last_error?.message);
      expect(now.deliveries, title).toMatchObject(then.deliveries.map(({ id }) => ({ id })));

      const { facts, checkpoints } = await house.recordings.progress(then.id);
      expect(facts, title).toEqual(then.facts);
      expect(checkpoints, title).toEqual(then.checkpoints);
      for (const [task, checkpoint] of Object.entries(checkpoints)) {
        const schema = checkpointSchemas[task as keyof typeof checkpointSchemas];
        expect(schema.parse(checkpoint), `${title}: ${task}`).toEqual(checkpoint);
      }
    }
    expect((await get('/api/alarms')).alarms).toMatchObject(seen.alarms.map(({ title }) => ({ title })));
    expect((await get('/api/zoom/ignored')).ignored).toHaveLength(seen.ignored.length);
  });

  it('counts on from the last number of each table', async () => {
    const counters = Object.entries(countersOf(house.config.ledgerAddress));
    const tables = await dumpLedger(house.config.ledgerAddress);
    const last = (name: string) =>
      Math.max(0, ...(tables[name] ?? []).map((row) => Number(Object(row).seq ?? Object(row).id)));

    expect(counters.length).toBeGreaterThan(10);
    for (const [name, n] of counters) expect(n, name).toBe(last(name));
    expect(counters.filter(([, n]) => n > 0).length).toBeGreaterThan(4);
  });

  it('goes on where it was, and all comes home once', async () => {
    const names = await setUpAgain(house, seen);
    const nameNow = (then: unknown) => names.get(String(then)) ?? `unknown: ${String(then)}`;
    const idOf = (title: string) => old(title).id;
    await house.startWorker();

    const home = Object.entries(seen.recordings).flatMap(([title, { state }]) =>
      ['cancelling', 'failed', 'cancelled', 'set-aside'].includes(state) ? [] : [title],
    );
    for (const title of home) expect(await house.reaches(idOf(title), 'done', 'failed'), title).toBe('done');
    await house.reaches(idOf('Being taken back'), 'cancelled');
    expect(await house.recordings.get(idOf('Kept out'))).toMatchObject({ state: 'set-aside' });
    await house.post(`/api/recordings/${idOf('Kept out')}/retry`, {});
    await house.reaches(idOf('Kept out'), 'done');
    for (const title of ['Gone', 'Not wanted']) {
      expect(await house.recordings.get(idOf(title)), title).toMatchObject({ state: old(title).state });
    }

    const all = [...home, 'Kept out'].map(old);
    const videos = all.filter(({ kind }) => kind === 'video');
    const files = await house.b2.files();
    expect(files.map(({ fileInfo }) => fileInfo['sluice_recording']).sort()).toEqual(
      all.map(({ id }) => id).sort(),
    );
    expect(house.b2.unfinished()).toEqual([]);
    expect(house.bunny.videos().filter(({ sha256 }) => sha256 === undefined)).toEqual([]);
    expect(
      house.bunny
        .videos()
        .map(({ title }) => title)
        .sort(),
    ).toEqual(videos.map(({ title }) => title).sort());

    // What was half way was gone on with, not begun anew.
    const factsOf = async (title: string) => (await house.recordings.progress(idOf(title))).facts;
    for (const title of ['Half archived', 'Half fetched', 'Moving', 'Half published', 'Kept out']) {
      const { archive, publish } = old(title).checkpoints;
      const facts = await factsOf(title);
      expect(facts.archive?.fileId, title).toBe(nameNow(archive?.['fileId']));
      expect(facts.publish?.videoId, title).toBe(nameNow(publish?.['videoId']));
    }
    expect(house.bunny.videos().map(({ uploadsCreated }) => uploadsCreated)).toEqual(videos.map(() => 1));

    // Announced once: not again what was, under the same id what was to be, not what was given up.
    const told = ({ title }: OldRecording) => !['Home', 'Home, announced in vain'].includes(title);
    for (const video of videos) {
      if (told(video)) await house.announced(video.id);
      expect(idsHeard(house, video.id).size, video.title).toBe(told(video) ? 1 : 0);
    }
    const pending = old('Home, not announced yet');
    expect([...idsHeard(house, pending.id)]).toEqual(pending.deliveries.map(({ id }) => id));
    await expect
      .poll(() => house.heard('recording.playable').length, { timeout: 20_000 })
      .toBe(videos.length);
    expect(await house.staged()).toEqual([]);
  });
});
