/** One announcement the website was sent, whether it believed it or not. A repeated one is listed again. */
export interface ReceivedAnnouncement {
  /** The `webhook-id`, the same for every attempt; empty when the header was missing. */
  readonly id: string;
  /** The `webhook-timestamp` in UNIX seconds; NaN (null in JSON) when it was missing or no number. */
  readonly timestampS: number;
  /** The body's `type`; empty when it has none. */
  readonly type: string;
  /** The parsed body, or `undefined` when it was not JSON. */
  readonly body: unknown;
  readonly receivedAtMs: number;
  /** Whether the signature matched and the timestamp was within five minutes. */
  readonly isValid: boolean;
}
