import type { Logger } from 'pino';
import { writeMessage } from '../desk/alarm-words.ts';
import { isMachineTrouble, summarize } from '../domain/errors.ts';
import { endlessPauseMs } from '../domain/next-attempt.ts';
import type { AlarmChannel } from '../engine/ports/alarm-channel.ts';
import type { AlarmChange } from '../ledger/alarms.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { untilRecorded } from '../ledger/until-recorded.ts';
import { pause, repeat } from '../lib/abort.ts';
import { createSeldomLog } from '../lib/seldom-log.ts';
import { wallMs } from '../lib/wall-time.ts';
import { changesBy } from './alarm-conditions.ts';
import { createLedgerAlarm } from './ledger-alarm.ts';

/** How much of the history is looked through in one step. */
const BATCH = 500;

/** Pauses between attempts to send a message, and after how long it is old news, in milliseconds. */
const SEND_BACKOFF = { attempts: Number.POSITIVE_INFINITY, minMs: 5000, maxMs: 600_000 };
const OLD_NEWS_MS = 24 * 3_600_000;
/** By the clock alone nothing is given up: it may be wrong. */
const FEWEST_ATTEMPTS = 10;

/** How long a message that one process sends is left alone by the others, in milliseconds. */
const HOLD_MS = 120_000;

/** How often everything is looked at, in milliseconds. */
const LOOK_EVERY_MS = 2000;

export interface AlarmsOptions {
  readonly ledger: Pick<Ledger, 'alarms' | 'history' | 'hosts' | 'recordings'>;
  readonly conditions: () => Promise<AlarmChange[]>;
  readonly channels: readonly AlarmChannel[];
  /** The shortest pause between two messages; what happens meanwhile is told together. */
  readonly pauseMs: number;
  /** The same between two about recordings that fail for one cause. */
  readonly causePauseMs: number;
  readonly dashboardUrl: string | undefined;
  /** For a process that stands in for another one: whether it has to. Without it the process always looks. */
  readonly isOnDuty?: () => boolean;
  readonly log: Logger;
}

/**
 * Looks again and again what is wrong, and tells people when that begins and when it ends. What is open, what was told
 * and what is still to be sent is in the ledger; sending waits for nobody and nobody waits for it.
 */
export function startAlarms(options: AlarmsOptions) {
  const { ledger, conditions, channels, pauseMs, causePauseMs, dashboardUrl, log } = options;
  const { isOnDuty = () => true } = options;
  const { alarms, history, hosts, recordings } = ledger;
  const everyMs = Math.min(LOOK_EVERY_MS, pauseMs);
  const complain = createSeldomLog(log);
  const stopping = new AbortController();
  const hangingUp = new AbortController();
  const { signal } = stopping;

  async function followHistory(): Promise<void> {
    while (!signal.aborted) {
      const from = await alarms.position();
      const events = await history.after(from, BATCH);
      const to = events.at(-1)?.seq;
      if (to === undefined) return;
      const changes: AlarmChange[] = [];
      for (const event of events) changes.push(...(await changesBy(event, recordings)));
      for (const change of changes) {
        if ('raise' in change) logRaised(change.raise);
      }
      await alarms.apply(changes, { from, to });
      // The gate comes first.
      await pause(0, signal);
    }
  }

  async function lookAround(): Promise<void> {
    const changes: AlarmChange[] = [];
    for (const change of await conditions()) {
      const isRaise = 'raise' in change;
      const key = isRaise ? change.raise.key : change.resolve;
      if ((await alarms.isOpen(key)) === isRaise) continue;
      changes.push(change);
      if (isRaise) logRaised(change.raise);
      else log.info({ event: 'alarm.resolved', key }, change.resolution);
    }
    await alarms.apply(changes);
  }

  function logRaised({ key, title, recordingId }: { key: string; title: string; recordingId?: string }) {
    log.warn({ event: 'alarm.raised', key, recordingId }, title);
  }

  const ledgerAlarm = createLedgerAlarm({ channels, signal: hangingUp.signal, log });

  async function look(): Promise<void> {
    try {
      // What concerns all hosts is seen to by one.
      const isFirst = await hosts.isFirst();
      if (isFirst) await followHistory();
      await lookAround();
      if (isFirst) {
        await alarms.tell({
          channels: channels.map(({ name }) => name),
          pauseMs,
          causePauseMs,
          write: (news) => writeMessage(news, dashboardUrl),
        });
      }
    } catch (error) {
      await ledgerAlarm.failed(error);
      throw error;
    }
    await ledgerAlarm.worked();
  }

  async function sendNext(channel: AlarmChannel): Promise<void> {
    const message = await alarms.takeMessage(channel.name, HOLD_MS);
    if (message === undefined) return;
    const { id, subject, body, attempts, createdAtMs } = message;
    try {
      await channel.send({ id: `alarm-${createdAtMs}-${id}`, subject, body, signal: hangingUp.signal });
    } catch (error) {
      if (hangingUp.signal.aborted) return await alarms.putBack(id);
      const { message: why } = summarize(error);
      const isOld = attempts >= FEWEST_ATTEMPTS && wallMs() - createdAtMs > OLD_NEWS_MS;
      const waitMs = endlessPauseMs(SEND_BACKOFF, attempts + 1);
      log.warn({ event: 'alarm.not-sent', channel: channel.name, isGivenUp: isOld, reason: why }, 'not sent');
      const then = isOld ? ('given-up' as const) : { notBeforeMs: wallMs() + waitMs };
      await untilRecorded(() => alarms.messageFailed(id, why, then), { signal, log });
      return;
    }
    // Otherwise people would be told the same again and again for as long as the ledger cannot be written.
    await untilRecorded(() => alarms.messageSent(id), { signal, log });
    log.info({ event: 'alarm.sent', channel: channel.name, subject }, 'alarm sent');
  }

  /** What fails is tried again a moment later. */
  const untilStopped = (work: () => Promise<void>) =>
    repeat(
      () =>
        (isOnDuty() ? work() : Promise.resolve()).catch((error) => {
          if (signal.aborted) return;
          const level = isMachineTrouble(error) ? 'warn' : 'error';
          complain[level]({ event: 'alarms.failed', err: error }, 'could not look for alarms');
        }),
      everyMs,
      signal,
    );

  const work = [untilStopped(look), ...channels.map((channel) => untilStopped(() => sendNext(channel)))];
  return {
    /**
     * A message that is being sent may be sent within `timeoutMs`: of one that is cut off nobody knows whether it was
     * read, so it is sent again.
     */
    async stop(timeoutMs: number): Promise<void> {
      stopping.abort();
      const timer = setTimeout(() => hangingUp.abort(), timeoutMs);
      await Promise.all(work);
      clearTimeout(timer);
    },
  };
}
