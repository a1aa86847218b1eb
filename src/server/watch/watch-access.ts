import { createHmac, randomBytes } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { KnownError } from '../../domain/errors.ts';
import type { WatchMode } from '../../domain/watching.ts';
import { isSameText } from '../../lib/constant-time.ts';
import { wallMs } from '../../lib/wall-time.ts';
import { readWatchToken } from '../../lib/watch-token.ts';
import type { Operators } from '../access/operators.ts';

/** The header in which the page sends the token that stands behind the # of its link. */
const TOKEN_HEADER = 'x-watch-token';

/** For how long what was opened can be watched, in seconds: longer than any class, and a night. */
const GRANT_S = 12 * 3600;

/** The part of a file's address that stands for the permission, where nobody needs one. */
const OPEN = 'open';

export interface WatchAccessOptions {
  readonly mode: WatchMode;
  /** What links are signed with, the present one first. */
  readonly tokenSecrets: readonly string[];
}

/** Says who may watch: the link decides when somebody begins, and the files can be fetched for some time from then on. */
export interface WatchAccess {
  /**
   * What opens the recording's files to whoever may watch it: a part of their addresses.
   *
   * @throws KnownError `WATCH_LINK_INVALID`, `WATCH_LINK_EXPIRED`, `LOGIN_REQUIRED`
   */
  begin(request: FastifyRequest, recordingId: string): Promise<string>;
  /** Whether such a part of an address opens this recording's files; `open` also where all may keep them. */
  opens(grant: string, recordingId: string): boolean;
}

export function createWatchAccess(
  { mode, tokenSecrets }: WatchAccessOptions,
  operators: Pick<Operators, 'require'>,
): WatchAccess {
  const [secret = randomBytes(32).toString('base64url')] = tokenSecrets;

  /** What opens files until a time, short enough for a part of an address; a token of a link is another thing. */
  function grantOf(recordingId: string, untilS: number): string {
    const signed = createHmac('sha256', secret).update(`files of ${recordingId} until ${untilS}`);
    return `${untilS.toString(36)}.${signed.digest('base64url')}`;
  }

  async function requireMay(request: FastifyRequest, recordingId: string): Promise<void> {
    const shown = request.headers[TOKEN_HEADER];
    if (mode === 'signed' && typeof shown === 'string' && shown !== '') {
      const reading = await readWatchToken(shown, { secrets: tokenSecrets, recordingId });
      if (reading === 'valid') return;
      if (reading === 'expired') throw new KnownError('The link has expired', { code: 'WATCH_LINK_EXPIRED' });
      throw new KnownError('The link was not made for this recording, or is damaged', {
        code: 'WATCH_LINK_INVALID',
      });
    }
    await operators.require(request).catch((error: unknown) => {
      if (mode === 'off' || !(error instanceof KnownError)) throw error;
      throw new KnownError('The link has no token, or nobody who is logged in opened it', {
        code: 'WATCH_LINK_INVALID',
      });
    });
  }

  return {
    async begin(request, recordingId) {
      if (mode === 'public') return OPEN;
      await requireMay(request, recordingId);
      return grantOf(recordingId, Math.floor(wallMs() / 1000) + GRANT_S);
    },

    opens(grant, recordingId) {
      if (mode === 'public' && grant === OPEN) return true;
      const untilS = Number.parseInt(grant, 36);
      return untilS > wallMs() / 1000 && isSameText(grant, grantOf(recordingId, untilS));
    },
  };
}
