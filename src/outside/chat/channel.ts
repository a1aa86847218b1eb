import { escapeMarkup } from '../../domain/markup.ts';
import type { AlarmChannel } from '../../engine/ports/alarm-channel.ts';
import { type Request, readText, refusal, send } from '../../lib/http.ts';

const IDLE_TIMEOUT_MS = 20_000;

/** Slack cuts longer ones off, in characters. */
const MAX_TEXT = 38_000;

/** Tells alarms to a webhook that understands Slack's: `{"text": "..."}`. */
export function createAlarmWebhook(options: { url: string }): AlarmChannel {
  return {
    name: 'webhook',
    async send({ body, signal }) {
      const request: Request = {
        service: 'The alarm webhook',
        method: 'POST',
        url: options.url,
        // Whoever knows it may write to the channel.
        isPathSecret: true,
        headers: { 'content-type': 'application/json' },
        // A title must not call `<!channel>`, nor hide an address behind other words.
        body: JSON.stringify({ text: escapeMarkup(body).slice(0, MAX_TEXT) }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(IDLE_TIMEOUT_MS)]),
        idleTimeoutMs: IDLE_TIMEOUT_MS,
      };
      const response = await send(request);
      const text = await readText(request, response);
      if (response.status < 200 || response.status > 299)
        throw refusal(request, response.status, text, response.headers);
    },
  };
}
