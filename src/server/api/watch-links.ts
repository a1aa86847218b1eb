import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Watch } from '../../desk/watching.ts';
import { KnownError } from '../../domain/errors.ts';
import { type WatchMode, watchPageOf } from '../../domain/watching.ts';
import { wallMs } from '../../lib/wall-time.ts';
import { createWatchToken } from '../../lib/watch-token.ts';
import { problems } from '../routes/problems.ts';
import { time } from './views.ts';

export interface WatchLinkOptions {
  readonly mode: WatchMode;
  /** What links are signed with, the present one first. */
  readonly tokenSecrets: readonly string[];
  /** Where viewers reach this server, as far as the settings say. */
  readonly linkUrl: string | undefined;
}

const MAX_EXPIRES_S = 366 * 86_400;

const linkView = z
  .object({
    url: z.string(),
    expires_at: time.nullable().describe('Until when somebody may begin to watch; null: for ever'),
  })
  .meta({ id: 'WatchLink', description: 'Where a recording can be watched' });

/** `POST /api/recordings/{id}/watch-link`: what is given to somebody who may watch. */
export function addWatchLinksApi(
  app: FastifyInstance,
  options: WatchLinkOptions & { readonly watch: Pick<Watch, 'standing'> },
): void {
  const { mode, tokenSecrets, linkUrl, watch } = options;
  app.withTypeProvider<ZodTypeProvider>().post(
    '/api/recordings/:id/watch-link',
    {
      schema: {
        tags: ['recordings'],
        operationId: 'createWatchLink',
        summary: 'A link with which a recording can be watched for a time',
        params: z.object({ id: z.string().max(100) }),
        body: z
          .object({
            expires_s: z
              .int()
              .min(1)
              .max(MAX_EXPIRES_S)
              .default(7 * 86_400)
              .describe(
                'Seconds in which somebody may begin to watch; with WATCH=public there is no such end',
              ),
          })
          .meta({ examples: [{ expires_s: 604_800 }] }),
        response: { 200: linkView, ...problems(400, 401, 403, 404, 409) },
      },
    },
    async ({ params: { id }, body: { expires_s: expiresInS }, headers, protocol }) => {
      const { state } = await watch.standing(id);
      if (mode === 'off') throw new KnownError('WATCH is off', { code: 'WATCH_OFF' });
      if (state === 'gone' || state === 'absent') {
        throw new KnownError(`There is nothing to watch of the recording ${id}: it has no package`, {
          code: 'WRONG_STATE',
        });
      }
      const page = watchPageOf(linkUrl ?? `${protocol}://${headers.host ?? 'localhost'}`, id);
      if (mode === 'public') return { url: page, expires_at: null };
      const [secret = ''] = tokenSecrets;
      const token = await createWatchToken({ secret, recordingId: id, expiresInS });
      // Behind the #: that part never leaves the browser, and is in nobody's log.
      return {
        url: `${page}#token=${token}`,
        expires_at: new Date(wallMs() + 1000 * expiresInS).toISOString(),
      };
    },
  );
}
