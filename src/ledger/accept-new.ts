import { type Insertable, type RawBuilder, sql } from 'kysely';
import type { NewRecording } from '../domain/recording.ts';
import type { UnnumberedEvent } from './change.ts';
import type { Database } from './database.ts';
import { atOnceIn } from './dialects/at-once.ts';
import type { LedgerExtension } from './extension.ts';
import { createGroups } from './groups.ts';
import type { Tables } from './schema.ts';
import { isOfTheLedger } from './trouble.ts';

/** A recording that may be new, as it would be kept, and what its history would begin with. */
export interface Candidate {
  readonly recording: NewRecording;
  readonly row: Omit<Insertable<Tables['recordings']>, 'seq'>;
  readonly event: UnnumberedEvent;
}

/**
 * Takes in recordings of which the ledger has nothing at all, each by one statement and several in one exchange with the server,
 * which is what a door over a network waits for; resolves with whether it was taken. Where there is anything to think about (it
 * is known, or something of it is; its plan is not kept yet; a counter is behind its table) nothing is changed, and it goes the long
 * way.
 *
 * `undefined` for a ledger in a file.
 */
export function createAcceptNew(options: {
  readonly db: Database;
  readonly extensions: readonly LedgerExtension[];
}): ((candidate: Candidate) => Promise<boolean>) | undefined {
  const { db, extensions } = options;
  const atOnce = atOnceIn(db);
  if (atOnce === undefined) return undefined;
  const takeAll = createGroups<Candidate, boolean>(async (candidates) => {
    const statements = candidates.map((candidate) => statementFor(candidate, extensions).compile(db));
    return (await atOnce(statements)).map(({ rows }) => rows.length > 0);
  });
  return (candidate) =>
    takeAll(candidate).catch((error) => {
      if (isOfTheLedger(error)) throw error;
      return false;
    });
}

/** Writes the recording and the first line of its history, both with the next numbers, unless something of it is known. */
function statementFor(
  { recording, row, event }: Candidate,
  extensions: readonly LedgerExtension[],
): RawBuilder<unknown> {
  const known = extensions.flatMap(({ isForeknown }) => isForeknown?.(recording) ?? []);
  const isNew = known.length === 0 ? sql`true` : sql`not (${sql.join(known, sql` or `)})`;
  // As one value each: what a statement is made of costs a busy door more than the server.
  return sql`with
    given as (
      select * from json_populate_record(null::recordings, ${JSON.stringify(row)}) as row
      where not exists (select 1 from recordings where recordings.id = row.id)
        and (plan_key is null or exists (select 1 from plans where key = plan_key)) and ${isNew}
    ),
    counted as (
      update counters set n = n + 1 where name in ('recordings', 'events') and exists (select 1 from given) returning name, n
    ),
    numbers as (
      select max(n) filter (where name = 'recordings') as recording, max(n) filter (where name = 'events') as event
      from counted
    ),
    taken as (
      insert into recordings (seq, ${namesOf(row)}) select numbers.recording, ${namesOf(row)} from numbers, given
      where numbers.recording > (select coalesce(max(seq), 0) from recordings)
        and numbers.event > (select coalesce(max(seq), 0) from events)
      on conflict (id) do nothing returning id
    ),
    told as (
      insert into events (seq, ${namesOf(event)})
      select numbers.event, ${namesOf(event)} from numbers, taken, json_populate_record(null::events, ${JSON.stringify(event)}) as given
    )
    select id from taken`;
}

const names = new Map<string, RawBuilder<unknown>>();

function namesOf(row: object): RawBuilder<unknown> {
  const list = Object.keys(row).join(', ');
  let known = names.get(list);
  if (known === undefined) {
    known = sql.raw(list);
    names.set(list, known);
  }
  return known;
}
