import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Control } from '../../desk/control.ts';
import type { CauseInSight } from '../../desk/overview.ts';
import type { Query } from '../../desk/query.ts';
import { RETRIED_TOGETHER } from '../../domain/actions.ts';
import { isTimeZone } from '../../domain/local-time.ts';
import { actorOf } from '../access/operators.ts';
import { problems } from '../routes/problems.ts';
import {
  type CauseView,
  canHelp,
  type DaysView,
  daysView,
  isoOrNull,
  overviewView,
  viewError,
  viewRecording,
} from './views.ts';

/** `GET /api/overview`: what is next, what waits and for what, what has failed, what is done; and `POST /api/recordings/retry`. */
export function addOverviewApi(
  app: FastifyInstance,
  { query, control }: { query: Pick<Query, 'overview' | 'days'>; control: Pick<Control, 'as'> },
): void {
  const api = app.withTypeProvider<ZodTypeProvider>();

  api.get(
    '/api/overview',
    {
      schema: {
        tags: ['line'],
        summary: 'What is next, what waits and for what, what has failed and why, what is done',
        querystring: z.object({
          since: z.iso
            .datetime({ offset: true })
            .optional()
            .describe('From when on is counted what was done; the last 24 hours if it is not named'),
          limit: z.coerce
            .number()
            .int()
            .min(1)
            .max(50)
            .default(6)
            .describe('Of the line, and of what is done'),
          each: z.coerce.number().int().min(1).max(50).default(3).describe('Of each cause'),
        }),
        response: { 200: overviewView, ...problems(400, 401, 403) },
      },
    },
    async ({ query: { since, limit, each } }) => {
      const sinceMs = since === undefined ? undefined : Date.parse(since);
      const seen = await query.overview({ sinceMs, limit, each });
      return {
        in_line: seen.inLineCount,
        line: seen.line.map(viewRecording),
        held: seen.held.map(viewCause),
        failed: seen.failed.map(viewCause),
        done_since: seen.doneSinceCount,
        done: seen.done.map(viewRecording),
      };
    },
  );

  api.get(
    '/api/days',
    {
      schema: {
        tags: ['line'],
        operationId: 'getDays',
        summary: 'What was done on each of the last days',
        querystring: z.object({
          days: z.coerce.number().int().min(1).max(92).default(30),
          zone: z
            .string()
            .max(60)
            .refine(isTimeZone, { error: 'is no time zone' })
            .default('UTC')
            .describe('Whose days they are, such as Asia/Colombo'),
        }),
        response: { 200: daysView, ...problems(400, 401, 403) },
      },
    },
    async ({ query: { days, zone } }): Promise<DaysView> => ({ days: [...(await query.days(days, zone))] }),
  );

  api.post(
    '/api/recordings/retry',
    {
      schema: {
        tags: ['recordings'],
        operationId: 'retryRecordings',
        summary: 'Let all go on that stand alike, their attempts counted anew',
        body: z.object({
          state: z.enum(RETRIED_TOGETHER).default('failed'),
          code: z
            .string()
            .max(100)
            .optional()
            .describe('Only those that have met this, as in docs/errors.md'),
          service: z.string().max(20).optional().describe('Only those that wait for this service'),
        }),
        response: {
          200: z.object({
            retried: z.int().describe('How many go on; 0: there were none'),
            retry_can_help: z.boolean().describe('Whether that can help, as far as the code tells'),
          }),
          ...problems(400, 401, 403),
        },
      },
    },
    async (request) => ({
      retried: await control.as(actorOf(request)).retryAlike(request.body),
      retry_can_help: canHelp(request.body.code),
    }),
  );
}

function viewCause({ recordings, ...cause }: CauseInSight): CauseView {
  const { code, reason, service, count, nextAtMs, lastEndedAtMs } = cause;
  const outlook = reason === 'failed' ? 'failed' : 'goes-on';
  const error = code === undefined ? null : viewError({ code, message: '' }, outlook);
  return {
    reason,
    code: code ?? null,
    service: service ?? null,
    title: error?.title ?? null,
    advice: error?.advice ?? null,
    retry_can_help: canHelp(code),
    count,
    next_at: isoOrNull(nextAtMs),
    last_at: isoOrNull(lastEndedAtMs),
    recordings: recordings.map(viewRecording),
  };
}
