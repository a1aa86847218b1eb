import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { KnownError } from '../domain/errors.ts';
import { isSameText } from '../lib/constant-time.ts';
import { callerOf, isFromOwnPage, notLocal, requireLocal, whyNotLocal } from './local-only.ts';
import { createRate } from './rate.ts';
import { createSessions, type Sessions } from './sessions.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Who may call a route that is not for operators: `anyone`, for it checks by itself or tells nothing; `processes`
     * on this machine, and nobody else.
     */
    access?: 'anyone' | 'processes';
  }
}

export const SESSION_COOKIE = 'sluice_session';

/** Wrong tokens that one address, or all together, may show before no more are looked at for a while. */
const WRONG_TOKENS = { burst: 10, perSecond: 1 / 30 };
const ALL_WRONG_TOKENS = { burst: 300, perSecond: 1 };

export interface OperatorOptions {
  /** What an operator shows who is not on this machine; nobody else gets in without one. */
  readonly adminToken?: string | undefined;
  /** Whether callers on this machine need no token. */
  readonly isLocalTrusted?: boolean;
}

/** Knows an operator from a stranger. */
export interface Operators {
  /** Nobody can log in where there is no token. */
  readonly canLogIn: boolean;
  readonly sessions: Sessions;
  /**
   * Compares a token that a caller shows; wrong ones count.
   *
   * @throws KnownError `TOO_MANY_REQUESTS` to a caller that has shown too many wrong ones, whatever this one is
   */
  isToken(shown: string, request: FastifyRequest): boolean;
  /**
   * Lets an operator pass: a direct caller on this machine, the holder of the token, or of a session.
   *
   * @throws KnownError `LOGIN_REQUIRED`, `NOT_LOCAL`, `CROSS_SITE` or `TOO_MANY_REQUESTS`
   */
  require(request: FastifyRequest): Promise<void>;
  /** The same for another process of this machine, which has no browser. */
  requireProcess(request: FastifyRequest): Promise<void>;
}

export function createOperators({ adminToken, isLocalTrusted = true }: OperatorOptions): Operators {
  const sessions = createSessions();
  const wrongTokens = createRate(WRONG_TOKENS);
  const allWrongTokens = createRate(ALL_WRONG_TOKENS);

  function isToken(shown: string, request: FastifyRequest): boolean {
    const caller = callerOf(request);
    const afterMs = Math.max(wrongTokens.waitMs(caller), allWrongTokens.waitMs(''));
    if (afterMs > 0) {
      throw new KnownError('Too many wrong tokens were shown', {
        code: 'TOO_MANY_REQUESTS',
        details: { afterMs },
      });
    }
    if (adminToken !== undefined && isSameText(shown, adminToken)) return true;
    wrongTokens.take(caller);
    allWrongTokens.take('');
    request.log.warn({ event: 'login.refused', caller }, 'a wrong token was shown');
    return false;
  }

  /** Whether the request carries the token in its header; a wrong one is not made up for by anything else. */
  function showsToken(request: FastifyRequest): boolean {
    const shown = /^Bearer +(.*)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (adminToken === undefined || shown === undefined) return false;
    if (isToken(shown.trim(), request)) return true;
    throw loginRequired('the token is not the right one');
  }

  function hasSession(request: FastifyRequest): boolean {
    const token = sessionToken(request);
    if (token === undefined || !sessions.isValid(token)) return false;
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const isOwn = isFromOwnPage(request);
    // A browser sends the cookie by itself, whoever made it send the request.
    if (isRead ? request.headers['sec-fetch-site'] === 'cross-site' : isOwn !== true) {
      throw new KnownError('A page of another origin may not act for whoever is logged in', {
        code: 'CROSS_SITE',
      });
    }
    return true;
  }

  return {
    canLogIn: adminToken !== undefined,
    sessions,
    isToken,

    async require(request) {
      if (showsToken(request) || hasSession(request)) return;
      const why = whyNotLocal(request);
      if (why === undefined && isLocalTrusted) return;
      if (adminToken === undefined) throw notLocal(why ?? 'callers on this machine are not trusted');
      throw loginRequired(why ?? 'callers on this machine need the token too');
    },

    async requireProcess(request) {
      await requireLocal(request);
      if (!isLocalTrusted && !showsToken(request)) {
        throw loginRequired('callers on this machine need the token too');
      }
    },
  };
}

/**
 * Closes every route of the server but those that say who else may call them: a route that forgets to say so is for
 * operators. Whoever would have to log in is shown where, if a browser asks for a page.
 */
export function closeRoutes(app: FastifyInstance, operators: Operators): void {
  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const { access } = request.routeOptions.config;
    if (access === 'anyone' || request.is404) return;
    if (access === 'processes') return await operators.requireProcess(request);
    try {
      await operators.require(request);
    } catch (error) {
      if (!(error instanceof KnownError) || error.code !== 'LOGIN_REQUIRED') throw error;
      if (isPageWanted(request)) {
        return reply.redirect(`/login?next=${encodeURIComponent(request.url)}`, 303);
      }
      void reply.header('www-authenticate', 'Bearer');
      throw error;
    }
  });
}

/** The token of the session that a request's cookies name. */
export function sessionToken({ headers }: FastifyRequest): string | undefined {
  for (const cookie of (headers.cookie ?? '').split(';')) {
    const [name, value] = cookie.trim().split('=');
    if (name === SESSION_COOKIE && value) return value;
  }
  return undefined;
}

function isPageWanted({ method, headers }: FastifyRequest): boolean {
  return method === 'GET' && (headers.accept ?? '').includes('text/html');
}

function loginRequired(why: string): KnownError {
  return new KnownError(`This is for operators: ${why}`, { code: 'LOGIN_REQUIRED' });
}
