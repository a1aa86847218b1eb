import { isDeepStrictEqual } from 'node:util';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Intake } from '../../desk/intake.ts';
import { KnownError } from '../../domain/errors.ts';
import { aceKey, localFileKey, recordingId } from '../../domain/ids.ts';
import { archiveDayOf, cleanTitle, titleOfFile } from '../../domain/names.ts';
import {
  type CallerMetadata,
  type NewRecording,
  RENEWABLE_STATES,
  type Recording,
} from '../../domain/recording.ts';
import type { Recordings } from '../../ledger/recordings.ts';
import { pathText, readableName } from '../../lib/byte-path.ts';
import { inspectLocalFile, type LocalFile } from '../../lib/local-file.ts';
import type { MediaGate } from '../../lib/media-gate.ts';
import type { RecipeBook } from '../../recipes/book.ts';
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
export function addFileDoors(
  app: FastifyInstance,
  options: {
    intake: Intake;
    recordings: Pick<Recordings, 'get'>;
    book: Pick<RecipeBook, 'has'>;
    customRoots: readonly string[];
    media: MediaGate;
    /** The folder where the tus process puts what is finished: nothing from elsewhere is handed over. */
    incoming: string;
  },
): void {
  const { intake, recordings, book, customRoots, media, incoming } = options;
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
    async (request, reply) => {
      const { body } = request;
      const { filename, filetype } = body;
      const file = await inspectLocalFile(body.path, {
        roots: [incoming],
        notAllowed: notAnUpload,
        gate: media,
        claim: { filename, filetype },
      });
      if (file.bytes !== body.size) {
        throw new KnownError(`The file has ${file.bytes} bytes and not the announced ${body.size}`, {
          code: 'FILE_SIZE_DIFFERS',
        });
      }
      // A tutor was told that the upload is complete: whatever it holds, its fate belongs into the ledger; and where its
      // recipe is gone since it began, it goes as all others do.
      const accepted = await intake.accept({
        source: 'manual',
        naturalKey: aceKey(body.ace_id),
        aceId: body.ace_id,
        title:
          cleanTitle(body.title ?? '') ||
          titleOfFile(body.filename ?? '') ||
          `Upload ${cleanTitle(body.ace_id)}`,
        origin: originOf(file, false),
        ...(body.recipe === undefined || !book.has(body.recipe) ? {} : { recipe: body.recipe }),
        details: {
          upload_id: body.upload_id,
          filename: body.filename ?? null,
          filetype: body.filetype ?? null,
        },
      });
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
    async (request, reply) => {
      const { body } = request;
      const path = body.path ?? pathText(Buffer.from(body.path_base64 ?? '', 'base64'));
      const file = await inspectLocalFile(path, { roots: customRoots, gate: media });
      if (file.media === undefined) {
        const what = file.otherwise ?? 'of no kind that is known here';
        throw new KnownError(`By its content the file is ${what}`, { code: 'NOT_MEDIA' });
      }
      const words = wordsOf(body);
      const filename = readableName(file.realPath.split('/').at(-1) ?? '');
      const naming = body.title ?? words?.['title'];
      const named = typeof naming === 'string' ? cleanTitle(naming) : '';
      const recording: NewRecording = {
        source: 'custom',
        naturalKey: body.ace_id === undefined ? localFileKey(file) : aceKey(body.ace_id),
        aceId: body.ace_id ?? null,
        title: named || titleOfFile(filename) || 'Recording',
        origin: originOf(file, body.keep_file),
        details: { filename },
        ...(words === undefined ? {} : { metadata: words }),
        ...(body.recipe === undefined ? {} : { recipe: body.recipe }),
        ...(body.not_before === undefined ? {} : { notBeforeMs: Date.parse(body.not_before) }),
      };
      const id = recordingId(recording.naturalKey);
      await refuseOtherContent(id, file);
      const accepted = await intake.accept(recording);
      // Once more, since another request may have come between.
      const known = accepted.isDuplicate ? await refuseOtherContent(id, file) : undefined;
      const note = known && noteOn(known, recording);
      const { title } = known ?? recording;
      return reply.code(202).send({
        id: accepted.id,
        state: accepted.state,
        duplicate: accepted.isDuplicate,
        ...(title === body.title ? {} : { title }),
        ...(note === undefined ? {} : { note }),
      });
    },
  );

  /**
   * The same file again is a harmless repetition. Under a known ace_id another file, or the same one with other content,
   * is a mistake that would go unnoticed, unless that recording has failed or was cancelled, and is to begin anew.
   *
   * @returns the recording that stays as it is, if there is one
   */
  async function refuseOtherContent(id: string, file: LocalFile): Promise<Recording | undefined> {
    const known = await recordings.get(id);
    if (known === undefined || RENEWABLE_STATES.includes(known.state) || known.wanted === 'cancelled') {
      return undefined;
    }
    const { origin, state } = known;
    if (origin.kind !== 'file' || origin.path !== file.realPath) {
      throw new KnownError(`The ace_id belongs to the recording ${id}, which came from another file`, {
        code: 'ACE_ID_TAKEN',
      });
    }
    if (origin.bytes === file.bytes && origin.modifiedAtMs === file.modifiedAtMs) return known;
    const was = `${origin.bytes} bytes of ${new Date(origin.modifiedAtMs).toISOString()}`;
    const is = `${file.bytes} bytes of ${new Date(file.modifiedAtMs).toISOString()}`;
    throw new KnownError(
      `The ace_id belongs to the recording ${id} (${state}), which is of this file as it was: ${was}; now it has ${is}. ` +
        'Nothing was changed. Give what is in it now an ace_id of its own, or cancel that recording and hand it over again',
      { code: 'ACE_ID_TAKEN' },
    );
  }
}

function originOf(file: LocalFile, keep: boolean): NewRecording['origin'] {
  const { realPath: path, bytes, modifiedAtMs, identity, media } = file;
  return {
    kind: 'file',
    ...archiveDayOf(modifiedAtMs),
    path,
    bytes,
    modifiedAtMs,
    identity,
    ...(media === undefined ? {} : { media }),
    keep,
  };
}

/** What the caller wants the website to hear: the metadata, and what else the request has, which is meant so. */
function wordsOf(body: CustomBody): CallerMetadata | undefined {
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

/** What a repetition asks for and does not get, because the recording is what it is. */
function noteOn(known: Recording, asked: NewRecording): string | undefined {
  const keeps = (origin: Recording['origin']) => origin.kind === 'file' && origin.keep;
  const differing = [
    known.title !== asked.title && `title (it stays "${known.title}")`,
    !isDeepStrictEqual(known.metadata, asked.metadata) && 'metadata',
    keeps(known.origin) !== keeps(asked.origin) && `keep_file (it stays ${keeps(known.origin)})`,
  ].filter((field) => field !== false);
  if (differing.length === 0) return undefined;
  return `This recording is known already, and stays as it is. Not followed: ${differing.join(', ')}.`;
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

function notAnUpload(): KnownError {
  return new KnownError('The file lies outside the folder of finished uploads', { code: 'PATH_NOT_ALLOWED' });
}
