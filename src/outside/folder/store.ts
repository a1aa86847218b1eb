import { constants } from 'node:fs';
import { type FileHandle, open, truncate, unlink, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KnownError, systemCode } from '../../domain/errors.ts';
import type { FileRef, OpenedFile, Store, StoredPart } from '../../engine/ports/store.ts';
import { READ_STEP_BYTES, syncFile, syncFolder } from '../../lib/files.ts';
import { askToOpen, createAsk } from './ask.ts';
import { createMarks, type FileMark, toStored } from './marks.ts';
import { createRoot, inTheWay, openTo, placeNew } from './root.ts';
import { type About, createUnfinished, type WrittenPart } from './unfinished.ts';

/** A part that is lost with a kill is written anew; each costs a wait for the disk. In bytes. */
const PART_BYTES = 32 * 1024 * 1024;

/** Who may read what is kept: this user, and the group. */
const FILE_MODE = 0o640;

export interface FolderStoreOptions {
  /** The folder, an absolute path. */
  readonly path: string;
  /** A file elsewhere that remembers which folder it was. */
  readonly memoryPath: string;
  /** What stays free for everything else on its disk, in bytes. */
  readonly reserveBytes: number;
  /** How long the file system may take for one answer. */
  readonly idleTimeoutMs: number;
}

/**
 * A folder of this machine, or one that is mounted here, as a store. Files lie at their names; one of each. What is being
 * written, and the marks that say whose a file is, lie in a folder of the store's own inside it, `.sluice`.
 */
export function createFolderStore({
  path,
  memoryPath,
  reserveBytes,
  idleTimeoutMs,
}: FolderStoreOptions): Store {
  const ask = createAsk({ folder: path, idleTimeoutMs });
  const root = createRoot({ path, memoryPath, reserveBytes, ask });
  const marks = createMarks({ root, ask });
  const unfinished = createUnfinished({ root, ask });

  /** The mark of a finished file, if the name has this one. */
  async function finished({ id, name }: FileRef, signal: AbortSignal): Promise<FileMark | undefined> {
    const found = await marks.at(name, signal);
    return found.kind === 'ours' && found.mark.id === id ? found.mark : undefined;
  }

  /** What is being written under this id; what is left of one that is finished goes. */
  async function begunOf({ id, name }: FileRef, signal: AbortSignal): Promise<About | undefined> {
    const about = await unfinished.get(id, signal);
    if (about === undefined || (await finished({ id, name: about.name }, signal)) === undefined) {
      return about?.name === name ? about : undefined;
    }
    await unfinished.remove(id, signal);
    return undefined;
  }

  /** Gives a file that was written its name, so that after a power cut there is all of it or nothing. */
  async function place(
    about: About,
    digests: Pick<FileMark, 'sha1' | 'parts'>,
    signal: AbortSignal,
  ): Promise<void> {
    const { id, name, totalBytes: bytes, recordingId, content, mediaType, modifiedAtMs } = about;
    const from = unfinished.dataPath(id);
    await ask(signal, async () => {
      await utimes(from, new Date(), new Date(modifiedAtMs));
      await openTo(from, FILE_MODE);
      await syncFile(from);
    });
    const to = await root.makeRoom(name, signal);
    const found = await marks.at(name, signal);
    if (found.kind !== 'nothing') {
      // Where there are no hard links, a kill may have left the empty file that kept the name.
      const isKept = found.kind === 'other' && found.bytes === 0;
      const isOurs = (found.kind === 'ours' || isKept) && found.mark?.recordingId === recordingId;
      if (!isOurs) throw inTheWay(to);
      await ask(signal, () => unlink(to));
    }
    const mark = { id, name, bytes, recordingId, content, mediaType, ...digests };
    await marks.write(mark, signal);
    await ask(signal, async () => {
      try {
        await placeNew(from, to);
      } catch (error) {
        if (systemCode(error) === 'EEXIST') throw inTheWay(to);
        throw error;
      }
      await syncFolder(dirname(to));
    });
    await unfinished.remove(id, signal);
  }

  /** Reads every part once more: what lies there must be what was sent. */
  async function requireParts(
    about: About,
    parts: readonly StoredPart[],
    signal: AbortSignal,
  ): Promise<void> {
    const written = await unfinished.parts(about.id, signal);
    let atByte = 0;
    for (const [index, { bytes, digest: sha1 }] of parts.entries()) {
      const number = index + 1;
      const part = written.get(number);
      const isMeant = part?.startByte === atByte && part.bytes === bytes && part.sha1 === sha1;
      if (!isMeant) throw corrupt(about.name, `part ${number} is not the one that was sent`);
      if ((await unfinished.digest(about.id, part, signal)) !== sha1) {
        await unfinished.forget(about.id, number, signal);
        throw corrupt(about.name, `part ${number} is not on the disk as it was written`);
      }
      atByte += bytes;
    }
    if (atByte !== about.totalBytes) throw corrupt(about.name, 'its parts are not all of it');
  }

  return {
    name: 'folder',
    label: 'the folder store',
    place: path,
    partDigest: 'sha1',

    async limits({ signal }) {
      await root.require(signal);
      return { partBytes: PART_BYTES, minPartBytes: 1 };
    },

    async probe({ signal }) {
      await root.require(signal);
      await root.requireRoom(0, signal);
      await root.probe(signal);
    },

    async find({ name, signal }) {
      await root.require(signal);
      const found = await marks.at(name, signal);
      if (found.kind === 'ours') return [toStored(found.mark)];
      if (found.kind === 'nothing') return [];
      return [{ id: '', name, bytes: found.bytes, sha1: undefined, mark: undefined, isFinished: true }];
    },

    async look({ file, signal }) {
      await root.require(signal);
      const mark = await finished(file, signal);
      if (mark !== undefined) return toStored(mark);
      const about = await begunOf(file, signal);
      if (about === undefined) return undefined;
      const { recordingId, content } = about;
      const bytes = sum([...(await unfinished.parts(about.id, signal)).values()]);
      return { ...file, bytes, sha1: undefined, mark: { recordingId, content }, isFinished: false };
    },

    async put({ signal, bytes, chunks, onSent, ...file }) {
      root.pathOf(file.name);
      await root.require(signal);
      await root.requireRoom(bytes, signal);
      const about = await unfinished.begin(file, signal);
      try {
        const body = { bytes, chunks, ...(onSent ? { onSent } : {}) };
        const sha1 = await unfinished.write(about.id, { ...body, startByte: 0, signal });
        await place(about, { sha1 }, signal);
        return { id: about.id, sha1 };
      } catch (error) {
        // Nobody knows of it.
        await unfinished.remove(about.id, AbortSignal.timeout(idleTimeoutMs)).catch(() => {});
        throw error;
      }
    },

    async begin({ signal, ...file }) {
      root.pathOf(file.name);
      await root.require(signal);
      await root.requireRoom(file.totalBytes, signal);
      const { id } = await unfinished.begin(file, signal);
      return { id };
    },

    async putPart({ file, number, startByte, signal, bytes, chunks, onSent }) {
      await root.require(signal);
      const about = await begunOf(file, signal);
      if (about === undefined) throw notBegun(file);
      const { id } = about;
      // Half of it overwritten, it is neither the one nor the other.
      if ((await unfinished.parts(id, signal)).has(number)) await unfinished.forget(id, number, signal);
      const body = { bytes, chunks, ...(onSent ? { onSent } : {}) };
      const sha1 = await unfinished.write(id, { ...body, startByte, signal });
      await unfinished.note(id, number, { startByte, bytes, sha1 }, signal);
      return { digest: sha1 };
    },

    async parts({ file, signal }) {
      await root.require(signal);
      const about = await begunOf(file, signal);
      if (about === undefined) return undefined;
      const written = await unfinished.parts(about.id, signal);
      return new Map([...written].map(([number, { bytes, sha1 }]) => [number, { bytes, digest: sha1 }]));
    },

    async finish({ file, parts, signal }) {
      await root.require(signal);
      const about = await begunOf(file, signal);
      if (about === undefined) {
        if ((await finished(file, signal)) !== undefined) return;
        throw notBegun(file);
      }
      await requireParts(about, parts, signal);
      // Longer only where a part was smaller the second time.
      await ask(signal, () => truncate(unfinished.dataPath(about.id), about.totalBytes));
      await place(about, { parts: parts.map(({ bytes, digest }) => ({ bytes, sha1: digest })) }, signal);
    },

    async abandon({ file, signal }) {
      await root.require(signal);
      await unfinished.remove(file.id, signal);
    },

    async unfinished({ prefix, signal }) {
      await root.require(signal);
      const begun = (await unfinished.all(signal)).filter(({ name }) => name.startsWith(prefix));
      const open = [];
      for (const { id, name, recordingId, content, startedAtMs } of begun) {
        if ((await begunOf({ id, name }, signal)) === undefined) continue;
        open.push({ id, name, mark: { recordingId, content }, startedAtMs });
      }
      return open.sort((one, other) => one.startedAtMs - other.startedAtMs);
    },

    async remove({ file, signal }) {
      await root.require(signal);
      if ((await finished(file, signal)) === undefined) return 'removed';
      const path = await root.pathInside(file.name, signal);
      const isAllowed = await ask(signal, () =>
        unlink(path).then(
          () => true,
          (error) => {
            if (systemCode(error) === 'ENOENT') return true;
            if (['EPERM', 'EACCES'].includes(systemCode(error) ?? '')) return false;
            throw error;
          },
        ),
      );
      if (!isAllowed) return 'not-allowed';
      await ask(signal, () => syncFolder(dirname(path)));
      await marks.remove(file.name, signal);
      await root.prune(file.name, signal);
      return 'removed';
    },

    async open({ file, fromByte, signal }) {
      await root.require(signal);
      const mark = await finished(file, signal);
      if (mark === undefined) throw gone(file);
      const path = await root.pathInside(file.name, signal);
      const handle = await askToOpen(ask, signal, () =>
        open(path, constants.O_RDONLY | constants.O_NOFOLLOW),
      );
      return opened(handle, mark.bytes, fromByte, signal);
    },
  };

  function opened(
    handle: FileHandle,
    totalBytes: number,
    startByte: number,
    signal: AbortSignal,
  ): OpenedFile {
    const close = () => {
      handle.close().catch(() => {});
    };
    async function* read(): AsyncGenerator<Buffer> {
      try {
        for (let at = startByte; at < totalBytes; ) {
          const buffer = Buffer.allocUnsafe(Math.min(READ_STEP_BYTES, totalBytes - at));
          const { bytesRead } = await ask(signal, () => handle.read(buffer, 0, buffer.length, at));
          if (bytesRead === 0) return;
          at += bytesRead;
          yield buffer.subarray(0, bytesRead);
        }
      } finally {
        close();
      }
    }
    return { startByte, totalBytes, chunks: read(), dismiss: close };
  }
}

function sum(parts: readonly WrittenPart[]): number {
  return parts.reduce((total, { bytes }) => total + bytes, 0);
}

function corrupt(name: string, how: string): KnownError {
  return new KnownError(`${name}: ${how}`, { code: 'TRANSFER_CORRUPT', retry: 'backoff' });
}

function notBegun({ name }: FileRef): KnownError {
  return new KnownError(`The folder store has no such unfinished file of ${name}`, {
    code: 'REMOTE_REJECTED',
    retry: 'backoff',
  });
}

function gone({ name }: FileRef): KnownError {
  return new KnownError(`The folder store no longer has the file ${name}`, { code: 'ARCHIVED_FILE_GONE' });
}
