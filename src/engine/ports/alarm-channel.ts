/** A way on which people hear of alarms. */
export interface AlarmChannel {
  readonly name: 'webhook' | 'mail';
  /**
   * Sends one message, once. A message that is sent twice, after a crash, has the same id.
   *
   * @throws KnownError
   */
  send(message: {
    readonly id: string;
    readonly subject: string;
    /** Plain text, in lines. */
    readonly body: string;
    readonly signal: AbortSignal;
  }): Promise<void>;
}
