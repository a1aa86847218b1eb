import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Words } from '../../desk/words.ts';
import { problems } from '../routes/problems.ts';
import type { Live } from './live.ts';

function descriptionOf(events: Words['events']): string {
  return `Server-sent events (event, data as JSON, and for some an id):

- \`recording\`, with an id: something has happened to a recording: \`{seq, recording_id, type, at, data, recording}\`
- \`progress\`: how far a moving recording is: \`{recording_id, legs: {<step>: {done_bytes, total_bytes, bytes_per_s, left_s, idle_s}}, encodings: {<step>: {done_s, total_s, speed, left_s, idle_s}}}\`, at most four times a second, and once a second while it moves; the last of each at first. Steps that move bytes are under legs, those that encode, in seconds of the film, under encodings, and under legs once they send what they have made. A total is 0 where nobody knows; bytes_per_s and speed (seconds of the film in each second) are averages over 30 s; what has not got on for ten seconds has no left_s, and idle_s says for how long
- \`status\`: what has changed of \`/api/status\` (paused, site_gone, redis, disk, services, line, counts); all of it at first
- \`reset\`: too much was missed; read the state anew

A caller that comes back with Last-Event-ID hears what it has missed, up to 1000 events.

The type of a \`recording\` is one of these, and others may come to be:

${Object.entries(events)
  .map(([type, words]) => `- \`${type}\`: ${words}`)
  .join('\n')}

For example:

    id: 4711
    event: recording
    data: {"seq":4711,"recording_id":"rec_8821bfdde5e03edd33995107","type":"recording.done","at":"2026-11-28T05:30:00.000Z","data":{},"recording":{...}}`;
}

/** `GET /api/events`: what happens, as it happens. */
export function addEventsApi(
  app: FastifyInstance,
  {
    live,
    words,
    mayStay,
  }: {
    live: Live;
    words: Pick<Words, 'events'>;
    mayStay: (request: FastifyRequest) => boolean;
  },
): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    '/api/events',
    {
      exposeHeadRoute: false,
      schema: {
        tags: ['events'],
        operationId: 'followEvents',
        summary: 'What happens, as it happens',
        description: descriptionOf(words.events),
        querystring: z.object({
          last_event_id: z
            .string()
            .max(20)
            .optional()
            .describe('As the header Last-Event-ID, which counts more'),
        }),
        response: {
          200: {
            description: 'A stream that ends with the session that began it, and not by itself',
            content: { 'text/event-stream': { schema: z.string() } },
          },
          ...problems(400, 403, 503),
        },
      },
    },
    async (request, reply) => {
      const header = request.headers['last-event-id'];
      const given = (typeof header === 'string' && header) || request.query.last_event_id || undefined;
      const afterSeq = given === undefined ? undefined : sequenceOf(given);
      await live.attach(reply.raw, afterSeq, () => mayStay(request));
      reply.hijack();
    },
  );
  app.addHook('preClose', async () => live.stop());
}

/** What this server has not given out as an id is after all that it knows. */
function sequenceOf(given: string): number {
  return /^\d{1,15}$/.test(given) ? Number(given) : Number.MAX_SAFE_INTEGER;
}
