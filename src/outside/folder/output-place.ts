import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { KnownError, systemCode } from '../../domain/errors.ts';
import { attemptOfKey, type OutputMark, recordingOfKey } from '../../domain/output-keys.ts';
import type { ListedOutput, OutputFile, OutputPlace } from '../../engine/ports/output-place.ts';
import { addressBelow } from '../../lib/address-below.ts';
import { statIfThere, syncFolder, writeAll } from '../../lib/files.ts';
import { type SentFile, withFile } from '../sent-file.ts';
import { askToOpen, createAsk, unlessMissing } from './ask.ts';
import { createMarks, type FileMark } from './marks.ts';
import { createRoot, inTheWay, openTo } from './root.ts';

/** Who else reads what is kept is the web server. */
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;

/** What an output is called while it grows, in a folder that others use too. */
const PART_PREFIX = 'output-';

/** How much is read at once, in bytes. */
const READ_BYTES = 256 * 1024;

/** How old something half is, in milliseconds, that nobody is writing any more. */
const SCRAP_AFTER_MS = 86_400_000;

export interface FolderOutputOptions {
  /** An absolute path of a folder that is there. */
  readonly path: string;
  /** Where a web server hands out what lies in it, without a slash at the end. */
  readonly url: string | undefined;
  /** A file elsewhere that remembers which folder it was. */
  readonly memoryPath: string;
  /** What stays free for everything else on its disk, in bytes. */
  readonly reserveBytes: number;
  readonly idleTimeoutMs: number;
}

/**
 * A folder of this machine, or one that is mounted here, as a place of outputs: a file lies at its key, for a web server to
 * hand out. It grows where that does not reach it, and gets its name, synced, once all of it is there. Whose it is says its
 * key, or where that does not, a mark beside.
 */
export function createFolderOutput(name: string, options: FolderOutputOptions): OutputPlace {
  const { path, url, idleTimeoutMs } = options;
  const ask = createAsk({ folder: path, idleTimeoutMs });
  const root = createRoot({ ...options, ask, folderMode: FOLDER_MODE });
  const marks = createMarks({ root, ask });
  let isTidied = false;

  /** It is made by whoever runs the web server, who has to be able to read it. */
  async function ready(signal: AbortSignal): Promise<void> {
    await ask(signal, () => stat(path));
    await root.require(signal);
  }

  /** Removes what kills have left half, once in the life of this process. */
  async function tidy(signal: AbortSignal): Promise<void> {
    if (isTidied) return;
    isTidied = true;
    await ask(signal, async () => {
      const folder = root.ownPath('unfinished');
      for (const part of await readdir(folder)) {
        if (!part.startsWith(PART_PREFIX)) continue;
        const found = await statIfThere(join(folder, part));
        if (found === undefined || Date.now() - found.mtimeMs < SCRAP_AFTER_MS) continue;
        await rm(join(folder, part), { force: true });
      }
    });
  }

  /** Writes the bytes of an open file to where nobody sees them yet, and makes them last. */
  async function copy(
    file: SentFile,
    part: string,
    { onSent, signal }: { onSent: OutputFile['onSent']; signal: AbortSignal },
  ): Promise<void> {
    const handle = await askToOpen(ask, signal, () => open(part, 'wx', 0o600));
    try {
      let at = 0;
      for await (const chunk of file.read(0, file.bytes)) {
        const position = at;
        await ask(signal, () => writeAll(handle, chunk, position));
        at += chunk.length;
        onSent?.(at);
      }
      await ask(signal, () => handle.sync());
    } finally {
      // Of a folder that does not answer it may never end.
      handle.close().catch(() => {});
    }
    await ask(signal, () => openTo(part, FILE_MODE));
  }

  async function place(part: string, key: string, signal: AbortSignal): Promise<void> {
    for (let isRepeated = false; ; isRepeated = true) {
      const file = await root.makeRoom(key, signal);
      try {
        await ask(signal, () =>
          rename(part, file).catch((error) => {
            if (['EISDIR', 'ENOTEMPTY', 'EEXIST'].includes(systemCode(error) ?? '')) throw inTheWay(file);
            throw error;
          }),
        );
        await ask(signal, () => syncFolder(dirname(file)));
        return;
      } catch (error) {
        // Its folder was empty, and somebody who removed what had been in it took it away.
        const isFolderGone = error instanceof KnownError && systemCode(error.cause) === 'ENOENT';
        if (isRepeated || !isFolderGone) throw error;
      }
    }
  }

  async function* below(folder: string, prefix: string, signal: AbortSignal): AsyncGenerator<ListedOutput> {
    const inside = folder === '' ? path : dirname(await root.pathInside(`${folder}any`, signal));
    const entries = await ask(signal, () =>
      readdir(inside, { withFileTypes: true }).catch(unlessMissing([])),
    );
    for (const entry of entries) {
      const key = `${folder}${entry.name}`;
      if (key === basename(root.ownPath())) continue;
      if (entry.isDirectory()) {
        const isOnTheWay = `${key}/`.startsWith(prefix) || prefix.startsWith(`${key}/`);
        if (isOnTheWay) yield* below(`${key}/`, prefix, signal);
      } else if (entry.isFile() && key.startsWith(prefix)) {
        const found = await ask(signal, () =>
          lstat(join(inside, entry.name)).catch(unlessMissing(undefined)),
        );
        if (found !== undefined) yield { key, bytes: found.size };
      }
    }
  }

  /** The bytes from one on, in pieces; the file is let go of at their end, however that comes. */
  async function* bytesOf(handle: FileHandle, fromByte: number, signal: AbortSignal): AsyncGenerator<Buffer> {
    try {
      for (let at = fromByte; ; ) {
        const position = at;
        const { buffer, bytesRead } = await ask(signal, () =>
          handle.read({ buffer: Buffer.allocUnsafe(READ_BYTES), position }),
        );
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
        at += bytesRead;
      }
    } finally {
      handle.close().catch(() => {});
    }
  }

  return {
    name,
    service: name,
    label: 'the media folder',
    place: path,

    async probe({ signal }) {
      await ready(signal);
      await root.probe(signal);
    },

    require: ({ signal }) => ready(signal),

    async put({ key, path: from, mediaType, mark, onSent, signal }) {
      root.pathOf(key);
      await ready(signal);
      await tidy(signal);
      const part = root.ownPath('unfinished', `${PART_PREFIX}${randomUUID()}`);
      try {
        return await withFile(from, async (file) => {
          const { bytes } = file;
          await root.requireRoom(bytes, signal);
          await copy(file, part, { onSent, signal });
          if (recordingOfKey(key) === undefined) {
            const { recordingId } = mark;
            await marks.write({ id: idOf(mark), name: key, bytes, recordingId, mediaType }, signal);
          }
          await place(part, key, signal);
          return { bytes };
        });
      } catch (error) {
        rm(part, { force: true }).catch(() => {});
        throw error;
      }
    },

    /** A put begins nothing that stays. */
    async abandon() {},

    async look({ key, signal }) {
      await ready(signal);
      const file = await root.pathInside(key, signal);
      const found = await ask(signal, () => lstat(file).catch(unlessMissing(undefined)));
      if (found === undefined || !found.isFile()) return undefined;
      const marked = await marks.at(key, signal);
      const own = attemptOfKey(key) ?? (marked.kind === 'ours' ? ownerOf(marked.mark) : undefined);
      return { bytes: found.size, recordingId: recordingOfKey(key), ...own };
    },

    async open({ key, fromByte, signal }) {
      const file = await root.pathInside(key, signal);
      const found = await ask(signal, () => lstat(file).catch(unlessMissing(undefined)));
      // A link may lead to whatever this user can read.
      if (!found?.isFile()) return undefined;
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
      const handle = await askToOpen(ask, signal, () => open(file, flags).catch(unlessMissing(undefined)));
      if (handle === undefined) return undefined;
      const dismiss = () => void handle.close().catch(() => {});
      const { size } = await ask(signal, () => handle.stat()).catch((error: unknown) => {
        dismiss();
        throw error;
      });
      const chunks = bytesOf(handle, fromByte, signal);
      return {
        startByte: fromByte,
        totalBytes: size,
        chunks,
        dismiss,
      };
    },

    async *list({ prefix, signal }) {
      await ready(signal);
      yield* below(prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix, signal);
    },

    async remove({ keys, signal }) {
      await ready(signal);
      const folders = new Set<string>();
      for (const key of keys) {
        const file = await root.pathInside(key, signal);
        const isGone = await ask(signal, () => rm(file).then(() => true, unlessMissing(false)));
        if (recordingOfKey(key) === undefined) await marks.remove(key, signal);
        if (isGone) folders.add(dirname(file));
      }
      for (const folder of folders)
        await ask(signal, () => syncFolder(folder).catch(unlessMissing(undefined)));
      for (const key of keys) await root.prune(key, signal);
    },

    address: (key) => url && addressBelow(url, key),
  };
}

/** In the mark of a file that lies at a key of its caller's. */
function idOf({ step, fence }: Omit<OutputMark, 'recordingId'>): string {
  return `${step}/${fence}`;
}

function ownerOf({ id, recordingId }: FileMark) {
  const [step, fence] = id.split('/');
  return { recordingId, step, fence: Number(fence) };
}
