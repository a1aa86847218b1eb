import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { AccessRecords } from '../../desk/access-records.ts';
import type { Holder } from '../../domain/access.ts';
import { isSameText } from '../../lib/constant-time.ts';
import { wallMs } from '../../lib/wall-time.ts';

/** How long a login lasts, in milliseconds. */
export const SESSION_MS = 12 * 3_600_000;

/** More at once are not kept: the oldest ends. */
const MAX_SESSIONS = 1000;

/** Who is logged in. */
export interface Sessions {
  /** Begins one, and returns what its holder has to show. */
  begin(holder: Holder): string;
  /** Whose session it is, as long as it lasts. */
  holderOf(token: string): Holder | undefined;
  end(token: string): void;
}

/** Sessions in this process's memory: a restart logs everyone out, and nothing of them can be stolen from a disk. */
export function createSessions({ now = () => performance.now() }: { now?: () => number } = {}): Sessions {
  /** Each one by its token's digest: a look-up then tells nothing about tokens by its time. Oldest first. */
  const sessions = new Map<string, { endsAtMs: number; holder: Holder }>();

  return {
    begin(holder) {
      for (const [digest, { endsAtMs }] of sessions) {
        if (endsAtMs > now() && sessions.size < MAX_SESSIONS) break;
        sessions.delete(digest);
      }
      const token = randomBytes(32).toString('base64url');
      sessions.set(digestOf(token), { endsAtMs: now() + SESSION_MS, holder });
      return token;
    },
    holderOf(token) {
      const session = sessions.get(digestOf(token));
      return session !== undefined && session.endsAtMs > now() ? session.holder : undefined;
    },
    end(token) {
      sessions.delete(digestOf(token));
    },
  };
}

/** Sessions that the doors of all hosts know. */
export interface SignedSessions extends Sessions {
  /** Looks which have ended at another door. */
  refresh(): Promise<void>;
}

/**
 * Sessions that say themselves whose they are and how long they last, signed, so that each door of several hosts knows those that
 * were begun at another. One that is ended before its time ends there at once, and at the others with their next `refresh`.
 *
 * @param options.adminToken Is part of the key, so that whoever reads the ledger alone can make none
 * @throws what the ledger throws
 */
export async function createSignedSessions({
  shared,
  adminToken = '',
  onUnwritten,
  now = wallMs,
}: {
  readonly shared: NonNullable<AccessRecords['sharedSessions']>;
  readonly adminToken?: string | undefined;
  /** Called when the end of a session could not be written down: it ends at this door alone. */
  readonly onUnwritten: (error: unknown) => void;
  readonly now?: () => number;
}): Promise<SignedSessions> {
  const key = createHmac('sha256', await shared.key())
    .update(adminToken)
    .digest();
  const ended = new Set<string>();

  const signature = (said: string) => createHmac('sha256', key).update(said).digest('base64url');

  function read(token: string): { readonly endsAtMs: number; readonly holder: Holder } | undefined {
    const [said = '', signed = ''] = token.split('.');
    if (said === '' || !isSameText(signed, signature(said))) return undefined;
    return JSON.parse(Buffer.from(said, 'base64url').toString());
  }

  async function refresh(): Promise<void> {
    for (const digest of await shared.ended()) ended.add(digest);
  }

  await refresh();
  return {
    refresh,
    begin(holder) {
      const session = { id: randomBytes(16).toString('base64url'), endsAtMs: now() + SESSION_MS, holder };
      const said = Buffer.from(JSON.stringify(session)).toString('base64url');
      return `${said}.${signature(said)}`;
    },
    holderOf(token) {
      const session = read(token);
      if (session === undefined || session.endsAtMs <= now() || ended.has(digestOf(token))) return undefined;
      return session.holder;
    },
    end(token) {
      const session = read(token);
      if (session === undefined) return;
      ended.add(digestOf(token));
      shared.end(digestOf(token), session.endsAtMs).catch(onUnwritten);
    },
  };
}

/** A short name of a session, by which a log tells several apart and nobody gets in. */
export function labelOf(token: string | undefined): string | undefined {
  return token === undefined ? undefined : digestOf(token).slice(0, 8);
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
