import type { ServiceWords } from '../../domain/services.ts';

export const B2: ServiceWords = {
  service: 'b2',
  name: 'Backblaze B2',
  keys: 'B2_KEY_ID, B2_APPLICATION_KEY and B2_BUCKET',
  address: 'B2_API_URL',
  store: 'b2',
};
