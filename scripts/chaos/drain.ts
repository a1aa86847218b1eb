import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LOOK_LANE } from '../../src/domain/recipe.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { SECOND_LANE } from './recipes.ts';
import type { TransferWatch } from './transfers.ts';
import { pause } from './waiting.ts';

/** What is still on its way. */
export interface Remaining {
  readonly recordings: readonly string[];
  readonly deliveries: readonly string[];
  readonly watches: readonly string[];
  /** What may still take effect late, and is looked for. */
  readonly lateLooks: readonly string[];
  /** Finished uploads that have not been handed over or swept away. */
  readonly incoming: readonly string[];
  readonly senders: readonly string[];
}

/** How long nothing at all may happen before it counts as stuck, in milliseconds; a full disk is looked at every 30 s. */
const STUCK_AFTER_MS = 90_000;
const POLL_MS = 500;

/**
 * Waits until nothing is on its way any more; resolves with what is left, which is nothing unless it got stuck.
 */
export async function drain(options: {
  ledger: Ledger;
  /** The `DATA_DIR` of each host. */
  dataDirs: readonly string[];
  watch: TransferWatch;
  busySenders: () => readonly string[];
  say: (line: string) => void;
  signal: AbortSignal;
}): Promise<Remaining | undefined> {
  const { ledger, watch, say, signal } = options;
  let progressAtMs = Date.now();
  let before = '';
  let saidAtMs = 0;

  for (;;) {
    const remaining = await whatRemains(options);
    const { recordings, deliveries, watches, lateLooks, incoming, senders } = remaining;
    const count = Object.values(remaining).reduce((sum, { length }) => sum + length, 0);
    if (count === 0) return undefined;

    const nowMs = Date.now();
    const fingerprint = JSON.stringify([remaining, (await ledger.recordings.events()).at(-1)?.seq]);
    if (fingerprint !== before || nowMs - watch.lastByteAtMs() < POLL_MS) progressAtMs = nowMs;
    before = fingerprint;
    if (nowMs - progressAtMs > STUCK_AFTER_MS) return remaining;
    if (nowMs - saidAtMs > 5000) {
      saidAtMs = nowMs;
      say(
        `  still: ${recordings.length} recordings, ${deliveries.length} announcements, ${watches.length} watches, ` +
          `${lateLooks.length} late looks, ${incoming.length} files to hand over, ${senders.length} senders`,
      );
    }
    await pause(POLL_MS, signal);
  }
}

async function whatRemains(options: {
  ledger: Ledger;
  dataDirs: readonly string[];
  busySenders: () => readonly string[];
}): Promise<Remaining> {
  const { recordings, deliveries, watches, lateLooks } = options.ledger;
  const ids = (items: readonly { id: string }[]) => items.map(({ id }) => id);
  const incoming = (
    await Promise.all(options.dataDirs.map((folder) => readdir(join(folder, 'incoming')).catch(() => [])))
  ).flat();
  return {
    recordings: ids([
      ...(await recordings.unfinished()),
      ...(await recordings.unfinished(0, undefined, SECOND_LANE)),
      ...(await recordings.unfinished(0, undefined, LOOK_LANE)),
    ]),
    deliveries: ids(await deliveries.pending()),
    watches: ids(await watches.pending()),
    lateLooks: (await lateLooks.due(Number.MAX_SAFE_INTEGER, 0, 1000)).map(({ place }) => place),
    incoming: incoming.filter((name) => name !== 'refused' && !name.endsWith('.tmp')),
    senders: options.busySenders(),
  };
}
