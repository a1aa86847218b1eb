import type { Logger } from 'pino';
import type { Delivery } from '../domain/delivery.ts';
import { isMachineTrouble, KnownError, orMachineTrouble, scrubbed, summarize } from '../domain/errors.ts';
import { isJobEnded } from '../domain/job.ts';
import { nextAttempt } from '../domain/next-attempt.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { Site } from '../engine/ports/site.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { untilRecorded } from '../ledger/until-recorded.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { wallMs } from '../lib/wall-time.ts';

/** How much of an answer is kept, in characters. */
const MAX_ANSWER = 1024;

/** The share of each pause that chance may add, so that what failed together does not return together. */
const JITTER = 0.1;

/** How soon an announcement to a run's address is looked at again while another one is under way there, in milliseconds. */
const BUSY_PAUSE_MS = 250;

/** How often an announcement to an address that is gone is looked at again, in milliseconds. */
const GONE_PAUSE_MS = 3_600_000;

export interface DeliveryRunnerOptions {
  readonly ledger: Pick<Ledger, 'deliveries' | 'switches'>;
  readonly site: Pick<Site, 'announce'>;
  readonly webhookUrl: string;
  /** Pauses after the first, second, ... failed attempt; after the last one the delivery has failed. */
  readonly scheduleMs: readonly number[];
  readonly log: Logger;
  readonly random?: () => number;
}

/**
 * Makes one attempt at an announcement, and records what came of it. Of those to the addresses of runs one is under way per
 * host, so that one that does not answer holds up no other.
 */
export function createDeliveryRunner(options: DeliveryRunnerOptions) {
  /** The hosts of runs that an announcement is under way to. */
  const busy = new Set<string>();
  const { site, webhookUrl, scheduleMs, random = Math.random } = options;
  const { deliveries, switches } = options.ledger;

  return async function run(id: string, signal: AbortSignal): Promise<Outcome> {
    const delivery = await deliveries.get(id);
    if (delivery === undefined || delivery.state !== 'pending') return 'finished';
    if (delivery.notBeforeMs > wallMs()) return { againAtMs: delivery.notBeforeMs };
    if (delivery.url === null) {
      const isGone = (await switches.get('site.gone')) === webhookUrl;
      return isGone ? await postpone(delivery) : await attempt(delivery, signal);
    }
    const { host } = new URL(delivery.url);
    if (busy.has(host)) return { againAtMs: wallMs() + BUSY_PAUSE_MS };
    busy.add(host);
    return await attempt(delivery, signal).finally(() => busy.delete(host));
  };

  async function attempt(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
    const { id, body, url } = delivery;
    const log = options.log.child({ deliveryId: id, recordingId: delivery.recordingId });
    const atMs = wallMs();
    const startedMs = performance.now();
    let answer: { status: number; text: string } | undefined;
    const keep = async (error?: unknown) => {
      const attempt = {
        atMs,
        tookMs: Math.round(performance.now() - startedMs),
        status: answer?.status ?? null,
        answer: answer === undefined ? null : scrubbed(answer.text).slice(0, MAX_ANSWER),
        error: error === undefined ? null : summarize(error),
      };
      // What it is kept for is people who look; the announcement does not depend on it.
      await deliveries.attempted(id, attempt).catch((trouble) => {
        log.warn({ event: 'delivery.attempt-not-kept', err: trouble }, 'how it went is not kept');
      });
    };
    const onAnswer = (given: { status: number; text: string }) => {
      answer = given;
    };
    try {
      const isRefusalFinal = isJobEnded(delivery.type);
      await site.announce({ id, body, ...(url === null ? {} : { url, isRefusalFinal }), signal, onAnswer });
    } catch (error) {
      if (signal.aborted) return 'given-back';
      await keep(error);
      return await recordFailure(delivery, orMachineTrouble(error), { signal, log });
    }
    crashPoint('delivery:after-answer');
    // Sent again because a full disk could not take that it was sent, it would be sent for as long as that lasts.
    await untilRecorded(() => deliveries.delivered(id), { signal, log });
    await keep();
    log.info({ event: 'delivery.delivered' }, 'delivered');
    return 'finished';
  }

  async function recordFailure(
    delivery: Delivery,
    error: unknown,
    how: { readonly signal: AbortSignal; readonly log: Logger },
  ): Promise<Outcome> {
    const { id } = delivery;
    const { log } = how;
    if (isMachineTrouble(error)) {
      const notBeforeMs = wallMs() + error.retry.waitMs;
      log.warn({ event: 'delivery.postponed', err: error, notBeforeMs }, 'delivery postponed');
      await untilRecorded(() => deliveries.postpone(id, summarize(error), notBeforeMs), how);
      return { againAtMs: notBeforeMs };
    }
    if (delivery.url === null && error instanceof KnownError && error.details['status'] === 410) {
      log.error({ event: 'site.gone', err: error }, 'the website wants no announcements any more');
      await untilRecorded(() => switches.set('site.gone', webhookUrl), how);
      return await postpone(delivery);
    }
    const pauseMs = scheduleMs[delivery.attempts];
    const ownMs = pauseMs === undefined ? undefined : pauseMs * (1 + random() * JITTER);
    const next = nextAttempt(error, ownMs);
    // A website that asks to be left alone has been asked all the same: nobody waits for it without an end.
    if (next.kind === 'none' || ownMs === undefined) {
      log.error({ event: 'delivery.failed', err: error }, 'delivery failed');
      await untilRecorded(() => deliveries.fail(id, summarize(error)), how);
      return 'finished';
    }
    const notBeforeMs = wallMs() + Math.round(Math.max(next.afterMs, ownMs));
    log.warn({ event: 'delivery.attempt-failed', err: error, notBeforeMs }, 'delivery attempt failed');
    await untilRecorded(() => deliveries.backOff(id, summarize(error), notBeforeMs), how);
    return { againAtMs: notBeforeMs };
  }

  /** Keeps it for the day on which the address is another one, or somebody says that it is back. */
  async function postpone(delivery: Delivery): Promise<Outcome> {
    const notBeforeMs = wallMs() + GONE_PAUSE_MS;
    const error = { code: 'SITE_GONE', message: `${webhookUrl} has answered 410` } as const;
    await deliveries.postpone(delivery.id, error, notBeforeMs);
    return { againAtMs: notBeforeMs };
  }
}
