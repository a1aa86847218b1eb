/** What makes it the same file again when it is chosen once more. */
export interface FileMark {
  readonly name: string;
  readonly size: number;
  /** SHA-256 of its first MiB, in hex; missing where the browser makes none, which pages without https are not given. */
  readonly head?: string | undefined;
  /** Counts where there is no digest. */
  readonly lastModified: number;
}

const HEAD_BYTES = 1024 * 1024;

/** Reads the beginning of a file. @throws if it cannot be read any more */
export async function readHead(file: Blob): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
}

export async function markOf(
  file: Pick<File, 'name' | 'size' | 'lastModified'>,
  head: Uint8Array<ArrayBuffer>,
): Promise<FileMark> {
  const { name, size, lastModified } = file;
  const digest = await globalThis.crypto.subtle?.digest('SHA-256', head);
  const hex =
    digest && Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { name, size, lastModified, head: hex };
}

export function isSameFile(a: FileMark, b: FileMark): boolean {
  if (a.name !== b.name || a.size !== b.size) return false;
  return a.head !== undefined && b.head !== undefined ? a.head === b.head : a.lastModified === b.lastModified;
}
