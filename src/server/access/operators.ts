import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ADMIN, type Holder, THIS_SERVER, type WayIn } from '../../domain/access.ts';
import { KnownError } from '../../domain/errors.ts';
import { isSameText } from '../../lib/constant-time.ts';
import type { Access } from './access.ts';
import { callerOf, isFromOwnPage, notLocal, requireLocal, type Visitor, whyNotLocal } from './local-only.ts';
import { createRate } from './rate.ts';
import { createSessions, labelOf, type Sessions } from './sessions.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Who may call a route besides operators, and viewers if it only reads: `anyone`, for it checks by itself or tells
     * nothing; `processes` on this machine, and nobody else; `operators`, and no viewers, though it only reads; `readers`: viewers
     * too, for it refuses by itself what does more than read.
     */
    access?: 'anyone' | 'processes' | 'operators' | 'readers';
  }
  interface FastifyRequest {
    /** By whom and how a route was entered that is not for anyone. */
    pass: Pass | null;
    /** What it does something to, where the path does not say it: for the audit trail. */
    subject: string | null;
    /** What it does, where the route does not say it. */
    act: string | null;
    /** It does no more than read, though its method could. */
    isReading: boolean;
  }
}

export const SESSION_COOKIE = 'sluice_session';

/** Wrong tokens that one address, or all together, may show before each further one is told to wait; a right one is not. */
const WRONG_TOKENS = { burst: 10, perSecond: 1 / 30 };
const ALL_WRONG_TOKENS = { burst: 300, perSecond: 1 };

export interface OperatorOptions {
  /** What an operator shows who is not on this machine and has no token of their own. */
  readonly adminToken?: string | undefined;
  /** The token of before, which opens as well while it is given. */
  readonly adminTokenOld?: string | undefined;
  /** Whether callers on this machine need no token. */
  readonly isLocalTrusted?: boolean;
}

/** A request, or what another door has in its place. */
export type Asking = Visitor & Pick<FastifyRequest, 'method' | 'log'>;

/** Knows operators and viewers from strangers. */
export interface Operators {
  /** Nobody can log in where there is no token. */
  canLogIn(): boolean;
  readonly sessions: Sessions;
  /**
   * Whose token a caller shows, if it is a right one. That is right whatever was shown before, by this address or others:
   * else whoever guesses could lock the operators out. Wrong ones count.
   *
   * @throws KnownError `TOO_MANY_REQUESTS` for a wrong one after too many
   */
  holderOf(shown: string, request: Asking): Holder | undefined;
  /** What has become of a token that was once right. */
  whyNot(shown: string): string | undefined;
  /** Whether a request shows a right token, or a session that lasts; what it shows is not counted. */
  isProven(request: FastifyRequest): boolean;
  /** Whether whoever was let in by this request may still be here: a session or a token ends, and with it what it has begun. */
  mayStay(request: FastifyRequest): boolean;
  /**
   * Lets pass: a direct caller on this machine, the holder of a token, or of a session.
   *
   * @throws KnownError `LOGIN_REQUIRED`, `NOT_LOCAL`, `CROSS_SITE` or `TOO_MANY_REQUESTS`
   */
  require(request: Asking): Promise<Pass>;
  /** The same, at once. */
  letIn(request: Asking): Pass;
  /** The same for another process of this machine, which has no browser. */
  requireProcess(request: FastifyRequest): Promise<void>;
}

/** Who was let in, and by what. */
export interface Pass {
  readonly way: WayIn;
  readonly holder: Holder;
}

export function createOperators(
  options: OperatorOptions,
  {
    access,
    sessions = createSessions(),
    onWrongToken,
  }: {
    access: Access;
    /** Default: those of this process alone. */
    sessions?: Sessions | undefined;
    onWrongToken: (request: Asking) => void;
  },
): Operators {
  const { adminToken, adminTokenOld, isLocalTrusted = true } = options;
  const adminTokens = [adminToken, adminTokenOld].filter((token) => token !== undefined);
  const wrongTokens = createRate(WRONG_TOKENS);
  const allWrongTokens = createRate(ALL_WRONG_TOKENS);

  const canLogIn = () => adminTokens.length > 0 || access.hasHolders();

  /** All of them are compared, so that the time does not tell which one it is. */
  function find(shown: string): Holder | undefined {
    const isAdmin = adminTokens.filter((token) => isSameText(shown, token)).length > 0;
    return isAdmin ? ADMIN : access.holderOf(shown);
  }

  function holderOf(shown: string, request: Asking): Holder | undefined {
    const holder = find(shown);
    if (holder !== undefined) {
      access.used(holder);
      return holder;
    }
    const caller = callerOf(request);
    const afterMs = Math.max(wrongTokens.take(caller), allWrongTokens.take(''));
    if (afterMs > 0) {
      // Not noted anywhere: whoever guesses does not write the log as well.
      throw new KnownError('Too many wrong tokens were shown', {
        code: 'TOO_MANY_REQUESTS',
        details: { afterMs },
      });
    }
    request.log.warn({ event: 'login.refused', caller }, 'a wrong token was shown');
    onWrongToken(request);
    return undefined;
  }

  /** Whose token the request carries in its header; a wrong one is not made up for by anything else. */
  function tokenHolder(request: Asking): Holder | undefined {
    const shown = bearerOf(request);
    if (shown === undefined || !(canLogIn() || access.isOurs(shown))) return undefined;
    const holder = holderOf(shown, request);
    if (holder !== undefined) return holder;
    throw loginRequired(access.whyNot(shown) ?? 'the token is not the right one');
  }

  /** Whose session the request's cookie names, as long as the token lasts by which it began. */
  function lastingSession(request: Asking): Holder | undefined {
    const token = sessionToken(request);
    const holder = token === undefined ? undefined : sessions.holderOf(token);
    return holder !== undefined && isStillValid(holder) ? holder : undefined;
  }

  function isStillValid({ tokenId }: Holder): boolean {
    return tokenId === undefined || access.isValid(tokenId);
  }

  function sessionHolder(request: Asking): Holder | undefined {
    const holder = lastingSession(request);
    if (holder === undefined) return undefined;
    const isOwn = isFromOwnPage(request);
    // A browser sends the cookie by itself, whoever made it send the request.
    if (isRead(request) ? request.headers['sec-fetch-site'] === 'cross-site' : isOwn !== true) {
      throw new KnownError('A page of another origin may not act for whoever is logged in', {
        code: 'CROSS_SITE',
      });
    }
    access.used(holder);
    return holder;
  }

  function letIn(request: Asking): Pass {
    const byToken = tokenHolder(request);
    if (byToken !== undefined) return { way: 'token', holder: byToken };
    const bySession = sessionHolder(request);
    if (bySession !== undefined) return { way: 'session', holder: bySession };
    const why = whyNotLocal(request);
    if (why === undefined && isLocalTrusted) return { way: 'this machine', holder: THIS_SERVER };
    if (!canLogIn()) throw notLocal(why ?? 'callers on this machine are not trusted');
    throw loginRequired(why ?? 'callers on this machine need the token too');
  }

  return {
    canLogIn,
    sessions,
    holderOf,
    whyNot: access.whyNot,

    isProven(request) {
      const shown = bearerOf(request);
      return (shown === undefined ? lastingSession(request) : find(shown)) !== undefined;
    },

    mayStay(request) {
      if (request.pass === null) return true;
      const { way, holder } = request.pass;
      return way === 'session' ? lastingSession(request) !== undefined : isStillValid(holder);
    },

    require: async (request) => letIn(request),
    letIn,

    async requireProcess(request) {
      await requireLocal(request);
      const holder = bearerOf(request) === undefined ? undefined : tokenHolder(request);
      if (holder?.role === 'viewer') throw readOnly(holder);
      if (!isLocalTrusted && holder === undefined) {
        throw loginRequired('callers on this machine need the token too');
      }
    },
  };
}

/**
 * Closes every route of the server but those that say who else may call them: a route that forgets to say so is for
 * operators, and for viewers only if it reads. Whoever would have to log in is shown where, if a browser asks for a page.
 */
export function closeRoutes(app: FastifyInstance, operators: Operators): void {
  app.decorateRequest('pass', null);
  app.decorateRequest('subject', null);
  app.decorateRequest('act', null);
  app.decorateRequest('isReading', false);

  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const { access } = request.routeOptions.config;
    if (access === 'anyone' || request.is404) return;
    if (access === 'processes') return await operators.requireProcess(request);
    try {
      request.pass = await operators.require(request);
    } catch (error) {
      if (!(error instanceof KnownError) || error.code !== 'LOGIN_REQUIRED') throw error;
      if (isPageWanted(request)) {
        return reply.redirect(`/login?next=${encodeURIComponent(request.url)}`, 303);
      }
      void reply.header('www-authenticate', 'Bearer');
      throw error;
    }
    const { holder } = request.pass;
    if (holder.role === 'operator' || access === 'readers') return;
    if (access === 'operators' || !isRead(request)) throw readOnly(holder);
  });
}

/** The name by which the history and the audit trail know whoever sent a request. */
export function actorOf({ pass }: FastifyRequest): string {
  return (pass?.holder ?? THIS_SERVER).name;
}

/** The short name of the session by which a request was let in, if it was by one. */
export function sessionLabelOf(request: FastifyRequest): string | undefined {
  return request.pass?.way === 'session' ? labelOf(sessionToken(request)) : undefined;
}

/** The token of the session that a request's cookies name. */
export function sessionToken({ headers }: Pick<Visitor, 'headers'>): string | undefined {
  for (const cookie of (headers.cookie ?? '').split(';')) {
    const [name, value] = cookie.trim().split('=');
    if (name === SESSION_COOKIE && value) return value;
  }
  return undefined;
}

function bearerOf({ headers }: Pick<Visitor, 'headers'>): string | undefined {
  return /^Bearer +(.*)$/i.exec(headers.authorization ?? '')?.[1]?.trim();
}

export function isRead({ method }: Pick<FastifyRequest, 'method'>): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** Whether a person has gone to the address in a browser. */
function isPageWanted({ method, headers }: FastifyRequest): boolean {
  return method === 'GET' && (headers.accept ?? '').includes('text/html');
}

function readOnly({ name }: Holder): KnownError {
  return new KnownError(`${name} may look at everything and change nothing`, { code: 'READ_ONLY' });
}

function loginRequired(why: string): KnownError {
  return new KnownError(`This is for operators: ${why}`, { code: 'LOGIN_REQUIRED' });
}
