import { createHash, randomUUID } from 'node:crypto';
import { appendFile, type FileHandle, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { KnownError, systemCode } from '../../domain/errors.ts';
import type { Body, NewFile } from '../../engine/ports/store.ts';
import { READ_STEP_BYTES, statIfThere, syncFolder, writeAll, writeWhole } from '../../lib/files.ts';
import { type Ask, askToOpen } from './ask.ts';
import type { Root } from './root.ts';

/** How old something is, in milliseconds, that nobody is beginning with any more. */
const SCRAP_AFTER_MS = 86_400_000;

const aboutShape = z.object({
  id: z.string(),
  name: z.string(),
  mediaType: z.string(),
  recordingId: z.string(),
  content: z.string().optional(),
  totalBytes: z.number(),
  modifiedAtMs: z.number(),
  startedAtMs: z.number(),
});

const noteShape = z.object({
  number: z.number(),
  startByte: z.number(),
  bytes: z.number(),
  sha1: z.string(),
});
/** A part that is being written anew. */
const lossShape = z.object({ lost: z.number() });

export type About = z.infer<typeof aboutShape>;

/** A part that is on the disk, and where. */
export interface WrittenPart {
  readonly startByte: number;
  readonly bytes: number;
  readonly sha1: string;
}

/**
 * Files that are being written: a folder each, in the file system that they are to stay in. What is noted of a part was
 * on the disk before, so that a kill or a power cut loses only what was being written.
 */
export interface Unfinished {
  begin(file: NewFile, signal: AbortSignal): Promise<About>;
  /** `undefined` if there is none of this id. */
  get(id: string, signal: AbortSignal): Promise<About | undefined>;
  all(signal: AbortSignal): Promise<About[]>;
  /** Where the bytes lie. */
  dataPath(id: string): string;
  /** Writes bytes to their place and makes them last; returns their SHA-1. */
  write(id: string, input: Body & { startByte: number; signal: AbortSignal }): Promise<string>;
  note(id: string, number: number, part: WrittenPart, signal: AbortSignal): Promise<void>;
  forget(id: string, number: number, signal: AbortSignal): Promise<void>;
  parts(id: string, signal: AbortSignal): Promise<Map<number, WrittenPart>>;
  /** The SHA-1 of what lies there now. */
  digest(id: string, part: WrittenPart, signal: AbortSignal): Promise<string>;
  remove(id: string, signal: AbortSignal): Promise<void>;
}

export function createUnfinished({ root, ask }: { readonly root: Root; readonly ask: Ask }): Unfinished {
  const folderOf = (id: string) => root.ownPath('unfinished', id);
  const dataPath = (id: string) => root.ownPath('unfinished', id, 'file');
  const aboutPath = (id: string) => root.ownPath('unfinished', id, 'about.json');
  const notesPath = (id: string) => root.ownPath('unfinished', id, 'parts');

  async function get(id: string, signal: AbortSignal): Promise<About | undefined> {
    if (!isId(id)) return undefined;
    const text = await ask(signal, () =>
      readFile(aboutPath(id), 'utf8').catch((error) => {
        if (systemCode(error) === 'ENOENT') return undefined;
        throw error;
      }),
    );
    return text === undefined ? undefined : aboutShape.parse(JSON.parse(text));
  }

  /** A line of its own, also behind one that a power cut has torn. */
  async function append(id: string, line: object, signal: AbortSignal): Promise<void> {
    await ask(signal, () => appendFile(notesPath(id), `\n${JSON.stringify(line)}`, { flush: true }));
  }

  /** Uses an open file; where it owes an answer nobody waits for it to be closed. */
  async function withFile<T>(
    path: string,
    flags: string,
    signal: AbortSignal,
    use: (file: FileHandle) => Promise<T>,
  ) {
    const file = await askToOpen(ask, signal, () => open(path, flags));
    try {
      return await use(file);
    } finally {
      file.close().catch(() => {});
    }
  }

  return {
    async begin({ name, mediaType, mark, totalBytes, modifiedAtMs }, signal) {
      const id = randomUUID();
      const about: About = {
        id,
        name,
        mediaType,
        recordingId: mark.recordingId,
        ...(mark.content === undefined ? {} : { content: mark.content }),
        totalBytes,
        modifiedAtMs,
        startedAtMs: Date.now(),
      };
      try {
        await ask(signal, async () => {
          await mkdir(folderOf(id), { mode: 0o700 });
          await (await open(dataPath(id), 'wx', 0o600)).close();
          await (await open(notesPath(id), 'wx', 0o600)).close();
          await writeWhole(aboutPath(id), `${JSON.stringify(about)}\n`);
          await syncFolder(root.ownPath('unfinished'));
        });
      } catch (error) {
        // On a full disk the half that was made is in the way of others.
        rm(folderOf(id), { recursive: true, force: true }).catch(() => {});
        throw error;
      }
      return about;
    },

    get,

    async all(signal) {
      const ids = await ask(signal, () => readdir(root.ownPath('unfinished')));
      const found: About[] = [];
      for (const id of ids) {
        const about = await get(id, signal);
        if (about !== undefined) found.push(about);
        else await removeOld(root.ownPath('unfinished', id), signal);
      }
      return found;
    },

    dataPath,

    async write(id, { startByte, bytes, chunks, onSent, signal }) {
      const hash = createHash('sha1');
      await withFile(dataPath(id), 'r+', signal, async (file) => {
        let written = 0;
        for await (const chunk of chunks) {
          if (written + chunk.length > bytes) throw lengthDiffers(`more than ${bytes}`, bytes);
          hash.update(chunk);
          const position = startByte + written;
          await ask(signal, () => writeAll(file, chunk, position));
          written += chunk.length;
          onSent?.(written);
        }
        if (written !== bytes) throw lengthDiffers(String(written), bytes);
        await ask(signal, () => file.datasync());
      });
      return hash.digest('hex');
    },

    note: (id, number, { startByte, bytes, sha1 }, signal) =>
      append(id, { number, startByte, bytes, sha1 }, signal),

    forget: (id, number, signal) => append(id, { lost: number }, signal),

    async parts(id, signal) {
      const text = await ask(signal, () => readFile(notesPath(id), 'utf8'));
      const parts = new Map<number, WrittenPart>();
      for (const line of text.split('\n')) {
        const said = parsed(line);
        const note = noteShape.safeParse(said);
        const loss = lossShape.safeParse(said);
        if (note.success) {
          const { number, ...part } = note.data;
          parts.set(number, part);
        } else if (loss.success) parts.delete(loss.data.lost);
      }
      return parts;
    },

    digest: (id, { startByte, bytes }, signal) =>
      withFile(dataPath(id), 'r', signal, async (file) => {
        const hash = createHash('sha1');
        const buffer = Buffer.allocUnsafe(Math.min(READ_STEP_BYTES, bytes));
        for (let at = 0; at < bytes; ) {
          const length = Math.min(buffer.length, bytes - at);
          const { bytesRead } = await ask(signal, () => file.read(buffer, 0, length, startByte + at));
          if (bytesRead === 0) break;
          hash.update(buffer.subarray(0, bytesRead));
          at += bytesRead;
        }
        return hash.digest('hex');
      }),

    async remove(id, signal) {
      if (isId(id)) await ask(signal, () => rm(folderOf(id), { recursive: true, force: true }));
    },
  };

  /** What a kill has left of a beginning, or of a look whether the folder takes anything. */
  async function removeOld(path: string, signal: AbortSignal): Promise<void> {
    await ask(signal, async () => {
      const found = await statIfThere(path);
      if (found === undefined || Date.now() - found.mtimeMs < SCRAP_AFTER_MS) return;
      await rm(path, { recursive: true, force: true });
    });
  }
}

/** Whether it is one that we give; it becomes part of a path. */
function isId(id: string): boolean {
  return /^[0-9a-f-]{36}$/.test(id);
}

/** What a line says; one that was torn says nothing. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function lengthDiffers(cameBytes: string, bytes: number): KnownError {
  return new KnownError(`The file was to have ${bytes} bytes here, and ${cameBytes} came`, {
    code: 'SOURCE_CHANGED',
  });
}
