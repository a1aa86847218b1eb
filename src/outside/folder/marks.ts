import { lstat, readFile, rm } from 'node:fs/promises';
import { z } from 'zod';
import { systemCode } from '../../domain/errors.ts';
import type { StoredFile } from '../../engine/ports/store.ts';
import { sha256 } from '../../lib/digest.ts';
import { writeWhole } from '../../lib/files.ts';
import { type Ask, folderUnusable, unlessMissing } from './ask.ts';
import type { Root } from './root.ts';

const partShape = z.object({ bytes: z.number(), sha1: z.string() });

const markShape = z.object({
  id: z.string(),
  name: z.string(),
  bytes: z.number(),
  /** Of one that was written whole. */
  sha1: z.string().optional(),
  /** Of one that was made of parts, in their order. */
  parts: z.array(partShape).optional(),
  recordingId: z.string(),
  content: z.string().optional(),
  mediaType: z.string(),
});

/** What is known of a file of ours beside its bytes. */
export type FileMark = z.infer<typeof markShape>;

/** What lies at a name: nothing, a file of ours, or somebody else's. */
export type Found =
  | { readonly kind: 'nothing'; readonly mark: FileMark | undefined }
  | { readonly kind: 'ours'; readonly mark: FileMark }
  | { readonly kind: 'other'; readonly mark: FileMark | undefined; readonly bytes: number };

/**
 * The marks of files, in a folder of their own, so that those who look through the files see nothing else. A mark is
 * written before its file gets its name: one without a file means nothing.
 */
export interface Marks {
  at(name: string, signal: AbortSignal): Promise<Found>;
  write(mark: FileMark, signal: AbortSignal): Promise<void>;
  remove(name: string, signal: AbortSignal): Promise<void>;
}

export function createMarks({ root, ask }: { readonly root: Root; readonly ask: Ask }): Marks {
  const pathOf = (name: string) => root.ownPath('marks', `${sha256(name)}.json`);

  async function read(name: string, signal: AbortSignal): Promise<FileMark | undefined> {
    const path = pathOf(name);
    const text = await ask(signal, () =>
      readFile(path, 'utf8').catch((error) => {
        if (systemCode(error) === 'ENOENT') return undefined;
        throw error;
      }),
    );
    if (text === undefined) return undefined;
    try {
      return markShape.parse(JSON.parse(text));
    } catch (error) {
      throw folderUnusable(`${path}, the mark of ${name}, cannot be read`, error);
    }
  }

  return {
    async at(name, signal) {
      const mark = await read(name, signal);
      const path = await root.pathInside(name, signal);
      const found = await ask(signal, () => lstat(path).catch(unlessMissing(undefined)));
      if (found === undefined) return { kind: 'nothing', mark };
      const isOurs = mark !== undefined && found.isFile() && found.size === mark.bytes;
      return isOurs ? { kind: 'ours', mark } : { kind: 'other', mark, bytes: found.size };
    },

    write: (mark, signal) => ask(signal, () => writeWhole(pathOf(mark.name), `${JSON.stringify(mark)}\n`)),

    remove: (name, signal) => ask(signal, () => rm(pathOf(name), { force: true })),
  };
}

export function toStored({ id, name, bytes, sha1, recordingId, content }: FileMark): StoredFile {
  return { id, name, bytes, sha1, mark: { recordingId, content }, isFinished: true };
}
