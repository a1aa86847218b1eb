import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import {
  type ErrorWords,
  isMachineTrouble,
  KnownError,
  machineTrouble,
  summarize,
} from '../domain/errors.ts';
import { PROBLEM_TYPE, type Problem, problemOf } from '../domain/problem.ts';
import { escapeHtml, PLAIN_PAGE_POLICY, plainPage } from './pages/plain-page.ts';

/** The HTTP status of each code that a door answers with; what is not here is 500. */
const STATUS: Partial<Readonly<Record<ErrorCode, number>>> = {
  REQUEST_INVALID: 400,
  PATH_INVALID: 400,
  PATH_LOOP: 400,
  FILE_NOT_READABLE: 400,
  FILE_NOT_REGULAR: 400,
  RECIPE_UNKNOWN: 400,
  PRESET_UNKNOWN: 400,
  INPUT_INVALID: 400,
  FILE_EMPTY: 400,
  FILE_SIZE_DIFFERS: 400,
  SIGNATURE_INVALID: 401,
  SIGNATURE_STALE: 401,
  BUNNY_SIGNATURE_INVALID: 401,
  LOGIN_REQUIRED: 401,
  HANDED_SECRET_WRONG: 401,
  INVITATION_WRONG: 401,
  WORKER_KEY_WRONG: 401,
  WATCH_LINK_INVALID: 403,
  WATCH_LINK_EXPIRED: 403,
  NOT_LOCAL: 403,
  READ_ONLY: 403,
  CROSS_SITE: 403,
  PATH_NOT_ALLOWED: 403,
  INPUT_NOT_ALLOWED: 403,
  OUTPUT_NOT_ALLOWED: 403,
  NOT_FOUND: 404,
  FILE_NOT_FOUND: 404,
  INPUT_NOT_FOUND: 404,
  OUTPUT_BUCKET_MISSING: 404,
  ZOOM_RECORDING_NOT_FOUND: 404,
  ZOOM_NOT_CONNECTED: 409,
  ACE_ID_TAKEN: 409,
  NAME_TAKEN: 409,
  WORKER_NAME_TAKEN: 409,
  PRESET_TAKEN: 409,
  PRESET_BUILT_IN: 409,
  OUTPUT_EXISTS: 409,
  UPLOAD_LEFT_OUT: 409,
  WRONG_STATE: 409,
  HANDED_CLOSED: 409,
  WATCH_OFF: 409,
  TOO_LARGE: 413,
  NOT_MEDIA: 415,
  INPUT_REFUSED: 502,
  REMOTE_REJECTED: 502,
  REMOTE_UNAUTHORIZED: 502,
  REMOTE_ANSWER_INVALID: 502,
  REMOTE_UNAVAILABLE: 503,
  REMOTE_THROTTLED: 503,
  TRANSFER_STALLED: 504,
  TOO_MANY_LISTENERS: 503,
  TOO_MANY_REQUESTS: 429,
  TOO_BUSY: 503,
  // Whoever sends again then, as Zoom does, loses nothing.
  DISK_FULL: 503,
  DISK_UNUSABLE: 503,
  LEDGER_BUSY: 503,
  LEDGER_AWAY: 503,
};

/** The HTTP status with which a code is answered. */
export const statusOf = (code: ErrorCode): number => STATUS[code] ?? 500;

/** Makes every refusal of this server a problem document, and a page where a person has gone to the address. */
export function answerProblems(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, 404, 'NOT_FOUND', `There is no ${request.method} ${request.url.split('?')[0]}`),
  );
  app.setErrorHandler((error: FastifyError | KnownError, request, reply) => handle(error, request, reply));
}

/** Answers a request whose path cannot be read, which no route and no handler ever sees. */
export function refuseUnroutable(error: FastifyError, reply: FastifyReply): void {
  sendProblem(reply, error.statusCode ?? 400, 'REQUEST_INVALID', error.message);
}

function handle(thrown: FastifyError | KnownError, request: FastifyRequest, reply: FastifyReply) {
  const error = machineTrouble(thrown) ?? thrown;
  if (error instanceof KnownError) {
    if (isMachineTrouble(error)) {
      request.log.error({ event: 'door.machine-trouble', err: error }, 'this machine cannot take it now');
    }
    const { afterMs = waitMs(error) } = error.details;
    if (typeof afterMs === 'number') void reply.header('retry-after', String(Math.ceil(afterMs / 1000)));
    return sendProblem(reply, statusOf(error.code), error.code, summarize(error).message, error.words);
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const lines = error.validation.map((issue) => {
      const field = issue.instancePath.split('/').filter(Boolean).join('.') || 'body';
      return `${field}: ${issue.message}`;
    });
    return sendProblem(reply, 400, 'REQUEST_INVALID', lines.join('; '));
  }
  const status = error.statusCode ?? 500;
  if (status === 413) return sendProblem(reply, 413, 'TOO_LARGE', 'The request body is too large');
  if (status >= 400 && status < 500) return sendProblem(reply, status, 'REQUEST_INVALID', error.message);

  request.log.error({ event: 'bug', err: error }, 'unforeseen error');
  return sendProblem(reply, 500, 'UNEXPECTED', 'The server could not do this');
}

/** When to come back, by the error's own word. */
function waitMs({ retry }: KnownError): number | undefined {
  return typeof retry === 'object' && 'waitMs' in retry ? retry.waitMs : undefined;
}

function sendProblem(
  reply: FastifyReply,
  status: number,
  code: ErrorCode,
  detail: string,
  words?: ErrorWords,
) {
  const problem = problemOf(status, code, detail, words);
  void reply.code(status);
  // Scripts of pages ask for anything, and browsers for pages.
  if (!(reply.request.headers.accept ?? '').includes('text/html'))
    return reply.type(PROBLEM_TYPE).send(problem);
  return reply
    .type('text/html; charset=utf-8')
    .header('content-security-policy', PLAIN_PAGE_POLICY)
    .send(problemPage(problem));
}

function problemPage({ title, detail, advice, code }: Problem): string {
  return plainPage({
    title: title.replace(/\.$/, ''),
    content: `<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(detail.replace(/\.?$/, '.'))}</p>
<p>${escapeHtml(advice)}</p>
<p class="small muted"><code>${code}</code></p>
<p><a href="/">To the overview</a></p>`,
  });
}
