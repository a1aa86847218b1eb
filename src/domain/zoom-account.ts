import type { ZoomRule } from './zoom-rules.ts';

/** Server-to-Server OAuth of one Zoom account. */
export interface ZoomCredentials {
  readonly accountId: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** A Zoom account that recordings come from. */
export interface ZoomAccount {
  /** Zoom's id of it; `null` where only one is served and nobody said which. */
  readonly id: string | null;
  /** Any of them signs its webhooks: while a secret is changed the old one and the new one. */
  readonly secrets: readonly string[];
  /** With these Zoom can be asked for addresses of today. */
  readonly credentials: ZoomCredentials | undefined;
  readonly rules: readonly ZoomRule[];
}
