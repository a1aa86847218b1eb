import type { AccessTokens } from '../ledger/access-tokens.ts';
import type { Audit } from '../ledger/audit.ts';
import type { SharedSessions } from '../ledger/shared-sessions.ts';

/** What is kept of those who may come in, and of what they have asked for. A door decides who that is; these are the ledger's own. */
export interface AccessRecords {
  readonly tokens: AccessTokens;
  readonly audit: Audit;
  /** What doors of several hosts have in common; absent where there is one host alone. */
  readonly sharedSessions?: SharedSessions | undefined;
}
