import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Call, FileRef, NewFile } from '../../engine/ports/store.ts';
import type { Objects } from './objects.ts';
import type { Uploads } from './uploads.ts';

/** Where the notes lie; they are small files of the bucket itself. */
const PREFIX = '.sluice/unfinished/';

/** How long a beginning may take effect that was given up, in milliseconds. */
const LATE_MS = 86_400_000;

const noteShape = z.object({
  id: z.string(),
  name: z.string(),
  recordingId: z.string(),
  content: z.string().optional(),
  startedAtMs: z.number(),
  /** The upload that was begun; absent until the service has named it. */
  uploadId: z.string().optional(),
});

/** What was begun, by our id, which stays that of the file. */
export type Note = z.infer<typeof noteShape>;

/** A beginning of which there is an upload. */
export type Begun = Note & { readonly uploadId: string };

/**
 * Notes of the uploads in parts that were begun. No service tells whose an upload is that is not complete, and some list none at
 * all: so a note is written before one is begun, and again once it has its id. One without is that of an upload whose
 * answer was lost: it is found by its name, where no other note knows it and no other one seeks it.
 */
export interface BegunUploads {
  begin(file: NewFile & Call, meta: (note: Note) => Readonly<Record<string, string>>): Promise<Begun>;
  /** `undefined` if there is none of this id, or none any more. */
  get(file: FileRef & Call): Promise<Begun | undefined>;
  all(input: Call & { prefix: string }): Promise<Begun[]>;
  /** Forgets one that is finished. */
  done(file: FileRef & Call): Promise<void>;
  /** Throws it away with the upload; of one that is not found the note stays as long as it may still come. */
  abandon(file: FileRef & Call): Promise<void>;
}

export function createBegunUploads(objects: Objects, uploads: Uploads): BegunUploads {
  /** What this process has found out, so that a part costs no questions. */
  const known = new Map<string, Begun>();

  const keyOf = (id: string) => `${PREFIX}${id}.json`;

  async function write(note: Note, signal: AbortSignal): Promise<void> {
    await objects.writeText({ key: keyOf(note.id), text: JSON.stringify(note), signal });
  }

  async function read(id: string, signal: AbortSignal): Promise<Note | undefined> {
    if (!/^[0-9a-f-]{36}$/.test(id)) return undefined;
    const text = await objects.readText({ key: keyOf(id), signal });
    return text === undefined ? undefined : noteShape.parse(JSON.parse(text));
  }

  async function notes(signal: AbortSignal): Promise<Note[]> {
    const found: Note[] = [];
    for await (const { key } of objects.list({ prefix: PREFIX, signal })) {
      const note = await read(key.slice(PREFIX.length, -'.json'.length), signal);
      if (note !== undefined) found.push(note);
    }
    return found.sort((one, other) => one.startedAtMs - other.startedAtMs);
  }

  /** The upload that a note without one is about. */
  async function seek(note: Note, all: readonly Note[], signal: AbortSignal): Promise<Begun | undefined> {
    const ofName = all.filter(({ name }) => name === note.name);
    const isAlone = ofName.filter(({ uploadId }) => uploadId === undefined).length === 1;
    if (!isAlone) return undefined;
    const taken = new Set(ofName.map(({ uploadId }) => uploadId));
    const listed = await uploads.list({ prefix: note.name, signal });
    const found = listed.find(({ key, uploadId }) => key === note.name && !taken.has(uploadId));
    if (found === undefined) return undefined;
    const begun = { ...note, uploadId: found.uploadId };
    await write(begun, signal);
    return begun;
  }

  /** What a note is about, if it is there still. */
  async function resolve(note: Note, all: readonly Note[], signal: AbortSignal): Promise<Begun | undefined> {
    const { uploadId } = note;
    const begun = uploadId === undefined ? await seek(note, all, signal) : { ...note, uploadId };
    if (begun === undefined) return undefined;
    const isThere =
      (await uploads.parts({ key: begun.name, uploadId: begun.uploadId, signal })) !== undefined;
    return isThere ? begun : undefined;
  }

  return {
    async begin({ name, mediaType, mark, signal }, meta) {
      const { recordingId, content } = mark;
      const note: Note = {
        id: randomUUID(),
        name,
        recordingId,
        ...(content === undefined ? {} : { content }),
        startedAtMs: Date.now(),
      };
      await write(note, signal);
      const { uploadId } = await uploads.begin({ key: name, mediaType, meta: meta(note), signal });
      const begun = { ...note, uploadId };
      await write(begun, signal);
      known.set(note.id, begun);
      return begun;
    },

    async get({ id, name, signal }) {
      const remembered = known.get(id);
      if (remembered?.name === name) return remembered;
      const note = await read(id, signal);
      if (note?.name !== name) return undefined;
      const begun = await resolve(note, note.uploadId === undefined ? await notes(signal) : [], signal);
      if (begun !== undefined) known.set(id, begun);
      return begun;
    },

    async all({ prefix, signal }) {
      const written = await notes(signal);
      const found: Begun[] = [];
      for (const note of written.filter(({ name }) => name.startsWith(prefix))) {
        const begun = await resolve(note, written, signal);
        if (begun !== undefined) found.push(begun);
        else if (Date.now() - note.startedAtMs > LATE_MS)
          await objects.remove({ key: keyOf(note.id), signal });
      }
      return found;
    },

    async done({ id, signal }) {
      known.delete(id);
      await objects.remove({ key: keyOf(id), signal });
    },

    async abandon({ id, name, signal }) {
      known.delete(id);
      const note = await read(id, signal);
      if (note?.name !== name) return;
      const begun =
        note.uploadId === undefined
          ? await seek(note, await notes(signal), signal)
          : { ...note, uploadId: note.uploadId };
      if (begun !== undefined) await uploads.abort({ key: name, uploadId: begun.uploadId, signal });
      const mayStillCome = begun === undefined && Date.now() - note.startedAtMs < LATE_MS;
      if (!mayStillCome) await objects.remove({ key: keyOf(id), signal });
    },
  };
}
