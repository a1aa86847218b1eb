import { createHash, randomBytes } from 'node:crypto';

/** How long a login lasts, in milliseconds. */
export const SESSION_MS = 12 * 3_600_000;

/** More at once are not kept: the oldest ends. */
const MAX_SESSIONS = 1000;

/** Who is logged in. Only in this process's memory: a restart logs everyone out, and nothing of it can be stolen from a disk. */
export interface Sessions {
  /** Begins one, and returns what its holder has to show. */
  begin(): string;
  isValid(token: string): boolean;
  end(token: string): void;
}

export function createSessions({ now = () => performance.now() }: { now?: () => number } = {}): Sessions {
  /** When each one ends, by its token's digest: a look-up then tells nothing about tokens by its time. Oldest first. */
  const endings = new Map<string, number>();

  return {
    begin() {
      for (const [digest, endsAtMs] of endings) {
        if (endsAtMs > now() && endings.size < MAX_SESSIONS) break;
        endings.delete(digest);
      }
      const token = randomBytes(32).toString('base64url');
      endings.set(digestOf(token), now() + SESSION_MS);
      return token;
    },
    isValid: (token) => (endings.get(digestOf(token)) ?? 0) > now(),
    end(token) {
      endings.delete(digestOf(token));
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
