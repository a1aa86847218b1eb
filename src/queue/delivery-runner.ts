import type { Logger } from 'pino';
import type { Site } from '../clients/site.ts';
import { KnownError, summarize } from '../domain/errors.ts';
import type { Deliveries } from '../ledger/deliveries.ts';
import type { Outcome } from './jobs.ts';

/** The share of each pause that chance may add, so that what failed together does not return together. */
const JITTER = 0.1;

/** Makes one attempt at an announcement, and records what came of it. */
export function createDeliveryRunner(options: {
  deliveries: Deliveries;
  site: Site;
  /** Pauses after the first, second, ... failed attempt; after the last one the delivery has failed. */
  scheduleMs: readonly number[];
  log: Logger;
  random?: () => number;
}) {
  const { deliveries, site, scheduleMs, random = Math.random } = options;

  return async function run(id: string, signal: AbortSignal): Promise<Outcome> {
    const delivery = await deliveries.get(id);
    if (delivery === undefined || delivery.state !== 'pending') return 'finished';
    if (delivery.notBeforeMs > Date.now()) return { againAtMs: delivery.notBeforeMs };

    const log = options.log.child({ deliveryId: id, recordingId: delivery.recordingId });
    try {
      await site.announce({ id, body: delivery.body, signal });
    } catch (error) {
      if (signal.aborted) return 'given-back';
      const pauseMs = scheduleMs[delivery.attempts];
      const isFinal = error instanceof KnownError && error.retry === 'never';
      if (isFinal || pauseMs === undefined) {
        log.error({ event: 'delivery.failed', err: error }, 'delivery failed');
        await deliveries.fail(id, summarize(error));
        return 'finished';
      }
      const asked = error instanceof KnownError && typeof error.retry === 'object' ? error.retry.afterMs : 0;
      const notBeforeMs = Date.now() + Math.round(Math.max(asked, pauseMs * (1 + random() * JITTER)));
      log.warn({ event: 'delivery.attempt-failed', err: error, notBeforeMs }, 'delivery attempt failed');
      await deliveries.backOff(id, summarize(error), notBeforeMs);
      return { againAtMs: notBeforeMs };
    }
    await deliveries.delivered(id);
    log.info({ event: 'delivery.delivered' }, 'delivered');
    return 'finished';
  };
}
