import type { Transaction } from 'kysely';
import type { ErrorCode } from '../../../domain/error-catalogue.ts';
import type { Recording } from '../../../domain/recording.ts';
import { addEvent } from '../../../ledger/add-event.ts';
import { change } from '../../../ledger/change.ts';
import type { Database } from '../../../ledger/database.ts';
import { toRecording } from '../../../ledger/recording-rows.ts';
import { NEW_BEGINNING } from '../../../ledger/renewal.ts';
import type { Tables } from '../../../ledger/schema.ts';
import { placeBeforeAll, rememberRemoval, type ZoomRemoval } from './removals.ts';

/**
 * What becomes of recordings whose files are no longer, or again, with Zoom. Returns the ids that can move now. Of each
 * recording the last word by Zoom's time counts, in whatever order the events come, and however often; one that is not
 * here yet hears it when it comes.
 */
export interface ZoomLosses {
  /**
   * Files are in the trash, or deleted. What is not here yet is tried at once and before all others, for what has been
   * opened goes on for a while; if that fails it fails for good, with advice of its own.
   */
  removed(removal: ZoomRemoval, how: 'trashed' | 'deleted'): Promise<string[]>;
  /** Files are back: what has failed for want of them begins anew. */
  recovered(removal: ZoomRemoval): Promise<string[]>;
}

/** What a download ends with whose file is not there. */
const FAILED_FOR_WANT: readonly ErrorCode[] = [
  'ZOOM_TRASHED',
  'ZOOM_DELETED',
  'DOWNLOAD_NOT_MEDIA',
  'DOWNLOAD_REFUSED',
];

export function createZoomLosses({ db }: { db: Database }): ZoomLosses {
  async function affected(trx: Transaction<Tables>, { groupKey, fileIds }: ZoomRemoval) {
    const rows = await trx
      .updateTable('recordings')
      .set({ group_key: groupKey })
      .where('group_key', '=', groupKey)
      .returningAll()
      .execute();
    return rows
      .map(toRecording)
      .filter(({ details }) => fileIds.length === 0 || fileIds.includes(String(details['recording_id'])));
  }

  async function isFetched(trx: Transaction<Tables>, id: string): Promise<boolean> {
    const fetched = await trx
      .selectFrom('stages')
      .select('stage')
      .where('recording_id', '=', id)
      .where('stage', '=', 'fetch')
      .where('fact', 'is not', null)
      .executeTakeFirst();
    return fetched !== undefined;
  }

  function setRow(trx: Transaction<Tables>, id: string, values: Partial<Tables['recordings']>) {
    return trx.updateTable('recordings').set(values).where('id', '=', id).execute();
  }

  return {
    removed: (removal, how) =>
      change(db, async (trx) => {
        await rememberRemoval(trx, removal, how);
        const place = await placeBeforeAll(trx);
        const hurried: string[] = [];
        for (const { id, state, origin } of await affected(trx, removal)) {
          // Of a recording that is home, the clean-up in Zoom is nobody's concern.
          if (origin.kind !== 'zoom' || isNobodysConcern(state)) continue;
          if (isOldNews(origin, removal, how) || (await isFetched(trx, id))) continue;
          const marked = {
            origin: JSON.stringify({ ...origin, removed: how, removalAtMs: removal.atMs }),
          };
          if (state === 'waiting' || state === 'backing-off') {
            await setRow(trx, id, { ...marked, state: 'waiting', place, not_before_ms: 0 });
            hurried.push(id);
          } else {
            await setRow(trx, id, marked);
          }
          addEvent(trx, id, `zoom.${how}`, { by: removal.operator });
        }
        return hurried;
      }),

    recovered: (removal) =>
      change(db, async (trx) => {
        await rememberRemoval(trx, removal, 'recovered');
        const revived: string[] = [];
        for (const recording of await affected(trx, removal)) {
          const { id, origin } = recording;
          if (origin.kind !== 'zoom' || recording.state === 'done' || recording.state === 'deleted') continue;
          if (isOldNews(origin, removal, undefined)) continue;
          const { removed, ...there } = { ...origin, removalAtMs: removal.atMs };
          const isWanting = hasFailedForWant(recording);
          await setRow(trx, id, { origin: JSON.stringify(there), ...(isWanting ? NEW_BEGINNING : {}) });
          if (removed === undefined && !isWanting) continue;
          addEvent(trx, id, 'zoom.recovered', { by: removal.operator });
          if (isWanting) revived.push(id);
        }
        return revived;
      }),
  };
}

type ZoomOrigin = Extract<Recording['origin'], { kind: 'zoom' }>;

/** Whether Zoom has said something of the file since, or just this. What announced the file says that it was there. */
function isOldNews(
  { eventAtMs, removalAtMs = eventAtMs, removed }: ZoomOrigin,
  { atMs }: ZoomRemoval,
  how: ZoomOrigin['removed'],
): boolean {
  const lastAtMs = Math.max(eventAtMs, removalAtMs);
  return atMs < lastAtMs || (atMs === removalAtMs && removed === how);
}

/** Whether nothing of it is wanted from Zoom any more. */
function isNobodysConcern(state: Recording['state']): boolean {
  return ['done', 'cancelled', 'deleting', 'deleted'].includes(state);
}

function hasFailedForWant({ state, lastError }: Recording): boolean {
  return state === 'failed' && lastError !== null && FAILED_FOR_WANT.includes(lastError.code);
}
