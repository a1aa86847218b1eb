import type { Selectable } from 'kysely';
import type { OutputStands } from '../domain/output-stand.ts';
import type { Recording } from '../domain/recording.ts';
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

/** How far many recordings are, in one look at the ledger: for whoever asks for a hundred at a time, again and again. */
export interface Jobs {
  /** In no order; those that there are not are left out. */
  heads(ids: readonly string[]): Promise<Head[]>;
  /** The same, with all that is known of them. */
  recordings(ids: readonly string[]): Promise<Recording[]>;
  /** What the steps of each have reached. */
  reached(ids: readonly string[]): Promise<ReadonlyMap<string, Reached>>;
}

/** So many are asked for at once: databases bound what a statement may name. */
const MOST_AT_ONCE = 200;

type StageRow = Pick<Selectable<Tables['stages']>, (typeof STAGE_COLUMNS)[number]>;

const STAGE_COLUMNS = [
  ...(['recording_id', 'stage', 'started_at_ms', 'fact', 'checkpoint'] as const),
  ...(['is_output', 'ending', 'ended_at_ms', 'error', 'failed_attempts'] as const),
] as const;

export function createJobs({ db }: { db: Database }): Jobs {
  return {
    async heads(ids) {
      const rows = await inTurns(ids, (some) =>
        db
          .selectFrom('recordings')
          .select([
            'id',
            'natural_key',
            'kind',
            'details',
            'state',
            'wanted',
            'lane',
            'plan_key',
            'reference',
          ])
          .select('last_error')
          .where('id', 'in', some)
          .execute(),
      );
      return rows.map((row) => ({
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
      }));
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
      return new Map([...own].map(([id, stages]) => [id, reachedBy(stages)]));
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
