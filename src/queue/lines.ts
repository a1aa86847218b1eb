import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Ledger } from '../ledger/ledger.ts';
import type { WaitingItem } from '../ledger/waiting.ts';
import { createLine, type Line } from './line.ts';
import {
  DELIVERIES_CONCURRENCY,
  DELIVERIES_QUEUE,
  LANE_CONCURRENCY,
  laneQueue,
  RECORDINGS_QUEUE,
  RUN_WEBHOOKS_QUEUE,
  SHARED_LANE_CONCURRENCY,
  WATCHES_QUEUE,
} from './names.ts';

/** A page of what is to be done, oldest first. */
type Pending = (afterSeq: number, limit: number) => Promise<WaitingItem[]>;

/** The lines of a process, each in step with its part of the ledger. */
export interface Lines {
  readonly recordings: Line;
  readonly deliveries: Line;
  /** Announcements to the addresses of runs. */
  readonly runWebhooks: Line;
  readonly watches: Line;
  /** Recordings that are gone on with in another lane than the one in which all begin, by that lane. */
  readonly lanes: ReadonlyMap<string, Line>;
  /** The lines that wings have for work of their own, by the queue's name. */
  readonly wings: ReadonlyMap<string, Line>;
  /** Puts everything unfinished in all of them in line, at the time that the ledger says. */
  reconcile(): void;
  stop(): Promise<void>;
}

/** @param options.everyMs How often everything is looked through; unset: only when asked, and when Redis comes back. */
export function createLines(options: {
  ledger: Pick<Ledger, 'recordings' | 'deliveries' | 'watches' | 'hosts'>;
  connection: Redis;
  everyMs?: number;
  /** The lanes beside the first. */
  lanes?: readonly string[];
  /** What wings have to be done one at a time, by the name of its queue. */
  wings?: Readonly<Record<string, Pending>>;
  log: Logger;
}): Lines {
  const { ledger, lanes: names = [], wings: others = {}, ...shared } = options;
  const newLine = (name: string, concurrency: number, pending: Pending) =>
    createLine({ ...shared, name, concurrency, pending });
  const ofRecordings = { ...shared, hostOf: ledger.recordings.hostToMove };

  const recordings = createLine({
    ...{ ...ofRecordings, name: RECORDINGS_QUEUE, concurrency: 1 },
    pending: (...page) => ledger.recordings.unfinished(...page),
    news: (...page) => ledger.recordings.arrivals(...page),
  });
  const deliveries = newLine(DELIVERIES_QUEUE, DELIVERIES_CONCURRENCY, (...page) =>
    ledger.deliveries.pending(...page),
  );
  const runWebhooks = newLine(RUN_WEBHOOKS_QUEUE, DELIVERIES_CONCURRENCY, (...page) =>
    ledger.deliveries.pendingToRuns(...page),
  );
  const watches = newLine(WATCHES_QUEUE, 1, (...page) => ledger.watches.pending(...page));
  const wings = new Map(Object.entries(others).map(([name, pending]) => [name, newLine(name, 1, pending)]));
  const atOnce = ledger.hosts.own === undefined ? LANE_CONCURRENCY : SHARED_LANE_CONCURRENCY;
  const lanes = new Map(
    names.map((lane) => [
      lane,
      createLine({
        ...{ ...ofRecordings, name: laneQueue(lane), concurrency: atOnce },
        pending: (seq, limit) => ledger.recordings.unfinished(seq, limit, lane),
      }),
    ]),
  );
  const all = [recordings, deliveries, runWebhooks, watches, ...wings.values(), ...lanes.values()];
  return {
    recordings,
    deliveries,
    runWebhooks,
    watches,
    wings,
    lanes,
    reconcile() {
      for (const line of all) line.reconcile();
    },
    async stop() {
      await Promise.all(all.map((line) => line.stop()));
    },
  };
}
