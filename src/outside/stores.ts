import type { Store } from '../engine/ports/store.ts';
import { type B2Options, createB2 } from './b2/client.ts';
import { createB2Store } from './b2/store.ts';
import { createFolderStore, type FolderStoreOptions } from './folder/store.ts';
import { createS3Store, type S3StoreOptions } from './s3/store.ts';

/** Where and what the stores are, as the settings have it; `undefined`: that one is not set up. */
export interface StoreSettings {
  readonly b2: Omit<B2Options, keyof Pace> & { readonly partBytes: number | undefined };
  readonly folderStore: Omit<FolderStoreOptions, keyof Pace> | undefined;
  readonly s3Store: Omit<S3StoreOptions, keyof Pace> | undefined;
}

/** How long a store may be silent, and how slow. */
export interface Pace {
  readonly idleTimeoutMs: number;
  readonly minBytesPerSecond?: number;
}

/** Every store that there is, by its name; each opens itself where it is set up. */
const STORES = {
  b2: ({ b2 }, pace) => createB2Store({ ...b2, b2: createB2({ ...b2, ...pace }) }),
  folder: ({ folderStore }, pace) => folderStore && createFolderStore({ ...folderStore, ...pace }),
  s3: ({ s3Store }, pace) => s3Store && createS3Store({ ...s3Store, ...pace }),
} as const satisfies Record<string, (settings: StoreSettings, pace: Pace) => Store | undefined>;

export type StoreName = keyof typeof STORES;

const STORE_NAMES = Object.keys(STORES) as readonly StoreName[];

/** Opens the stores that are set up; nothing is asked of them yet. */
export function openStores(settings: StoreSettings, pace: Pace): ReadonlyMap<string, Store> {
  const opened = new Map<string, Store>();
  for (const name of STORE_NAMES) {
    const store = STORES[name](settings, pace);
    if (store !== undefined) opened.set(name, store);
  }
  return opened;
}
