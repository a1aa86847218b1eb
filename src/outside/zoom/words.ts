import type { ServiceWords } from '../../domain/services.ts';

export const ZOOM: ServiceWords = {
  service: 'zoom',
  name: 'Zoom',
  keys: 'ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID and ZOOM_CLIENT_SECRET',
  address: 'ZOOM_API_URL and ZOOM_OAUTH_URL',
  source: 'zoom',
};
