import { createHmac } from 'node:crypto';

/**
 * The statuses that Bunny's webhook speaks of. They are not those of a video: 3 means finished here, while a video
 * with status 3 is still transcoding (Bunny, Stream webhooks).
 */
const WEBHOOK_STATUS = {
  queued: 0,
  processing: 1,
  encoding: 2,
  finished: 3,
  resolutionFinished: 4,
  failed: 5,
  presignedUploadStarted: 6,
  presignedUploadFinished: 7,
} as const;

export type WebhookEvent = keyof typeof WEBHOOK_STATUS;

/** Tells the library's owner what happened to a video, one message after the other, each of them once. */
export interface WebhookSender {
  send(guid: string, event: WebhookEvent): void;
  /** Gives up what is not sent yet. */
  close(): void;
}

const TIMEOUT_MS = 5_000;

/** Creates a sender that signs with the read-only key, or one that keeps silent when there is no `url`. */
export function createWebhookSender(options: {
  readonly url: string | undefined;
  readonly libraryId: string;
  readonly readOnlyApiKey: string;
}): WebhookSender {
  const { url, libraryId, readOnlyApiKey } = options;
  const closing = new AbortController();
  let last = Promise.resolve();

  async function post(target: string, body: string): Promise<void> {
    const response = await fetch(target, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-bunnystream-signature-version': 'v1',
        'x-bunnystream-signature-algorithm': 'hmac-sha256',
        'x-bunnystream-signature': signWebhook(body, readOnlyApiKey),
      },
      body,
      signal: AbortSignal.any([closing.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    await response.body?.cancel();
  }

  return {
    send(guid, event) {
      if (url === undefined) return;
      const body = JSON.stringify({
        VideoLibraryId: Number(libraryId),
        VideoGuid: guid,
        Status: WEBHOOK_STATUS[event],
      });
      // A webhook that fails is lost: whether Bunny retries is not documented.
      last = last.then(() => (closing.signal.aborted ? undefined : post(url, body))).catch(() => {});
    },
    close: () => closing.abort(),
  };
}

/** Lowercase hex HMAC-SHA256 of the raw body under the library's read-only key (Bunny, Stream webhooks). */
export function signWebhook(body: string, readOnlyApiKey: string): string {
  return createHmac('sha256', readOnlyApiKey).update(body).digest('hex');
}
