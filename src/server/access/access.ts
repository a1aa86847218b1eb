import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { AccessRecords } from '../../desk/access-records.ts';
import type { AccessToken, Holder, Role } from '../../domain/access.ts';
import { sha256 } from '../../lib/digest.ts';
import { wallMs } from '../../lib/wall-time.ts';

/** What every token begins with, so that people and programs that look for secrets know it. */
const PREFIX = 'sluice_';

/** How old the time of the last use may be in the ledger, in milliseconds. */
const USED_STEP_MS = 60_000;

export type TokenState = 'valid' | 'expired' | 'revoked';

/**
 * The tokens with a name, as this process knows them: it alone changes them, or other hosts do, and then it hears of it with the next
 * `refresh`. They are found by their digest, which tells
 * nothing about them by the time that it takes.
 */
export interface Access {
  /** Whether there is anyone who could come in. */
  hasHolders(): boolean;
  /** Whose token it is, if it is valid. */
  holderOf(shown: string): Holder | undefined;
  /** Notes that somebody has come in with it. */
  used(holder: Holder): void;
  isValid(tokenId: number): boolean;
  /** Whether it looks like one of these tokens, valid or not. */
  isOurs(shown: string): boolean;
  /** What has become of a token that was once valid. */
  whyNot(shown: string): string | undefined;
  /**
   * Makes a token. What is returned is kept nowhere.
   *
   * @throws KnownError `NAME_TAKEN`
   */
  create(token: { name: string; role: Role; expiresAtMs: number | null; by: string }): Promise<string>;
  /** It opens nothing from now on, and its sessions end. `false`: there is none of this name. */
  revoke(name: string, by: string): Promise<boolean>;
  /** Looks what has become of them at other hosts. */
  refresh(): Promise<void>;
  /** Newest first. */
  all(): Promise<(AccessToken & { state: TokenState })[]>;
}

export async function openAccess(options: {
  readonly tokens: AccessRecords['tokens'];
  readonly log: Logger;
}): Promise<Access> {
  const { tokens, log } = options;
  let byDigest = new Map<string, AccessToken>();
  let byId = new Map<number, AccessToken>();
  const writtenAtMs = new Map<number, number>();
  await read();

  async function read(): Promise<AccessToken[]> {
    const all = await tokens.all();
    byDigest = new Map(all.map((token) => [token.digest, token]));
    byId = new Map(all.map((token) => [token.id, token]));
    return all;
  }

  return {
    hasHolders: () => [...byId.values()].some((token) => stateOf(token) === 'valid'),

    holderOf(shown) {
      const token = byDigest.get(sha256(shown));
      if (token === undefined || stateOf(token) !== 'valid') return undefined;
      return { name: token.name, role: token.role, tokenId: token.id };
    },

    used({ tokenId }) {
      const nowMs = wallMs();
      if (tokenId === undefined || Math.abs(nowMs - (writtenAtMs.get(tokenId) ?? 0)) < USED_STEP_MS) return;
      writtenAtMs.set(tokenId, nowMs);
      tokens.used(tokenId, nowMs).catch((error: unknown) => {
        log.warn({ event: 'access.unwritten', err: error }, 'when a token was last used is not noted');
      });
    },

    isValid(tokenId) {
      const token = byId.get(tokenId);
      return token !== undefined && stateOf(token) === 'valid';
    },

    isOurs: (shown) => shown.startsWith(PREFIX),

    whyNot(shown) {
      const token = byDigest.get(sha256(shown));
      const state = token && stateOf(token);
      if (state === 'expired') return 'the token has expired';
      return state === 'revoked' ? 'the token was revoked' : undefined;
    },

    async create({ name, role, expiresAtMs, by }) {
      const token = `${PREFIX}${randomBytes(32).toString('base64url')}`;
      await tokens.create({ name, role, digest: sha256(token), createdBy: by, expiresAtMs });
      await read();
      return token;
    },

    async revoke(name, by) {
      const isKnown = await tokens.revoke(name, by);
      await read();
      return isKnown;
    },

    async refresh() {
      await read();
    },

    all: async () => (await read()).map((token) => ({ ...token, state: stateOf(token) })),
  };
}

function stateOf({ revokedAtMs, expiresAtMs }: AccessToken): TokenState {
  if (revokedAtMs !== null) return 'revoked';
  return expiresAtMs !== null && expiresAtMs <= wallMs() ? 'expired' : 'valid';
}
