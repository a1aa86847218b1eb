import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Query } from '../../desk/query.ts';
import { KnownError } from '../../domain/errors.ts';
import { SOURCES, STATES, type State } from '../../domain/recording.ts';
import { withSnakeKeys } from '../../domain/snake-keys.ts';
import { problems } from '../routes/problems.ts';
import {
  iso,
  isoOrNull,
  outlookOf,
  recordingDetailView,
  recordingListView,
  recordingView,
  viewAttempt,
  viewDelivery,
  viewEvent,
  viewOutput,
  viewRecording,
  viewRelated,
  viewStep,
} from './views.ts';

const isState = (value: string): value is State => STATES.some((state) => state === value);

const listQuery = z.object({
  state: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.string().refine(isState, { error: `must be of ${STATES.join(', ')}` })))
    .optional()
    .describe(`One or more of ${STATES.join(', ')}, with commas between`),
  source: z.enum(SOURCES).optional(),
  q: z
    .string()
    .max(200)
    .optional()
    .describe(
      'Words that are in its title, topic, host, file name or ids: all of them, in any order and case, with or without accents; "quoted ones" as they stand',
    ),
  from: z.iso.datetime({ offset: true }).optional().describe('Accepted at this time or later'),
  to: z.iso.datetime({ offset: true }).optional().describe('Accepted at this time or earlier'),
  ended_from: z.iso.datetime({ offset: true }).optional().describe('Ended at this time or later'),
  ended_before: z.iso.datetime({ offset: true }).optional().describe('Ended before this time'),
  code: z.string().max(100).optional().describe('What it has met last, as in docs/errors.md'),
  service: z.string().max(20).optional().describe('The service that it waits for'),
  waits: z
    .enum(['turn', 'time', 'something'])
    .optional()
    .describe('For nothing but its turn; for a time that somebody has named; for anything but its turn'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(100).optional().describe('The next_cursor of the page before'),
});

/** `GET /api/recordings`, `/api/recordings/{id}` and `/api/line`: what the ledger knows, without its secrets. */
export function addRecordingsApi(app: FastifyInstance, { recordings }: Pick<Query, 'recordings'>): void {
  const api = app.withTypeProvider<ZodTypeProvider>();

  api.get(
    '/api/recordings',
    {
      schema: {
        tags: ['recordings'],
        operationId: 'listRecordings',
        summary: 'Recordings, the newest first',
        querystring: listQuery,
        response: { 200: recordingListView, ...problems(400, 403) },
      },
    },
    async ({ query }) => {
      const { summaries, isLast } = await recordings.list({
        states: query.state as State[] | undefined,
        source: query.source,
        text: query.q?.trim() || undefined,
        fromMs: query.from === undefined ? undefined : Date.parse(query.from),
        toMs: query.to === undefined ? undefined : Date.parse(query.to),
        endedFromMs: query.ended_from === undefined ? undefined : Date.parse(query.ended_from),
        endedBeforeMs: query.ended_before === undefined ? undefined : Date.parse(query.ended_before),
        code: query.code,
        service: query.service,
        waits: query.waits,
        limit: query.limit,
        beforeSeq: query.cursor === undefined ? undefined : readCursor(query.cursor),
      });
      const last = summaries.at(-1);
      return {
        recordings: summaries.map(viewRecording),
        next_cursor: isLast || last === undefined ? null : writeCursor(last.recording.seq),
      };
    },
  );

  api.get(
    '/api/line',
    {
      schema: {
        tags: ['line'],
        operationId: 'getLine',
        summary: 'The recordings that move next, in their order',
        querystring: z.object({ limit: z.coerce.number().int().min(1).max(200).default(50) }),
        response: {
          200: z.object({
            recordings: z.array(recordingView),
            not_yet: z
              .array(recordingView)
              .describe('Those that wait for a time or for a service, the next first; as many at most'),
          }),
          ...problems(400, 401, 403),
        },
      },
    },
    async ({ query }) => ({
      recordings: (await recordings.nextInLine(query.limit)).map(viewRecording),
      not_yet: (await recordings.notYet(query.limit)).map(viewRecording),
    }),
  );

  api.get(
    '/api/recordings/:id',
    {
      schema: {
        tags: ['recordings'],
        operationId: 'getRecording',
        summary: 'One recording with its stages, attempts, history and announcements',
        params: z.object({ id: z.string() }),
        response: { 200: recordingDetailView, ...problems(403, 404) },
      },
    },
    async ({ params: { id } }) => {
      const { summary, inputUrl, steps, related, facts, outputs, times, attempts, events, deliveries } =
        await recordings.get(id);
      const { origin, state } = summary.recording;
      return {
        ...viewRecording(summary),
        steps: steps.map(viewStep),
        path: origin.kind === 'file' ? origin.path : null,
        input_url: inputUrl ?? null,
        related: related.map(({ recording, isBeside }) => viewRelated(recording, isBeside)),
        facts: Object.fromEntries(
          Object.entries(facts).map(([stage, fact = {}]) => [stage, withSnakeKeys(fact)]),
        ),
        outputs: outputs.map(viewOutput),
        stages: Object.fromEntries(
          Object.entries(times).map(([stage, { startedAtMs, doneAtMs }]) => [
            stage,
            { started_at: isoOrNull(startedAtMs), done_at: isoOrNull(doneAtMs) },
          ]),
        ),
        attempts: attempts.map((attempt) => viewAttempt(attempt, outlookOf(state))),
        events: events.map(viewEvent),
        deliveries: deliveries.map(({ delivery, lastAttempt: last }) => ({
          ...viewDelivery(delivery),
          last_try:
            last === undefined ? null : { at: iso(last.atMs), status: last.status, answer: last.answer },
        })),
      };
    },
  );
}

function writeCursor(seq: number): string {
  return Buffer.from(`before ${seq}`).toString('base64url');
}

/** @throws KnownError `REQUEST_INVALID` */
function readCursor(cursor: string): number {
  const [, seq] = /^before (\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (seq === undefined) {
    throw new KnownError('cursor: is not one that this server has given', { code: 'REQUEST_INVALID' });
  }
  return Number(seq);
}
