import type { LedgerBase, LedgerExtension } from '../../../ledger/extension.ts';
import { createZoomChecks, type ZoomChecks } from './checks.ts';
import { createZoomIgnored, type ZoomIgnored } from './ignored.ts';
import { createZoomLosses, type ZoomLosses } from './losses.ts';
import { isRemovedBefore, removedBefore } from './removals.ts';
import { createZoomTrash, type ZoomTrash } from './trash.ts';
import './tables.ts';

/** What the ledger keeps of Zoom alone. */
export interface ZoomLedger {
  readonly ignored: ZoomIgnored;
  readonly checks: ZoomChecks;
  readonly losses: ZoomLosses;
  readonly trash: ZoomTrash;
}

export function openZoomLedger(base: LedgerBase): ZoomLedger {
  return {
    ignored: createZoomIgnored(base),
    checks: createZoomChecks(base),
    losses: createZoomLosses(base),
    trash: createZoomTrash(base),
  };
}

export const zoomExtension: LedgerExtension = {
  delays: 'zoom',
  pending: ['zoom_trash'],
  keptEvents: ['zoom.trashed', 'zoom.deleted', 'zoom.recovered', 'trash.moved', 'trash.given-up'],
  beforeAccepting: removedBefore,
  isForeknown: isRemovedBefore,
};
