import type { ServiceWords } from '../../domain/services.ts';

export const S3: ServiceWords = {
  service: 's3',
  name: 'the S3 store',
  keys: 'S3_KEY_ID and S3_SECRET',
  address: 'S3_ENDPOINT, S3_REGION and S3_BUCKET',
  store: 's3',
};
