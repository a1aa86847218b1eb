import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Query } from '../../desk/query.ts';
import { KnownError } from '../../domain/errors.ts';
import { addUploadStatus } from '../api/upload-status.ts';
import { readPageFiles } from './page-files.ts';
import type { UploadConfig } from './upload-config.ts';

export interface PagesOptions {
  /** Where browsers find the tus server, if the settings say it. */
  readonly uploadUrl: string | undefined;
  /** The tus server's port on this machine. */
  readonly tusPort: number;
  readonly maxUploadBytes: number;
  /** Whether nothing is let in but the audio and video that Sluice knows. */
  readonly isMediaOnly: boolean;
}

/** What a page may do: be shown, run its own script, and talk to its own server and to the named ones. */
const policy = (...servers: string[]) =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "media-src 'self'",
    ["connect-src 'self'", ...servers].join(' '),
    "form-action 'none'",
    "base-uri 'none'",
    "frame-src 'self'",
    "frame-ancestors 'none'",
  ].join('; ');

/** The pages that the dashboard shows by itself, each with an address of its own. */
const DASHBOARD_PATHS = [
  '/',
  '/recordings',
  '/recordings/:id',
  '/access',
  '/zoom',
  '/presets',
  '/announcements',
  '/chunker/:id',
  '/library',
  '/timeline/:id',
];

const TUS_PATH = '/tusupload';

/**
 * The operators' dashboard at `/`, GraphiQL, and the tutors' page at `/upload`. Whoever gets to the latter can read nothing there;
 * what may be uploaded is for the tus server to decide.
 */
export function addPages(
  app: FastifyInstance,
  options: PagesOptions & { readonly query: Pick<Query, 'uploadStatus'> },
): void {
  addPage(app, 'dashboard', {
    paths: DASHBOARD_PATHS,
    assets: '/assets/',
    // The player of a package hands the browser what it has fetched.
    policyFor: () => policy().replace("media-src 'self'", "media-src 'self' blob:"),
  });
  addPage(app, 'upload', {
    paths: ['/upload'],
    assets: '/upload/assets/',
    access: 'anyone',
    policyFor: (request) => {
      const url = uploadUrlFor(request);
      return policy(...(url.startsWith('/') ? [] : [new URL(url).origin]));
    },
  });
  addPage(app, 'graphiql', {
    paths: ['/graphiql'],
    assets: '/graphiql/assets/',
    access: 'operators',
    // Its editor writes styles into the page, and its letters lie in its own styles.
    policyFor: () =>
      `${policy().replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")}; font-src data:`,
  });
  app.get(
    '/upload/config.json',
    {
      config: { access: 'anyone' },
      schema: {
        operationId: 'getUploadConfig',
        tags: ['doors'],
        summary: 'Where the upload page finds the tus server',
        response: { 200: z.object({ tus_url: z.string(), max_bytes: z.int(), media_only: z.boolean() }) },
      },
    },
    async (request, reply): Promise<UploadConfig> => {
      reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff');
      const { maxUploadBytes, isMediaOnly } = options;
      return { tus_url: uploadUrlFor(request), max_bytes: maxUploadBytes, media_only: isMediaOnly };
    },
  );
  addUploadStatus(app, options.query);

  /** A page that was reached directly finds the tus server beside this one; behind a proxy it has the proxy's address. */
  function uploadUrlFor({ headers }: FastifyRequest): string {
    if (options.uploadUrl !== undefined) return options.uploadUrl;
    const [, name] = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.exec(headers.host ?? '') ?? [];
    return name === undefined ? TUS_PATH : `http://${name}:${options.tusPort}${TUS_PATH}`;
  }
}

interface Page {
  readonly paths: readonly string[];
  /** The path of its scripts and styles. */
  readonly assets: string;
  /** Who may see it besides operators. */
  readonly access?: 'anyone' | 'operators';
  readonly limit?: 'viewer';
  readonly policyFor: (request: FastifyRequest) => string;
}

/** Hands out a built page and what belongs to it. */
export function addPage(
  app: FastifyInstance,
  name: string,
  { paths, assets, access, limit, policyFor }: Page,
): void {
  const files = readPageFiles(name);
  const config: FastifyContextConfig = {
    ...(access === undefined ? {} : { access }),
    ...(limit === undefined ? {} : { limit }),
  };
  const hidden = { config, schema: { hide: true } };

  const answer = async (file: string, request: FastifyRequest, reply: FastifyReply) => {
    reply.headers({
      'content-security-policy': policyFor(request),
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
    });
    if (await files?.send(file, request, reply)) return reply;
    const why = files === undefined ? 'The pages are not built: run npm run build' : `There is no ${file}`;
    throw new KnownError(why, { code: 'NOT_FOUND' });
  };
  for (const path of paths) {
    app.get(path, hidden, async (request, reply) => answer('index.html', request, reply));
  }
  app.get<{ Params: { '*': string } }>(`${assets}*`, hidden, async (request, reply) =>
    answer(`assets/${request.params['*']}`, request, reply),
  );
}
