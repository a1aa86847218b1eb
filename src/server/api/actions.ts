import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Control, Deeds } from '../../desk/control.ts';
import { cleanTitle } from '../../domain/names.ts';
import { actorOf } from '../access/operators.ts';
import { problems } from '../routes/problems.ts';
import { recordingView, viewRecording } from './views.ts';

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

const OUTPUT_DEEDS = {
  retry: {
    operationId: 'retryOutput',
    summary: 'Make one output after all that has failed or was revoked; one that is there stays as it is',
    run: 'retryOutput',
  },
  revoke: {
    operationId: 'revokeOutput',
    summary: 'Stop one output, and remove what was made of it; the others go on',
    run: 'revokeOutput',
  },
} as const;

/**
 * What an operator does with a recording: `POST /api/recordings/{id}/retry`, `/cancel`, `/set-aside`, `/move-to-front`,
 * `/schedule`, `/rename`, `/publish-again` and `/delete`. Each is done, or is so already, or is refused with 409; the answer is how the recording stands.
 */
export function addActionsApi(app: FastifyInstance, { control }: { control: Pick<Control, 'as'> }): void {
  const api = app.withTypeProvider<ZodTypeProvider>();

  const deeds = {
    retry: 'retry',
    cancel: 'cancel',
    'set-aside': 'setAside',
    'move-to-front': 'moveToFront',
    'publish-again': 'publishAgain',
  } as const satisfies Record<string, keyof Deeds>;
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
      async (request) => viewRecording(await control.as(actorOf(request))[deeds[action]](request.params.id)),
    );
  }

  for (const [deed, { operationId, summary, run }] of Object.entries(OUTPUT_DEEDS)) {
    api.post(
      `/api/recordings/:id/outputs/:step/${deed}`,
      {
        schema: {
          operationId,
          tags: ['recordings'],
          summary,
          params: z.object({
            id: z.string(),
            step: z.string().describe('The step that makes it, by its id'),
          }),
          response,
        },
      },
      async (request) => {
        const { id, step } = request.params;
        return viewRecording(await control.as(actorOf(request))[run](id, step));
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
      const { params, body } = request;
      return viewRecording(await control.as(actorOf(request)).schedule(params.id, body.not_before));
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
      const { params, body } = request;
      return viewRecording(await control.as(actorOf(request)).rename(params.id, body.title));
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
      const { params, body } = request;
      const how = { withCompanions: body.companions };
      return viewRecording(await control.as(actorOf(request)).delete(params.id, how));
    },
  );
}
