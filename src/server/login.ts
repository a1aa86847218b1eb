import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { KnownError } from '../domain/errors.ts';
import { callerOf, isFromOwnPage } from './local-only.ts';
import { LOGIN_PAGE_POLICY, loginPage } from './login-page.ts';
import { type Operators, SESSION_COOKIE, sessionToken } from './operators.ts';
import { labelOf, SESSION_MS } from './sessions.ts';

const MAX_FORM_BYTES = 8 * 1024;

const ANYONE = { access: 'anyone' } as const;

/** Counted by the wrong tokens alone: who floods this route from an operator's own address keeps no operator out. */
const BY_TOKEN = { access: 'anyone', limit: 'none' } as const;

/**
 * `GET /login`, a page that needs no script; `POST /login`, which begins a session for whoever knows the token; and
 * `POST /logout`, which ends it. Without a token in the settings there is none of them.
 */
export function addLogin(app: FastifyInstance, operators: Operators): void {
  if (!operators.canLogIn) return;
  const { sessions } = operators;

  app.register((scope, _options, registered) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: MAX_FORM_BYTES },
      (_request, body, done) => done(null, new URLSearchParams(String(body))),
    );

    scope.get<{ Querystring: { next?: unknown } }>('/login', { config: ANYONE }, (request, reply) =>
      sendPage(reply, 200, { next: ownPath(request.query.next) }),
    );

    scope.post<{ Body: URLSearchParams | undefined }>('/login', { config: BY_TOKEN }, (request, reply) => {
      refuseOthersPages(request);
      const next = ownPath(request.body?.get('next'));
      try {
        if (!operators.isToken((request.body?.get('token') ?? '').trim(), request)) {
          return sendPage(reply, 401, { next, problem: 'This is not the admin token.' });
        }
      } catch (error) {
        if (!(error instanceof KnownError) || error.code !== 'TOO_MANY_REQUESTS') throw error;
        return sendPage(reply, 429, { next, problem: 'Too many wrong tokens. Wait a minute and try again.' });
      }
      const session = sessions.begin();
      request.log.info(
        { event: 'login.accepted', session: labelOf(session), caller: callerOf(request) },
        'an operator has logged in',
      );
      return setCookie(request, reply, session, SESSION_MS / 1000).redirect(next, 303);
    });

    scope.post('/logout', { config: BY_TOKEN }, (request, reply) => {
      refuseOthersPages(request);
      const token = sessionToken(request);
      if (token !== undefined) sessions.end(token);
      return setCookie(request, reply, '', 0).redirect('/login', 303);
    });
    registered();
  });
}

/** Programs may log in and out as well; of pages only our own. */
function refuseOthersPages(request: FastifyRequest): void {
  if (isFromOwnPage(request) !== false) return;
  throw new KnownError('A page of another origin has sent the form', { code: 'CROSS_SITE' });
}

function sendPage(reply: FastifyReply, status: number, page: Parameters<typeof loginPage>[0]): FastifyReply {
  return reply
    .code(status)
    .type('text/html; charset=utf-8')
    .header('content-security-policy', LOGIN_PAGE_POLICY)
    .send(loginPage(page));
}

/** No script reads the cookie, no other site's page sends it, and where the browser speaks https it says it only there. */
function setCookie(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  token: string,
  maxAgeS: number,
): FastifyReply {
  const isTls = headers['x-forwarded-proto'] === 'https' || headers.origin?.startsWith('https:') === true;
  const cookie = `${SESSION_COOKIE}=${token}; Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Strict`;
  return reply.header('set-cookie', isTls ? `${cookie}; Secure` : cookie);
}

/** A path of this server as it was asked for, and of no other; else its first page. */
export function ownPath(wanted: unknown): string {
  const here = 'http://here.invalid';
  if (typeof wanted !== 'string' || !wanted.startsWith('/') || !URL.canParse(wanted, here)) return '/';
  const url = new URL(wanted, here);
  const path = url.pathname + url.search;
  return url.origin === here && !path.startsWith('//') ? path : '/';
}
