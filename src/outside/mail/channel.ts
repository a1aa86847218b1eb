import { KnownError } from '../../domain/errors.ts';
import type { AlarmChannel } from '../../engine/ports/alarm-channel.ts';
import { untilAborted } from '../../lib/abort.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 20_000;

/** Tells alarms by e-mail. The library is loaded with the first message: most days there is none. */
export function createAlarmMail(options: {
  readonly smtpUrl: string;
  readonly from: string;
  readonly to: readonly string[];
  /** Nothing is sent, and no password shown, to a server that offers no TLS. */
  readonly needsTls: boolean;
}): AlarmChannel {
  return {
    name: 'mail',
    async send({ id, subject, body, signal }) {
      const { createTransport } = await import('nodemailer');
      const transport = createTransport({
        url: options.smtpUrl,
        requireTLS: options.needsTls,
        connectionTimeout: CONNECT_TIMEOUT_MS,
        greetingTimeout: CONNECT_TIMEOUT_MS,
        socketTimeout: IDLE_TIMEOUT_MS,
      });
      const sending = transport.sendMail({
        from: options.from,
        to: [...options.to],
        subject,
        text: body,
        messageId: `<${id}@sluice.invalid>`,
        headers: { 'auto-submitted': 'auto-generated' },
        disableFileAccess: true,
        disableUrlAccess: true,
      });
      try {
        await untilAborted(sending, signal);
      } catch (cause) {
        if (signal.aborted) throw cause;
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new KnownError(`The mail server did not take the message: ${why}`, {
          code: 'REMOTE_UNAVAILABLE',
          retry: 'backoff',
          cause,
        });
      } finally {
        transport.close();
      }
    },
  };
}
