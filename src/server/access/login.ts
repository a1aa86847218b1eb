import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Holder } from '../../domain/access.ts';
import { KnownError } from '../../domain/errors.ts';
import { PLAIN_PAGE_POLICY } from '../pages/plain-page.ts';
import { problems } from '../routes/problems.ts';
import type { Acts } from './acts.ts';
import { callerOf, isFromOwnPage } from './local-only.ts';
import { loginPage } from './login-page.ts';
import { type Operators, SESSION_COOKIE, sessionToken } from './operators.ts';
import { labelOf, SESSION_MS } from './sessions.ts';

const MAX_FORM_BYTES = 8 * 1024;

const ANYONE = { access: 'anyone' } as const;

/** Counted by the wrong tokens alone: who floods this route from an operator's own address keeps no operator out. */
const BY_TOKEN = { access: 'anyone', limit: 'none' } as const;

const WRONG = 'This is no token of this Sluice.';
const ANEW = 'Ask for a new one.';

const page = (description: string) => ({
  description,
  content: { 'text/html': { schema: z.string() } },
});

const LOGIN_PAGE = {
  operationId: 'showLogin',
  tags: ['access'],
  summary: 'The page on which people log in',
  response: { 200: page('The page'), ...problems(404) },
};

const LOGIN = {
  operationId: 'logIn',
  tags: ['access'],
  summary: 'Begin a session, which a cookie names from then on',
  consumes: ['application/x-www-form-urlencoded'],
  body: z.object({
    token: z.string().describe('The ADMIN_TOKEN, or one of somebody’s own'),
    next: z.string().optional().describe('The path that is gone on to'),
  }),
  response: {
    303: page('Logged in; Set-Cookie has the session'),
    401: page('The page again, since the token is a wrong one'),
    429: page('The page again, since too many wrong ones were shown'),
    ...problems(403, 404),
  },
};

const LOGOUT = {
  operationId: 'logOut',
  tags: ['access'],
  summary: 'End the session that the cookie names',
  response: { 303: page('To the login'), ...problems(403, 404) },
};

/** What the audit trail calls a login, one that was refused too. */
export const LOG_IN = 'logIn';

/**
 * `GET /login`, a page that needs no script; `POST /login`, which begins a session for whoever knows a token; and
 * `POST /logout`, which ends it. While there is no token there is none of them.
 */
export function addLogin(app: FastifyInstance, operators: Operators, acts: Acts): void {
  const { sessions } = operators;

  app.register((scope, _options, registered) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: MAX_FORM_BYTES },
      (_request, body, done) => done(null, new URLSearchParams(String(body))),
    );
    scope.addHook('onRequest', async () => {
      if (!operators.canLogIn())
        throw new KnownError('There is no token to log in with', { code: 'NOT_FOUND' });
    });
    // The form is read below: this only describes it.
    scope.setValidatorCompiler(() => () => true);

    scope.get<{ Querystring: { next?: unknown } }>(
      '/login',
      { config: ANYONE, schema: LOGIN_PAGE },
      (request, reply) => sendPage(reply, 200, { next: ownPath(request.query.next) }),
    );

    scope.post<{ Body: URLSearchParams | undefined }>(
      '/login',
      { config: BY_TOKEN, schema: LOGIN },
      async (request, reply) => {
        refuseOthersPages(request);
        const next = ownPath(request.body?.get('next'));
        const shown = (request.body?.get('token') ?? '').trim();
        let holder: Holder | undefined;
        try {
          holder = operators.holderOf(shown, request);
        } catch (error) {
          if (!(error instanceof KnownError) || error.code !== 'TOO_MANY_REQUESTS') throw error;
          const problem = 'Too many wrong tokens. Wait a minute and try again.';
          return sendPage(reply, 429, { next, problem });
        }
        if (holder === undefined) {
          const why = operators.whyNot(shown);
          return sendPage(reply, 401, {
            next,
            problem: why === undefined ? WRONG : `${sentence(why)} ${ANEW}`,
          });
        }
        const session = sessions.begin(holder);
        const label = labelOf(session);
        request.log.info(
          { event: 'login.accepted', who: holder.name, session: label, caller: callerOf(request) },
          'an operator has logged in',
        );
        await acts.note(request, { act: LOG_IN, outcome: 'done', holder, way: 'session', session: label });
        return setCookie(request, reply, session, SESSION_MS / 1000).redirect(next, 303);
      },
    );

    scope.post('/logout', { config: BY_TOKEN, schema: LOGOUT }, async (request, reply) => {
      refuseOthersPages(request);
      const token = sessionToken(request);
      const holder = token === undefined ? undefined : sessions.holderOf(token);
      if (token !== undefined) sessions.end(token);
      if (holder !== undefined) {
        const session = labelOf(token);
        await acts.note(request, { act: 'logOut', outcome: 'done', holder, way: 'session', session });
      }
      return setCookie(request, reply, '', 0).redirect('/login', 303);
    });
    registered();
  });
}

function sentence(text: string): string {
  return `${text.replace(/^./, (letter) => letter.toUpperCase())}.`;
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
    .header('content-security-policy', PLAIN_PAGE_POLICY)
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
