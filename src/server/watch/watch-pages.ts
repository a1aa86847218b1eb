import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Watch } from '../../desk/watching.ts';
import { KnownError } from '../../domain/errors.ts';
import type { PlacedFile } from '../../domain/playback.ts';
import { watchedPath } from '../../domain/watching.ts';
import type { Operators } from '../access/operators.ts';
import { addPage } from '../pages/pages.ts';
import { problems } from '../routes/problems.ts';
import { createWatchAccess, type WatchAccessOptions } from './watch-access.ts';
import { sendWatched } from './watch-files.ts';
import type { WatchView } from './watch-view.ts';

export interface WatchOptions extends WatchAccessOptions {
  /** Whose pages may show this one in a frame. */
  readonly embedOrigins: readonly string[];
  /** Where what is watched is fetched, if not from this server. */
  readonly mediaUrl: string | undefined;
}

/** Whoever watches says by the link that they may. */
const VIEWERS = { access: 'anyone', limit: 'viewer' } as const;

const playerView = z
  .object({
    title: z.string(),
    state: z.enum(['ready', 'preparing', 'failed', 'gone', 'absent']),
    percent: z.int().nullable().describe('Of the encoding'),
    duration_s: z.number().nullable(),
    hls: z.string().nullable(),
    dash: z.string().nullable(),
    poster: z.string().nullable(),
    sprite: z.string().nullable(),
    chapters: z.array(z.object({ start_s: z.number(), title: z.string() })),
  })
  .meta({ id: 'Player', description: 'What a page needs to play a recording' });

/**
 * `/watch/{id}`: the page on which people watch a recording's package, what it asks, and the files, where they have no address
 * of their own. The page itself tells nothing; the rest is for whoever the settings let in, and for operators.
 */
export function addWatchPages(
  app: FastifyInstance,
  options: WatchOptions & { readonly watch: Watch; readonly operators: Pick<Operators, 'require'> },
): void {
  const { watch, operators, embedOrigins, mediaUrl } = options;
  const access = createWatchAccess(options, operators);
  const media = mediaUrl === undefined ? [] : [new URL(mediaUrl).origin];
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    ["img-src 'self' data:", ...media].join(' '),
    // The player hands the browser what it has fetched.
    // The player begins the list of captions that a browser has with an empty one.
    ["media-src 'self' blob: data:", ...media].join(' '),
    ["connect-src 'self'", ...media].join(' '),
    "form-action 'none'",
    "base-uri 'none'",
    ["frame-ancestors 'self'", ...embedOrigins].join(' '),
  ].join('; ');
  addPage(app, 'watch', {
    paths: ['/watch/:id'],
    assets: '/watch/assets/',
    access: 'anyone',
    limit: 'viewer',
    policyFor: () => policy,
  });

  const routes = app.withTypeProvider<ZodTypeProvider>();
  routes.get(
    '/watch/:id/player',
    {
      config: VIEWERS,
      schema: {
        tags: ['watching'],
        operationId: 'getPlayer',
        summary: 'How a recording stands for whoever wants to watch it, and what a player needs',
        description:
          'For operators; with WATCH=public for anyone, with WATCH=signed for whoever sends the token of a link as X-Watch-Token.',
        params: z.object({ id: z.string().max(100) }),
        response: { 200: playerView, ...problems(401, 403, 404) },
      },
    },
    async (request, reply): Promise<WatchView> => {
      const { id } = request.params;
      void reply.header('cache-control', 'no-store');
      const grant = await access.begin(request, id);
      const { title, state, percent, playback, poster, chapters } = await watch.standing(id);
      const addressOf = (file: PlacedFile | undefined) => {
        if (file === undefined) return null;
        const path = watchedPath(id, file);
        return file.address ?? (path === undefined ? null : `/watch/${id}/files/${grant}/${path}`);
      };
      return {
        title,
        state,
        percent: percent ?? null,
        duration_s: playback?.durationS ?? null,
        hls: addressOf(playback?.hls),
        dash: addressOf(playback?.dash),
        poster: addressOf(poster),
        sprite: addressOf(playback?.sprite),
        chapters: chapters.map(({ startS, title: name }) => ({ start_s: startS, title: name })),
      };
    },
  );

  app.get<{ Params: { id: string; grant: string; '*': string } }>(
    '/watch/:id/files/:grant/*',
    { config: VIEWERS, schema: { hide: true } },
    async (request, reply) => {
      const { id, grant, '*': path } = request.params;
      if (!access.opens(grant, id)) {
        throw new KnownError('This address does not open the recording, or not any more', {
          code: 'WATCH_LINK_EXPIRED',
        });
      }
      return await sendWatched(request, reply, {
        watch,
        recordingId: id,
        path,
        isForAll: options.mode === 'public',
      });
    },
  );
}
