import { createWriteStream } from 'node:fs';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { type Configstore, FileStore } from '@tus/file-store';
import { ERRORS, Upload } from '@tus/server';
import { READ_STEP_BYTES, removeAll, statIfThere } from '../lib/files.ts';
import { receiveBody } from './receive-body.ts';
import type { RequestBodies, RequestBody } from './request-bodies.ts';
import { readSidecar, writeSidecar } from './sidecar.ts';
import type { UploadPaths } from './upload-paths.ts';
import type { UploadSpace } from './upload-space.ts';

export interface UploadStoreOptions {
  readonly paths: UploadPaths;
  readonly expiresAfterMs: number;
  readonly space: UploadSpace;
  readonly bodies: Pick<RequestBodies, 'of'>;
  /** Called when an upload is met that has all its bytes and has not been finished; it must not throw. */
  readonly onComplete: (id: string) => void;
}

/**
 * The library's store on the disk, changed in six ways: an upload that finds no room is not begun, sidecars survive a
 * power cut, an upload ages from its last byte instead of its first, one that has been finished and moved away still
 * tells its offset, a failed write keeps its cause for the log, and bytes come straight from the connection.
 */
export class UploadStore extends FileStore {
  readonly #paths: UploadPaths;
  readonly #space: UploadSpace;
  readonly #bodies: Pick<RequestBodies, 'of'>;
  readonly #onComplete: (id: string) => void;

  constructor({ paths, expiresAfterMs, space, bodies, onComplete }: UploadStoreOptions) {
    super({
      directory: paths.uploads,
      configstore: durableSidecars(paths),
      expirationPeriodInMilliseconds: expiresAfterMs,
    });
    this.extensions = this.extensions.filter((extension) => extension !== 'creation-defer-length');
    this.#paths = paths;
    this.#space = space;
    this.#bodies = bodies;
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

  /** The stream that the library hands over is empty, as the requests are that it is given. */
  override async write(_empty: Readable, id: string, offset: number): Promise<number> {
    const body = this.#bodies.of(id);
    if (body === undefined) throw ERRORS.FILE_NOT_FOUND;
    const maxBytes = declaredBytes(body) ?? (await this.#missingBytes(id, offset));
    // A request without bytes opens no file: at the end of an upload that may be moving at this moment.
    const file = maxBytes > 0 ? this.#openAt(id, offset) : new PassThrough().resume();
    return offset + (await receiveBody(body, file, maxBytes));
  }

  async #missingBytes(id: string, offset: number): Promise<number> {
    const sidecar = await readSidecar(this.#paths.sidecar(id));
    if (sidecar === undefined) throw ERRORS.FILE_NOT_FOUND;
    return sidecar.size - offset;
  }

  #openAt(id: string, start: number): Writable {
    const path = this.#paths.data(id);
    return createWriteStream(path, { flags: 'r+', start, highWaterMark: READ_STEP_BYTES });
  }
}

/** What the request announces; the library has seen to it that so many are missing. */
function declaredBytes({ request }: RequestBody): number | undefined {
  const length = request.headers['content-length'];
  return length === undefined ? undefined : Number(length);
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
