import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Upload } from '@tus/server';
import { removeAll } from '../lib/files.ts';
import type { Claim, MediaGate } from '../lib/media-gate.ts';
import { firstBytesOf, SNIFFED_BYTES } from '../lib/media-type.ts';
import { lookAhead } from './look-ahead.ts';
import { notMedia } from './refusal.ts';
import { claimOf, type Permit, readSidecar, writeSidecar } from './sidecar.ts';
import type { UploadPaths } from './upload-paths.ts';
import type { UploadQuota } from './upload-quota.ts';
import { UploadStore, type UploadStoreOptions } from './upload-store.ts';

export interface GuardedUploadStoreOptions extends UploadStoreOptions {
  readonly quota: UploadQuota;
  readonly media: Pick<MediaGate, 'look'>;
}

/** Who has been permitted to begin an upload. */
export interface Beginning {
  readonly permit: Permit;
  readonly aceId: string;
  readonly address: string | undefined;
}

/** The store behind its guards: how many uploads are begun, and that nothing is kept that surely is no recording. */
export class GuardedUploadStore extends UploadStore {
  readonly #paths: UploadPaths;
  readonly #bodies: UploadStoreOptions['bodies'];
  readonly #quota: UploadQuota;
  readonly #media: GuardedUploadStoreOptions['media'];
  readonly #beginnings = new WeakMap<Upload, Beginning>();

  constructor({ quota, media, ...options }: GuardedUploadStoreOptions) {
    super(options);
    this.#paths = options.paths;
    this.#bodies = options.bodies;
    this.#quota = quota;
    this.#media = media;
  }

  /** To be told before `create`. */
  announce(upload: Upload, beginning: Beginning): void {
    this.#beginnings.set(upload, beginning);
  }

  override async create(upload: Upload): Promise<Upload> {
    const beginning = this.#beginnings.get(upload);
    if (beginning === undefined) throw new Error('an upload begins that nobody has announced');
    const { permit, aceId, address } = beginning;
    return await this.#quota.begin({ id: upload.id, aceId, address }, async () => {
      const created = await super.create(upload);
      const path = this.#paths.sidecar(upload.id);
      const sidecar = await readSidecar(path);
      if (sidecar !== undefined) await writeSidecar(path, { ...sidecar, permit });
      return created;
    });
  }

  /**
   * Looks at the first bytes before they reach the disk: as soon as there are enough of them, or all. So whatever is
   * complete on the disk, or longer than that, has been looked at. What they do not tell is decided at the end.
   */
  override async write(empty: Readable, id: string, offset: number): Promise<number> {
    const sidecar = await readSidecar(this.#paths.sidecar(id));
    const size = sidecar?.size ?? 0;
    const missingBytes = Math.min(SNIFFED_BYTES, size) - offset;
    const body = this.#bodies.of(id);
    if (missingBytes <= 0 || body === undefined) return await super.write(empty, id, offset);

    const { bytes, hasMore } = await lookAhead(body, missingBytes);
    if (bytes.length >= missingBytes) await this.#refuseOther(id, claimOf(sidecar), offset, bytes);
    const isOver = body.stopSignal.aborted || body.request.destroyed;
    if (hasMore && !isOver) return await super.write(empty, id, offset);
    // What has arrived before the connection broke, or another request took over, is kept.
    const kept = bytes.subarray(0, size - offset);
    return offset + (kept.length > 0 ? await writeAt(this.#paths.data(id), offset, kept) : 0);
  }

  /** @throws UploadRefused 415, and then nothing of the upload is left */
  async #refuseOther(id: string, claim: Claim, offset: number, bytes: Buffer): Promise<void> {
    const stored = offset > 0 ? await firstBytesOf(this.#paths.data(id)) : Buffer.alloc(0);
    const first = Buffer.concat([stored.subarray(0, offset), bytes]).subarray(0, SNIFFED_BYTES);
    const look = await this.#media.look(first, claim);
    if (look.kind !== 'other') return;
    await removeAll(this.#paths.data(id));
    await removeAll(this.#paths.sidecar(id));
    throw notMedia(`By its content the file is ${look.mime}.`);
  }
}

async function writeAt(path: string, offset: number, bytes: Buffer): Promise<number> {
  const file = await open(path, 'r+');
  try {
    const { bytesWritten } = await file.write(bytes, 0, bytes.length, offset);
    return bytesWritten;
  } finally {
    await file.close();
  }
}
