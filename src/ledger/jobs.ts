import type { Selectable } from 'kysely';
import type { OutputStands } from '../domain/output-stand.ts';
import type { Recording } from '../domain/recording.ts';
import { createUnchanged } from '../lib/unchanged.ts';
import type { Database } from './database.ts';
import { toStands } from './output-stands.ts';
import { toRecording } from './recording-rows.ts';
import { readCheckpoint } from './recordings.ts';
import type { Tables } from './schema.ts';

/** What is read of a recording to say how it stands. */
export type Head = Pick<
  Recording,
  | 'id'
  | 'naturalKey'
  | 'kind'
  | 'details'
  | 'state'
  | 'wanted'
  | 'lane'
  | 'planKey'
  | 'reference'
  | 'lastError'
  | 'endedAtMs'
>;

/** What its steps have reached, by their ids. */
export interface Reached {
  hasBegun(step: string): boolean;
  isDone(step: string): boolean;
  /** What a step has proved. */
  fact(step: string): object | undefined;
  checkpoint(step: string): object | undefined;
  readonly stands: OutputStands;
}

/** As what a recording has ended, and when; while neither changes nothing else of it does. */
export type End = Pick<Recording, 'id' | 'state' | 'endedAtMs'>;

/** How far many recordings are, in one look at the ledger: for whoever asks for a hundred at a time, again and again. */
export interface Jobs {
  /** Whether they still are as somebody has seen them; in no order, and those that there are not are left out. */
  ends(ids: readonly string[]): Promise<End[]>;
  /** In no order; those that there are not are left out. What has not changed since it was last read is the same object. */
  heads(ids: readonly string[]): Promise<Head[]>;
  /** The same, with all that is known of them. */
  recordings(ids: readonly string[]): Promise<Recording[]>;
  /** What the steps of each have reached; unchanged, the same object. */
  reached(ids: readonly string[]): Promise<ReadonlyMap<string, Reached>>;
}

/** So many are asked for at once: databases bound what a statement may name. */
const MOST_AT_ONCE = 200;

/** Of so many it is remembered how they stood. */
const MOST_REMEMBERED = 2000;

type HeadRow = Pick<Selectable<Tables['recordings']>, (typeof HEAD_COLUMNS)[number]>;

const HEAD_COLUMNS = [
  ...(['id', 'natural_key', 'kind', 'details', 'state', 'wanted', 'lane', 'plan_key'] as const),
  ...(['reference', 'last_error', 'ended_at_ms'] as const),
] as const;

type StageRow = Pick<Selectable<Tables['stages']>, (typeof STAGE_COLUMNS)[number]>;

const STAGE_COLUMNS = [
  ...(['recording_id', 'stage', 'started_at_ms', 'fact', 'checkpoint'] as const),
  ...(['is_output', 'ending', 'ended_at_ms', 'error', 'failed_attempts'] as const),
] as const;

export function createJobs({ db }: { db: Database }): Jobs {
  const headOf = createUnchanged(MOST_REMEMBERED, ([row]: readonly HeadRow[]) => toHead(row as HeadRow));
  const reachedOf = createUnchanged(MOST_REMEMBERED, reachedBy);
  return {
    async ends(ids) {
      const rows = await inTurns(ids, (some) =>
        db.selectFrom('recordings').select(['id', 'state', 'ended_at_ms']).where('id', 'in', some).execute(),
      );
      return rows.map(({ id, state, ended_at_ms: endedAtMs }) => ({
        ...{ id, endedAtMs },
        state: state as End['state'],
      }));
    },

    async heads(ids) {
      const rows = await inTurns(ids, (some) =>
        db.selectFrom('recordings').select(HEAD_COLUMNS).where('id', 'in', some).execute(),
      );
      return rows.map((row) => headOf(row.id, [row]));
    },

    async recordings(ids) {
      const rows = await inTurns(ids, (some) =>
        db.selectFrom('recordings').selectAll().where('id', 'in', some).execute(),
      );
      return rows.map(toRecording);
    },

    async reached(ids) {
      const rows = await inTurns(ids, (some) =>
        db.selectFrom('stages').select(STAGE_COLUMNS).where('recording_id', 'in', some).execute(),
      );
      const own = new Map<string, StageRow[]>(ids.map((id) => [id, []]));
      for (const row of rows) own.get(row.recording_id)?.push(row);
      return new Map([...own].map(([id, stages]) => [id, reachedOf(id, stages)]));
    },
  };
}

async function inTurns<T>(
  ids: readonly string[],
  read: (some: readonly string[]) => Promise<T[]>,
): Promise<T[]> {
  const found: T[] = [];
  for (let at = 0; at < ids.length; at += MOST_AT_ONCE) {
    found.push(...(await read(ids.slice(at, at + MOST_AT_ONCE))));
  }
  return found;
}

function toHead(row: HeadRow): Head {
  return {
    id: row.id,
    naturalKey: row.natural_key,
    kind: row.kind as Head['kind'],
    details: JSON.parse(row.details),
    state: row.state as Head['state'],
    wanted: row.wanted as Head['wanted'],
    ...(row.lane === null ? {} : { lane: row.lane }),
    ...(row.plan_key === null ? {} : { planKey: row.plan_key }),
    ...(row.reference === null ? {} : { reference: row.reference }),
    lastError: row.last_error === null ? null : JSON.parse(row.last_error),
    endedAtMs: row.ended_at_ms,
  };
}

/** What a step has written down is read once somebody wants it: of most nobody does. */
function reachedBy(rows: readonly StageRow[]): Reached {
  const byStep = new Map(rows.map((row) => [row.stage, row]));
  const textOf = (step: string, column: 'fact' | 'checkpoint') => byStep.get(step)?.[column] ?? undefined;
  return {
    hasBegun: (step) => (byStep.get(step)?.started_at_ms ?? null) !== null,
    isDone: (step) => textOf(step, 'fact') !== undefined,
    fact(step) {
      const text = textOf(step, 'fact');
      return text === undefined ? undefined : JSON.parse(text);
    },
    checkpoint(step) {
      const text = textOf(step, 'checkpoint');
      return text === undefined ? undefined : readCheckpoint(text);
    },
    stands: toStands(rows),
  };
}
