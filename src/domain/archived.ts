import type { Facts } from './recording.ts';

/** The store of recordings whose recipe names none, and of all that were archived before recipes could. */
export const DEFAULT_STORE = 'b2';

type ArchivedFile = Facts['archive'];

/** The store that an archived file is in, by its name. */
export function storeOf({ store = DEFAULT_STORE }: Pick<ArchivedFile, 'store'>): string {
  return store;
}

/** What is said of a file beside its name: of the default store only the bucket, as it always was. */
export function whereIn(store: { readonly name: string; readonly place: string }) {
  return { ...(store.name === DEFAULT_STORE ? {} : { store: store.name }), bucket: store.place };
}

/** The files that a recording has in its stores, by what its steps have proved; the one in the default store first. */
export function archivedFiles(facts: Readonly<Record<string, unknown>>): ArchivedFile[] {
  const files = Object.values(facts).filter(isArchivedFile);
  return files.sort((one, other) => rank(one) - rank(other));
}

/** The one in the default store. */
export function defaultFile(facts: Readonly<Record<string, unknown>>): ArchivedFile | undefined {
  return archivedFiles(facts).find((file) => storeOf(file) === DEFAULT_STORE);
}

function rank(file: ArchivedFile): number {
  return storeOf(file) === DEFAULT_STORE ? 0 : 1;
}

function isArchivedFile(fact: unknown): fact is ArchivedFile {
  if (typeof fact !== 'object' || fact === null) return false;
  return ['bucket', 'fileId', 'fileName'].every((key) => typeof Reflect.get(fact, key) === 'string');
}
