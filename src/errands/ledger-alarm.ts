import type { Logger } from 'pino';
import { adviceFor } from '../domain/error-catalogue.ts';
import { isMachineTrouble, summarize } from '../domain/errors.ts';
import type { AlarmChannel } from '../engine/ports/alarm-channel.ts';

/** For how long the ledger may not take an alarm until people are told without it, in milliseconds. */
const PATIENCE_MS = 30_000;

/**
 * Tells people what keeps alarms from being written to the ledger, from which they are told otherwise: once, and once
 * more when that is over. It is forgotten with the process; who is told twice is told enough.
 */
export function createLedgerAlarm(options: {
  readonly channels: readonly AlarmChannel[];
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly patienceMs?: number;
}) {
  const { channels, signal, log, patienceMs = PATIENCE_MS } = options;
  let since: { readonly ms: number; readonly id: string } | undefined;
  let isTold = false;

  async function tell(id: string, subject: string, body: string): Promise<void> {
    for (const channel of channels) {
      await channel
        .send({ id, subject, body, signal })
        .then(() => log.info({ event: 'alarm.sent', channel: channel.name, subject }, 'alarm sent'))
        .catch((err: unknown) =>
          log.warn({ event: 'alarm.not-sent', channel: channel.name, err }, 'not sent'),
        );
    }
  }

  return {
    async failed(error: unknown): Promise<void> {
      if (!isMachineTrouble(error)) return;
      since ??= { ms: performance.now(), id: `alarm-ledger-${Date.now()}` };
      if (isTold || performance.now() - since.ms < patienceMs) return;
      isTold = true;
      const { code, message } = summarize(error);
      const detail = `${message}. Nothing can be accepted or moved until that is over.`;
      await tell(
        since.id,
        'Sluice: the ledger cannot be written',
        `${detail}\n\n${adviceFor(code, 'goes-on')}`,
      );
    },

    async worked(): Promise<void> {
      const over = isTold ? since : undefined;
      since = undefined;
      isTold = false;
      if (over === undefined) return;
      const subject = 'Sluice: Resolved: the ledger cannot be written';
      await tell(`${over.id}-over`, subject, 'The ledger takes what is written to it again.');
    },
  };
}
