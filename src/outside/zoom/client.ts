import { z } from 'zod';
import { KnownError } from '../../domain/errors.ts';
import type { FreshAddress, SourceFile } from '../../engine/ports/source.ts';
import { type Request, type Response, readText, refusal, send, sendForJson } from '../../lib/http.ts';
import { wallMs } from '../../lib/wall-time.ts';
import type { ZoomCredentials } from './account.ts';
import { isRaw, listIn, readMeeting, textIn, type ZoomMeeting } from './meeting.ts';

/** Seconds for which a fresh download token is asked: the most that Zoom gives. */
const DOWNLOAD_TOKEN_TTL_S = 604_800;

/** A token is replaced this long before it ends, in milliseconds. */
const TOKEN_MARGIN_MS = 60_000;

/** How many entries a page of a listing has: the most that Zoom gives. */
const PAGE_SIZE = 300;

export interface ZoomApiOptions {
  readonly apiUrl: string;
  readonly oauthUrl: string;
  readonly credentials: ZoomCredentials;
  readonly idleTimeoutMs: number;
}

/** A recorded meeting as the REST interface tells of it. */
export interface RecordedMeeting {
  readonly meeting: ZoomMeeting;
  /** Pages of Zoom on which people find it. */
  readonly links: readonly string[];
  readonly hostId: string | null;
  /** Opens the download addresses, for a week; a secret. Only where it was asked for, and Zoom gave it. */
  readonly downloadToken: string | null;
}

/** Somebody who can host meetings. */
export interface ZoomUser {
  readonly id: string;
  readonly email: string | null;
}

/** One page of a listing. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** How many entries could not be read. */
  readonly unreadable: number;
  /** Asks for the next page; `undefined` on the last. Valid for a quarter of an hour. */
  readonly nextPageToken: string | undefined;
}

export interface ListedDays {
  /** Days in UTC, `yyyy-mm-dd`, both included, at most a month: of a longer span Zoom silently tells the end only. */
  readonly from: string;
  readonly to: string;
  readonly pageToken?: string | undefined;
  readonly signal: AbortSignal;
}

/** Zoom's REST API with Server-to-Server OAuth, reduced to cloud recordings. Every call makes one attempt. */
export interface ZoomApi {
  /** What the app of these credentials may do. */
  grantedScopes(input: { signal: AbortSignal }): Promise<readonly string[]>;
  /** The file's address of today, or `undefined` if Zoom no longer has the meeting or the file. */
  findFile(input: Omit<SourceFile, 'accountId'> & { signal: AbortSignal }): Promise<FreshAddress | undefined>;
  /** A recorded meeting by its UUID, or by its number: then the latest of that number. `undefined`: Zoom has none. */
  findMeeting(input: { uuidOrNumber: string; signal: AbortSignal }): Promise<RecordedMeeting | undefined>;
  /** Recordings of the whole account. Not every app may be given the scope for that. */
  listOfAccount(days: ListedDays): Promise<Page<RecordedMeeting>>;
  /** Recordings of one host, by id or address; see {@link isUnknownHost}. */
  listOfHost(days: ListedDays & { host: string }): Promise<Page<RecordedMeeting>>;
  listUsers(input: { pageToken?: string | undefined; signal: AbortSignal }): Promise<Page<ZoomUser>>;
  /** `undefined`: the account has no such user, or no longer. */
  findUser(input: { userId: string; signal: AbortSignal }): Promise<ZoomUser | undefined>;
  /** Moves a file to the trash, from where people can take it back for 30 days. False: it was not there any more. */
  trashFile(input: { meetingUuid: string; fileId: string; signal: AbortSignal }): Promise<boolean>;
}

/**
 * A meeting's UUID as a part of a path: encoded, and encoded once more where it begins with a slash or has two in a row
 * (Zoom, meeting API).
 */
export function encodeMeetingUuid(uuid: string): string {
  const once = encodeURIComponent(uuid);
  return uuid.startsWith('/') || uuid.includes('//') ? encodeURIComponent(once) : once;
}

/** What Zoom calls a token that lacks a scope (4711, and 104 of older apps), or an app without the right to a call. */
const MISSING_SCOPE: readonly unknown[] = [104, 200, 4711];

/** The recording does not exist. */
const NO_RECORDING = 3301;

/** Nobody has this name; somebody of another account has. */
const UNKNOWN_HOST: readonly unknown[] = [1001, 1010];

/** Whether Zoom has refused a call because the app has not been given the scope for it. */
export function isMissingScope(error: unknown): boolean {
  if (!(error instanceof KnownError)) return false;
  return error.code === 'REMOTE_UNAUTHORIZED' || MISSING_SCOPE.includes(error.details['zoomCode']);
}

/** Whether Zoom has said that the account has no such host. */
export function isUnknownHost(error: unknown): boolean {
  if (!(error instanceof KnownError)) return false;
  return error.details['status'] === 404 || UNKNOWN_HOST.includes(error.details['zoomCode']);
}

/** A meeting, and what the REST interface tells of it beyond an event. */
const recordedShape = z.unknown().transform((value, context): RecordedMeeting => {
  const meeting = readMeeting(value);
  if (meeting === undefined || !isRaw(value)) {
    context.addIssue({ code: 'custom', message: 'is no recorded meeting' });
    return z.NEVER;
  }
  const files = listIn(value['recording_files']);
  const links = [value['share_url'], ...files.map((file) => (isRaw(file) ? file['play_url'] : null))];
  return {
    meeting,
    links: links.filter((link) => typeof link === 'string'),
    hostId: textIn(value['host_id']),
    downloadToken: textIn(value['download_access_token']),
  };
});

/** A list of which one odd entry does not cost the others. */
const listShape = z
  .unknown()
  .default(null)
  .refine((value) => value === null || Array.isArray(value), { error: 'is no list' })
  .transform(listIn);

const pageTokenShape = z
  .unknown()
  .default(null)
  .transform((value) => textIn(value) ?? undefined);

const meetingsShape = z.object({ meetings: listShape, next_page_token: pageTokenShape });

const usersShape = z.object({ users: listShape, next_page_token: pageTokenShape });

const userShape = z.unknown().transform((value, context): ZoomUser => {
  const email = isRaw(value) ? textIn(value['email']) : null;
  // Zoom takes either as the name of a host.
  const id = (isRaw(value) ? textIn(value['id']) : null) ?? email;
  if (id !== null) return { id, email };
  context.addIssue({ code: 'custom', message: 'is no user' });
  return z.NEVER;
});

/** How long a token is taken to work of which Zoom does not say it, in seconds; a refused one is replaced anyway. */
const TOKEN_TTL_S = 3600;

const oauthShape = z.object({
  access_token: z.string(),
  expires_in: z.coerce.number().positive().catch(TOKEN_TTL_S),
  scope: z.string().catch(''),
});

/** The token of the next page; one that leads to the page it came with would lead nowhere. */
function nextOf(next: string | undefined, asked: string | undefined): string | undefined {
  return next === asked ? undefined : next;
}

function readPage<Item>(
  entries: readonly unknown[],
  shape: z.ZodType<Item>,
  nextPageToken: string | undefined,
): Page<Item> {
  const items = entries.flatMap((entry) => {
    const parsed = shape.safeParse(entry);
    return parsed.success ? [parsed.data] : [];
  });
  return { items, unreadable: entries.length - items.length, nextPageToken };
}

export function createZoomApi(options: ZoomApiOptions): ZoomApi {
  const { apiUrl, oauthUrl, credentials, idleTimeoutMs } = options;
  let access: { token: string; scopes: readonly string[]; endsAtMs: number } | undefined;

  async function authorize(signal: AbortSignal) {
    if (access !== undefined && access.endsAtMs - TOKEN_MARGIN_MS > performance.now()) return access;
    const { accountId, clientId, clientSecret } = credentials;
    const answer = await sendForJson(
      {
        service: 'Zoom',
        method: 'POST',
        url: oauthUrl,
        headers: {
          authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams({ grant_type: 'account_credentials', account_id: accountId }).toString(),
        signal,
        idleTimeoutMs,
      },
      oauthShape,
    );
    access = {
      token: answer.access_token,
      scopes: answer.scope.split(/[\s,]+/).filter(Boolean),
      endsAtMs: performance.now() + answer.expires_in * 1000,
    };
    return access;
  }

  /** With an access token, and once more with a new one where Zoom no longer knows the one that it gave. */
  async function authorized<T>(
    method: string,
    path: string,
    signal: AbortSignal,
    ask: (request: Request) => Promise<T>,
  ): Promise<T> {
    for (let isFresh = false; ; isFresh = true) {
      const headers = { authorization: `Bearer ${(await authorize(signal)).token}` };
      const url = `${apiUrl}${path}`;
      try {
        return await ask({ service: 'Zoom', method, url, headers, signal, idleTimeoutMs });
      } catch (error) {
        if (isFresh || !(error instanceof KnownError) || error.details['status'] !== 401) throw error;
        access = undefined;
      }
    }
  }

  function get<T>(path: string, shape: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    return authorized('GET', path, signal, (request) => sendForJson(request, shape, zoomRefusal));
  }

  async function recordingsOf(uuidOrNumber: string, signal: AbortSignal) {
    const query = `include_fields=download_access_token&ttl=${DOWNLOAD_TOKEN_TTL_S}`;
    const path = `/meetings/${encodeMeetingUuid(uuidOrNumber)}/recordings?${query}`;
    return await get(path, recordedShape, signal).catch(undefinedIfGone);
  }

  async function list(path: string, { from, to, pageToken, signal }: ListedDays) {
    const query = new URLSearchParams({ from, to, page_size: String(PAGE_SIZE) });
    if (pageToken !== undefined) query.set('next_page_token', pageToken);
    const page = await get(`${path}?${query}`, meetingsShape, signal);
    return readPage(page.meetings, recordedShape, nextOf(page.next_page_token, pageToken));
  }

  return {
    grantedScopes: async ({ signal }) => (await authorize(signal)).scopes,

    async findFile({ meetingUuid, fileId, fileType, startedAt, signal }) {
      const recorded = await recordingsOf(meetingUuid, signal);
      const found = recorded?.meeting.files.find((file) =>
        fileId === null
          ? file.id === null && file.fileType === fileType && file.startedAt === startedAt
          : file.id === fileId,
      );
      if (recorded === undefined || !found?.downloadUrl) return undefined;
      // An owner without "View the recording content" gets no token of the meeting; the API's own opens it as well.
      const token = recorded.downloadToken ?? (await authorize(signal)).token;
      return { url: found.downloadUrl, token, bytes: found.bytes || null };
    },

    findMeeting: ({ uuidOrNumber, signal }) => recordingsOf(uuidOrNumber, signal),

    listOfAccount: (days) => list('/accounts/me/recordings', days),

    listOfHost: ({ host, ...days }) => list(`/users/${encodeURIComponent(host)}/recordings`, days),

    async listUsers({ pageToken, signal }) {
      const query = new URLSearchParams({ page_size: String(PAGE_SIZE) });
      if (pageToken !== undefined) query.set('next_page_token', pageToken);
      const page = await get(`/users?${query}`, usersShape, signal);
      return readPage(page.users, userShape, nextOf(page.next_page_token, pageToken));
    },

    findUser: ({ userId, signal }) =>
      get(`/users/${encodeURIComponent(userId)}`, userShape, signal).catch(undefinedIfGone),

    async trashFile({ meetingUuid, fileId, signal }) {
      const file = `/meetings/${encodeMeetingUuid(meetingUuid)}/recordings/${encodeURIComponent(fileId)}`;
      // The action is always named: the other one is for ever.
      const answer = await authorized('DELETE', `${file}?action=trash`, signal, async (request) => {
        const response = await send(request);
        const text = await readText(request, response);
        if (response.status >= 200 && response.status <= 299) return 'trashed';
        throw zoomRefusal(request, response.status, text, response.headers);
      }).catch(undefinedIfGone);
      return answer !== undefined;
    },
  };
}

function undefinedIfGone(error: unknown): undefined {
  if (!(error instanceof KnownError)) throw error;
  const { status, zoomCode } = error.details;
  if (status !== 404 && zoomCode !== NO_RECORDING) throw error;
}

/** What Zoom calls the reason of a refusal, in the body of its answer. */
function zoomCodeIn(text: string): number | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const code = isRaw(value) ? Number(textIn(value['code']) ?? Number.NaN) : Number.NaN;
    return Number.isInteger(code) ? code : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The error for an answer outside 2xx, with Zoom's own code among its details. Zoom has two limits: one per second, of which it says no time, and one per day,
 * which ends at a time that it names in one of two headers, or else at midnight in UTC.
 */
function zoomRefusal(
  request: Request,
  status: number,
  text: string,
  headers: Response['headers'],
): KnownError {
  const plain = refusal(request, status, text, headers);
  const zoomCode = zoomCodeIn(text);
  const { code, retry, message } = plain;
  const error = new KnownError(message, { code, retry, details: { ...plain.details, zoomCode } });
  const isDaily = /daily/i.test(String(headers['x-ratelimit-type'] ?? '')) || /daily/i.test(text);
  if (status !== 429 || !isDaily || headers['retry-after'] !== undefined) return error;
  const nowMs = wallMs();
  const resetMs = Date.parse(String(headers['x-ratelimit-reset'] ?? ''));
  const midnightMs = new Date(nowMs).setUTCHours(24, 0, 0, 0);
  const untilMs = resetMs > nowMs ? Math.min(resetMs, midnightMs) : midnightMs;
  return new KnownError(error.message, {
    code: error.code,
    retry: { afterMs: untilMs - nowMs },
    details: error.details,
  });
}
