import Sqlite from 'libsql';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openWholeLedger, type WholeLedger } from '../../src/outside/whole-ledger.ts';
import { fileRecording, openTestLedger, stepOf, type TestLedger } from '../support/ledger.ts';

const DAY_MS = 86_400_000;

const open: TestLedger[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function ledgerOf(): Promise<TestLedger> {
  const ledger = await openTestLedger();
  open.push(ledger);
  return ledger;
}

/** Many that are done, each with its own file in B2, video, file on the disk and title. */
function fill(path: string, count: number): void {
  const sqlite = new Sqlite(path);
  sqlite.exec(`
    begin;
    insert into recordings (id, seq, source, natural_key, title, state, origin, details, not_before_ms,
        accepted_at_ms, ended_at_ms, place, bytes, search)
      with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})
      select 'rec_' || i, i, 'custom', 'k' || i, 'Algebra ' || i, 'done',
        json_object('kind', 'file', 'path', '/data/incoming/up-' || i || '.upload', 'bytes', 5, 'modifiedAtMs', 1,
          'keep', json('false')), '{}', 0, 1700000000000 + i, 1700000000000 + i, 0, 5, 'algebra ' || i from n;
    insert into stages (recording_id, stage, service, fact, checkpoint)
      select id, 'archive', 'b2', json_object('bucket', 'b', 'fileId', 'file-' || seq, 'fileName', 'x', 'sha1', null),
        json_object('fileId', 'large-' || seq) from recordings;
    insert into stages (recording_id, stage, service, fact, checkpoint)
      select id, 'publish', 'bunny', json_object('libraryId', '1', 'videoId', 'video-' || seq),
        json_object('videoId', 'begun-' || seq) from recordings;
    insert into claims (service, ref, recording_id, stage)
      select service, value, recording_id, stage from stages, json_each(json_array(
        coalesce(json_extract(fact, '$.fileId'), json_extract(fact, '$.videoId')),
        coalesce(json_extract(checkpoint, '$.fileId'), json_extract(checkpoint, '$.videoId'))));
    commit;
  `);
  sqlite.close();
}

/** What is read whole while `work` runs, by the plans of what SQLite is asked: by a fresh opening, for plans are kept. */
async function scansDuring(
  { address }: TestLedger,
  work: (ledger: WholeLedger) => Promise<unknown>,
): Promise<string[]> {
  const ledger = await openWholeLedger({ address, leaseMs: 1000 });
  const asked: { sql: string; parameters: unknown[] }[] = [];
  const original = Sqlite.prototype.prepare;
  Sqlite.prototype.prepare = function prepare(this: Sqlite.Database, sql: string) {
    asked.push({ sql, parameters: [] });
    return original.call(this, sql);
  } as typeof original;
  try {
    await work(ledger);
  } finally {
    await ledger.close();
    Sqlite.prototype.prepare = original;
  }
  if (asked.length === 0) throw new Error('nothing was asked, or it was not seen');
  const sqlite = new Sqlite(address);
  try {
    return asked
      .filter(({ sql }) => /^(select|update|delete|insert)/.test(sql))
      .flatMap(({ sql }) => {
        const holes = sql.match(/\?/g)?.length ?? 0;
        const rows = sqlite.prepare(`explain query plan ${sql}`).all(...Array(holes).fill('x')) as {
          detail: string;
        }[];
        return rows
          .map(({ detail }) => detail)
          .filter((detail) => /^SCAN (recordings|stages|events)\b/.test(detail) || isOfAState(detail));
      });
  } finally {
    sqlite.close();
  }
}

/** Whether it goes through all that are in one state, which may be all that there are. */
function isOfAState(detail: string): boolean {
  return /^SEARCH recordings .*\(state=\?(\)| AND (seq|place|not_before_ms|ended_at_ms)[<>])/.test(detail);
}

describe('what a door asks, among many that wait', () => {
  it('is answered without going through those', async () => {
    const ledger = await ledgerOf();
    fill(ledger.address, 20_000);
    const sqlite = new Sqlite(ledger.address);
    sqlite.exec(`update recordings set state = 'waiting', group_key = 'zoom:' || id, kind = 'video'`);
    sqlite.close();

    const passed = await scansDuring(ledger, async ({ recordings }) => {
      const groupKey = 'zoom:rec_4711';
      await recordings.ofGroup(groupKey);
      await recordings.accept(fileRecording('new', { groupKey }));
      await recordings.accept(fileRecording('new', { groupKey }));
      await recordings.wakeCompanions(groupKey);
    });

    expect(passed).toEqual([]);
  });
});

describe('what belongs to whom, among many recordings', () => {
  let many: TestLedger;
  beforeAll(async () => {
    many = await openTestLedger();
    fill(many.address, 20_000);
  });
  afterAll(() => many.close());

  it('would be seen to be read whole', async () => {
    expect(
      await scansDuring(many, ({ overview }) => overview.list({ text: 'algebra', limit: 5 })),
    ).not.toEqual([]);
  });

  it.each<[string, (ledger: WholeLedger) => Promise<readonly unknown[]>, number]>([
    ['a file of the disk', ({ claims }) => claims.ofFile('up-4711.upload'), 1],
    ['the end of a file name', ({ claims }) => claims.ofFile('4711.upload'), 0],
    ['a name with signs that mean something', ({ claims }) => claims.ofFile('%_4711"%'), 0],
    ['an archived file', ({ claims }) => claims.of({ service: 'b2', ref: 'file-4711' }), 1],
    ['a large file that has begun', ({ claims }) => claims.of({ service: 'b2', ref: 'large-4711' }), 1],
    ['a file of nobody', ({ claims }) => claims.of({ service: 'b2', ref: 'file-' }), 0],
    ['a video', ({ claims }) => claims.of({ service: 'bunny', ref: 'video-4711' }), 1],
    ['a video that has begun', ({ claims }) => claims.of({ service: 'bunny', ref: 'begun-4711' }), 1],
  ])('is found by %s, and without reading them all', async (_what, find, count) => {
    let found: readonly unknown[] = [];
    const scans = await scansDuring(many, async (ledger) => {
      found = await find(ledger);
    });

    expect(found).toHaveLength(count);
    expect(scans).toEqual([]);
  });

  it('and old tokens are forgotten without reading them all', async () => {
    const ledger = await ledgerOf();
    fill(ledger.address, 20);
    const sqlite = new Sqlite(ledger.address);
    sqlite.exec(
      `update recordings set origin = '{"kind":"zoom","downloadToken":"secret"}' where id = 'rec_3'`,
    );
    sqlite.close();

    expect(await scansDuring(ledger, ({ claims }) => claims.forgetOldTokens(Date.now()))).toEqual([]);
    expect((await ledger.recordings.get('rec_3'))?.origin).toMatchObject({ downloadToken: null });
  });
});

describe('history', () => {
  /** One that was done so many days ago, with all that has happened to it. */
  async function doneBefore(ledger: TestLedger, key: string, days: number): Promise<string> {
    const { id } = await ledger.recordings.accept(fileRecording(key));
    const lease = await ledger.gate.acquire({ recordingId: id, holder: 'test', onLost: () => {} });
    const fence = lease?.fence ?? 0;
    await ledger.moves.startAttempt(id, fence);
    await ledger.moves.startStage(id, 'cleanup', fence, stepOf('cleanup'));
    await ledger.moves.finishStage(id, 'cleanup', { freedBytes: 1 }, fence);
    await ledger.moves.finish(id, fence);
    await lease?.release();
    const sqlite = new Sqlite(ledger.address);
    sqlite.exec(`
      update recordings set ended_at_ms = ended_at_ms - ${days * DAY_MS} where id = '${id}';
      update events set at_ms = at_ms - ${days * DAY_MS} where recording_id = '${id}';
    `);
    sqlite.close();
    return id;
  }

  const typesOf = async ({ recordings }: TestLedger, id: string) =>
    (await recordings.events(id)).map(({ type }) => type);

  async function followAll(ledger: TestLedger): Promise<void> {
    await ledger.tallies.catchUp(1000);
    await ledger.alarms.position();
  }

  /** Prunes what is older than ten days, a few at a time. */
  async function prune({ pruning }: TestLedger): Promise<void> {
    const beforeMs = Date.now() - 10 * DAY_MS;
    for (let afterSeq: number | undefined = 0; afterSeq !== undefined; ) {
      afterSeq = await pruning.events({ beforeMs, afterSeq, limit: 2 });
    }
  }

  const WHOLE = ['recording.accepted', 'attempt.started', 'stage.started', 'stage.done', 'recording.done'];

  it('of what was done long ago is reduced to its outline, and all else stays', async () => {
    const ledger = await ledgerOf();
    const old = await doneBefore(ledger, 'old', 11);
    const young = await doneBefore(ledger, 'young', 9);
    const { id: waiting } = await ledger.recordings.accept(fileRecording('waiting'));
    await followAll(ledger);

    await prune(ledger);

    expect(await typesOf(ledger, old)).toEqual(['recording.accepted', 'recording.done']);
    expect(await typesOf(ledger, young)).toEqual(WHOLE);
    expect(await typesOf(ledger, waiting)).toEqual(['recording.accepted']);
    // It is recognised when it comes again, and what it has proved is known.
    expect(await ledger.recordings.accept(fileRecording('old'))).toMatchObject({
      id: old,
      isDuplicate: true,
    });
    expect((await ledger.recordings.progress(old)).facts).toEqual({ cleanup: { freedBytes: 1 } });
    const { tallies } = { tallies: await ledger.tallies.all() };
    expect(tallies).toContainEqual({ name: 'attempts_started', labels: {}, value: 2 });
  });

  it('stays as long as somebody has not followed it, and the newest event for ever, which says how far the history goes', async () => {
    const ledger = await ledgerOf();
    const old = await doneBefore(ledger, 'old', 11);
    await prune(ledger);
    expect(await typesOf(ledger, old)).toEqual(WHOLE);

    await followAll(ledger);
    const last = await ledger.history.lastSeq();
    await prune(ledger);
    expect(await typesOf(ledger, old)).toEqual(['recording.accepted', 'recording.done']);
    expect(await ledger.history.lastSeq()).toBe(last);
  });

  it('of one that has failed stays: somebody has to look', async () => {
    const ledger = await ledgerOf();
    const id = await doneBefore(ledger, 'old', 11);
    const sqlite = new Sqlite(ledger.address);
    sqlite.exec(`update recordings set state = 'failed' where id = '${id}'`);
    sqlite.close();
    await ledger.recordings.accept(fileRecording('next'));
    await followAll(ledger);

    await prune(ledger);

    expect(await typesOf(ledger, id)).toEqual(WHOLE);
  });
});
