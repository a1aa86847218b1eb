import type { Store } from '../engine/ports/store.ts';
import type { B2 } from './b2/client.ts';
import { createB2Store } from './b2/store.ts';
import { createFolderStore, type FolderStoreOptions } from './folder/store.ts';

export interface StoreSettings {
  readonly b2: { readonly client: B2; readonly bucket: string; readonly partBytes: number | undefined };
  readonly folder: FolderStoreOptions | undefined;
}

/** Every store that there is, by its name; each opens itself where the settings have it. */
const STORES = {
  b2: ({ b2 }) => createB2Store({ ...b2, b2: b2.client }),
  folder: ({ folder }) => folder && createFolderStore(folder),
} as const satisfies Record<string, (settings: StoreSettings) => Store | undefined>;

export type StoreName = keyof typeof STORES;

const STORE_NAMES = Object.keys(STORES) as readonly StoreName[];

/** Opens the stores that are set up; nothing is asked of them yet. */
export function openStores(settings: StoreSettings): ReadonlyMap<string, Store> {
  const opened = new Map<string, Store>();
  for (const name of STORE_NAMES) {
    const store = STORES[name](settings);
    if (store !== undefined) opened.set(name, store);
  }
  return opened;
}
