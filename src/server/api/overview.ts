import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { RETRIED_TOGETHER } from '../../domain/actions.ts';
import { ERROR_CATALOGUE } from '../../domain/error-catalogue.ts';
import { KnownError } from '../../domain/errors.ts';
import { isTimeZone, localTime } from '../../domain/local-time.ts';
import type { Cause } from '../../ledger/causes.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Line } from '../../queue/line.ts';
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

/** How many are tried again in one step of the ledger. */
const BATCH = 200;

const DAY_MS = 86_400_000;

/** `GET /api/overview`: what is next, what waits and for what, what has failed, what is done; and `POST /api/recordings/retry`. */
export function addOverviewApi(
  app: FastifyInstance,
  options: { ledger: Pick<Ledger, 'overview' | 'causes' | 'operator'>; line: Pick<Line, 'hurry'> },
): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  const { overview, causes, operator } = options.ledger;

  async function describe(cause: Cause, limit: number): Promise<CauseView> {
    const { code, reason, service, count, nextAtMs, lastEndedAtMs } = cause;
    const ids = await causes.first(cause, limit);
    const summaries = await overview.summaries(ids);
    const recordings = ids.flatMap((id) => summaries.filter(({ recording }) => recording.id === id));
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
    async ({ query }) => {
      const sinceMs = query.since === undefined ? Date.now() - DAY_MS : Date.parse(query.since);
      const all = await causes.all();
      const held = all.filter(({ reason }) => reason !== 'failed');
      const failed = all.filter(({ reason }) => reason === 'failed');
      held.sort(
        (a, b) => (a.nextAtMs ?? Number.POSITIVE_INFINITY) - (b.nextAtMs ?? Number.POSITIVE_INFINITY),
      );
      failed.sort((a, b) => (b.lastEndedAtMs ?? 0) - (a.lastEndedAtMs ?? 0));
      const described = (of: readonly Cause[]) => Promise.all(of.map((cause) => describe(cause, query.each)));
      return {
        in_line: await overview.inLineCount(),
        line: (await overview.nextInLine(query.limit)).map(viewRecording),
        held: await described(held),
        failed: await described(failed),
        done_since: await overview.doneSince(sinceMs),
        done: (await overview.lastDone(query.limit)).map(viewRecording),
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
    async ({ query: { days, zone } }): Promise<DaysView> => {
      const nowMs = Date.now();
      const names = lastDays(days, localTime(nowMs, zone).date);
      // A day may have 25 hours, and begins elsewhere up to fourteen hours before or after.
      const quarters = await overview.doneByQuarter(nowMs - (days + 1) * DAY_MS);
      const done = new Map(names.map((day) => [day, { day, recordings: 0, bytes: 0 }]));
      for (const { startsAtMs, recordings, bytes } of quarters) {
        const day = done.get(localTime(startsAtMs, zone).date);
        if (day === undefined) continue;
        day.recordings += recordings;
        day.bytes += bytes;
      }
      return { days: [...done.values()] };
    },
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
    async (request) => {
      const { body, log } = request;
      const named = operator.as(actorOf(request));
      const { code } = body;
      if (code !== undefined && !Object.hasOwn(ERROR_CATALOGUE, code)) {
        throw new KnownError(`code: there is no ${code}; docs/errors.md has all`, {
          code: 'REQUEST_INVALID',
        });
      }
      let retried = 0;
      for (;;) {
        const ids = await named.retryAlike(body, BATCH);
        // The line hears of the first; long before their turn is over it has found the others by itself.
        if (retried === 0) for (const id of ids) options.line.hurry(id);
        retried += ids.length;
        if (ids.length < BATCH) break;
      }
      log.info({ event: 'operator.retry-alike', ...body, retried }, 'operator acts');
      return { retried, retry_can_help: canHelp(code) };
    },
  );
}

/** So many days up to this one, oldest first; a calendar's days have no zone. */
function lastDays(count: number, today: string): string[] {
  const todayMs = Date.parse(`${today}T00:00:00Z`);
  return Array.from({ length: count }, (_, index) =>
    new Date(todayMs - (count - 1 - index) * DAY_MS).toISOString().slice(0, 10),
  );
}
