import type { Transaction } from 'kysely';
import { backoffMs } from '../domain/backoff.ts';
import type { ErrorSummary } from '../domain/errors.ts';
import { wallMs } from '../lib/wall-time.ts';
import { change } from './change.ts';
import type { Database } from './database.ts';
import type { Tables } from './schema.ts';

/** A remote service that recordings depend on, by its name. */
export type Service = string;

/** A service that is failing: how often in a row, and until when it is left alone. */
export interface Circuit {
  readonly service: Service;
  readonly failures: number;
  /** While this is in the future the circuit is open; after it one recording tries whether the service is back. */
  readonly openUntilMs: number;
  /** Since when it is open, or open but for a try now and then; `undefined` while it has failed too seldom. */
  readonly openedAtMs: number | undefined;
  readonly lastError: ErrorSummary;
}

/** Whose trouble a failure is: the recording's own, or the service's, which is then to be left alone until a time. */
export type Verdict = 'own' | { readonly untilMs: number };

/**
 * A circuit per service. It opens after `threshold` failures in a row that are the service's: that it has confirmed
 * itself, or that have met different recordings. Then recordings wait for the service instead of losing their attempts
 * to it. The first success closes it.
 */
export interface Circuits {
  /** Until when the service is to be left alone; `undefined` if it may be used. */
  openUntilMs(service: Service): Promise<number | undefined>;
  /**
   * Counts a failure that the service has confirmed; it is not to be asked before `notBeforeMs` either. Returns until when
   * whoever met it is to wait, at no cost: with everybody, once the circuit is open.
   */
  failed(
    service: Service,
    error: ErrorSummary,
    notBeforeMs?: number,
  ): Promise<{ untilMs: number; isOpen: boolean }>;
  /**
   * Judges a failure that the service has not confirmed. `isWell`: it has shown that it serves others, so that even where
   * different recordings fail, each pays for what it tries.
   */
  doubted(input: DoubtedFailure): Promise<Verdict>;
  /** A recording was served: what others have failed with before and fail with again is their own trouble. */
  succeeded(service: Service, recordingId: string): Promise<void>;
  /** The service has shown that it is well, by no recording. */
  answered(service: Service): Promise<void>;
  /** Every service that has failed since it last did well. */
  all(): Promise<Circuit[]>;
}

export interface DoubtedFailure {
  readonly service: Service;
  readonly recordingId: string;
  readonly error: ErrorSummary;
  readonly isWell: boolean;
}

export interface CircuitOptions {
  readonly threshold: number;
  readonly minOpenMs: number;
  readonly maxOpenMs: number;
}

/** How many different recordings a service must fail to count as down without saying so. */
const DIFFERENT_RECORDINGS = 2;

/**
 * How many of a service's longest pauses recordings that fail together wait at no cost, where the service answers and does
 * not say itself that it is down: what lasts longer may be the recordings' own trouble, for which there has to be an end.
 */
const PATIENCE_PAUSES = 72;

/** How long it is remembered that a service has failed a recording, in milliseconds. */
const DOUBT_MEMORY_MS = 7 * 86_400_000;

export function createCircuits({ db, options }: { db: Database; options: CircuitOptions }): Circuits {
  const { threshold, minOpenMs, maxOpenMs } = options;

  type Change = Transaction<Tables>;

  async function find(source: Database | Change, service: Service) {
    return await source.selectFrom('circuits').selectAll().where('service', '=', service).executeTakeFirst();
  }

  /** How long to leave a service alone that has failed so often in a row. */
  function pauseMs(failures: number): number {
    const backoff = { attempts: Number.POSITIVE_INFINITY, minMs: minOpenMs, maxMs: maxOpenMs };
    return backoffMs(backoff, Math.max(1, failures - threshold + 1), Math.random) ?? maxOpenMs;
  }

  async function note(
    trx: Change,
    service: Service,
    known: { readonly opened_at_ms: number | null } | undefined,
    circuit: { failures: number; openUntilMs: number | undefined; error: ErrorSummary },
  ): Promise<void> {
    const { failures, openUntilMs, error } = circuit;
    const change = {
      failures,
      open_until_ms: openUntilMs ?? 0,
      opened_at_ms: known?.opened_at_ms ?? (openUntilMs === undefined ? null : wallMs()),
      last_error: JSON.stringify(error),
    };
    await trx
      .insertInto('circuits')
      .values({ service, ...change })
      .onConflict((conflict) => conflict.column('service').doUpdateSet(change))
      .execute();
  }

  /** How many recordings have failed since a time of which it is not known that the trouble is theirs. */
  async function countDoubted(trx: Change, service: Service, sinceMs: number): Promise<number> {
    const rows = await trx
      .selectFrom('doubts')
      .select('recording_id')
      .where('service', '=', service)
      .where('is_own', '=', 0)
      .where('at_ms', '>=', sinceMs)
      .limit(DIFFERENT_RECORDINGS)
      .execute();
    return rows.length;
  }

  return {
    async openUntilMs(service) {
      const row = await find(db, service);
      return row !== undefined && Number(row.open_until_ms) > wallMs()
        ? Number(row.open_until_ms)
        : undefined;
    },

    failed: (service, error, notBeforeMs = 0) =>
      change(db, async (trx) => {
        const known = await find(trx, service);
        const failures = (known?.failures ?? 0) + 1;
        const isOpen = failures >= threshold;
        const untilMs = Math.max(wallMs() + pauseMs(failures), notBeforeMs);
        await note(trx, service, known, { failures, openUntilMs: isOpen ? untilMs : undefined, error });
        return { untilMs, isOpen };
      }),

    doubted: ({ service, recordingId, error, isWell }) =>
      change(db, async (trx): Promise<Verdict> => {
        const nowMs = wallMs();
        const before = await trx
          .selectFrom('doubts')
          .selectAll()
          .where('service', '=', service)
          .where('recording_id', '=', recordingId)
          .executeTakeFirst();
        await trx
          .deleteFrom('doubts')
          .where('at_ms', '<', nowMs - DOUBT_MEMORY_MS)
          .execute();
        await trx
          .insertInto('doubts')
          .values({
            service,
            recording_id: recordingId,
            at_ms: nowMs,
            since_ms: nowMs,
            is_own: before?.is_own ?? 0,
          })
          .onConflict((conflict) =>
            conflict.columns(['service', 'recording_id']).doUpdateSet({ at_ms: nowMs }),
          )
          .execute();
        if (before?.is_own === 1) return 'own';
        const isTooLong =
          before !== undefined && nowMs - Number(before.since_ms) >= PATIENCE_PAUSES * maxOpenMs;

        const known = await find(trx, service);
        const failures = (known?.failures ?? 0) + 1;
        // What counts is who has failed since the service was tried again.
        const triedAtMs = known?.opened_at_ms == null ? undefined : Number(known.open_until_ms);
        const isDown =
          failures >= threshold && (await countDoubted(trx, service, triedAtMs ?? 0)) >= DIFFERENT_RECORDINGS;
        const untilMs = nowMs + pauseMs(isWell ? threshold : failures);
        if (isDown) {
          await note(trx, service, known, { failures, openUntilMs: untilMs, error });
          await trx.updateTable('doubts').set({ is_own: 0 }).where('service', '=', service).execute();
        } else if (triedAtMs === undefined) {
          await note(trx, service, known, { failures, openUntilMs: undefined, error });
        } else if (isWell || (before !== undefined && Number(before.at_ms) >= triedAtMs)) {
          // Nobody else has failed with it, though others were free to try.
          await trx.deleteFrom('circuits').where('service', '=', service).execute();
        } else {
          return isTooLong ? 'own' : { untilMs };
        }
        return isDown && !isWell && !isTooLong ? { untilMs } : 'own';
      }),

    async succeeded(service, recordingId) {
      await db.deleteFrom('circuits').where('service', '=', service).execute();
      const ofService = db.deleteFrom('doubts').where('service', '=', service);
      await ofService.where('recording_id', '=', recordingId).execute();
      await db.updateTable('doubts').set({ is_own: 1 }).where('service', '=', service).execute();
    },

    async answered(service) {
      await db.deleteFrom('circuits').where('service', '=', service).execute();
    },

    async all() {
      const rows = await db.selectFrom('circuits').selectAll().orderBy('service').execute();
      return rows.map((row) => ({
        service: row.service,
        failures: row.failures,
        openUntilMs: Number(row.open_until_ms),
        openedAtMs: row.opened_at_ms === null ? undefined : Number(row.opened_at_ms),
        lastError: JSON.parse(row.last_error),
      }));
    },
  };
}
