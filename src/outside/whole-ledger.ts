import { type Ledger, type LedgerOptions, openLedger } from '../ledger/ledger.ts';
import { openZoomLedger, type ZoomLedger, zoomExtension } from './zoom/tables/zoom-ledger.ts';

/** The ledger with the tables of every wing. */
export interface WholeLedger extends Ledger {
  readonly zoom: ZoomLedger;
}

/**
 * Opens the ledger as each process has it.
 *
 * @throws KnownError `LEDGER_UNUSABLE`, `LEDGER_AWAY`
 */
export async function openWholeLedger(options: Omit<LedgerOptions, 'extensions'>): Promise<WholeLedger> {
  const ledger = await openLedger({ ...options, extensions: [zoomExtension] });
  return { ...ledger, zoom: openZoomLedger(ledger.base) };
}
