import { createHash, randomBytes } from 'node:crypto';
import type { Holder } from '../../domain/access.ts';

/** How long a login lasts, in milliseconds. */
export const SESSION_MS = 12 * 3_600_000;

/** More at once are not kept: the oldest ends. */
const MAX_SESSIONS = 1000;

/** Who is logged in. Only in this process's memory: a restart logs everyone out, and nothing of it can be stolen from a disk. */
export interface Sessions {
  /** Begins one, and returns what its holder has to show. */
  begin(holder: Holder): string;
  /** Whose session it is, as long as it lasts. */
  holderOf(token: string): Holder | undefined;
  end(token: string): void;
}

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

/** A short name of a session, by which a log tells several apart and nobody gets in. */
export function labelOf(token: string | undefined): string | undefined {
  return token === undefined ? undefined : digestOf(token).slice(0, 8);
}

function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
