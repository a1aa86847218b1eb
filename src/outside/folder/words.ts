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

export const MEDIA_IN: ServiceWords = {
  service: 'media-in',
  name: 'the media input',
  keys: 'MEDIA_IN, and of a bucket S3_KEY_ID and S3_SECRET',
  address: 'MEDIA_IN, and of a bucket S3_ENDPOINT and S3_REGION',
};

export const MEDIA_OUT: ServiceWords = {
  service: 'media-out',
  name: 'the media output',
  keys: 'MEDIA_OUT, and of a bucket S3_KEY_ID and S3_SECRET',
  address: 'MEDIA_OUT, and of a bucket S3_ENDPOINT and S3_REGION',
};
