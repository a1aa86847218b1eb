import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'libsql';
import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createMeasurements } from '../../src/desk/measurements.ts';
import { startTus } from '../../src/processes/tus.ts';
import { wellVitals } from '../support/doors.ts';
import { type House, openHouse } from '../support/house.ts';
import { fileRecording, openTestLedger, stepOf, type TestLedger } from '../support/ledger.ts';
import { createUpload, tusRequest } from '../support/tus-client.ts';

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function house(): Promise<House> {
  const opened = await openHouse();
  open.push(opened);
  return opened;
}

async function ledgerOf(): Promise<TestLedger> {
  const ledger = await openTestLedger();
  open.push(ledger);
  return ledger;
}

/** Every sample by its name and labels. */
async function scrape({ config }: House): Promise<Map<string, number>> {
  const response = await fetch(`${config.pipeline.url}/metrics`);
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ]);
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

function tallying(ledger: TestLedger) {
  const measurements = createMeasurements({
    ledger,
    dataDir: ledger.folder,
    diskReserveBytes: 1000,
    vitals: wellVitals,
    log: pino({ level: 'silent' }),
  });
  open.push({ close: () => measurements.stop() });
  return measurements;
}

/** Lets a recording be done as a worker would, and leaves one failed. */
async function moveOne(ledger: TestLedger, key: string): Promise<void> {
  const { id } = await ledger.recordings.accept(fileRecording(key));
  const lease = await ledger.gate.acquire({ recordingId: id, holder: 'test', onLost: () => {} });
  const fence = lease?.fence ?? 0;
  await ledger.moves.startAttempt(id, fence);
  await ledger.moves.startStage(id, 'fetch', fence, stepOf('fetch'));
  const fact = { path: '/x', bytes: 7, contentId: 'c', mediaType: 'video/mp4', extension: 'mp4' };
  await ledger.moves.finishStage(id, 'fetch', fact, fence);
  await ledger.moves.finish(id, fence);
  await lease?.release();
}

describe('GET /metrics', () => {
  it('tells what was done, how long it took and what went wrong', async () => {
    const h = await house();
    await h.startWorker();
    const { id, path } = await h.addCustom('algebra', { bytes: 200_000 });
    await h.reaches(id, 'done');
    const text = join(h.config.tus.incomingDir, 'notes.mp4');
    await mkdir(h.config.tus.incomingDir, { recursive: true });
    await writeFile(text, 'no video at all');
    const refused = await h.post('/manual-upload', {
      path: text,
      ace_id: 'a',
      upload_id: 'upload-1',
      size: 15,
    });
    expect(refused.status).toBe(202);
    await h.reaches(((await refused.json()) as { id: string }).id, 'failed');
    await h.post('/zoom-upload', { event: 'x' });

    // Counts at the door are gathered for a second.
    await expect
      .poll(async () => (await scrape(h)).get('sluice_zoom_requests_total{outcome="unsigned"}'), {
        timeout: 5000,
      })
      .toBe(1);
    const samples = await scrape(h);

    expect(path).toBeTruthy();
    expect(Object.fromEntries(samples)).toMatchObject({
      'sluice_recordings{state="done"}': 1,
      'sluice_recordings{state="failed"}': 1,
      'sluice_recordings{state="waiting"}': 0,
      'sluice_recordings_accepted_total{source="custom"}': 1,
      'sluice_recordings_accepted_total{source="manual"}': 1,
      'sluice_recordings_ended_total{outcome="done"}': 1,
      sluice_attempts_started_total: 2,
      'sluice_attempts_total{outcome="done"}': 1,
      'sluice_attempts_total{outcome="failed"}': 1,
      'sluice_failures_total{code="NOT_MEDIA"}': 1,
      'sluice_stage_duration_seconds_count{stage="archive"}': 1,
      'sluice_stage_duration_seconds_bucket{stage="archive",le="+Inf"}': 1,
      sluice_longest_waiting_seconds: 0,
      'sluice_circuit_open{service="b2"}': 0,
      sluice_line_paused: 0,
      sluice_redis_up: 1,
      sluice_disk_reserve_bytes: 0,
    });
    for (const leg of ['fetch', 'archive', 'publish']) {
      expect(samples.get(`sluice_transferred_bytes_total{leg="${leg}"}`)).toBeGreaterThanOrEqual(200_000);
    }
    expect(samples.get('sluice_disk_free_bytes')).toBeGreaterThan(0);
    expect([...samples.keys()]).toContainEqual(expect.stringMatching(/^sluice_build_info\{version="\d/));
    expect([...samples.keys()]).toContain('process_resident_memory_bytes');
  });

  it('tells what the tus server has met, also what that had not told before it was stopped', async () => {
    const h = await house();
    const tus = await startTus({ ...h.config, tus: { ...h.config.tus, port: 0 } }, pino({ level: 'silent' }));
    const endpoint = `http://127.0.0.1:${tus.port}/tusupload`;
    await createUpload(endpoint, 5000);
    await tusRequest(endpoint, { method: 'GET' });
    await tus.stop();

    const samples = await scrape(h);
    expect(samples.get('sluice_upload_received_bytes_total')).toBeGreaterThan(100);
    expect(samples.get('sluice_upload_refusals_total{code="DOWNLOAD_GET_REFUSED"}')).toBe(1);
    expect(samples.get('sluice_upload_connections')).toBe(0);
  });

  it('has every metric that the dashboard asks for', async () => {
    const h = await house();
    const names = new Set([...(await scrape(h)).keys()].map((sample) => sample.split('{')[0]));
    // Has no sample until something has failed.
    names.add('sluice_failures_total');
    names.add('sluice_upload_refusals_total');

    const dashboard = JSON.parse(await readFile('docs/grafana/sluice.json', 'utf8'));
    // biome-ignore lint/suspicious/noExplicitAny: Grafana's format
    const queries: string[] = dashboard.panels.flatMap((panel: any) =>
      // biome-ignore lint/suspicious/noExplicitAny: Grafana's format
      panel.targets.map((target: any) => target.expr),
    );
    const namesIn = (texts: string[]) =>
      new Set(texts.flatMap((text) => text.match(/\b(sluice|process|nodejs)_\w+/g) ?? []));
    const asked = namesIn(queries);

    expect(asked.size).toBeGreaterThan(15);
    expect([...asked].filter((name) => !names.has(name))).toEqual([]);

    const rules: { groups: { rules: { alert: string; expr: string }[] }[] } = parse(
      await readFile('docs/grafana/alerts.yaml', 'utf8'),
    );
    const alerts = rules.groups.flatMap((group) => group.rules);
    const watched = namesIn(alerts.map(({ expr }) => expr));
    expect(watched.size).toBeGreaterThan(10);
    expect([...watched].filter((name) => !names.has(name))).toEqual([]);
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
  });

  it('is for callers on this machine', async () => {
    const h = await house();
    const answer = await fetch(`${h.config.pipeline.url}/metrics`, {
      headers: { 'x-forwarded-for': '203.0.113.9' },
    });
    expect(answer.status).toBe(403);
  });
});

describe('totals', () => {
  it('go on where they were after a restart, and count each event once', async () => {
    const ledger = await ledgerOf();
    await moveOne(ledger, 'a');
    const before = await tallying(ledger).read();
    expect(before.tallies).toContainEqual({ name: 'leg_bytes', labels: { leg: 'fetch' }, value: 7 });

    // Another process, and one beside it.
    await moveOne(ledger, 'b');
    const [one, other] = [tallying(ledger), tallying(ledger)];
    await Promise.all([one.read(), other.read()]);

    expect((await other.read()).tallies).toContainEqual({
      name: 'leg_bytes',
      labels: { leg: 'fetch' },
      value: 14,
    });
    expect((await one.read()).tallies).toContainEqual({ name: 'attempts_started', labels: {}, value: 2 });
  });

  it('know how long a stage took whose start was counted before a restart', async () => {
    const ledger = await ledgerOf();
    const { id } = await ledger.recordings.accept(fileRecording('a'));
    const lease = await ledger.gate.acquire({ recordingId: id, holder: 'test', onLost: () => {} });
    const fence = lease?.fence ?? 0;
    await ledger.moves.startAttempt(id, fence);
    await ledger.moves.startStage(id, 'cleanup', fence, stepOf('cleanup'));
    await tallying(ledger).read();
    await ledger.moves.finishStage(id, 'cleanup', { freedBytes: 0 }, fence);
    await lease?.release();

    const { tallies } = await tallying(ledger).read();

    expect(tallies).toContainEqual({
      name: 'stage_duration_bucket',
      labels: { stage: 'cleanup', le: expect.any(String) },
      value: 1,
    });
  });

  it('know how a hundred thousand recordings stand', async () => {
    const ledger = await ledgerOf();
    fill(ledger.address, 100_000);
    await mkdir(join(ledger.folder, 'uploads'), { recursive: true });
    const measurements = tallying(ledger);
    await expect.poll(() => ledger.tallies.catchUp(1), { timeout: 30_000, interval: 200 }).toBe(true);

    expect((await measurements.read()).recordings.done).toBe(90_000);
  });
});

/** Recordings as after years: nine in ten done, the others waiting; with events and announcements. */
function fill(path: string, count: number): void {
  const sqlite = new Sqlite(path);
  sqlite.exec(`
    begin;
    insert into recordings (id, seq, source, natural_key, title, state, origin, details, not_before_ms,
        accepted_at_ms, place, bytes, search)
      with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})
      select 'rec_' || i, i, 'custom', 'k' || i, 'Algebra ' || i, iif(i % 10 = 0, 'waiting', 'done'),
        '{"kind":"file","path":"/files/a.mp4","bytes":5,"modifiedAtMs":1,"keep":true}', '{}', 0,
        1700000000000 + i, 0, 5, 'algebra ' || i from n;
    insert into events (seq, recording_id, at_ms, type, data)
      select seq, id, accepted_at_ms, 'recording.accepted', '{"source":"custom"}' from recordings;
    insert into deliveries (id, seq, recording_id, occasion, type, body, state, created_at_ms)
      select 'msg_' || seq, seq, id, 'recording.published', 'recording.published', '{}', 'delivered', 1
      from recordings;
    commit;
  `);
  sqlite.close();
}
