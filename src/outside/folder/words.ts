import type { ServiceWords } from '../../domain/services.ts';

export const FOLDER_STORE: ServiceWords = {
  service: 'folder',
  name: 'the folder store',
  keys: 'FOLDER_STORE',
  address: 'FOLDER_STORE',
  store: 'folder',
};

export const FOLDER_PUBLISHER: ServiceWords = {
  service: 'folder-publisher',
  name: 'the folder of published videos',
  keys: 'FOLDER_PUBLISHER',
  address: 'FOLDER_PUBLISHER',
  publisher: 'folder',
};
