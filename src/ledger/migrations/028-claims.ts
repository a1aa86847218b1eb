import { type Kysely, sql } from 'kysely';

/** What steps have made outside, by service and name there, and what else the ledger has to know of a step. */
export const claims = {
  // biome-ignore lint/suspicious/noExplicitAny: a released step does not follow later changes of the tables' types
  async up(db: Kysely<any>) {
    await db.schema
      .createTable('claims')
      .addColumn('service', 'text', (column) => column.notNull())
      .addColumn('ref', 'text', (column) => column.notNull())
      .addColumn('recording_id', 'text', (column) => column.notNull())
      .addColumn('stage', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('claims_key', ['service', 'ref', 'recording_id', 'stage'])
      .execute();
    await sql`create index claims_by_step on claims (recording_id, stage)`.execute(db);
    await db.schema.alterTable('stages').addColumn('service', 'text').execute();
    for (const column of ['is_final', 'is_again', 'moves_bytes']) {
      await db.schema
        .alterTable('stages')
        .addColumn(column, 'integer', (added) => added.notNull().defaultTo(0))
        .execute();
    }
    await sql`update stages set is_final = case when task = 'notify' then 1 else 0 end,
      is_again = case when task in ('fetch', 'publish', 'captions', 'notify', 'cleanup') then 1 else 0 end,
      moves_bytes = case when task in ('fetch', 'archive', 'publish') then 1 else 0 end`.execute(db);

    // What is no JSON holds its step until somebody has put it right, and names nothing.
    const from = (column: string, key: string) =>
      sql`case when json_valid(${sql.ref(column)}) then json_extract(${sql.ref(column)}, ${sql.lit(key)}) end`;
    const said = (key: string) => sql`coalesce(${from('fact', key)}, ${from('checkpoint', key)})`;
    const video = said('$.videoId');
    await sql`update stages set service = case
      when task = 'archive' then coalesce(${said('$.store')}, 'b2')
      when coalesce(${video}, '') like '%/%' then substr(${video}, 1, instr(${video}, '/') - 1) || '-publisher'
      else 'bunny' end
      where task in ('archive', 'publish', 'captions') and (fact is not null or checkpoint is not null)`.execute(
      db,
    );
    for (const [task, key] of [
      ['archive', 'fileId'],
      ['publish', 'videoId'],
    ] as const) {
      for (const column of ['fact', 'checkpoint']) {
        const ref = from(column, `$.${key}`);
        await sql`insert into claims (service, ref, recording_id, stage)
          select service, ${ref}, recording_id, stage from stages
          where task = ${task} and service is not null and ${ref} is not null
          on conflict do nothing`.execute(db);
      }
    }
    // Nothing of what is put aside is lost, should it be put back.
    const kept = (await db
      .selectFrom('recordings')
      .select(['id', 'kept_stages'])
      .where('kept_stages', 'is not', null)
      .execute()) as { id: string; kept_stages: string }[];
    for (const { id, kept_stages } of kept) {
      const rows = (JSON.parse(kept_stages) as KeptRow[]).map(withClaims);
      await db
        .updateTable('recordings')
        .set({ kept_stages: JSON.stringify(rows) })
        .where('id', '=', id)
        .execute();
    }
    for (const stage of ['archive', 'publish']) {
      for (const column of ['fact', 'checkpoint']) {
        await sql`drop index if exists ${sql.ref(`stages_${stage}_by_${column}`)}`.execute(db);
      }
    }
  },
};

interface KeptRow {
  readonly stage: string;
  readonly task?: string | null;
  readonly fact: string | null;
  readonly checkpoint: string | null;
}

/** Of what was put aside only steps that are gone through again: none of the archive. */
function withClaims(row: KeptRow) {
  const task = row.task ?? row.stage;
  const videoId = videoIn(row.fact) ?? videoIn(row.checkpoint);
  const isPublished =
    ['publish', 'captions'].includes(task) && (row.fact !== null || row.checkpoint !== null);
  const service = !isPublished
    ? null
    : videoId?.includes('/')
      ? `${videoId.slice(0, videoId.indexOf('/'))}-publisher`
      : 'bunny';
  return {
    ...row,
    task,
    service,
    is_final: task === 'notify' ? 1 : 0,
    is_again: 1,
    moves_bytes: task === 'fetch' || task === 'publish' ? 1 : 0,
    claims: service === null || videoId === undefined ? [] : [videoId],
  };
}

function videoIn(text: string | null): string | undefined {
  try {
    return (JSON.parse(text ?? '{}') as { videoId?: string | null }).videoId ?? undefined;
  } catch {
    return undefined;
  }
}
