import type { Answer, SimulatorRequest } from '../shared/simulator.ts';
import { failure, NOT_RECOGNISED, RECORDING_NOT_FOUND } from './api-errors.ts';
import type { Downloads } from './downloads.ts';
import { type Meeting, type MeetingStore, type User, visibleFiles } from './meetings.ts';
import { paginate, toDateSpan } from './pages.ts';
import { toRecordingObject } from './recording-object.ts';
import type { Tokens } from './tokens.ts';
import { toMeetingKey } from './uuid.ts';

/** What the REST interface is set up with. */
export interface ApiOptions {
  readonly store: MeetingStore;
  readonly tokens: Tokens;
  readonly downloads: Downloads;
  readonly accountId: string;
  readonly tokenTtlMs: number;
  readonly webUrl: () => string;
  /** What the app may do; calls without their scope are refused. */
  readonly scope: string;
}

const MAX_TTL_S = 604_800;

/** Creates the cloud-recording part of `/v2` (Zoom, API reference: cloud recording, users). */
export function createApi({ store, tokens, downloads, accountId, tokenTtlMs, webUrl, scope }: ApiOptions) {
  /** Each with the scope that it needs, where the simulator looks at scopes. */
  const routes: readonly (readonly [RegExp, Route, scope?: string])[] = [
    [/^GET \/v2\/users$/, listUsers, 'user:read:list_users'],
    [/^GET \/v2\/users\/([^/]+)$/, getUser, 'user:read:user'],
    [/^GET \/v2\/users\/([^/]+)\/recordings$/, listOfUser, 'cloud_recording:read:list_user_recordings'],
    [
      /^GET \/v2\/accounts\/([^/]+)\/recordings$/,
      listOfAccount,
      'cloud_recording:read:list_account_recordings',
    ],
    [
      /^GET \/v2\/meetings\/([^/]+)\/recordings$/,
      onMeeting(getRecordings),
      'cloud_recording:read:list_recording_files',
    ],
    [
      /^DELETE \/v2\/meetings\/([^/]+)\/recordings$/,
      onMeeting(remove),
      'cloud_recording:delete:meeting_recording',
    ],
    [/^PUT \/v2\/meetings\/([^/]+)\/recordings\/status$/, onMeeting(recover)],
    [
      /^DELETE \/v2\/meetings\/([^/]+)\/recordings\/([^/]+)$/,
      onMeeting(remove),
      'cloud_recording:delete:recording_file',
    ],
    [/^PUT \/v2\/meetings\/([^/]+)\/recordings\/([^/]+)\/status$/, onMeeting(recover)],
  ];

  function toRecording(meeting: Meeting) {
    return toRecordingObject(meeting, { accountId, webUrl: webUrl(), downloadUrl: downloads.apiUrl });
  }

  /** Finds the meeting that the path names by number or uuid, whose slashes may need to be encoded twice. */
  function onMeeting(
    act: (meeting: Meeting, request: SimulatorRequest, fileId?: string) => Answer | Promise<Answer>,
  ): Route {
    return (request, segment = '', fileSegment) => {
      const key = toMeetingKey(segment);
      if (key === undefined) return NOT_RECOGNISED;
      const meeting = /^\d{9,12}$/.test(key) ? store.latestById(Number(key)) : store.byUuid(key);
      if (!meeting) return RECORDING_NOT_FOUND;
      return act(meeting, request, fileSegment === undefined ? undefined : decodeURIComponent(fileSegment));
    };
  }

  function getRecordings(meeting: Meeting, { url: { searchParams } }: SimulatorRequest): Answer {
    if (visibleFiles(meeting).length === 0) return RECORDING_NOT_FOUND;
    const wantsToken =
      searchParams.get('include_fields')?.split(',').includes('download_access_token') ?? false;
    const ttlS = searchParams.get('ttl');
    if (ttlS !== null && !(/^\d{1,6}$/.test(ttlS) && Number(ttlS) <= MAX_TTL_S)) {
      return failure(400, 300, 'Invalid field: ttl.');
    }
    const ttlMs = ttlS === null ? tokenTtlMs : Number(ttlS) * 1000;
    const issue = () => tokens.issue({ kind: 'api', mid: meeting.uuid, userId: meeting.hostId, ttlMs });
    return {
      status: 200,
      body: { ...toRecording(meeting), ...(wantsToken ? { download_access_token: issue() } : {}) },
    };
  }

  function remove(meeting: Meeting, { url }: SimulatorRequest, fileId?: string): Answer {
    const action = url.searchParams.get('action') ?? 'trash';
    if (action !== 'trash' && action !== 'delete') return failure(400, 300, 'Invalid field: action.');
    const isMoved =
      action === 'trash'
        ? store.move(meeting, ['present'], 'trashed', fileId)
        : store.move(meeting, ['present', 'trashed'], 'deleted', fileId);
    return isMoved ? { status: 204 } : RECORDING_NOT_FOUND;
  }

  async function recover(meeting: Meeting, request: SimulatorRequest, fileId?: string): Promise<Answer> {
    const body = await request.json();
    const isRecovery =
      typeof body === 'object' && body !== null && 'action' in body && body.action === 'recover';
    if (!isRecovery) return failure(400, 300, 'Invalid field: action.');
    return store.move(meeting, ['trashed'], 'present', fileId) ? { status: 204 } : RECORDING_NOT_FOUND;
  }

  function listUsers({ url: { searchParams } }: SimulatorRequest): Answer {
    const page = paginate(store.users, searchParams);
    if (!page) return failure(400, 300, 'The next page token is invalid or expired.');
    return { status: 200, body: { ...page.fields, users: page.items.map(toUser) } };
  }

  function getUser(_request: SimulatorRequest, userId = ''): Answer {
    const name = decodeURIComponent(userId);
    const user = store.users.find(({ id, email }) => id === name || email === name);
    return user ? { status: 200, body: toUser(user) } : failure(404, 1001, `User does not exist: ${name}.`);
  }

  function listOfUser(request: SimulatorRequest, userId = ''): Answer {
    const name = decodeURIComponent(userId);
    const user =
      name === 'me' ? store.users[0] : store.users.find(({ id, email }) => id === name || email === name);
    if (!user) return failure(400, 1010, `User does not belong to this account: ${accountId}.`);
    return list(request, (meeting) => meeting.hostId === user.id, toRecording);
  }

  function listOfAccount(request: SimulatorRequest, account = ''): Answer {
    if (account !== 'me' && decodeURIComponent(account) !== accountId) return NOT_RECOGNISED;
    return list(
      request,
      () => true,
      (meeting) => ({ ...toRecording(meeting), host_email: meeting.hostEmail }),
    );
  }

  function list(
    { url: { searchParams } }: SimulatorRequest,
    isWanted: (meeting: Meeting) => boolean,
    tell: (meeting: Meeting) => object,
  ): Answer {
    const span = toDateSpan(searchParams);
    if (!span) return failure(400, 300, 'Invalid field: from or to.');
    const found = store.meetings
      .filter((meeting) => isWanted(meeting) && visibleFiles(meeting).length > 0)
      .filter(({ startTime }) => {
        const day = new Date(startTime).toISOString().slice(0, 10);
        return span.from <= day && day <= span.to;
      })
      .sort((a, b) => Date.parse(b.startTime) - Date.parse(a.startTime));
    const page = paginate(found, searchParams);
    if (!page) return failure(400, 300, 'The next page token is invalid or expired.');
    return { status: 200, body: { ...span, ...page.fields, meetings: page.items.map(tell) } };
  }

  return async function handleApi(request: SimulatorRequest): Promise<Answer | undefined> {
    if (!request.url.pathname.startsWith('/v2/')) return undefined;
    if (!tokens.isValid(request.headers.authorization, ['access'])) {
      return failure(401, 124, 'Invalid access token.');
    }
    for (const [pattern, route, needed] of routes) {
      const match = pattern.exec(`${request.method} ${request.url.pathname}`);
      if (match && needed !== undefined && !hasScope(scope, needed)) {
        const missing = `${needed}, ${needed}:admin`;
        return failure(400, 4711, `Invalid access token, does not contain scopes:[${missing}].`);
      }
      if (match) return route(request, match[1], match[2]);
    }
    return NOT_RECOGNISED;
  };
}

/** A scope counts with and without the words for who may use it (`:admin`, `:master`). */
function hasScope(granted: string, needed: string): boolean {
  return granted.split(/[\s,]+/).some((each) => each === needed || each.startsWith(`${needed}:`));
}

type Route = (request: SimulatorRequest, first?: string, second?: string) => Answer | Promise<Answer>;

function toUser({ id, email }: User) {
  const first_name = email.split('@')[0];
  return { id, email, first_name, last_name: '', type: 2, status: 'active', timezone: 'Europe/London' };
}
