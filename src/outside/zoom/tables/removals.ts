import { type RawBuilder, sql, type Transaction } from 'kysely';
import type { NewRecording, Origin } from '../../../domain/recording.ts';
import { nextNumber } from '../../../ledger/change.ts';
import type { Foreknown } from '../../../ledger/extension.ts';
import type { Tables } from '../../../ledger/schema.ts';

/** How many words of Zoom's are kept; the oldest make room. Events overtake each other by minutes, or by hours. */
const MAX_KEPT = 5000;

/** Stands for all files of a meeting. */
const ALL = '';

/** Which files of a meeting somebody has removed from Zoom, or brought back. */
export interface ZoomRemoval {
  readonly groupKey: string;
  /** Zoom's ids of the files; none: all of the meeting. */
  readonly fileIds: readonly string[];
  /** Who has done it, as far as Zoom says. */
  readonly operator: string | null;
  /** When Zoom said so: events may come late, in another order, or again. */
  readonly atMs: number;
}

export type RemovalKind = 'trashed' | 'deleted' | 'recovered';

/** Keeps what Zoom says of files, the last word by Zoom's time: what announces them may come after it. */
export async function rememberRemoval(
  trx: Transaction<Tables>,
  { groupKey, fileIds, operator, atMs }: ZoomRemoval,
  how: RemovalKind,
): Promise<void> {
  for (const fileId of fileIds.length === 0 ? [ALL] : fileIds) {
    const seq = await nextNumber(trx, 'zoom_removals');
    const told = { seq, how, at_ms: atMs, operator };
    await trx
      .insertInto('zoom_removals')
      .values({ group_key: groupKey, file_id: fileId, ...told })
      .onConflict((conflict) =>
        conflict.columns(['group_key', 'file_id']).doUpdateSet(told).where('zoom_removals.at_ms', '<=', atMs),
      )
      .execute();
  }
  await trx
    .deleteFrom('zoom_removals')
    .where('seq', '<=', sql<number>`(select max(seq) from zoom_removals) - ${MAX_KEPT}`)
    .execute();
}

/** Whether Zoom has said anything of the file of a recording since the event that brings it. */
export function isRemovedBefore({
  origin,
  groupKey,
  details,
}: NewRecording): RawBuilder<boolean> | undefined {
  if (origin.kind !== 'zoom' || groupKey === undefined) return undefined;
  const fileIds = sql.join([ALL, String(details['recording_id'])]);
  return sql`exists (select 1 from zoom_removals
    where group_key = ${groupKey} and file_id in (${fileIds}) and at_ms >= ${origin.eventAtMs})`;
}

/** What Zoom has said of the file of a recording since the event that brings it, if it came before that. */
export async function removedBefore(trx: Transaction<Tables>, recording: NewRecording): Promise<Foreknown> {
  const { origin, groupKey, details } = recording;
  if (origin.kind !== 'zoom' || groupKey === undefined) return { recording };
  const last = await trx
    .selectFrom('zoom_removals')
    .select(['how', 'at_ms', 'operator'])
    .where('group_key', '=', groupKey)
    .where('file_id', 'in', [ALL, String(details['recording_id'])])
    .where('at_ms', '>=', origin.eventAtMs)
    .orderBy('at_ms', 'desc')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (last === undefined) return { recording };

  const how = last.how as RemovalKind;
  const told: Origin = { ...origin, removalAtMs: Number(last.at_ms) };
  if (how === 'recovered') return { recording: { ...recording, origin: told } };
  return {
    recording: {
      ...recording,
      origin: { ...told, removed: how },
      place: await placeBeforeAll(trx),
      notBeforeMs: 0,
    },
    event: { type: `zoom.${how}`, by: last.operator },
  };
}

/** A place in line before all that wait. */
export async function placeBeforeAll(trx: Transaction<Tables>): Promise<number> {
  const first = await trx
    .selectFrom('recordings')
    .select('place')
    .where('state', '=', 'waiting')
    .orderBy('place')
    .limit(1)
    .executeTakeFirst();
  return Math.min(0, Number(first?.place ?? 0)) - 1;
}
