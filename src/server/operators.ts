import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { KnownError } from '../domain/errors.ts';
import { isSameText } from '../lib/constant-time.ts';
import { callerOf, isFromOwnPage, notLocal, requireLocal, whyNotLocal } from './local-only.ts';
import { createRate } from './rate.ts';
import { createSessions, labelOf, type Sessions } from './sessions.ts';

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

/** Wrong tokens that one address, or all together, may show before each further one is told to wait; a right one is not. */
const WRONG_TOKENS = { burst: 10, perSecond: 1 / 30 };
const ALL_WRONG_TOKENS = { burst: 300, perSecond: 1 };

export interface OperatorOptions {
  /** What an operator shows who is not on this machine; nobody else gets in without one. */
  readonly adminToken?: string | undefined;
  /** The token of before, which opens as well while it is given. */
  readonly adminTokenOld?: string | undefined;
  /** Whether callers on this machine need no token. */
  readonly isLocalTrusted?: boolean;
}

/** Knows an operator from a stranger. */
export interface Operators {
  /** Nobody can log in where there is no token. */
  readonly canLogIn: boolean;
  readonly sessions: Sessions;
  /**
   * Compares a token that a caller shows. The right one is right whatever was shown before, by this address or others:
   * else whoever guesses could lock the operators out. Wrong ones count.
   *
   * @throws KnownError `TOO_MANY_REQUESTS` for a wrong one after too many
   */
  isToken(shown: string, request: FastifyRequest): boolean;
  /** Whether a request shows the right token, or a session that lasts; what it shows is not counted. */
  isProven(request: FastifyRequest): boolean;
  /** Whether whoever was let in by this request may still be here: a session ends, and with it what it has begun. */
  mayStay(request: FastifyRequest): boolean;
  /**
   * Lets an operator pass: a direct caller on this machine, the holder of the token, or of a session.
   *
   * @throws KnownError `LOGIN_REQUIRED`, `NOT_LOCAL`, `CROSS_SITE` or `TOO_MANY_REQUESTS`
   */
  require(request: FastifyRequest): Promise<Pass>;
  /** The same for another process of this machine, which has no browser. */
  requireProcess(request: FastifyRequest): Promise<void>;
}

/** By what an operator was let in. */
export type Pass = 'token' | 'session' | 'this machine';

export function createOperators(options: OperatorOptions): Operators {
  const { adminToken, adminTokenOld, isLocalTrusted = true } = options;
  const tokens = [adminToken, adminTokenOld].filter((token) => token !== undefined);
  const sessions = createSessions();
  const wrongTokens = createRate(WRONG_TOKENS);
  const allWrongTokens = createRate(ALL_WRONG_TOKENS);
  const passes = new WeakMap<FastifyRequest, Pass>();

  /** All of them are compared, so that the time does not tell which one it is. */
  function isRight(shown: string): boolean {
    return tokens.filter((token) => isSameText(shown, token)).length > 0;
  }

  function isToken(shown: string, request: FastifyRequest): boolean {
    if (isRight(shown)) return true;
    const caller = callerOf(request);
    const afterMs = Math.max(wrongTokens.take(caller), allWrongTokens.take(''));
    if (afterMs > 0) {
      // Not logged: whoever guesses does not write the log as well.
      throw new KnownError('Too many wrong tokens were shown', {
        code: 'TOO_MANY_REQUESTS',
        details: { afterMs },
      });
    }
    request.log.warn({ event: 'login.refused', caller }, 'a wrong token was shown');
    return false;
  }

  /** Whether the request carries the token in its header; a wrong one is not made up for by anything else. */
  function showsToken(request: FastifyRequest): boolean {
    const shown = bearerOf(request);
    if (tokens.length === 0 || shown === undefined) return false;
    if (isToken(shown, request)) return true;
    throw loginRequired('the token is not the right one');
  }

  function hasSession(request: FastifyRequest): boolean {
    const token = sessionToken(request);
    if (token === undefined || !sessions.isValid(token)) return false;
    const isOwn = isFromOwnPage(request);
    // A browser sends the cookie by itself, whoever made it send the request.
    if (isRead(request) ? request.headers['sec-fetch-site'] === 'cross-site' : isOwn !== true) {
      throw new KnownError('A page of another origin may not act for whoever is logged in', {
        code: 'CROSS_SITE',
      });
    }
    return true;
  }

  function letIn(request: FastifyRequest): Pass {
    if (showsToken(request)) return 'token';
    if (hasSession(request)) return 'session';
    const why = whyNotLocal(request);
    if (why === undefined && isLocalTrusted) return 'this machine';
    if (adminToken === undefined) throw notLocal(why ?? 'callers on this machine are not trusted');
    throw loginRequired(why ?? 'callers on this machine need the token too');
  }

  return {
    canLogIn: adminToken !== undefined,
    sessions,
    isToken,

    isProven(request) {
      const shown = bearerOf(request);
      if (shown !== undefined) return isRight(shown);
      const session = sessionToken(request);
      return session !== undefined && sessions.isValid(session);
    },

    mayStay(request) {
      if (passes.get(request) !== 'session') return true;
      const session = sessionToken(request);
      return session !== undefined && sessions.isValid(session);
    },

    async require(request) {
      const pass = letIn(request);
      passes.set(request, pass);
      return pass;
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
  const acts = new WeakMap<FastifyRequest, Pass>();

  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const { access } = request.routeOptions.config;
    if (access === 'anyone' || request.is404) return;
    if (access === 'processes') return await operators.requireProcess(request);
    try {
      const by = await operators.require(request);
      if (!isRead(request)) acts.set(request, by);
    } catch (error) {
      if (!(error instanceof KnownError) || error.code !== 'LOGIN_REQUIRED') throw error;
      if (isPageWanted(request)) {
        return reply.redirect(`/login?next=${encodeURIComponent(request.url)}`, 303);
      }
      void reply.header('www-authenticate', 'Bearer');
      throw error;
    }
  });

  // Operators share one token, so the log says what was done and from where, and no name.
  app.addHook('onResponse', async (request, reply) => {
    const by = acts.get(request);
    if (by === undefined) return;
    const { method } = request;
    const path = request.url.split('?')[0];
    const session = by === 'session' ? labelOf(sessionToken(request)) : undefined;
    request.log.info(
      {
        event: 'operator.acted',
        method,
        path,
        status: reply.statusCode,
        by,
        session,
        caller: callerOf(request),
      },
      'an operator has asked for something',
    );
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

function bearerOf({ headers }: FastifyRequest): string | undefined {
  return /^Bearer +(.*)$/i.exec(headers.authorization ?? '')?.[1]?.trim();
}

function isRead({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

function isPageWanted({ method, headers }: FastifyRequest): boolean {
  return method === 'GET' && (headers.accept ?? '').includes('text/html');
}

function loginRequired(why: string): KnownError {
  return new KnownError(`This is for operators: ${why}`, { code: 'LOGIN_REQUIRED' });
}
