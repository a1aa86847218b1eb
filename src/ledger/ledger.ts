import { openDatabase } from './database.ts';
import { createDeliveries, type Deliveries } from './deliveries.ts';
import { createGate, type Gate } from './gate.ts';
import { createRecordings, type Recordings } from './recordings.ts';

/** The truth: what was accepted, how far it has come, and what the website still has to hear. */
export interface Ledger {
  readonly recordings: Recordings;
  readonly deliveries: Deliveries;
  readonly gate: Gate;
  close(): Promise<void>;
}

/**
 * Opens the ledger file at `path`, creating it if need be.
 *
 * @throws KnownError `LEDGER_UNUSABLE`
 */
export async function openLedger(options: { path: string; leaseMs: number }): Promise<Ledger> {
  const db = await openDatabase(options.path);
  return {
    recordings: createRecordings({ db }),
    deliveries: createDeliveries({ db }),
    gate: createGate({ db, leaseMs: options.leaseMs }),
    close: () => db.destroy(),
  };
}
