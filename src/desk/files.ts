import { isDeepStrictEqual } from 'node:util';
import { KnownError } from '../domain/errors.ts';
import { aceKey, localFileKey, recordingId } from '../domain/ids.ts';
import { archiveDayOf, cleanTitle, titleOfFile } from '../domain/names.ts';
import {
  type CallerMetadata,
  liesElsewhere,
  type NewRecording,
  RENEWABLE_STATES,
  type Recording,
} from '../domain/recording.ts';
import type { Accepted, Recordings } from '../ledger/recordings.ts';
import { readableName } from '../lib/byte-path.ts';
import { inspectLocalFile, type LocalFile } from '../lib/local-file.ts';
import type { MediaGate } from '../lib/media-gate.ts';
import type { RecipeBook } from '../recipes/book.ts';
import type { Intake } from './intake.ts';

/** An upload that has arrived as a whole. */
export interface FinishedUpload {
  readonly aceId: string;
  readonly uploadId: string;
  readonly path: string;
  /** As it was announced. */
  readonly bytes: number;
  readonly title?: string | undefined;
  readonly filename?: string | undefined;
  readonly filetype?: string | undefined;
  readonly recipe?: string | undefined;
}

/** A file of this server that somebody names. */
export interface NamedFile {
  readonly path: string;
  /** Else it is called as its file is. */
  readonly title?: string | undefined;
  readonly aceId?: string | undefined;
  /** Leaves the file where it is once it is published. */
  readonly keepFile: boolean;
  readonly recipe?: string | undefined;
  readonly notBeforeMs?: number | undefined;
  /** What the website is to hear of it. */
  readonly metadata?: CallerMetadata | undefined;
}

/** How a file that somebody has named was accepted. */
export interface AcceptedFile extends Accepted {
  /** The one that it has. */
  readonly title: string;
  /** What of the request was not followed, and why. */
  readonly note: string | undefined;
}

/** Where files of this server come in. */
export interface FileIntake {
  /**
   * Takes in an upload of a tutor, who was told that it is complete: whatever it holds, its fate belongs into the ledger; and
   * where its recipe is gone since it began, it goes as all others do.
   *
   * @throws KnownError what `inspectLocalFile` throws, `PATH_NOT_ALLOWED` or `FILE_SIZE_DIFFERS`
   */
  takeUpload(upload: FinishedUpload): Promise<Accepted>;
  /**
   * Takes in a file that somebody names. The same file again is a harmless repetition.
   *
   * @throws KnownError what `inspectLocalFile` throws, `NOT_MEDIA`, `ACE_ID_TAKEN` or `RECIPE_UNKNOWN`
   */
  takeFile(file: NamedFile): Promise<AcceptedFile>;
}

export interface FileIntakeOptions {
  readonly intake: Intake;
  readonly recordings: Pick<Recordings, 'get'>;
  readonly book: Pick<RecipeBook, 'has'>;
  /** The folders that named files are taken from; any, if none is named. */
  readonly customRoots: readonly string[];
  readonly media: MediaGate;
  /** The folder where finished uploads lie: nothing from elsewhere is handed over. */
  readonly incoming: string;
  /** The name of this host, on whose disk the files lie; unset: there is one alone. */
  readonly host?: string | undefined;
}

export function createFileIntake(options: FileIntakeOptions): FileIntake {
  const { intake, recordings, book, customRoots, media, incoming, host } = options;

  /**
   * Under a known ace_id another file, or the same one with other content, is a mistake that would go unnoticed, unless that
   * recording has failed or was cancelled, and is to begin anew.
   *
   * @returns the recording that stays as it is, if there is one
   */
  async function refuseOtherContent(id: string, file: LocalFile): Promise<Recording | undefined> {
    const known = await recordings.get(id);
    if (known === undefined || RENEWABLE_STATES.includes(known.state) || known.wanted === 'cancelled') {
      return undefined;
    }
    const { origin, state } = known;
    if (origin.kind !== 'file' || origin.path !== file.realPath || liesElsewhere(known, host)) {
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

  return {
    async takeUpload({ aceId, uploadId, path, bytes, title, filename, filetype, recipe }) {
      const file = await inspectLocalFile(path, {
        roots: [incoming],
        notAllowed: notAnUpload,
        gate: media,
        claim: { filename, filetype },
      });
      if (file.bytes !== bytes) {
        throw new KnownError(`The file has ${file.bytes} bytes and not the announced ${bytes}`, {
          code: 'FILE_SIZE_DIFFERS',
        });
      }
      return await intake.accept({
        source: 'manual',
        naturalKey: aceKey(aceId),
        aceId,
        title: cleanTitle(title ?? '') || titleOfFile(filename ?? '') || `Upload ${cleanTitle(aceId)}`,
        origin: originOf(file, false),
        ...(recipe === undefined || !book.has(recipe) ? {} : { recipe }),
        details: { upload_id: uploadId, filename: filename ?? null, filetype: filetype ?? null },
      });
    },

    async takeFile({ path, title, aceId, keepFile, recipe, notBeforeMs, metadata }) {
      const file = await inspectLocalFile(path, { roots: customRoots, gate: media });
      if (file.media === undefined) {
        const what = file.otherwise ?? 'of no kind that is known here';
        throw new KnownError(`By its content the file is ${what}`, { code: 'NOT_MEDIA' });
      }
      const filename = readableName(file.realPath.split('/').at(-1) ?? '');
      const recording: NewRecording = {
        source: 'custom',
        naturalKey: aceId === undefined ? localFileKey(file, host) : aceKey(aceId),
        aceId: aceId ?? null,
        title: cleanTitle(title ?? '') || titleOfFile(filename) || 'Recording',
        origin: originOf(file, keepFile),
        details: { filename },
        ...(metadata === undefined ? {} : { metadata }),
        ...(recipe === undefined ? {} : { recipe }),
        ...(notBeforeMs === undefined ? {} : { notBeforeMs }),
      };
      const id = recordingId(recording.naturalKey);
      await refuseOtherContent(id, file);
      const accepted = await intake.accept(recording);
      // Once more, since another request may have come between.
      const known = accepted.isDuplicate ? await refuseOtherContent(id, file) : undefined;
      return {
        ...accepted,
        title: (known ?? recording).title,
        note: known && noteOn(known, recording),
      };
    },
  };
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

function notAnUpload(): KnownError {
  return new KnownError('The file lies outside the folder of finished uploads', { code: 'PATH_NOT_ALLOWED' });
}
