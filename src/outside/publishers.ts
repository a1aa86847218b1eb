import { type BunnyOptions, createBunny } from '../clients/bunny.ts';
import type { Publisher } from '../engine/ports/publisher.ts';
import { createBunnyPublisher } from './bunny/publisher.ts';
import { createFolderPublisher, type FolderPublisherOptions } from './folder/publisher.ts';

export interface PublishersOptions {
  readonly bunny: BunnyOptions;
  readonly folderPublisher: FolderPublisherOptions | undefined;
}

/** The publishers that are set up, by their name; each is a folder beside this file and a line here. */
export function openPublishers(options: PublishersOptions): ReadonlyMap<string, Publisher> {
  const { bunny, folderPublisher } = options;
  const all: readonly (Publisher | undefined)[] = [
    createBunnyPublisher({ bunny: createBunny(bunny), libraryId: bunny.libraryId }),
    folderPublisher && createFolderPublisher(folderPublisher),
  ];
  return new Map(all.filter((each) => each !== undefined).map((each) => [each.name, each]));
}
