import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { FileIntake } from '../../desk/files.ts';
import { KnownError } from '../../domain/errors.ts';
import { cleanTitle } from '../../domain/names.ts';
import type { CallerMetadata } from '../../domain/recording.ts';
import { pathText } from '../../lib/byte-path.ts';
import { problems } from '../routes/problems.ts';

const aceId = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, { error: 'must not contain control characters or halves of characters' });

const title = z.string().max(1000);

const manualBody = z.object({
  ace_id: aceId,
  upload_id: z.string().min(1).max(200),
  path: z.string().min(1),
  title: title.optional(),
  filename: z.string().max(1000).optional(),
  filetype: z.string().max(200).optional(),
  recipe: z.string().max(40).optional(),
  size: z.number().int().positive(),
});

/** In bytes, as JSON. */
const MAX_METADATA_BYTES = 16_384;

const MAX_METADATA_DEPTH = 20;

const metadata = z
  .record(z.string(), z.unknown())
  .refine((value) => depthOf(value) <= MAX_METADATA_DEPTH, {
    error: `must not be deeper than ${MAX_METADATA_DEPTH} levels`,
  })
  .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= MAX_METADATA_BYTES, {
    error: `must not have more than ${MAX_METADATA_BYTES} bytes`,
  });

/** What gives a recording its title: itself, the file's name, or what else is said, and then the file's name. */
const TITLED_BY = ['title', 'title_from', 'metadata'] as const;

/** A path as text, or its bytes in base64 where they are no UTF-8; and any other field, which is metadata too. */
const customBody = z
  .object({
    path: z.string().min(1).optional(),
    path_base64: z
      .string()
      .regex(/^[A-Za-z0-9+/_-]+={0,2}$/, { error: 'must be base64' })
      .optional(),
    title: title.refine((value) => cleanTitle(value) !== '', { error: 'must not be empty' }).optional(),
    title_from: z.literal('filename').optional().describe('In place of a title'),
    ace_id: aceId.optional(),
    /** Leaves the file where it is once it is published. */
    keep_file: z.boolean().default(false),
    recipe: z.string().min(1).max(40).optional().describe('The way that it goes; see GET /api/recipes'),
    /** Does not move before this time. */
    not_before: z.iso.datetime({ offset: true }).optional(),
    metadata: metadata.optional().describe('What the website is to hear of it, up to 16 KiB'),
  })
  .catchall(z.unknown())
  .refine(({ path, path_base64: bytes }) => (path === undefined) !== (bytes === undefined), {
    error: 'is required, or path_base64 in its place',
    path: ['path'],
  })
  .refine((body) => TITLED_BY.some((field) => body[field] !== undefined), {
    error: 'is required, or title_from: "filename"',
    path: ['title'],
  })
  .meta({ examples: [{ path: '/srv/videos/algebra-1.mp4', title: 'Algebra 1', ace_id: 'lesson-4711' }] });
type CustomBody = z.output<typeof customBody>;

const acceptedAnswer = z.object({
  id: z.string(),
  state: z.string(),
  duplicate: z.boolean(),
  title: z.string().optional().describe('The one that it has, unless that is what the request named'),
  note: z.string().optional().describe('What of the request was not followed, and why'),
});

/**
 * `POST /manual-upload`, by which the tus process hands over finished uploads, and `POST /custom-upload`, by which
 * admins name files that are on this server.
 */
export function addFileDoors(app: FastifyInstance, files: FileIntake): void {
  // What JSON is called by clients that do not call it application/json.
  for (const type of ['text/json', /^application\/[\w.-]+\+json/]) {
    app.addContentTypeParser(type, { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'));
  }
  const doors = app.withTypeProvider<ZodTypeProvider>();

  doors.post(
    '/manual-upload',
    {
      config: { access: 'processes' },
      schema: {
        tags: ['doors'],
        operationId: 'handOverUpload',
        summary: 'A finished upload, by the tus process',
        body: manualBody,
        response: { 202: acceptedAnswer, ...problems(400, 403, 404, 409, 413) },
      },
    },
    async ({ body }, reply) => {
      const { ace_id: aceId, upload_id: uploadId, size: bytes, ...more } = body;
      const accepted = await files.takeUpload({ aceId, uploadId, bytes, ...more });
      return reply
        .code(202)
        .send({ id: accepted.id, state: accepted.state, duplicate: accepted.isDuplicate });
    },
  );

  doors.post(
    '/custom-upload',
    {
      config: { audit: 'counted' },
      schema: {
        tags: ['doors'],
        operationId: 'addFile',
        summary: 'A file on this server, by an admin',
        body: customBody,
        response: { 202: acceptedAnswer, ...problems(400, 403, 404, 409, 413, 415) },
      },
    },
    async ({ body }, reply) => {
      const metadata = metadataOf(body);
      const naming = body.title ?? metadata?.['title'];
      const { id, state, isDuplicate, title, note } = await files.takeFile({
        path: body.path ?? pathText(Buffer.from(body.path_base64 ?? '', 'base64')),
        title: typeof naming === 'string' ? naming : undefined,
        aceId: body.ace_id,
        keepFile: body.keep_file,
        recipe: body.recipe,
        notBeforeMs: body.not_before === undefined ? undefined : Date.parse(body.not_before),
        metadata,
      });
      return reply.code(202).send({
        id,
        state,
        duplicate: isDuplicate,
        ...(title === body.title ? {} : { title }),
        ...(note === undefined ? {} : { note }),
      });
    },
  );
}

/** What the caller wants the website to hear: the metadata, and what else the request has, which is meant so. */
function metadataOf(body: CustomBody): CallerMetadata | undefined {
  const {
    path,
    path_base64,
    title,
    title_from,
    ace_id,
    keep_file,
    recipe,
    not_before,
    metadata: said,
    ...others
  } = body;
  if (said === undefined && Object.keys(others).length === 0) return undefined;
  const words = metadata.safeParse({ ...others, ...said });
  if (words.success) return words.data;
  throw new KnownError(`metadata: ${words.error.issues[0]?.message}`, { code: 'REQUEST_INVALID' });
}

function depthOf(value: unknown): number {
  // Level by level, so that no depth is too much.
  let level = [value];
  for (let depth = 0; ; depth += 1) {
    const objects = level.filter((each) => typeof each === 'object' && each !== null);
    if (objects.length === 0 || depth > MAX_METADATA_DEPTH) return depth;
    level = objects.flatMap((each) => Object.values(each ?? {}));
  }
}
