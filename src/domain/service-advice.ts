import { adviceFor, type ErrorCode } from './error-catalogue.ts';

/** What people call each service, and the settings that say where it is and who asks. */
const SERVICES: Readonly<Record<string, Service>> = {
  zoom: {
    name: 'Zoom',
    keys: 'ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID and ZOOM_CLIENT_SECRET',
    address: 'ZOOM_API_URL and ZOOM_OAUTH_URL',
  },
  b2: { name: 'Backblaze B2', keys: 'B2_KEY_ID, B2_APPLICATION_KEY and B2_BUCKET', address: 'B2_API_URL' },
  bunny: { name: 'Bunny Stream', keys: 'BUNNY_LIBRARY_ID and BUNNY_API_KEY', address: 'BUNNY_API_URL' },
  folder: { name: 'the folder store', keys: 'FOLDER_STORE', address: 'FOLDER_STORE' },
  'folder-publisher': {
    name: 'the folder of published videos',
    keys: 'FOLDER_PUBLISHER',
    address: 'FOLDER_PUBLISHER',
  },
  site: { name: 'the website', keys: 'SITE_WEBHOOK_SECRET', address: 'SITE_WEBHOOK_URL' },
};

interface Service {
  readonly name: string;
  readonly keys: string;
  readonly address: string;
}

function serviceOf(id: string): Service {
  return SERVICES[id] ?? { name: id, keys: 'its settings', address: 'its address' };
}

/** What people call a service. */
export function serviceName(id: string): string {
  return serviceOf(id).name;
}

/** What a person can do about a service that answers with an error of this code: which setting, or where to look. */
export function serviceAdvice(service: string, code: ErrorCode): string {
  const { name, keys, address } = serviceOf(service);
  switch (code) {
    case 'REMOTE_UNAUTHORIZED':
      return `Correct ${keys} in .env, or give the key the rights that it lacks.`;
    case 'REMOTE_REJECTED':
      return `Read its words; if it is the settings: ${keys}, and ${address}.`;
    case 'REMOTE_UNAVAILABLE':
    case 'TRANSFER_STALLED':
      return `Look at the network and the firewall, and at what is known of ${name}; if ${address} is set, check it.`;
    case 'REMOTE_ANSWER_INVALID':
      return `Check ${address}: something else seems to answer there.`;
    default:
      return adviceFor(code, 'asked');
  }
}
