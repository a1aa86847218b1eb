import type { Selectable, Transaction } from 'kysely';
import type { ErrorSummary } from '../domain/errors.ts';
import type { Ending, OutputStand, OutputStands } from '../domain/output-stand.ts';
import { wallMs } from '../lib/wall-time.ts';
import { addEvent } from './add-event.ts';
import { forgetClaims } from './claim-rows.ts';
import type { Tables } from './schema.ts';

/* How steps stand that end by themselves, as parts of a transaction each. */

type Trx = Transaction<Tables>;

type StandRow = Pick<
  Selectable<Tables['stages']>,
  'stage' | 'is_output' | 'ending' | 'ended_at_ms' | 'error' | 'failed_attempts'
>;

function toStand({ ending, ended_at_ms, error, failed_attempts }: StandRow): OutputStand {
  return {
    ending: ending as Ending | null,
    isOver: ended_at_ms !== null,
    error: error === null ? null : JSON.parse(error),
    failedAttempts: failed_attempts,
  };
}

export function toStands(rows: readonly StandRow[]): OutputStands {
  return Object.fromEntries(
    rows.flatMap((row) => (row.is_output === 1 || row.ending !== null ? [[row.stage, toStand(row)]] : [])),
  );
}

/** A step is to end as this; one that has not begun gets its row. What it has made is still there. */
export async function putEnding(
  trx: Trx,
  id: string,
  stage: string,
  how: { readonly ending: Ending; readonly error?: ErrorSummary | undefined },
): Promise<void> {
  const end = {
    is_output: 1,
    ending: how.ending,
    error: how.error === undefined ? null : JSON.stringify(how.error),
    ended_at_ms: null,
  };
  await trx
    .insertInto('stages')
    .values({ recording_id: id, stage, ...end })
    .onConflict((conflict) => conflict.columns(['recording_id', 'stage']).doUpdateSet(end))
    .execute();
}

/** Nothing of what a step had made is left: it has ended, which its history tells. */
export async function putOver(trx: Trx, id: string, stage: string, more: object = {}): Promise<void> {
  const [row] = await trx
    .updateTable('stages')
    .set({ fact: null, checkpoint: null, service: null, done_at_ms: null, ended_at_ms: wallMs() })
    .where('recording_id', '=', id)
    .where('stage', '=', stage)
    .where('ending', 'is not', null)
    .where('ended_at_ms', 'is', null)
    .returning(['ending', 'error'])
    .execute();
  if (row === undefined) return;
  await forgetClaims(trx, id, stage);
  const why: Partial<ErrorSummary> = row.error === null ? {} : JSON.parse(row.error);
  addEvent(trx, id, row.ending === 'failed' ? 'output.failed' : 'output.revoked', {
    stage,
    ...(row.ending === 'failed' ? why : {}),
    ...more,
  });
}

/**
 * Steps that have ended are to be done after all, their attempts counted anew; returns which of them.
 *
 * @param which Those that have failed, of all; or these, however they have ended.
 */
export async function putOpen(trx: Trx, id: string, which: 'failed' | readonly string[]): Promise<string[]> {
  const ended = trx
    .updateTable('stages')
    .set({ ending: null, error: null, ended_at_ms: null, failed_attempts: 0 })
    .where('recording_id', '=', id)
    .where('is_output', '=', 1)
    .returning('stage');
  const rows =
    which === 'failed'
      ? await ended.where((is) => is.or([is('ending', '=', 'failed'), is('ending', 'is', null)])).execute()
      : await ended.where('stage', 'in', which).where('ending', 'is not', null).execute();
  return rows.map(({ stage }) => stage);
}

/** Whether something is still to be done for a step that ends by itself: to be made, or to be taken back. */
export async function hasOpenOutputs(trx: Trx, id: string): Promise<boolean> {
  const row = await trx
    .selectFrom('stages')
    .select('stage')
    .where('recording_id', '=', id)
    .where('is_output', '=', 1)
    .where('ended_at_ms', 'is', null)
    .where((is) => is.or([is('fact', 'is', null), is('ending', 'is not', null)]))
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
