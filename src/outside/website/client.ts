import { Webhook } from 'standardwebhooks';
import { KnownError } from '../../domain/errors.ts';
import type { Site } from '../../engine/ports/site.ts';
import { type Request, readText, refusal, send } from '../../lib/http.ts';
import { wallMs } from '../../lib/wall-time.ts';

/** How long the website has for its whole answer (Standard Webhooks: 15 to 30 s), in milliseconds. */
const ANSWER_TIMEOUT_MS = 20_000;

/**
 * Said to the address of a run, which somebody names who may do less here than this machine itself: a server that trusts its
 * own machine's callers, as this one does, takes what was sent on for somebody else for what it is.
 */
const ON_BEHALF = { via: '1.1 sluice' };

export function createSite(options: { webhookUrl: string; webhookSecret: string }): Site {
  const webhook = new Webhook(options.webhookSecret);

  return {
    async announce({ id, body, url, isRefusalFinal = false, signal: stop, onAnswer }) {
      const deadline = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
      const signal = AbortSignal.any([stop, deadline]);
      const now = new Date(wallMs());
      const request: Request = {
        service: url === undefined ? 'The website' : 'The receiver',
        method: 'POST',
        url: url ?? options.webhookUrl,
        headers: {
          'content-type': 'application/json',
          ...(url === undefined ? {} : ON_BEHALF),
          'webhook-id': id,
          'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
          'webhook-signature': webhook.sign(id, now, body),
        },
        body,
        signal,
        idleTimeoutMs: ANSWER_TIMEOUT_MS,
      };
      const { response, text } = await sendInTime(request, deadline);
      onAnswer?.({ status: response.status, text });
      if (response.status >= 200 && response.status <= 299) return;

      const error = refusal(request, response.status, text, response.headers);
      // A receiver's mistake (a bad deployment, a wrong route) heals more often than not.
      const healing = error.retry === 'never' ? 'backoff' : error.retry;
      const isOver = response.status === 410 || (isRefusalFinal && isRefusal(response.status));
      const retry = isOver ? 'never' : healing;
      throw new KnownError(error.message, { code: error.code, retry, details: error.details });
    },

    async probe({ body, signal: stop }) {
      const deadline = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
      const request: Request = {
        service: 'The website',
        method: 'POST',
        url: options.webhookUrl,
        headers: { 'content-type': 'application/json' },
        body,
        signal: AbortSignal.any([stop, deadline]),
        idleTimeoutMs: ANSWER_TIMEOUT_MS,
      };
      return (await sendInTime(request, deadline)).response.status;
    },
  };
}

/** Whether an answer says that it will not be another one: not that the receiver is busy, or too slow. */
function isRefusal(status: number): boolean {
  return status >= 300 && status <= 499 && ![408, 425, 429].includes(status);
}

/** @throws KnownError `TRANSFER_STALLED` for an answer that takes too long, however steadily it drips. */
async function sendInTime(request: Request, deadline: AbortSignal) {
  try {
    const response = await send(request);
    return { response, text: await readText(request, response) };
  } catch (error) {
    if (!deadline.aborted || error !== deadline.reason) throw error;
    const seconds = ANSWER_TIMEOUT_MS / 1000;
    throw new KnownError(`${request.service} did not answer within ${seconds} s`, {
      code: 'TRANSFER_STALLED',
      retry: 'backoff',
    });
  }
}
