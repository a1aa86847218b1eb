import { type Kysely, sql, type Transaction } from 'kysely';
import { change } from './change.ts';
import type { Database } from './database.ts';
import type { EventType } from './events.ts';
import { positionOf, setPosition } from './positions.ts';
import type { Tables } from './schema.ts';

/** The upper bounds of the buckets that durations of stages are counted in, in seconds. */
export const DURATION_BOUNDS_S = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 43_200] as const;

const READER = 'tallies';

/** How many starts of stages are looked through for the one that belongs to an end. */
const STARTS_LOOKED_AT = 50;

type Labels = Readonly<Record<string, string>>;

/** A total since the beginning; it only rises. */
export interface Tally {
  readonly name: TallyName;
  readonly labels: Labels;
  readonly value: number;
}

/** Totals, to which wings add their own. The durations' buckets are counted each by itself: a duration is in the first whose `le` it does not exceed. */
export interface TallyNames {
  recordings_accepted: true;
  recordings_ended: true;
  attempts_started: true;
  attempts_ended: true;
  failures: true;
  leg_bytes: true;
  stage_duration_bucket: true;
  stage_duration_sum: true;
  upload_bytes: true;
  upload_refusals: true;
}

export type TallyName = keyof TallyNames;

/**
 * Totals of what the history tells. They are kept in the ledger, with how far the history is counted: each event counts
 * once, whatever dies, and nobody ever reads the whole history.
 */
export interface Tallies {
  /** Counts at most so many events more; true: all are counted. */
  catchUp(limit: number): Promise<boolean>;
  all(): Promise<Tally[]>;
  /** Adds what the history does not tell. */
  add(deltas: readonly Tally[]): Promise<void>;
}

interface Happening {
  readonly seq: number;
  readonly recordingId: string;
  readonly atMs: number;
  readonly type: EventType;
  readonly data: Readonly<Record<string, unknown>>;
  readonly bytes: number;
}

const ENDS: Partial<Readonly<Record<EventType, string>>> = {
  'recording.done': 'done',
  'recording.failed': 'failed',
  'attempt.failed': 'failed',
  'attempt.postponed': 'postponed',
  'attempt.interrupted': 'interrupted',
  'lane.changed': 'handed-over',
};

export function createTallies({ db }: { db: Database }): Tallies {
  return {
    async catchUp(limit) {
      if ((await happenings(db, (await positionOf(db, READER)) ?? 0, 1)).length === 0) return true;
      return await change(db, async (trx) => {
        const from = (await positionOf(trx, READER)) ?? 0;
        const found = await happenings(trx, from, limit);
        const deltas = createDeltas();
        const starts = new Map<string, number>();
        for (const each of found) await count(trx, each, starts, deltas.add);
        await addToTallies(trx, deltas.list());
        await setPosition(trx, READER, found.at(-1)?.seq ?? from);
        return found.length < limit;
      });
    },

    async all() {
      const rows = await db.selectFrom('tallies').selectAll().execute();
      return rows.map(({ name, labels, value }) => ({
        name: name as TallyName,
        labels: JSON.parse(labels),
        value,
      }));
    },

    async add(deltas) {
      if (deltas.length > 0) await change(db, (trx) => addToTallies(trx, deltas));
    },
  };
}

/** Adds to totals, as a part of a larger change. */
export async function addToTallies(trx: Transaction<Tables>, deltas: readonly Tally[]): Promise<void> {
  for (const { name, labels, value } of deltas) {
    await trx
      .insertInto('tallies')
      // As text: other numbers of the ledger are whole.
      .values({
        name,
        labels: JSON.stringify(labels),
        value: sql<number>`cast(${String(value)} as double precision)`,
      })
      .onConflict((conflict) =>
        conflict
          .columns(['name', 'labels'])
          .doUpdateSet({ value: sql<number>`tallies.value + excluded.value` }),
      )
      .execute();
  }
}

type Add = (name: TallyName, labels: Labels, value?: number) => void;

/** Sums up before anything is written. */
function createDeltas(): { readonly add: Add; list(): Tally[] } {
  const sums = new Map<string, Tally>();
  return {
    add(name, labels, value = 1) {
      const key = `${name} ${JSON.stringify(labels)}`;
      sums.set(key, { name, labels, value: (sums.get(key)?.value ?? 0) + value });
    },
    list: () => [...sums.values()],
  };
}

async function happenings(db: Kysely<Tables>, afterSeq: number, limit: number): Promise<Happening[]> {
  const rows = await db
    .selectFrom('events')
    .innerJoin('recordings', 'recordings.id', 'events.recording_id')
    .select(['events.seq', 'recording_id', 'at_ms', 'type', 'data', 'bytes'])
    .where('events.seq', '>', afterSeq)
    .orderBy('events.seq')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    seq: Number(row.seq),
    recordingId: row.recording_id,
    atMs: Number(row.at_ms),
    type: row.type as EventType,
    data: JSON.parse(row.data),
    bytes: Number(row.bytes ?? 0),
  }));
}

/** @param starts When the stages began that these events have told of, by recording and stage. */
async function count(
  trx: Transaction<Tables>,
  happening: Happening,
  starts: Map<string, number>,
  add: Add,
): Promise<void> {
  const { type, data, atMs, recordingId, bytes } = happening;
  const stage = String(data['stage']);
  const outcome = ENDS[type];
  if (outcome !== undefined) add('attempts_ended', { outcome });
  if (typeof data['code'] === 'string') add('failures', { code: data['code'] });

  if (type === 'recording.accepted') add('recordings_accepted', { source: String(data['source']) });
  else if (type === 'attempt.started') add('attempts_started', {});
  else if (isEnd(type)) {
    add('recordings_ended', { outcome: type.slice('recording.'.length) });
  } else if (type === 'stage.started') starts.set(`${recordingId} ${stage}`, atMs);
  else if (type === 'stage.done') {
    if (await movesBytes(trx, recordingId, stage)) add('leg_bytes', { leg: stage }, bytes);
    const startedAtMs = starts.get(`${recordingId} ${stage}`) ?? (await findStart(trx, happening, stage));
    if (startedAtMs === undefined) return;
    // Another process's clock, or one that was set back.
    const seconds = Math.max(0, atMs - startedAtMs) / 1000;
    const le = DURATION_BOUNDS_S.find((bound) => seconds <= bound);
    add('stage_duration_bucket', { stage, le: le === undefined ? '+Inf' : String(le) });
    add('stage_duration_sum', { stage }, seconds);
  }
}

function isEnd(type: EventType): boolean {
  return ['recording.done', 'recording.failed', 'recording.cancelled', 'recording.deleted'].includes(type);
}

async function movesBytes(trx: Transaction<Tables>, id: string, stage: string): Promise<boolean> {
  const row = await trx
    .selectFrom('stages')
    .select('moves_bytes')
    .where('recording_id', '=', id)
    .where('stage', '=', stage)
    .executeTakeFirst();
  return row?.moves_bytes === 1;
}

async function findStart(
  trx: Transaction<Tables>,
  { recordingId, seq }: Happening,
  stage: string,
): Promise<number | undefined> {
  const rows = await trx
    .selectFrom('events')
    .select(['at_ms', 'data'])
    .where('recording_id', '=', recordingId)
    .where('seq', '<', seq)
    .where('type', '=', 'stage.started')
    .orderBy('seq', 'desc')
    .limit(STARTS_LOOKED_AT)
    .execute();
  const row = rows.find(({ data }) => JSON.parse(data).stage === stage);
  return row && Number(row.at_ms);
}
