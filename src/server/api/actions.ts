import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { KnownError } from '../../domain/errors.ts';
import { cleanTitle } from '../../domain/names.ts';
import { type Recording, UNFINISHED_STATES } from '../../domain/recording.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Operator } from '../../ledger/operator.ts';
import type { Line } from '../../queue/line.ts';
import { actorOf } from '../access/operators.ts';
import { noSuchRecording } from '../problem.ts';
import { problems } from '../routes/problems.ts';
import { type RecordingView, recordingView, viewRecording } from './views.ts';

/** A time that is past by less may be one to come, by the caller's clock. */
const CLOCKS_DIFFER_MS = 60_000;

const params = z.object({ id: z.string() });

const response = { 200: recordingView, ...problems(400, 403, 404, 409) };

const SUMMARIES = {
  retry: 'Let it go on at once, its attempts counted anew',
  cancel: 'Stop it for good, and take back what it has made',
  'set-aside': 'Take it out of the line with all that it has reached, until it is retried',
  'move-to-front': 'Let it go before all others that wait',
  'publish-again':
    'Publish its archived file once more; the video that there is goes once the new one can be watched',
} as const;

const OPERATIONS = {
  retry: 'retryRecording',
  cancel: 'cancelRecording',
  'set-aside': 'setRecordingAside',
  'move-to-front': 'moveRecordingToFront',
  'publish-again': 'publishRecordingAgain',
} as const;

/**
 * What an operator does with a recording: `POST /api/recordings/{id}/retry`, `/cancel`, `/set-aside`, `/move-to-front`,
 * `/schedule`, `/rename`, `/publish-again` and `/delete`. Each is done, or is so already, or is refused with 409; the answer is how the recording stands.
 */
export function addActionsApi(
  app: FastifyInstance,
  options: {
    ledger: Pick<Ledger, 'operator' | 'overview' | 'recordings'>;
    line: Pick<Line, 'hurry'>;
    /** Called when there may be something to deliver. */
    onAnnounced: () => void;
  },
): void {
  const api = app.withTypeProvider<ZodTypeProvider>();
  const { ledger, line, onAnnounced } = options;
  const { operator } = ledger;

  const deeds = {
    retry: 'retry',
    cancel: 'cancel',
    'set-aside': 'setAside',
    'move-to-front': 'moveToFront',
    'publish-again': 'publishAgain',
  } as const satisfies Record<string, keyof Operator>;
  for (const action of ['retry', 'cancel', 'set-aside', 'move-to-front', 'publish-again'] as const) {
    api.post(
      `/api/recordings/:id/${action}`,
      {
        schema: {
          operationId: OPERATIONS[action],
          tags: ['recordings'],
          summary: SUMMARIES[action],
          params,
          response,
        },
      },
      async (request) => {
        const { params, log } = request;
        const { id } = params;
        const isKnown = await operator.as(actorOf(request))[deeds[action]](id);
        log.info({ event: `operator.${action}`, recordingId: id }, 'operator acts');
        return await answer(id, isKnown);
      },
    );
  }

  api.post(
    '/api/recordings/:id/schedule',
    {
      schema: {
        operationId: 'scheduleRecording',
        tags: ['recordings'],
        summary: 'Let it not move before a time',
        params,
        body: z
          .object({
            not_before: z.iso
              .datetime({ offset: true })
              .nullable()
              .describe('null: as soon as its turn comes'),
          })
          .meta({ examples: [{ not_before: '2026-12-01T22:00:00Z' }] }),
        response,
      },
    },
    async (request) => {
      const { params, body, log } = request;
      const { id } = params;
      const notBeforeMs = body.not_before === null ? 0 : Date.parse(body.not_before);
      if (notBeforeMs !== 0 && notBeforeMs < Date.now() - CLOCKS_DIFFER_MS) {
        const message = `not_before: ${body.not_before} is in the past; null lets it go as soon as its turn comes`;
        throw new KnownError(message, { code: 'REQUEST_INVALID' });
      }
      const isKnown = await operator.as(actorOf(request)).schedule(id, notBeforeMs);
      log.info({ event: 'operator.schedule', recordingId: id, notBeforeMs }, 'operator acts');
      return await answer(id, isKnown);
    },
  );

  api.post(
    '/api/recordings/:id/rename',
    {
      schema: {
        operationId: 'renameRecording',
        tags: ['recordings'],
        summary:
          'Give it another title: here, in Bunny and on the website; the name of its file in the archive stays',
        params,
        body: z.object({
          title: z
            .string()
            .max(1000)
            .transform(cleanTitle)
            .refine((title) => title !== '', { error: 'must not be empty' }),
        }),
        response,
      },
    },
    async (request) => {
      const { id } = request.params;
      const isKnown = await operator.as(actorOf(request)).rename(id, request.body.title);
      request.log.info({ event: 'operator.rename', recordingId: id }, 'operator acts');
      return await answer(id, isKnown);
    },
  );

  api.post(
    '/api/recordings/:id/delete',
    {
      schema: {
        operationId: 'deleteRecording',
        tags: ['recordings'],
        summary:
          'Delete what was brought home, everywhere: archived file, video, captions. This cannot be undone',
        params,
        body: z.object({
          companions: z
            .boolean()
            .default(false)
            .describe('Whether the transcripts and chats that belong to it go with it'),
        }),
        response,
      },
    },
    async (request) => {
      const { id } = request.params;
      const { companions } = request.body;
      const isKnown = await operator.as(actorOf(request)).delete(id, { withCompanions: companions });
      request.log.info({ event: 'operator.delete', recordingId: id, companions }, 'operator acts');
      return await answer(id, isKnown);
    },
  );

  /** What belongs to a recording and may go on with it. */
  async function companionsUnderWay({ kind, groupKey }: Recording): Promise<Recording[]> {
    if (kind !== 'video' || groupKey === null) return [];
    const group = await ledger.recordings.ofGroup(groupKey);
    return group.filter((each) => each.kind === 'companion' && UNFINISHED_STATES.includes(each.state));
  }

  async function answer(id: string, isKnown: boolean): Promise<RecordingView> {
    const summary = (await ledger.overview.summaries([id]))[0];
    if (!isKnown || summary === undefined) {
      throw noSuchRecording(id);
    }
    // Whatever has become possible is begun when the line hears of it, now or when Redis is back.
    line.hurry(id);
    for (const other of await companionsUnderWay(summary.recording)) line.hurry(other.id);
    onAnnounced();
    return viewRecording(summary);
  }
}
