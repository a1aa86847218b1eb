import { type Finding, fail, ok, warn } from '../../domain/finding.ts';
import type { Checkup } from '../checkup.ts';
import { loadZoomAccounts, type ZoomAccountSettings } from './accounts.ts';
import { createZoomApi } from './client.ts';
import { ZOOM } from './words.ts';

const IDLE_TIMEOUT_MS = 15_000;

/** The scope for asking where a recording is, as Zoom names it today and as it did before. */
const ZOOM_SCOPE = 'cloud_recording:read:list_recording_files:admin';
const FITTING_SCOPE = /^(cloud_recording:read:list_recording_files|recording:read)(:admin|:master)?$/;

interface Settings {
  readonly zoom: ZoomAccountSettings & { readonly apiUrl: string; readonly oauthUrl: string };
}

export const ZOOM_CHECKUP: Checkup<Settings> = {
  name: ZOOM.name,
  service: ZOOM.service,
  needs: [
    'ZOOM_ACCOUNTS_FILE',
    'ZOOM_RULES_FILE',
    'ZOOM_ACCOUNT_ID',
    'ZOOM_CLIENT_ID',
    'ZOOM_CLIENT_SECRET',
    'ZOOM_API_URL',
    'ZOOM_OAUTH_URL',
  ],
  clock: { setting: 'ZOOM_OAUTH_URL', urlOf: ({ zoom }) => zoom.oauthUrl },
  door: '/zoom-upload',
  check: ({ zoom }, { signal }) => checkZoom(zoom, signal),
};

/** The accounts, their credentials, and the scopes of their apps. */
async function checkZoom(zoom: Settings['zoom'], signal: AbortSignal): Promise<Finding> {
  const accounts = loadZoomAccounts(zoom);
  const lacking: string[] = [];
  for (const { credentials } of accounts) {
    if (credentials === undefined) continue;
    const api = createZoomApi({ ...zoom, credentials, idleTimeoutMs: IDLE_TIMEOUT_MS });
    const scopes = await api.grantedScopes({ signal });
    if (!scopes.some((scope) => FITTING_SCOPE.test(scope))) lacking.push(credentials.accountId);
  }
  if (lacking.length > 0) {
    return fail(
      `the app of ${lacking.join(', ')} lacks the scope ${ZOOM_SCOPE}`,
      'Add it to the Server-to-Server OAuth app in the Zoom Marketplace, and activate the app again.',
    );
  }
  const bare = accounts.filter(({ credentials }) => credentials === undefined);
  if (bare.length > 0) {
    const which = accounts.length === 1 ? '' : ` of ${bare.map(({ id }) => id).join(', ')}`;
    return warn(
      `webhooks only: the OAuth credentials${which} are not set (ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID, ZOOM_CLIENT_SECRET)`,
      'Download tokens end after a day; a recording that waits longer fails without them.',
    );
  }
  return ok(
    `account ${accounts.map(({ id, credentials }) => id ?? credentials?.accountId).join(', ')}; recordings may be listed`,
  );
}
