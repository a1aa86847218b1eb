import type { AccessTokens } from '../ledger/access-tokens.ts';
import type { Audit } from '../ledger/audit.ts';

/** What is kept of those who may come in, and of what they have asked for. A door decides who that is; these are the ledger's own. */
export interface AccessRecords {
  readonly tokens: AccessTokens;
  readonly audit: Audit;
}
