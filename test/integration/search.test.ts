import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kysely, Migrator } from 'kysely';
import Sqlite from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSqliteDialect } from '../../src/ledger/dialects/sqlite-dialect.ts';
import { migrationProvider } from '../../src/ledger/migrations.ts';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import { fileRecording, openTestLedger, type TestLedger, zoomRecording } from '../support/ledger.ts';

describe('a search', () => {
  let ledger: TestLedger;
  beforeEach(async () => {
    ledger = await openTestLedger();
  });
  afterEach(() => ledger.close());

  const found = async (text: string) =>
    (await ledger.overview.list({ text, limit: 20 })).summaries.map(({ recording }) => recording.naturalKey);

  it('finds what has all the words, in any order, wherever they stand', async () => {
    await ledger.recordings.accept({
      ...zoomRecording('zoom', 1, 'x'),
      title: 'Übung 3',
      details: {
        topic: 'Lineare Algebra',
        host_email: 'anna.meyer@academy.example',
        meeting_id: 85512345678,
      },
    });
    await ledger.recordings.accept(fileRecording('file', { title: 'Algebra for Anna' }));

    expect(await found('algebra ubung')).toEqual(['zoom']);
    expect(await found('ÜBUNG lineare meyer')).toEqual(['zoom']);
    expect(await found('anna algebra')).toEqual(['file', 'zoom']);
    expect(await found('algebra geometry')).toEqual([]);
    expect(await found('"algebra anna"')).toEqual([]);
    expect(await found('"algebra for anna"')).toEqual(['file']);
    expect(await found('meyer@academy')).toEqual(['zoom']);
    expect(await found('855 12345678')).toEqual(['zoom']);
  });

  it('finds by the name of the file and of its folder', async () => {
    await ledger.recordings.accept(fileRecording('kurs/Łódź-14', { title: 'A' }));

    expect(await found('lodz-14.mp4')).toEqual(['kurs/Łódź-14']);
    expect(await found('files/kurs')).toEqual(['kurs/Łódź-14']);
  });

  it('goes with a recording that begins anew under another title', async () => {
    const { id } = await ledger.recordings.accept(fileRecording('again', { title: 'Before' }));
    await ledger.operator.cancel(id);
    await ledger.recordings.accept(fileRecording('again', { title: 'After' }));

    expect(await found('after again.mp4')).toEqual(['again']);
    expect(await found('before')).toEqual([]);
  });
});

describe('a ledger of before', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-search-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is searched by topic, host and file name once it is opened', async () => {
    const path = join(folder, 'ledger.db');
    const sqlite = new Sqlite(path);
    const db = new Kysely<unknown>({ dialect: createSqliteDialect({ sqlite, close: () => sqlite.close() }) });
    const migrator = new Migrator({ db, provider: migrationProvider });
    expect((await migrator.migrateTo('013-callers-words')).error).toBeUndefined();
    sqlite.exec(`
      insert into recordings (id, seq, source, natural_key, title, state, origin, details, accepted_at_ms, search)
        with recursive n(i) as (select 1 union all select i + 1 from n where i < 2500)
        select 'rec_' || i, i, 'custom', 'k' || i, 'Übung', 'done',
          json_object('kind', 'file', 'path', '/srv/Größe ' || i || '.mp4', 'bytes', 5, 'modifiedAtMs', 1, 'keep', json('true')),
          json_object('filename', 'Größe ' || i || '.mp4', 'host_email', 'host' || i || '@academy.example',
            'topic', 'Topic ' || i), 1, 'ubung' || char(10) || 'rec_' || i from n;
    `);
    await db.destroy();

    const ledger = await openWholeLedger({ address: path, leaseMs: 1000 });
    try {
      const found = async (text: string) =>
        (await ledger.overview.list({ text, limit: 5 })).summaries.map(({ recording }) => recording.id);
      expect(await found('ubung srv "größe 1.mp4"')).toEqual(['rec_1']);
      expect(await found('host2500@')).toEqual(['rec_2500']);
      expect(await found('"topic 1234"')).toEqual(['rec_1234']);
    } finally {
      await ledger.close();
    }
  });
});
