import type { Publisher } from '../engine/ports/publisher.ts';
import { type BunnyOptions, createBunny } from './bunny/client.ts';
import { createBunnyPublisher } from './bunny/publisher.ts';
import { createFolderPublisher, type FolderPublisherOptions } from './folder/publisher.ts';

/** How bytes are moved, wherever they go. */
type Transfer = Pick<BunnyOptions, 'idleTimeoutMs' | 'minBytesPerSecond'>;

export interface PublisherSettings {
  readonly bunny: Omit<BunnyOptions, keyof Transfer>;
  readonly folderPublisher: Omit<FolderPublisherOptions, keyof Transfer> | undefined;
}

/** Every publisher that there is, by its name; each opens itself where the settings have it. */
const PUBLISHERS: Readonly<
  Record<string, (settings: PublisherSettings, transfer: Transfer) => Publisher | undefined>
> = {
  bunny: ({ bunny }, transfer) => createBunnyPublisher(createBunny({ ...bunny, ...transfer }), bunny),
  folder: ({ folderPublisher: folder }, transfer) =>
    folder && createFolderPublisher({ ...folder, ...transfer }),
};

/** Opens the publishers that are set up, by their names; nothing is asked of them yet. */
export function openPublishers(
  settings: PublisherSettings,
  transfer: Transfer,
): ReadonlyMap<string, Publisher> {
  const opened = Object.entries(PUBLISHERS).map(([name, open]) => [name, open(settings, transfer)] as const);
  return new Map(opened.flatMap(([name, publisher]) => (publisher === undefined ? [] : [[name, publisher]])));
}
