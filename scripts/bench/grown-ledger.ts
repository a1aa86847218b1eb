import { copyFileSync } from 'node:fs';
import Sqlite from 'libsql';

/** How many recordings are cloned in one transaction. */
const BATCH = 10_000;

/** The columns that tell one row from another; all else is taken over as it is. */
const OWN_COLUMNS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  recordings: {
    id: 'n.id',
    seq: 'n.seq',
    natural_key: "'bench:' || n.id",
    title: "'Lesson ' || n.seq",
    accepted_at_ms: 't.accepted_at_ms + n.seq * 1000',
  },
  stages: { recording_id: 'n.id' },
  events: { recording_id: 'n.id', seq: 'n.seq * 100 + t.seq' },
  deliveries: { id: "t.id || '_' || n.seq", recording_id: 'n.id', seq: 'n.seq * 100 + t.seq' },
  watches: { video_id: "t.video_id || '_' || n.seq", recording_id: 'n.id', seq: 'n.seq * 100 + t.seq' },
};

/**
 * Grows a closed ledger to so many recordings: each new one is a copy of the first, which has really come home, with all
 * that belongs to it. Nothing is written that Sluice has not written itself, but for the ids.
 */
export function growLedger(path: string, count: number): void {
  const sqlite = new Sqlite(path);
  try {
    sqlite.pragma('synchronous = OFF');
    sqlite.pragma('journal_mode = OFF');
    sqlite.pragma('cache_size = -1000000');
    sqlite.exec('create temp table template as select id, seq from recordings order by seq limit 1');
    sqlite.exec('create temp table clones (id text, seq integer)');
    const known = sqlite.prepare('select max(seq) as seq from recordings').get() as { seq: number };
    for (let from = known.seq + 1; from <= count; from += BATCH) {
      const to = Math.min(count, from + BATCH - 1);
      sqlite.exec('begin; delete from clones');
      sqlite.exec(`with recursive numbers (seq) as (select ${from} union all select seq + 1 from numbers where seq < ${to})
        insert into clones select 'rec_' || lower(hex(randomblob(12))), seq from numbers`);
      for (const table of Object.keys(OWN_COLUMNS)) cloneRows(sqlite, table);
      sqlite.exec('commit');
    }
    // Who follows the history has followed it as it grew.
    sqlite.exec(`insert into positions (reader, seq)
      select reader, (select max(seq) from events) from (select 'tallies' as reader union select 'alarms') where true
      on conflict (reader) do update set seq = excluded.seq`);
    sqlite.pragma('journal_mode = WAL');
  } finally {
    sqlite.close();
  }
}

function cloneRows(sqlite: Sqlite.Database, table: string): void {
  const columns = (sqlite.pragma(`table_info(${table})`) as { name: string }[]).map(({ name }) => name);
  const values = columns.map((column) => OWN_COLUMNS[table]?.[column] ?? `t.${column}`);
  const owner = table === 'recordings' ? 'id' : 'recording_id';
  sqlite.exec(`insert into ${table} (${columns.join(', ')})
    select ${values.join(', ')} from clones n join ${table} t on t.${owner} = (select id from template)`);
}

/** Copies a ledger that nobody writes to at this moment, what is in its write-ahead log included. */
export function copyLedger(from: string, to: string): void {
  const sqlite = new Sqlite(from);
  try {
    sqlite.pragma('wal_checkpoint(TRUNCATE)');
    copyFileSync(from, to);
  } finally {
    sqlite.close();
  }
}

/** Takes back what was accepted after so many recordings, so that the next round finds what this one found. */
export function shrinkLedger(path: string, count: number): void {
  const sqlite = new Sqlite(path);
  try {
    sqlite.pragma('busy_timeout = 5000');
    sqlite.exec(`begin immediate;
      delete from events where recording_id in (select id from recordings where seq > ${count});
      delete from recordings where seq > ${count};
      commit`);
  } finally {
    sqlite.close();
  }
}

/** Puts every recording back in line. */
export function makeAllWait(path: string): void {
  const sqlite = new Sqlite(path);
  try {
    sqlite.exec("update recordings set state = 'waiting', ended_at_ms = null");
    sqlite.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    sqlite.close();
  }
}
