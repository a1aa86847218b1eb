import { isOutage, KnownError } from '../../domain/errors.ts';
import { endlessPauseMs } from '../../domain/next-attempt.ts';
import { pause } from '../../lib/abort.ts';
import { wallMs } from '../../lib/wall-time.ts';
import type { ZoomAccount } from './account.ts';
import {
  isMissingScope,
  isUnknownHost,
  type ListedDays,
  type Page,
  type RecordedMeeting,
  type ZoomUser,
} from './client.ts';
import type { AskableAccount } from './clients.ts';
import { linkPath, type ZoomReference } from './reference.ts';

/** Days that one request asks for; Zoom tells of a month at most. */
const SPAN_DAYS = 28;

const DAY_MS = 86_400_000;

/** How far back a link is looked for, in days, and with how many requests at most. */
const LINK_DAYS = 6 * SPAN_DAYS;
const LINK_REQUESTS = 100;

/** How often a request is made again that met Zoom's limit per second, and the first pause before that. */
const THROTTLED_ATTEMPTS = 5;

/** The longest pause between two of them, in milliseconds. */
const MAX_PAUSE_MS = 60_000;

/** After so many hosts in a row about whom Zoom did not answer, it is taken to be down. */
const MOST_SILENCES = 3;

/** How long the users of an account are remembered, in milliseconds. */
const USERS_FRESH_MS = 10 * 60_000;

/** Which recordings to look through: days in UTC, `yyyy-mm-dd`, both included. */
export interface SearchTerms {
  readonly from: string;
  readonly to: string;
  /** Only of this host, by id or e-mail address. */
  readonly host?: string | undefined;
  /** Only of this account. */
  readonly accountId?: string | undefined;
}

/** Where a search goes on; it stays valid across restarts, but Zoom forgets its `page` after a quarter of an hour. */
export interface SearchPosition {
  readonly account: number;
  /** The last day of the span. */
  readonly to: string;
  readonly userId?: string | undefined;
  readonly page?: string | undefined;
}

/** What one request has found. */
export interface SearchStep {
  readonly account: ZoomAccount;
  /** The days that were looked through, as far as this request went. */
  readonly from: string;
  readonly to: string;
  readonly found: readonly RecordedMeeting[];
  /** What Zoom has, or may have, and does not tell: noted, and asked for again the next time. */
  readonly untold: readonly SearchGap[];
  readonly next: SearchPosition | undefined;
}

/** Recordings that a search could not see. */
export interface SearchGap {
  readonly reason: 'host-refused' | 'unreadable';
  /** Id or address of the host; `null` where it is not known. */
  readonly host: string | null;
  readonly why: string;
}

/** Looks through what Zoom has recorded, at Zoom's pace. */
export interface ZoomSearch {
  /**
   * Looks one page further, the newest days first. A host whose recordings Zoom refuses to tell costs only these.
   *
   * @throws KnownError `ZOOM_NOT_CONNECTED`, `REMOTE_THROTTLED` once the limit of the day is reached
   */
  step(terms: SearchTerms, position: SearchPosition | undefined, signal: AbortSignal): Promise<SearchStep>;
  /**
   * @param accountId Only of this account; default: the first that has it
   * @throws KnownError `ZOOM_RECORDING_NOT_FOUND`, or `ZOOM_NOT_CONNECTED` of an account without credentials
   */
  find(
    reference: ZoomReference,
    signal: AbortSignal,
    accountId?: string,
  ): Promise<{ readonly account: ZoomAccount; readonly found: RecordedMeeting }>;
}

/** The users of an account, as they were a moment ago. */
interface Users {
  readonly list: readonly ZoomUser[];
  readonly unreadable: number;
  readonly atMs: number;
}

export function createZoomSearch(options: {
  apis: readonly AskableAccount[];
  /** Before a request is made again, the first time. */
  pauseMs?: number;
  now?: () => number;
}): ZoomSearch {
  const { apis, pauseMs = 1000, now = wallMs } = options;
  const users = new WeakMap<AskableAccount, Users>();
  const withoutAccountScope = new WeakSet<AskableAccount>();
  const silences = new WeakMap<AskableAccount, number>();

  /** Whether Zoom gave no answer about one host, as it may about that one only: not if it gives none about the next ones. */
  function isLoneSilence(asked: AskableAccount, error: unknown): error is KnownError {
    if (!isOutage(error) || error.details['status'] !== undefined) return false;
    const count = (silences.get(asked) ?? 0) + 1;
    silences.set(asked, count < MOST_SILENCES ? count : 0);
    return count < MOST_SILENCES;
  }

  /** Waits out Zoom's limit per second; the limit of the day is left to people. */
  async function paced<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await ask();
      } catch (error) {
        const isMomentary =
          error instanceof KnownError && error.code === 'REMOTE_THROTTLED' && error.retry === 'backoff';
        if (!isMomentary || attempt === THROTTLED_ATTEMPTS) throw error;
        await pause(
          endlessPauseMs({ minMs: pauseMs, maxMs: MAX_PAUSE_MS }, attempt, () => 0),
          signal,
        );
      }
    }
  }

  function askable(accountId: string | undefined): readonly AskableAccount[] {
    const able =
      accountId === undefined ? apis : apis.filter(({ account: { id } }) => id === null || id === accountId);
    if (able.length > 0) return able;
    const whose = accountId === undefined ? 'any account' : `the account ${accountId}`;
    throw new KnownError(`There are no credentials to ask Zoom about ${whose}`, {
      code: 'ZOOM_NOT_CONNECTED',
    });
  }

  async function usersOf(asked: AskableAccount, signal: AbortSignal): Promise<Users> {
    const known = users.get(asked);
    if (known !== undefined && now() - known.atMs < USERS_FRESH_MS) return known;
    const list: ZoomUser[] = [];
    let unreadable = 0;
    let pageToken: string | undefined;
    do {
      const page: Page<ZoomUser> = await paced(signal, () => asked.api.listUsers({ pageToken, signal }));
      list.push(...page.items);
      unreadable += page.unreadable;
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
    // In an order of our own, so that a search goes on at the same place even if Zoom's has changed.
    list.sort((a, b) => (a.id < b.id ? -1 : 1));
    const found = { list, unreadable, atMs: now() };
    users.set(asked, found);
    return found;
  }

  /** One page of an account: of all its users at once where the app may ask that, else of one after the other. */
  async function list(
    asked: AskableAccount,
    days: Omit<ListedDays, 'pageToken'>,
    host: string | undefined,
    { userId, page: pageToken }: Pick<SearchPosition, 'userId' | 'page'>,
  ): Promise<{
    found: readonly RecordedMeeting[];
    untold: readonly SearchGap[];
    next: Pick<SearchPosition, 'userId' | 'page'> | undefined;
  }> {
    const { api } = asked;
    const { signal } = days;
    if (host !== undefined) {
      // Of several accounts only one has this host; none may have it any more.
      const none = { items: [], unreadable: 0, nextPageToken: undefined };
      const page = await paced(signal, () => api.listOfHost({ ...days, host, pageToken })).catch((error) => {
        if (isUnknownHost(error)) return none;
        throw error;
      });
      const email = host.includes('@') ? host : null;
      const next = page.nextPageToken === undefined ? undefined : { page: page.nextPageToken };
      return {
        found: page.items.map((each) => withHost(each, email)),
        untold: unreadableOf(page, host),
        next,
      };
    }
    if (userId === undefined && !withoutAccountScope.has(asked)) {
      try {
        const page = await paced(signal, () => api.listOfAccount({ ...days, pageToken }));
        const next = page.nextPageToken === undefined ? undefined : { page: page.nextPageToken };
        return { found: page.items, untold: unreadableOf(page, null), next };
      } catch (error) {
        if (isMissingScope(error)) withoutAccountScope.add(asked);
        else if (!isRefused(error)) throw error;
      }
    }
    // There may be new ones since the last search.
    if (userId === undefined) users.delete(asked);
    const { list: hosts, unreadable } = await usersOf(asked, signal);
    // Told once in a search, with the first host.
    const nameless = userId === undefined ? unreadableOf({ unreadable }, null) : [];
    const user = hosts.find(({ id }) => userId === undefined || id >= userId);
    if (user === undefined) return { found: [], untold: nameless, next: undefined };
    const after = hosts.find(({ id }) => id > user.id);
    const following = after && { userId: after.id };
    const name = user.email ?? user.id;
    try {
      const page = await paced(signal, () =>
        api.listOfHost({ ...days, host: user.id, pageToken: user.id === userId ? pageToken : undefined }),
      );
      silences.delete(asked);
      return {
        found: page.items.map((each) => withHost(each, user.email)),
        untold: [...nameless, ...unreadableOf(page, name)],
        next: page.nextPageToken === undefined ? following : { userId: user.id, page: page.nextPageToken },
      };
    } catch (error) {
      signal.throwIfAborted();
      if (!isRefused(error) && !isLoneSilence(asked, error)) throw error;
      return {
        found: [],
        untold: [...nameless, { reason: 'host-refused', host: name, why: error.message }],
        next: following,
      };
    }
  }

  /** With the host's address, which rules go by: Zoom does not tell it of every meeting. */
  async function withAddress(
    asked: AskableAccount,
    found: RecordedMeeting,
    signal: AbortSignal,
  ): Promise<RecordedMeeting> {
    const { meeting, hostId } = found;
    if (meeting.hostEmail !== null || hostId === null) return found;
    const known = users.get(asked)?.list.find(({ id }) => id === hostId);
    if (known !== undefined) return withHost(found, known.email);
    try {
      const user = await paced(signal, () => asked.api.findUser({ userId: hostId, signal }));
      return withHost(found, user?.email ?? null);
    } catch (error) {
      // Without the address no rule about hosts would hold, so also none that is to keep a meeting out.
      const isNeeded = asked.account.rules.some(({ conditions }) => conditions.host !== undefined);
      if (isNeeded || !isMissingScope(error)) throw error;
      return found;
    }
  }

  async function step(terms: SearchTerms, position: SearchPosition | undefined, signal: AbortSignal) {
    const able = askable(terms.accountId);
    const at = position ?? { account: 0, to: terms.to };
    const asked = able[at.account] ?? able[0];
    if (asked === undefined) throw new Error('no account');
    const spanStart = dayOf(Date.parse(at.to) - (SPAN_DAYS - 1) * DAY_MS);
    const from = spanStart < terms.from ? terms.from : spanStart;
    const { found, untold, next } = await list(asked, { from, to: at.to, signal }, terms.host, at);
    const complete: RecordedMeeting[] = [];
    const gaps = [...untold];
    for (const each of found) {
      try {
        const { meeting } = await withAddress(asked, each, signal);
        const accountId =
          meeting.accountId ?? asked.account.id ?? asked.account.credentials?.accountId ?? null;
        complete.push({ ...each, meeting: { ...meeting, accountId } });
      } catch (error) {
        // Without the scope none is found; else only this one is left, for a rule may be meant to keep it out.
        if (!isRefused(error) || isMissingScope(error)) throw error;
        gaps.push({ reason: 'host-refused', host: each.hostId, why: error.message });
      }
    }
    return { account: asked.account, from, to: at.to, found: complete, untold: gaps, next: following() };

    function following(): SearchPosition | undefined {
      if (next !== undefined) return { account: at.account, to: at.to, ...next };
      if (from > terms.from) return { account: at.account, to: dayOf(Date.parse(from) - DAY_MS) };
      return at.account + 1 < able.length ? { account: at.account + 1, to: terms.to } : undefined;
    }
  }

  async function findByName(uuidOrNumber: string, accountId: string | undefined, signal: AbortSignal) {
    let refusal: KnownError | undefined;
    for (const asked of askable(accountId)) {
      const found = await paced(signal, () => asked.api.findMeeting({ uuidOrNumber, signal })).catch(
        (error: unknown) => {
          // Another account may have it.
          if (!isRefused(error)) throw error;
          refusal ??= error;
          return undefined;
        },
      );
      if (found === undefined) continue;
      const { meeting } = await withAddress(asked, found, signal);
      const itsAccountId =
        meeting.accountId ?? asked.account.id ?? asked.account.credentials?.accountId ?? null;
      return {
        account: asked.account,
        found: { ...found, meeting: { ...meeting, accountId: itsAccountId } },
      };
    }
    if (refusal !== undefined) throw refusal;
    return undefined;
  }

  /** Zoom has no way to ask what a link leads to, so it is compared with those of the last months. */
  async function findUuidByLink(
    path: string,
    accountId: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const terms = { from: dayOf(now() - LINK_DAYS * DAY_MS), to: dayOf(now() + DAY_MS), accountId };
    let position: SearchPosition | undefined;
    for (let requests = 0; requests < LINK_REQUESTS; requests += 1) {
      const { found, next } = await step(terms, position, signal);
      const match = found.find(({ links }) => links.some((link) => linkPath(link) === path));
      if (match !== undefined) return match.meeting.uuid;
      if (next === undefined) return undefined;
      position = next;
    }
    return undefined;
  }

  return {
    step,
    async find(reference, signal, accountId) {
      const name =
        reference.kind === 'link' ? await findUuidByLink(reference.path, accountId, signal) : reference.value;
      const result = name === undefined ? undefined : await findByName(name, accountId, signal);
      if (result !== undefined) return result;
      throw new KnownError(
        reference.kind === 'link'
          ? `None of the recordings of the last ${LINK_DAYS} days that Zoom shows has this link`
          : `Zoom shows no recording of the meeting ${reference.value}`,
        { code: 'ZOOM_RECORDING_NOT_FOUND' },
      );
    },
  };
}

/**
 * Whether Zoom has refused one call, or answered it with nonsense, so that the next may go better. What ends all of them is
 * no such refusal: a limit of the day, credentials that are not taken, a Zoom that does not answer.
 */
function isRefused(error: unknown): error is KnownError {
  if (!(error instanceof KnownError)) return false;
  if (error.code === 'REMOTE_ANSWER_INVALID') return true;
  // Only what the REST interface itself refuses has a code of Zoom's, or the place for one.
  if (!('zoomCode' in error.details)) return false;
  return error.code !== 'REMOTE_THROTTLED' || error.retry === 'backoff';
}

function unreadableOf({ unreadable }: Pick<Page<unknown>, 'unreadable'>, host: string | null): SearchGap[] {
  if (unreadable === 0) return [];
  return [{ reason: 'unreadable', host, why: `entries of a listing that say nothing: ${unreadable}` }];
}

function withHost(found: RecordedMeeting, email: string | null): RecordedMeeting {
  if (found.meeting.hostEmail !== null) return found;
  return { ...found, meeting: { ...found.meeting, hostEmail: email } };
}

/** A time as a day in UTC, `yyyy-mm-dd`. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
