import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Ledger } from '../ledger/ledger.ts';
import type { WaitingItem } from '../ledger/waiting.ts';
import { createLine, type Line } from './line.ts';
import {
  DELIVERIES_CONCURRENCY,
  DELIVERIES_QUEUE,
  RECORDINGS_QUEUE,
  TRASH_QUEUE,
  WATCHES_QUEUE,
} from './names.ts';

/** The four lines of a process, each in step with its part of the ledger. */
export interface Lines {
  readonly recordings: Line;
  readonly deliveries: Line;
  readonly watches: Line;
  readonly trash: Line;
  /** Puts everything unfinished in all of them in line, at the time that the ledger says. */
  reconcile(): void;
  stop(): Promise<void>;
}

/** @param options.everyMs How often everything is looked through; unset: only when asked, and when Redis comes back. */
export function createLines(options: {
  ledger: Pick<Ledger, 'recordings' | 'deliveries' | 'watches' | 'zoomTrash'>;
  connection: Redis;
  everyMs?: number;
  log: Logger;
}): Lines {
  const { ledger, ...shared } = options;
  const newLine = (
    name: string,
    concurrency: number,
    pending: (afterSeq: number, limit: number) => Promise<WaitingItem[]>,
  ) => createLine({ ...shared, name, concurrency, pending });

  const recordings = newLine(RECORDINGS_QUEUE, 1, (...page) => ledger.recordings.unfinished(...page));
  const deliveries = newLine(DELIVERIES_QUEUE, DELIVERIES_CONCURRENCY, (...page) =>
    ledger.deliveries.pending(...page),
  );
  const watches = newLine(WATCHES_QUEUE, 1, (...page) => ledger.watches.pending(...page));
  const trash = newLine(TRASH_QUEUE, 1, (...page) => ledger.zoomTrash.pending(...page));
  return {
    recordings,
    deliveries,
    watches,
    trash,
    reconcile() {
      for (const line of [recordings, deliveries, watches, trash]) line.reconcile();
    },
    async stop() {
      await Promise.all([recordings, deliveries, watches, trash].map((line) => line.stop()));
    },
  };
}
