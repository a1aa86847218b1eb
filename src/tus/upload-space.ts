import type { Logger } from 'pino';
import type { Disk } from '../lib/disk.ts';
import { missingUploadBytes } from '../lib/upload-bytes.ts';
import { UploadRefused } from './refusal.ts';

export interface UploadSpaceOptions {
  readonly disk: Pick<Disk, 'usableBytes'>;
  /** Folder of uploads in progress. */
  readonly uploads: string;
  /** What will be written to the disk besides uploads, in bytes. */
  readonly promisedBytes: () => Promise<number>;
  readonly log: Logger;
}

/** Keeps the uploads that are under way from promising more than the disk holds. */
export interface UploadSpace {
  /**
   * Begins an upload if there is room for all of it, counting what was promised before. One at a time: an upload that
   * has begun is found on the disk by the next.
   *
   * @throws UploadRefused 507
   */
  begin<T>(bytes: number, create: () => Promise<T>): Promise<T>;
}

export function createUploadSpace({ disk, uploads, promisedBytes, log }: UploadSpaceOptions): UploadSpace {
  let last: Promise<unknown> = Promise.resolve();

  async function requireRoom(bytes: number): Promise<void> {
    // Before the free space, which shrinks by what arrives in between.
    const promised = (await missingUploadBytes(uploads)) + (await promisedBytes());
    const usable = await disk.usableBytes();
    if (bytes + promised <= usable) return;
    log.warn({ event: 'upload.no-space', bytes, promised, usable }, 'no space for an upload');
    throw new UploadRefused(507, 'UPLOAD_NO_SPACE', `There is no room for ${bytes} more bytes.`);
  }

  return {
    begin(bytes, create) {
      const turn = last.then(async () => {
        await requireRoom(bytes);
        return await create();
      });
      last = turn.catch(() => {});
      return turn;
    },
  };
}
