import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import { aceKey, localFileKey, recordingId } from '../domain/ids.ts';
import { cleanTitle } from '../domain/names.ts';
import { type NewRecording, RENEWABLE_STATES } from '../domain/recording.ts';
import type { Recordings } from '../ledger/recordings.ts';
import { inspectLocalFile } from '../lib/local-file.ts';
import type { Intake } from '../queue/intake.ts';
import { problems } from './views.ts';

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
  size: z.number().int().positive(),
});

const customBody = z.object({
  path: z.string().min(1),
  title: title.refine((value) => cleanTitle(value) !== '', { error: 'must not be empty' }),
  ace_id: aceId.optional(),
  /** Leaves the file where it is once it is published. */
  keep_file: z.boolean().default(false),
  /** Does not move before this time. */
  not_before: z.iso.datetime({ offset: true }).optional(),
});

const acceptedAnswer = z.object({ id: z.string(), state: z.string(), duplicate: z.boolean() });

/**
 * `POST /manual-upload`, by which the tus process hands over finished uploads, and `POST /custom-upload`, by which
 * admins name files that are on this server.
 */
export function addFileDoors(
  app: FastifyInstance,
  options: {
    intake: Intake;
    recordings: Pick<Recordings, 'get'>;
    customRoots: readonly string[];
    /** The folder where the tus process puts what is finished: nothing from elsewhere is handed over. */
    incoming: string;
  },
): void {
  const { intake, recordings, customRoots, incoming } = options;
  const doors = app.withTypeProvider<ZodTypeProvider>();

  doors.post(
    '/manual-upload',
    {
      config: { access: 'processes' },
      schema: {
        tags: ['doors'],
        summary: 'A finished upload, by the tus process',
        body: manualBody,
        response: { 202: acceptedAnswer, ...problems(400, 403, 404, 409, 413) },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const file = await inspectLocalFile(body.path, [incoming], notAnUpload);
      if (file.bytes !== body.size) {
        throw new KnownError(`The file has ${file.bytes} bytes and not the announced ${body.size}`, {
          code: 'FILE_SIZE_DIFFERS',
        });
      }
      // A tutor was told that the upload is complete: whatever it holds, its fate belongs into the ledger.
      const accepted = await intake.accept({
        source: 'manual',
        naturalKey: aceKey(body.ace_id),
        aceId: body.ace_id,
        title:
          cleanTitle(body.title ?? '') || stem(body.filename ?? '') || `Upload ${cleanTitle(body.ace_id)}`,
        origin: {
          kind: 'file',
          path: file.realPath,
          bytes: file.bytes,
          modifiedAtMs: file.modifiedAtMs,
          identity: file.identity,
          keep: false,
        },
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
      schema: {
        tags: ['doors'],
        summary: 'A file on this server, by an admin',
        body: customBody,
        response: { 202: acceptedAnswer, ...problems(400, 403, 404, 409, 413, 415) },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const file = await inspectLocalFile(body.path, customRoots);
      if (file.media === undefined) {
        throw new KnownError('The file is neither audio nor video', { code: 'NOT_MEDIA' });
      }
      const recording: NewRecording = {
        source: 'custom',
        naturalKey: body.ace_id === undefined ? localFileKey(file) : aceKey(body.ace_id),
        aceId: body.ace_id ?? null,
        title: cleanTitle(body.title),
        origin: {
          kind: 'file',
          path: file.realPath,
          bytes: file.bytes,
          modifiedAtMs: file.modifiedAtMs,
          identity: file.identity,
          keep: body.keep_file,
        },
        details: { filename: file.realPath.split('/').at(-1) ?? null },
        ...(body.not_before === undefined ? {} : { notBeforeMs: Date.parse(body.not_before) }),
      };
      const id = recordingId(recording.naturalKey);
      await refuseOtherFile(id, file.realPath);
      const accepted = await intake.accept(recording);
      // Once more, since another request may have come between.
      if (accepted.isDuplicate) await refuseOtherFile(id, file.realPath);
      return reply
        .code(202)
        .send({ id: accepted.id, state: accepted.state, duplicate: accepted.isDuplicate });
    },
  );

  /**
   * The same file again is a harmless repetition; another file under a known ace_id is a mistake, unless that
   * recording has failed or was cancelled, and is to begin anew.
   */
  async function refuseOtherFile(id: string, realPath: string): Promise<void> {
    const known = await recordings.get(id);
    if (known === undefined || RENEWABLE_STATES.includes(known.state)) return;
    if (known.origin.kind === 'file' && known.origin.path === realPath) return;
    throw new KnownError(`The ace_id belongs to the recording ${id}, which came from another file`, {
      code: 'ACE_ID_TAKEN',
    });
  }
}

function notAnUpload(): KnownError {
  return new KnownError('The file lies outside the folder of finished uploads', { code: 'PATH_NOT_ALLOWED' });
}

function stem(filename: string): string {
  return cleanTitle(filename).replace(/\.[^.]{1,5}$/, '');
}
