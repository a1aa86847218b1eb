import pg from 'pg';

/** The columns that tell one row from another; all else is taken over as it is. */
const OWN_COLUMNS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  recordings: {
    id: 'c.id',
    seq: 'c.seq',
    natural_key: "'bench:' || c.id",
    title: "'Lesson ' || c.seq",
  },
  stages: { recording_id: 'c.id' },
  events: {
    recording_id: 'c.id',
    seq: '(select max(seq) from events) + row_number() over (order by c.seq, t.seq)',
  },
};

/**
 * Grows a ledger in Postgres by so many recordings: each is a copy of one that has really come home, with the first so many lines
 * of its history. Nothing is written that Sluice has not written itself, but for the ids; whoever follows the history has followed it.
 */
export async function growDatabase(
  address: string,
  { template, count, eventsEach }: { template: string; count: number; eventsEach: number },
): Promise<void> {
  const client = new pg.Client({ connectionString: address });
  await client.connect();
  try {
    await client.query('begin');
    await client.query(`create temp table clones on commit drop as
      select 'rec_' || substr(md5('bench' || n), 1, 24) as id, (select max(seq) from recordings) + n as seq
      from generate_series(1, ${count}) as n`);
    const sources = {
      recordings: `select * from recordings where id = '${template}'`,
      stages: `select * from stages where recording_id = '${template}'`,
      events: `select * from events where recording_id = '${template}' order by seq limit ${eventsEach}`,
    };
    for (const [table, source] of Object.entries(sources)) {
      const { rows } = await client.query<{ name: string }>(
        `select column_name as name from information_schema.columns where table_name = $1 and table_schema = 'public'`,
        [table],
      );
      const names = rows.map(({ name }) => name);
      const values = names.map((name) => OWN_COLUMNS[table]?.[name] ?? `t.${name}`);
      await client.query(
        `insert into ${table} (${names.join(', ')}) select ${values.join(', ')} from clones c cross join (${source}) t`,
      );
    }
    await client.query(`update counters set n = (select max(seq) from recordings) where name = 'recordings'`);
    await client.query(`update counters set n = (select max(seq) from events) where name = 'events'`);
    await client.query(`update positions set seq = (select max(seq) from events)`);
    await client.query('commit');
    await client.query('analyze');
  } finally {
    await client.end();
  }
}
