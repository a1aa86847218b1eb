import { createWriteStream } from 'node:fs';
import { type Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Configstore, FileStore } from '@tus/file-store';
import { ERRORS, Upload } from '@tus/server';
import { READ_STEP_BYTES, removeAll, statIfThere } from '../lib/files.ts';
import { readSidecar, writeSidecar } from './sidecar.ts';
import type { UploadPaths } from './upload-paths.ts';
import type { UploadSpace } from './upload-space.ts';

export interface UploadStoreOptions {
  readonly paths: UploadPaths;
  readonly expiresAfterMs: number;
  readonly space: UploadSpace;
  /** Called when an upload is met that has all its bytes and has not been finished; it must not throw. */
  readonly onComplete: (id: string) => void;
}

/**
 * The library's store on the disk, changed in five ways: an upload that finds no room is not begun, sidecars survive a
 * power cut, an upload ages from its last byte instead of its first, one that has been finished and moved away still
 * tells its offset, and a failed write keeps its cause for the log.
 */
export class UploadStore extends FileStore {
  readonly #paths: UploadPaths;
  readonly #space: UploadSpace;
  readonly #onComplete: (id: string) => void;

  constructor({ paths, expiresAfterMs, space, onComplete }: UploadStoreOptions) {
    super({
      directory: paths.uploads,
      configstore: durableSidecars(paths),
      expirationPeriodInMilliseconds: expiresAfterMs,
    });
    this.extensions = this.extensions.filter((extension) => extension !== 'creation-defer-length');
    this.#paths = paths;
    this.#space = space;
    this.#onComplete = onComplete;
  }

  override async create(upload: Upload): Promise<Upload> {
    const create = () => this.#createWhole(upload);
    return await this.#space.begin(upload.size ?? 0, create);
  }

  async #createWhole(upload: Upload): Promise<Upload> {
    try {
      return await super.create(upload);
    } catch (error) {
      await removeAll(this.#paths.data(upload.id)).catch(() => {});
      await removeAll(this.#paths.sidecar(upload.id)).catch(() => {});
      throw error;
    }
  }

  override async getUpload(id: string): Promise<Upload> {
    const path = this.#paths.data(id);
    // The bytes before the sidecar: finishing marks the sidecar before it moves the bytes.
    const data = await statIfThere(path);
    const sidecar = await readSidecar(this.#paths.sidecar(id));
    if (sidecar === undefined) throw ERRORS.FILE_NOT_FOUND;
    const { size, metadata, finishedAtMs } = sidecar;
    const upload = { id, size, metadata, storage: { type: 'file', path } };

    if (data === undefined) {
      if (finishedAtMs === undefined) throw ERRORS.FILE_NO_LONGER_EXISTS;
      return new Upload({ ...upload, offset: size, creation_date: new Date(finishedAtMs).toISOString() });
    }
    if (data.size !== size) {
      // The library counts the expiry from here.
      return new Upload({ ...upload, offset: data.size, creation_date: data.mtime.toISOString() });
    }
    this.#onComplete(id);
    return new Upload({ ...upload, offset: size, creation_date: new Date().toISOString() });
  }

  override async write(readable: Readable, id: string, offset: number): Promise<number> {
    const sidecar = await readSidecar(this.#paths.sidecar(id));
    if (offset === sidecar?.size) {
      // A request without bytes at the end; the file may be moving at this moment.
      await pipeline(readable, new Writable({ write: (_chunk, _encoding, done) => done() }));
      return offset;
    }
    const file = createWriteStream(this.#paths.data(id), {
      flags: 'r+',
      start: offset,
      highWaterMark: READ_STEP_BYTES,
    });
    await pipeline(readable, file);
    return offset + file.bytesWritten;
  }
}

function durableSidecars(paths: UploadPaths): Configstore {
  return {
    async get(id) {
      const sidecar = await readSidecar(paths.sidecar(id));
      return sidecar && new Upload({ ...sidecar, metadata: { ...sidecar.metadata }, offset: 0 });
    },
    async set(id, { size = 0, metadata = {} }) {
      await writeSidecar(paths.sidecar(id), { id, size, metadata });
    },
    delete: (id) => removeAll(paths.sidecar(id)),
  };
}
