import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type House, openHouse } from '../support/house.ts';
import {
  type Fixture,
  haveRecorded,
  outcomeOf,
  post,
  readFixture,
  retold,
  withoutIds,
} from '../support/zoom-fixtures.ts';

const RULES = `
timezone: Europe/London
rules:
  - name: Staff stays out
    match: { host: "*@staff.example.com" }
    ignore: true
  - name: Algebra
    match: { topic: "algebra*", weekday: mon-fri, time: "08:30-10:00" }
    set:
      title: "{topic} on {date}"
      collection: Algebra {year}
      folder: lessons/{year}
      ace_id: "lesson-{meeting_id}-{date}"
      companions: [transcript, chat, timeline, audio]
      language: de
`;

let folder: string;
let house: House;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-rules-'));
});
afterEach(async () => {
  await house.close();
  await rm(folder, { recursive: true, force: true });
});

async function openWith(settings: Record<string, string>, rules?: string): Promise<void> {
  const path = join(folder, 'rules.yaml');
  if (rules !== undefined) await writeFile(path, rules);
  house = await openHouse({ ...settings, ...(rules === undefined ? {} : { ZOOM_RULES_FILE: path }) });
  await house.startWorker();
}

async function send(fixture: Fixture, eventAtMs?: number) {
  await haveRecorded(house, fixture);
  return await post(house, retold(house, fixture, eventAtMs));
}

async function ignored() {
  const response = await fetch(`${house.config.pipeline.url}/api/zoom/ignored`);
  return ((await response.json()) as { ignored: Record<string, unknown>[] }).ignored;
}

describe('the rules', () => {
  it('say under which title, in which collection and folder, and with what a meeting comes home', async () => {
    await openWith({}, RULES);
    const fixture = readFixture('video-audio-chat-timeline');
    await send(fixture);

    const title = 'Algebra, group 2 on 2026-01-05';
    const outcome = await outcomeOf(house, fixture.payload.object.uuid);
    expect(outcome.map(({ kind, files }) => [kind, ...files])).toEqual([
      ['video', 'lessons/2026/Algebra-group-2-on-2026-01-05-<id>.mp4'],
      ['companion', 'lessons/2026/Algebra-group-2-on-2026-01-05-<id>.m4a'],
      ['companion', 'lessons/2026/Algebra-group-2-on-2026-01-05-<id>.txt'],
      ['companion', 'lessons/2026/Algebra-group-2-on-2026-01-05-<id>.json'],
    ]);
    const stems = (await house.b2.files()).map(({ fileName }) => fileName.replace(/\.\w+$/, ''));
    expect(new Set(stems).size).toBe(1);
    const [collection, ...others] = house.bunny.collections();
    expect([collection?.name, others]).toEqual(['Algebra 2026', []]);
    expect(house.bunny.videos()).toMatchObject([{ title, collectionId: collection?.guid }]);
    expect(house.heard('recording.published').map(({ body }) => body)).toMatchObject([
      { data: { title, ace_id: 'lesson-85512345678-2026-01-05', details: { rule: 'Algebra' } } },
    ]);
  });

  it('make a collection once, and find one that is there', async () => {
    await openWith({}, RULES);
    const { bunny } = house.config;
    const url = `${bunny.apiUrl}/library/${bunny.libraryId}/collections`;
    const headers = { AccessKey: bunny.apiKey, 'content-type': 'application/json' };
    for (const name of ['Algebra 2026 advanced', 'Algebra 2026']) {
      await fetch(url, { method: 'POST', headers, body: JSON.stringify({ name }) });
    }

    for (const name of ['three-segments-two-views', 'uuid-with-slashes']) {
      const fixture = readFixture(name);
      await send(fixture);
      await outcomeOf(house, fixture.payload.object.uuid);
    }

    const [, wanted, ...others] = house.bunny.collections();
    expect(others).toEqual([]);
    expect(new Set(house.bunny.videos().map(({ collectionId }) => collectionId))).toEqual(
      new Set([wanted?.guid]),
    );
  });

  it('B14 leave a meeting of a host who opted out, and the API says by which rule', async () => {
    await openWith({}, RULES);
    const fixture = readFixture('five-views');
    fixture.payload.object.host_email = 'head@staff.example.com';

    const { status, accepted } = await send(fixture);

    expect([status, accepted]).toEqual([200, []]);
    const left = await ignored();
    expect(left.length).toBeGreaterThan(4);
    for (const entry of left) {
      expect(entry).toMatchObject({
        reason: 'rule',
        rule: 'Staff stays out',
        host_email: 'head@staff.example.com',
      });
    }
    expect(JSON.stringify(await ignored())).not.toContain('/rec/');
    expect(house.zoom.requests).toEqual([]);
  });

  it.each([
    ['a typing error', 'rules:\n  - mach: {}\n    ignore: true\n', 'line 2'],
    ['no YAML', 'rules: [\n', 'line 2'],
  ])('with %s keep the server from starting, and say where', async (_name, rules, line) => {
    await openWith({});
    const path = join(folder, 'bad.yaml');
    await writeFile(path, rules);

    await expect(openHouse({ ZOOM_RULES_FILE: path })).rejects.toThrow(line);
  });
});

describe('the settings', () => {
  it('bring every view where all are wanted', async () => {
    await openWith({ ZOOM_VIEWS: 'all', ZOOM_COMPANIONS: 'none' });
    const fixture = readFixture('three-segments-two-views');
    await send(fixture);

    const outcome = await outcomeOf(house, fixture.payload.object.uuid);
    expect(outcome).toHaveLength(6);
    expect(new Set(outcome.map(({ title }) => title)).size).toBe(6);
    expect(outcome.map(({ title }) => title)).toContain(
      'Algebra, group 2 (part 2 of 3, shared screen with gallery view)',
    );
    expect(new Set((await house.b2.files()).map(({ fileName }) => fileName)).size).toBe(6);
  });

  it('bring companions that have no id, each of its own kind', async () => {
    await openWith({ ZOOM_COMPANIONS: 'cc,timeline' });
    const fixture = readFixture('thin-entries');
    await send(fixture);

    const outcome = await outcomeOf(house, fixture.payload.object.uuid);
    expect(
      outcome.map(({ state, files }) => [state, ...files.map((name) => name.split('<id>')[1] ?? name)]),
    ).toEqual([
      ['done', '.mp4'],
      ['done', '.cc.vtt'],
      ['done', '.json'],
    ]);
  });

  it('B4 let what an event brings wait', async () => {
    await openWith({ ZOOM_DELAY: '1h' });
    const { accepted } = await send(readFixture('single-view'));

    const recording = await house.recordings.get(accepted[0]?.id ?? '');
    expect((recording?.notBeforeMs ?? 0) - (recording?.acceptedAtMs ?? 0)).toBeGreaterThan(3_500_000);
    expect(house.zoom.requests).toEqual([]);
  });

  it.each([
    ['C35 a 404', { status: 404, body: 'not there' }],
    ['C31 a web page', { status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html>' }],
  ])('have patience with %s in the first hours, at no cost of an attempt', async (_name, answer) => {
    await openWith({ ZOOM_PATIENCE: '1h', RETRY_ATTEMPTS: '2' });
    house.zoom.fail({ on: 'GET /rec/*', count: 6, ...answer });
    const fixture = readFixture('single-view');
    await send(fixture);

    expect(await outcomeOf(house, fixture.payload.object.uuid)).toMatchObject([{ state: 'done' }]);
    const [recording] = await house.recordings.ofGroup(`zoom:${fixture.payload.object.uuid}`);
    expect(recording?.failedAttempts).toBe(0);
    expect(await house.history(recording?.id ?? '')).toContain('attempt.postponed');
  });

  it('have no patience with what should have been there for days', async () => {
    await openWith({ ZOOM_PATIENCE: '1h', RETRY_ATTEMPTS: '2' });
    house.zoom.fail({ on: 'GET /rec/*', count: 1000, status: 404 });
    const fixture = readFixture('single-view');
    await send(fixture, Date.now() - 7_200_000);

    expect(await outcomeOf(house, fixture.payload.object.uuid)).toMatchObject([{ state: 'failed' }]);
  });

  it('let a transcript whose video never comes be archived alone, in the end', async () => {
    await openWith({ ZOOM_COMPANION_WAIT: '1' });
    const fixture = readFixture('transcript-completed');
    await haveRecorded(house, fixture);
    house.zoom.transcriptCompleted({ uuid: fixture.payload.object.uuid });
    const { accepted } = await post(house, retold(house, fixture));
    const id = accepted[0]?.id ?? '';

    expect(await house.reaches(id, 'done', 'failed')).toBe('done');
    expect((await house.b2.files()).map(({ fileName }) => withoutIds(fileName))).toEqual([
      'zoom/<day>/Algebra-group-2-<id>.vtt',
    ]);
    expect(await house.history(id)).toContain('captions.skipped');
    expect(await house.staged()).toEqual([]);
  });
});
