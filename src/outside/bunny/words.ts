import type { ServiceWords } from '../../domain/services.ts';

export const BUNNY: ServiceWords = {
  service: 'bunny',
  name: 'Bunny Stream',
  keys: 'BUNNY_LIBRARY_ID and BUNNY_API_KEY',
  address: 'BUNNY_API_URL',
  publisher: 'bunny',
};
