import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Query } from '../../desk/query.ts';
import { problems } from '../routes/problems.ts';
import { iso } from './views.ts';

const MAX_ALARMS = 200;

/** `GET /api/alarms`: what is wrong at this moment. */
export function addAlarmsApi(app: FastifyInstance, { alarms, words }: Pick<Query, 'alarms' | 'words'>): void {
  const alarmView = z
    .object({
      id: z.int(),
      kind: z.enum(words.alarmKinds),
      title: z.string(),
      detail: z.string(),
      advice: z.string(),
      recording_id: z.string().nullable(),
      raised_at: z.iso.datetime(),
    })
    .meta({ id: 'Alarm', description: 'What is wrong, since when, and what to do about it' });

  app.withTypeProvider<ZodTypeProvider>().get(
    '/api/alarms',
    {
      schema: {
        tags: ['line'],
        operationId: 'listAlarms',
        summary: `What is wrong at this moment, newest first, at most ${MAX_ALARMS}`,
        response: { 200: z.object({ alarms: z.array(alarmView) }), ...problems(403) },
      },
    },
    async () => {
      const open = await alarms.open(MAX_ALARMS);
      return {
        alarms: open.map(({ id, kind, title, detail, advice, recordingId, raisedAtMs }) => ({
          id,
          kind,
          title,
          detail,
          advice,
          recording_id: recordingId,
          raised_at: iso(raisedAtMs),
        })),
      };
    },
  );
}
