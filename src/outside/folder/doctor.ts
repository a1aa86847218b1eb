import type { Checkup } from '../checkup.ts';
import { checkFolderPublisher, type FolderPublisherCheckSettings } from './publisher-check.ts';
import { checkFolderStore, type FolderStoreCheckSettings } from './store-check.ts';
import { FOLDER_PUBLISHER, FOLDER_STORE } from './words.ts';

export const FOLDER_STORE_CHECKUP: Checkup<FolderStoreCheckSettings> = {
  name: 'folder store',
  service: FOLDER_STORE.service,
  needs: ['FOLDER_STORE', 'DATA_DIR', 'DISK_RESERVE_BYTES'],
  check: checkFolderStore,
};

export const FOLDER_PUBLISHER_CHECKUP: Checkup<FolderPublisherCheckSettings> = {
  name: 'folder publisher',
  service: FOLDER_PUBLISHER.service,
  needs: ['FOLDER_PUBLISHER', 'FOLDER_PUBLISHER_URL', 'DATA_DIR', 'DISK_RESERVE_BYTES'],
  check: (settings, { signal }) => checkFolderPublisher(settings, signal),
};
