import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

/** What may differ from a proper delivery. */
export interface SendOptions {
  /** Signs with this in place of the app's secret token. */
  readonly secret?: string;
  /** Unix seconds; default now. */
  readonly timestampS?: number;
  /** Sends this signature as it is. */
  readonly signature?: string;
  /** Adds to the headers or replaces them. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What `deliver` can be asked for besides. */
export interface DeliverOptions extends SendOptions {
  /** Whether each attempt has a timestamp of its own (default) or the first one's; Zoom publishes neither. */
  readonly restamps?: boolean;
}

/**
 * One attempt. `status` is HTTP's or one of Zoom's own: -1 no answer in time, -2 refused, -13 unknown host, -3 any
 * other failure of the connection.
 */
export interface Attempt {
  readonly status: number;
  readonly body: string;
  readonly durationMs: number;
}

/** What came of a challenge. */
export interface Validation extends Attempt {
  readonly isValid: boolean;
}

/** A webhook that Zoom validates again and again, and drops after too many failures. */
export interface Subscription {
  readonly webhookUrl: string;
  readonly isEnabled: boolean;
  /** Consecutive failures. */
  readonly failures: number;
  stop(): void;
}

/** The sending side of webhooks. An event that is a string is sent as it is, whether JSON or not. */
export interface Webhooks {
  /** Sends once. */
  send(webhookUrl: string, event: object | string, options?: SendOptions): Promise<Attempt>;
  /** Sends as Zoom does: 2xx is success, 5xx and silence are tried again, 3xx and 4xx are final. */
  deliver(webhookUrl: string, event: object | string, options?: DeliverOptions): Promise<readonly Attempt[]>;
  /** Sends a signed `endpoint.url_validation` and checks the answer. */
  validate(webhookUrl: string, options?: SendOptions): Promise<Validation>;
  /** Validates now and, if that went well, every 72 h; six failures in a row end the subscription. */
  subscribe(webhookUrl: string, options?: { readonly revalidateEveryMs?: number }): Promise<Subscription>;
  /** Ends attempts, pauses and subscriptions. */
  close(): void;
}

/** What webhooks are set up with. */
export interface WebhooksOptions {
  readonly secretToken: string;
  readonly clientId: string;
  /** The pauses before the second, third and fourth attempt. */
  readonly retryStepsMs: readonly number[];
  readonly answerTimeoutMs: number;
}

const REVALIDATE_EVERY_MS = 72 * 3_600_000;
const MAX_VALIDATION_FAILURES = 6;

/** The value of `x-zm-signature`: HMAC-SHA256 over `v0:timestamp:body`, in hex (Zoom, webhooks). */
export function signWebhook(input: {
  readonly secretToken: string;
  readonly timestampS: number;
  readonly body: string;
}): string {
  const message = `v0:${input.timestampS}:${input.body}`;
  return `v0=${createHmac('sha256', input.secretToken).update(message).digest('hex')}`;
}

/** The answer to a challenge: HMAC-SHA256 over the plain token alone, in hex (Zoom, webhooks). */
export function encryptPlainToken(secretToken: string, plainToken: string): string {
  return createHmac('sha256', secretToken).update(plainToken).digest('hex');
}

/** Creates the sender of webhooks. */
export function createWebhooks(options: WebhooksOptions): Webhooks {
  const { secretToken, clientId, retryStepsMs, answerTimeoutMs } = options;
  const closing = new AbortController();
  const subscriptions = new Set<NodeJS.Timeout>();

  function send(webhookUrl: string, event: object | string, given: SendOptions = {}): Promise<Attempt> {
    const body = typeof event === 'string' ? event : JSON.stringify(event);
    const timestampS = given.timestampS ?? nowS();
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Zoom Marketplace/1.0a',
      'accept-encoding': 'gzip',
      authorization: 'example-verification-token',
      clientid: clientId,
      'x-zm-request-timestamp': String(timestampS),
      'x-zm-signature':
        given.signature ?? signWebhook({ secretToken: given.secret ?? secretToken, timestampS, body }),
      'x-zm-request-id': randomUUID(),
      'x-zm-trackingid': `WEB_${randomBytes(16).toString('hex')}`,
      traceparent: `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-00`,
      ...given.headers,
    };
    return post(webhookUrl, headers, body, answerTimeoutMs, closing.signal);
  }

  async function deliver(webhookUrl: string, event: object | string, given: DeliverOptions = {}) {
    const { restamps = true, timestampS = nowS(), ...rest } = given;
    const first = { ...rest, timestampS };
    const attempts = [await send(webhookUrl, event, first)];
    for (const pauseMs of retryStepsMs) {
      if (!mayHeal(attempts.at(-1)) || closing.signal.aborted) break;
      await sleep(pauseMs, undefined, { signal: closing.signal }).catch(() => {});
      if (closing.signal.aborted) break;
      attempts.push(await send(webhookUrl, event, restamps ? rest : first));
    }
    return attempts;
  }

  async function validate(webhookUrl: string, given: SendOptions = {}): Promise<Validation> {
    const plainToken = randomBytes(16).toString('base64url');
    const event = { payload: { plainToken }, event_ts: Date.now(), event: 'endpoint.url_validation' };
    const attempt = await send(webhookUrl, event, given);
    const expected = { plainToken, encryptedToken: encryptPlainToken(secretToken, plainToken) };
    return { ...attempt, isValid: attempt.status === 200 && holds(attempt.body, expected) };
  }

  async function subscribe(
    webhookUrl: string,
    { revalidateEveryMs = REVALIDATE_EVERY_MS }: { readonly revalidateEveryMs?: number } = {},
  ): Promise<Subscription> {
    let failures = 0;
    let isEnabled = (await validate(webhookUrl)).isValid;
    const timer = setInterval(async () => {
      const { isValid } = await validate(webhookUrl);
      if (!isEnabled) return;
      failures = isValid ? 0 : failures + 1;
      if (failures >= MAX_VALIDATION_FAILURES) stop();
    }, revalidateEveryMs);
    timer.unref();
    subscriptions.add(timer);
    function stop() {
      isEnabled = false;
      clearInterval(timer);
      subscriptions.delete(timer);
    }
    if (!isEnabled || closing.signal.aborted) stop();
    return {
      webhookUrl,
      get isEnabled() {
        return isEnabled;
      },
      get failures() {
        return failures;
      },
      stop,
    };
  }

  return {
    send,
    deliver,
    validate,
    subscribe,
    close() {
      closing.abort();
      for (const timer of subscriptions) clearInterval(timer);
      subscriptions.clear();
    },
  };
}

function nowS(): number {
  return Math.floor(Date.now() / 1000);
}

function mayHeal(attempt: Attempt | undefined): boolean {
  return attempt !== undefined && (attempt.status >= 500 || attempt.status < 0);
}

function holds(body: string, expected: Readonly<Record<string, string>>): boolean {
  try {
    const answer: unknown = JSON.parse(body);
    return (
      typeof answer === 'object' &&
      answer !== null &&
      Object.entries(expected).every(([name, value]) => Reflect.get(answer, name) === value)
    );
  } catch {
    return false;
  }
}

/** One POST on a connection of its own, redirects not followed; the deadline covers the whole answer. */
async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  timeoutMs: number,
  closing: AbortSignal,
): Promise<Attempt> {
  const startedMs = performance.now();
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([deadline, closing]);
  const elapsedMs = () => performance.now() - startedMs;
  try {
    const answer = await new Promise<{ status: number; body: string }>((resolve, reject) => {
      const request = url.startsWith('https:') ? httpsRequest : httpRequest;
      const sending = request(url, { method: 'POST', headers, agent: false, signal }, (response) => {
        response
          .toArray()
          .then((chunks: Buffer[]) =>
            resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
          )
          .catch(reject);
      });
      sending.on('error', reject);
      sending.end(body);
    });
    return { ...answer, durationMs: elapsedMs() };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const status = deadline.aborted ? -1 : code === 'ECONNREFUSED' ? -2 : code === 'ENOTFOUND' ? -13 : -3;
    return { status, body: String(error), durationMs: elapsedMs() };
  }
}
