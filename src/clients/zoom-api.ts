import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import type { ZoomCredentials } from '../domain/zoom-account.ts';
import { type ZoomMeeting, zoomMeetingShape } from '../domain/zoom-meeting.ts';
import { type Request, type Response, readText, refusal, send, sendForJson } from './http.ts';

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

/** What a recording file is found by. */
export interface ZoomFileReference {
  /** Which of several accounts has it. */
  readonly accountId?: string | null;
  readonly meetingUuid: string;
  /** Some auxiliary files have none; those are found by what they are and when they began. */
  readonly fileId: string | null;
  readonly fileType?: string | null;
  readonly startedAt?: string | null;
}

/** Where a recording file can be had today. */
export interface FreshAddress {
  readonly url: string;
  readonly token: string;
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
  findFile(
    input: Omit<ZoomFileReference, 'accountId'> & { signal: AbortSignal },
  ): Promise<FreshAddress | undefined>;
  /** A recorded meeting by its UUID, or by its number: then the latest of that number. `undefined`: Zoom has none. */
  findMeeting(input: { uuidOrNumber: string; signal: AbortSignal }): Promise<RecordedMeeting | undefined>;
  /** Recordings of the whole account. Not every app may be given the scope for that. */
  listOfAccount(days: ListedDays): Promise<Page<RecordedMeeting>>;
  /** Recordings of one host, by id or address; none if the account has no such host. */
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

/** Whether Zoom has refused a call because the app has not been given the scope for it. */
export function isMissingScope(error: unknown): boolean {
  if (!(error instanceof KnownError)) return false;
  return error.code === 'REMOTE_UNAUTHORIZED' || /scope/i.test(error.message);
}

const lenientText = z.string().nullish().catch(null);

const recordedShape = zoomMeetingShapeWith({
  host_id: lenientText,
  share_url: lenientText,
  download_access_token: z.string().min(1).nullish().catch(null),
  recording_files: z.array(z.object({ play_url: lenientText }).catch({ play_url: null })).default([]),
});

/** A meeting, and what the REST interface tells of it beyond an event. */
function zoomMeetingShapeWith<Shape extends z.core.$ZodLooseShape>(more: Shape) {
  const extra = z.object(more);
  return z.unknown().transform((value, context) => {
    const meeting = zoomMeetingShape.safeParse(value);
    const rest = extra.safeParse(value);
    if (meeting.success && rest.success) return { meeting: meeting.data, rest: rest.data };
    context.addIssue({ code: 'custom', message: 'is no recorded meeting' });
    return z.NEVER;
  });
}

const meetingsShape = z.object({
  meetings: z.array(z.unknown()).default([]),
  next_page_token: z.string().optional(),
});

const userShape = z.object({ id: z.string(), email: z.string().nullable().catch(null).default(null) });

const usersShape = z.object({
  users: z.array(userShape).default([]),
  next_page_token: z.string().optional(),
});

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
      z.object({ access_token: z.string(), expires_in: z.number(), scope: z.string().default('') }),
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
    const items = page.meetings.flatMap((entry) => {
      // One odd entry must not cost the others.
      const parsed = recordedShape.safeParse(entry);
      return parsed.success ? [toRecordedMeeting(parsed.data)] : [];
    });
    return { items, nextPageToken: page.next_page_token || undefined };
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
      const token = recorded.rest.download_access_token ?? (await authorize(signal)).token;
      return { url: found.downloadUrl, token };
    },

    async findMeeting({ uuidOrNumber, signal }) {
      const recorded = await recordingsOf(uuidOrNumber, signal);
      return recorded && toRecordedMeeting(recorded);
    },

    listOfAccount: (days) => list('/accounts/me/recordings', days),

    listOfHost: ({ host, ...days }) =>
      list(`/users/${encodeURIComponent(host)}/recordings`, days).catch((error: unknown) => {
        // 404 where nobody has this name, 400 with Zoom's code 1010 where somebody of another account has.
        if (statusOf(error) === 404 || /"code":\s*(1001|1010)\b/.test(String(error))) {
          return { items: [], nextPageToken: undefined };
        }
        throw error;
      }),

    async listUsers({ pageToken, signal }) {
      const query = new URLSearchParams({ page_size: String(PAGE_SIZE) });
      if (pageToken !== undefined) query.set('next_page_token', pageToken);
      const page = await get(`/users?${query}`, usersShape, signal);
      return { items: page.users, nextPageToken: page.next_page_token || undefined };
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

function toRecordedMeeting({ meeting, rest }: z.output<typeof recordedShape>): RecordedMeeting {
  const links = [rest.share_url, ...rest.recording_files.map(({ play_url }) => play_url)];
  return {
    meeting,
    links: links.filter((link) => typeof link === 'string'),
    hostId: rest.host_id ?? null,
    downloadToken: rest.download_access_token ?? null,
  };
}

function statusOf(error: unknown): unknown {
  return error instanceof KnownError ? error.details['status'] : undefined;
}

function undefinedIfGone(error: unknown): undefined {
  if (statusOf(error) !== 404) throw error;
}

/**
 * The error for an answer outside 2xx. Zoom has two limits: one per second, of which it says no time, and one per day,
 * which ends at a time that it names in one of two headers, or else at midnight in UTC.
 */
function zoomRefusal(
  request: Request,
  status: number,
  text: string,
  headers: Response['headers'],
): KnownError {
  const error = refusal(request, status, text, headers);
  const isDaily = /daily/i.test(String(headers['x-ratelimit-type'] ?? '')) || /daily/i.test(text);
  if (status !== 429 || !isDaily || headers['retry-after'] !== undefined) return error;
  const nowMs = Date.now();
  const resetMs = Date.parse(String(headers['x-ratelimit-reset'] ?? ''));
  const midnightMs = new Date(nowMs).setUTCHours(24, 0, 0, 0);
  const untilMs = resetMs > nowMs ? Math.min(resetMs, midnightMs) : midnightMs;
  return new KnownError(error.message, {
    code: error.code,
    retry: { afterMs: untilMs - nowMs },
    details: error.details,
  });
}
