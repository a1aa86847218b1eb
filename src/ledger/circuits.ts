import { backoffMs } from '../domain/backoff.ts';
import type { ErrorSummary } from '../domain/errors.ts';
import type { Database } from './database.ts';

/** A remote service that recordings depend on. */
export type Service = 'zoom' | 'b2' | 'bunny';

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

/**
 * A circuit per service: after `threshold` failures in a row it opens, and recordings wait for the service instead of
 * losing their attempts to it. The first success closes it.
 */
export interface Circuits {
  /** Until when the service is to be left alone; `undefined` if it may be used. */
  openUntilMs(service: Service): Promise<number | undefined>;
  /** Counts a failure; returns until when the circuit is open, or `undefined` if it still is closed. */
  failed(service: Service, error: ErrorSummary): Promise<number | undefined>;
  succeeded(service: Service): Promise<void>;
  /** Every service that has failed since it last did well. */
  all(): Promise<Circuit[]>;
}

export interface CircuitOptions {
  readonly threshold: number;
  readonly minOpenMs: number;
  readonly maxOpenMs: number;
}

export function createCircuits({ db, options }: { db: Database; options: CircuitOptions }): Circuits {
  const { threshold, minOpenMs, maxOpenMs } = options;

  async function find(service: Service) {
    return await db.selectFrom('circuits').selectAll().where('service', '=', service).executeTakeFirst();
  }

  return {
    async openUntilMs(service) {
      const row = await find(service);
      return row !== undefined && Number(row.open_until_ms) > Date.now()
        ? Number(row.open_until_ms)
        : undefined;
    },

    async failed(service, error) {
      const known = await find(service);
      const failures = (known?.failures ?? 0) + 1;
      const backoff = { attempts: Number.POSITIVE_INFINITY, minMs: minOpenMs, maxMs: maxOpenMs };
      const openMs = backoffMs(backoff, failures - threshold + 1, Math.random) ?? maxOpenMs;
      const openUntilMs = failures < threshold ? 0 : Date.now() + openMs;
      const change = {
        failures,
        open_until_ms: openUntilMs,
        opened_at_ms: failures < threshold ? null : (known?.opened_at_ms ?? Date.now()),
        last_error: JSON.stringify(error),
      };
      await db
        .insertInto('circuits')
        .values({ service, ...change })
        .onConflict((conflict) => conflict.column('service').doUpdateSet(change))
        .execute();
      return failures < threshold ? undefined : openUntilMs;
    },

    async succeeded(service) {
      await db.deleteFrom('circuits').where('service', '=', service).execute();
    },

    async all() {
      const rows = await db.selectFrom('circuits').selectAll().orderBy('service').execute();
      return rows.map((row) => ({
        service: row.service as Service,
        failures: row.failures,
        openUntilMs: Number(row.open_until_ms),
        openedAtMs: row.opened_at_ms === null ? undefined : Number(row.opened_at_ms),
        lastError: JSON.parse(row.last_error),
      }));
    },
  };
}
