import { randomUUID } from 'node:crypto';
import type { Config } from '../../config/config.ts';
import { createB2 } from '../../outside/b2/client.ts';
import { createBunny } from '../../outside/bunny/client.ts';
import { createSite } from '../../outside/website/client.ts';
import { loadZoomAccounts } from '../../outside/zoom/accounts.ts';
import { createZoomApi } from '../../outside/zoom/client.ts';
import { type Finding, fail, ok, warn } from './check.ts';

const IDLE_TIMEOUT_MS = 15_000;

const NEEDED = ['listBuckets', 'listFiles', 'readFiles', 'writeFiles'];

/** The scope for asking where a recording is, as Zoom names it today and as it did before. */
const ZOOM_SCOPE = 'cloud_recording:read:list_recording_files:admin';
const FITTING_SCOPE = /^(cloud_recording:read:list_recording_files|recording:read)(:admin|:master)?$/;

/** The credentials, the bucket, and what the key may do. */
export async function checkB2({ b2 }: Config, signal: AbortSignal): Promise<Finding> {
  const client = createB2({ ...b2, idleTimeoutMs: IDLE_TIMEOUT_MS });
  const { capabilities, namePrefix } = await client.keyRights({ signal });
  const missing = NEEDED.filter((name) => !capabilities.includes(name));
  const advice = 'Make an application key for this bucket with all of them, and put it into .env.';
  if (missing.length > 0) return fail(`the key lacks ${missing.join(', ')}`, advice);
  if (namePrefix) {
    return fail(
      `the key is only for names that begin with ${namePrefix}`,
      'Make an application key without a file name prefix.',
    );
  }
  if (!capabilities.includes('deleteFiles')) {
    return warn(
      `bucket ${b2.bucket}; the key lacks deleteFiles`,
      'All works, but the archived file of a recording that is cancelled late stays in B2.',
    );
  }
  return ok(`bucket ${b2.bucket}; the key may do all that is needed`);
}

/** The library and its key. */
export async function checkBunny({ bunny }: Config, signal: AbortSignal): Promise<Finding> {
  const videos = await createBunny({ ...bunny, idleTimeoutMs: IDLE_TIMEOUT_MS }).countVideos({ signal });
  const library = `library ${bunny.libraryId}, ${videos} videos`;
  if (bunny.apiKey === bunny.readOnlyApiKey) {
    return fail(
      `${library}; BUNNY_API_KEY is the Read-Only key`,
      'Put the library\'s "API Key" there, which may write.',
    );
  }
  if (bunny.readOnlyApiKey === undefined) {
    return warn(
      `${library}; BUNNY_READ_ONLY_API_KEY is not set`,
      "Without it Bunny's webhooks are refused, and videos are looked at now and then instead.",
    );
  }
  return ok(library);
}

/** The accounts, their credentials, and the scopes of their apps. */
export async function checkZoom({ zoom }: Config, signal: AbortSignal): Promise<Finding> {
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

/**
 * Whether the website's address takes announcements. It is sent `sluice.test`, a type that asks for nothing: without a
 * signature, so that a refusal is what is right; or signed, where that was asked for.
 */
export async function checkSite(
  { site }: Config,
  { sendsEvent, signal }: { readonly sendsEvent: boolean; readonly signal: AbortSignal },
): Promise<Finding> {
  const client = createSite(site);
  const timestamp = new Date().toISOString();
  const body = JSON.stringify({ type: 'sluice.test', timestamp, data: {} });
  if (sendsEvent) {
    await client.announce({ id: `msg_test_${randomUUID()}`, body, signal });
    return ok('has taken a signed test announcement');
  }
  return judgeSite(await client.probe({ body, signal }));
}

function judgeSite(status: number): Finding {
  if (status === 404 || status === 405 || status === 410 || (status >= 300 && status < 400)) {
    return fail(`answers ${status}: announcements do not belong there`, 'Correct SITE_WEBHOOK_URL.');
  }
  if (status >= 500) {
    return fail(
      `answers ${status}`,
      'Look at the website; announcements are kept and tried again meanwhile.',
    );
  }
  if (status >= 200 && status < 300) {
    return warn(
      `answers ${status} to what is not signed`,
      'Anybody could announce recordings to it: let it verify signatures (docs/website.md).',
    );
  }
  return ok(`is there, and refuses what is not signed (${status}); --site-event tries the signature`);
}
