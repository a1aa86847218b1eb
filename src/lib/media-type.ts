import { open } from 'node:fs/promises';
import { fileTypeFromBuffer } from 'file-type';

/** As many first bytes as it takes for every signature that file-type knows. */
export const SNIFFED_BYTES = 4100;

export interface MediaType {
  /** Such as `video/mp4`. */
  readonly mime: string;
  /** Without a dot, such as `mp4`. */
  readonly extension: string;
}

/** What the first bytes say the content is, if that is audio or video; never what a name says. */
export async function mediaTypeOf(firstBytes: Uint8Array): Promise<MediaType | undefined> {
  const type = await fileTypeFromBuffer(firstBytes);
  if (type === undefined || !/^(audio|video)\//.test(type.mime)) return undefined;
  return { mime: type.mime, extension: type.ext };
}

/** Reads as much of a file's beginning as it takes to tell what it is. */
export async function firstBytesOf(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(SNIFFED_BYTES), 0, SNIFFED_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
