import type { LargeFile, Version } from './store.ts';

/** What a listing shows: a version, an unfinished large file, or the folder that a delimiter made of several. */
export type Entry = Version | LargeFile | { readonly action: 'folder'; readonly fileName: string };

/** Which part of a listing is asked for. */
export interface Page {
  readonly prefix: string;
  readonly delimiter: string | undefined;
  readonly startFileName: string;
  /** With it the listing starts at this version of `startFileName`, or at the next older one if it is gone. */
  readonly startOrder?: number | undefined;
  readonly maxCount: number;
}

/** One page of `versions`, and the entry that the next page starts with. */
export function listNames(
  versions: readonly Version[],
  page: Page,
): { readonly entries: readonly Entry[]; readonly next: Entry | undefined } {
  const newest = new Map<string, Version>();
  for (const version of versions) {
    if (version.order > (newest.get(version.fileName)?.order ?? 0)) newest.set(version.fileName, version);
  }
  return listVersions(
    [...newest.values()].filter((version) => version.action === 'upload'),
    page,
  );
}

/** Like `listNames`, with every version of a name, newest first, hide markers and unfinished large files. */
export function listVersions(
  versions: readonly (Version | LargeFile)[],
  page: Page,
): { readonly entries: readonly Entry[]; readonly next: Entry | undefined } {
  const { prefix, delimiter, startFileName, startOrder, maxCount } = page;
  const sorted = versions
    .filter(({ fileName }) => fileName.startsWith(prefix) && compareNames(fileName, startFileName) >= 0)
    .filter(
      ({ fileName, order }) => startOrder === undefined || fileName !== startFileName || order <= startOrder,
    )
    .sort((a, b) => compareNames(a.fileName, b.fileName) || b.order - a.order);

  const entries: Entry[] = [];
  for (const version of sorted) {
    const cut = delimiter === undefined ? -1 : version.fileName.indexOf(delimiter, prefix.length);
    const folder = cut < 0 ? undefined : version.fileName.slice(0, cut + (delimiter?.length ?? 0));
    const previous = entries.at(-1);
    if (folder !== undefined && previous?.action === 'folder' && previous.fileName === folder) continue;
    const entry: Entry = folder === undefined ? version : { action: 'folder', fileName: folder };
    if (entries.length === maxCount) return { entries, next: entry };
    entries.push(entry);
  }
  return { entries, next: undefined };
}

/** B2 sorts names by their UTF-8 bytes, which differs from the order of UTF-16. */
function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
