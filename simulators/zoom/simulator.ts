import { type Simulator, type SimulatorOptions, startSimulator } from '../shared/simulator.ts';
import { createApi } from './api.ts';
import { createCdn } from './cdn.ts';
import { createControl } from './control.ts';
import { createDownloads } from './downloads.ts';
import { createEvents, type Events, type MeetingRef } from './events.ts';
import { createMeetingStore, type Meeting, type MeetingFile, type MeetingInput } from './meetings.ts';
import { createOauth, type OauthAccount } from './oauth.ts';
import { createTokens, type ExpiringTokens } from './tokens.ts';
import { createWebhooks, type Webhooks } from './webhooks.ts';

/** How the simulated Zoom is set up; all optional. */
export interface ZoomSimulatorOptions extends SimulatorOptions {
  /** The port of the second origin, which serves the bytes; default any free one. */
  readonly cdnPort?: number;
  /** The app's secret, which signs webhooks. */
  readonly secretToken?: string;
  readonly accountId?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  /** Further accounts that may ask for tokens; their meetings are the same. */
  readonly otherAccounts?: readonly OauthAccount[];
  /** Whether downloads honour `Range`; default true, though Zoom promises neither. */
  readonly supportsRange?: boolean;
  /** The pauses between the attempts of a delivery; default 5, 20 and 60 minutes. */
  readonly retryStepsMs?: readonly number[];
  /** How long a receiver may take to answer; default 3 s. */
  readonly answerTimeoutMs?: number;
  /** The life of download tokens; default 24 h. */
  readonly tokenTtlMs?: number;
  /** The life of OAuth access tokens; default 1 h. */
  readonly accessTokenTtlMs?: number;
  /** The scopes of the app, with blanks between; default those that Sluice asks for. */
  readonly scope?: string;
  /** The life of the signed URLs of the CDN; default 1 h. */
  readonly cdnLinkTtlMs?: number;
}

/** A meeting as the simulator tells of it; each telling carries new download URLs, for webhook tokens. */
export interface MeetingView extends Omit<Meeting, 'files'> {
  readonly files: readonly (Omit<MeetingFile, 'source'> & { readonly downloadUrl: string })[];
}

/** What tests and demos do with the simulated Zoom. */
export interface ZoomControls extends Events, Omit<Webhooks, 'close'> {
  /** Records a meeting; the sizes of its files are those on disk. */
  addMeeting(input: MeetingInput): Promise<MeetingView>;
  meetings(): readonly MeetingView[];
  /** The meeting as it is now, with the states of its files. */
  meeting(meeting: MeetingRef): MeetingView | undefined;
  /** Ends tokens issued so far: those for downloads (default), those of the REST interface, or all. */
  expireTokens(which?: ExpiringTokens): void;
  /** How many requests reached the CDN with an `Authorization` header. */
  readonly leaks: number;
}

/** A running Zoom: the web origin (this simulator) and the CDN. */
export interface ZoomSimulator extends Simulator, ZoomControls {
  /** The same as `url`: downloads, OAuth and the REST interface. */
  readonly webUrl: string;
  readonly cdnUrl: string;
  readonly apiUrl: string;
  readonly oauthUrl: string;
  readonly secretToken: string;
  readonly accountId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The origin of the bytes, with its own request log, faults and link. */
  readonly cdn: Simulator;
}

const HOUR_MS = 3_600_000;

const SCOPE = [
  'cloud_recording:read:list_recording_files:admin',
  'cloud_recording:read:list_account_recordings:master',
  'cloud_recording:read:list_user_recordings:admin',
  'cloud_recording:delete:meeting_recording:admin',
  'cloud_recording:delete:recording_file:admin',
  'user:read:list_users:admin',
  'user:read:user:admin',
].join(' ');

/** Starts a stand-in for Zoom: webhooks, downloads, OAuth and the REST interface for cloud recordings. */
export async function startZoomSimulator(options: ZoomSimulatorOptions = {}): Promise<ZoomSimulator> {
  const {
    secretToken = 'zoom-secret-token',
    accountId = 'zoom-account-id',
    clientId = 'zoom-client-id',
    clientSecret = 'zoom-client-secret',
    otherAccounts = [],
    supportsRange = true,
    retryStepsMs = [300_000, 1_200_000, 3_600_000],
    answerTimeoutMs = 3000,
    tokenTtlMs = 24 * HOUR_MS,
    accessTokenTtlMs = HOUR_MS,
    scope = SCOPE,
    cdnLinkTtlMs = HOUR_MS,
  } = options;
  const { host, port, bytesPerSecond, tls } = options;
  const origins = { web: '', cdn: '' };
  const webUrl = () => origins.web;

  const store = createMeetingStore();
  const tokens = createTokens(accountId);
  const cdn = createCdn({ supportsRange, cdnUrl: () => origins.cdn, linkTtlMs: cdnLinkTtlMs });
  const downloads = createDownloads({ tokens, webUrl, cdnLink: cdn.link });
  const events = createEvents({ store, tokens, downloads, accountId, tokenTtlMs, webUrl });
  const { close: closeWebhooks, ...webhooks } = createWebhooks({
    secretToken,
    clientId,
    retryStepsMs,
    answerTimeoutMs,
  });
  const handleOauth = createOauth({
    tokens,
    accounts: [{ accountId, clientId, clientSecret }, ...otherAccounts],
    accessTokenTtlMs,
    scope,
    apiBaseUrl: webUrl,
  });
  const handleApi = createApi({ store, tokens, downloads, accountId, tokenTtlMs, webUrl, scope });

  function toView(meeting: Meeting): MeetingView {
    const files = meeting.files.map((file) => {
      const { source: _, ...shown } = file;
      return { ...shown, downloadUrl: downloads.webhookUrl(meeting, file) };
    });
    return { ...meeting, files };
  }

  const controls: ZoomControls = {
    ...events,
    ...webhooks,
    addMeeting: async (input) => toView(await store.add(input)),
    meetings: () => store.meetings.map(toView),
    meeting(ref) {
      const meeting = store.byUuid(ref.uuid);
      return meeting && toView(meeting);
    },
    expireTokens: (which = 'download') => tokens.expire(which),
    get leaks() {
      return cdn.leaks;
    },
  };

  const cdnOrigin = await startSimulator({ host, port: options.cdnPort, bytesPerSecond, tls }, cdn.handle);
  const web = await startSimulator(
    { host, port, bytesPerSecond, tls },
    async (request) =>
      downloads.handle(request) ??
      (await handleOauth(request)) ??
      (await handleApi(request)) ?? { status: 404, body: { message: 'No such page.' } },
    createControl(controls),
  ).catch(async (error: unknown) => {
    await cdnOrigin.close();
    throw error;
  });
  origins.cdn = cdnOrigin.url;
  origins.web = web.url;

  return {
    ...web,
    ...controls,
    get leaks() {
      return cdn.leaks;
    },
    webUrl: web.url,
    cdnUrl: cdnOrigin.url,
    apiUrl: `${web.url}/v2`,
    oauthUrl: `${web.url}/oauth/token`,
    secretToken,
    accountId,
    clientId,
    clientSecret,
    cdn: cdnOrigin,
    async close() {
      closeWebhooks();
      await Promise.all([web.close(), cdnOrigin.close()]);
    },
  };
}
