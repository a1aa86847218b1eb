import type { ServiceWords } from '../../domain/services.ts';

export const WEBSITE: ServiceWords = {
  service: 'site',
  name: 'the website',
  keys: 'SITE_WEBHOOK_SECRET',
  address: 'SITE_WEBHOOK_URL',
};
