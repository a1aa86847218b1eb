import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import type { ZoomCredentials } from '../domain/zoom-account.ts';
import { type Request, sendForJson } from './http.ts';

/** Seconds for which a fresh download token is asked: the most that Zoom gives. */
const DOWNLOAD_TOKEN_TTL_S = 604_800;

/** A token is replaced this long before it ends, in milliseconds. */
const TOKEN_MARGIN_MS = 60_000;

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

/**
 * A meeting's UUID as a part of a path: encoded, and encoded once more where it begins with a slash or has two in a row
 * (Zoom, meeting API).
 */
export function encodeMeetingUuid(uuid: string): string {
  const once = encodeURIComponent(uuid);
  return uuid.startsWith('/') || uuid.includes('//') ? encodeURIComponent(once) : once;
}

/** Zoom's REST API with Server-to-Server OAuth, reduced to asking where a recording file is. */
export function createZoomApi(options: ZoomApiOptions) {
  const { apiUrl, oauthUrl, credentials, idleTimeoutMs } = options;
  let access: { token: string; scopes: readonly string[]; endsAtMs: number } | undefined;

  async function authorize(signal: AbortSignal) {
    if (access !== undefined && access.endsAtMs - TOKEN_MARGIN_MS > Date.now()) return access;
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
      endsAtMs: Date.now() + answer.expires_in * 1000,
    };
    return access;
  }

  async function get<T>(url: string, shape: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    for (let isFresh = false; ; isFresh = true) {
      const headers = { authorization: `Bearer ${(await authorize(signal)).token}` };
      const request: Request = { service: 'Zoom', method: 'GET', url, headers, signal, idleTimeoutMs };
      try {
        return await sendForJson(request, shape);
      } catch (error) {
        if (isFresh || !(error instanceof KnownError) || error.details['status'] !== 401) throw error;
        access = undefined;
      }
    }
  }

  return {
    /** What the app of these credentials may do. */
    async grantedScopes({ signal }: { signal: AbortSignal }): Promise<readonly string[]> {
      return (await authorize(signal)).scopes;
    },

    /** The file's address of today, or `undefined` if Zoom no longer has the meeting or the file. */
    async findFile(
      input: Omit<ZoomFileReference, 'accountId'> & { signal: AbortSignal },
    ): Promise<FreshAddress | undefined> {
      const query = `include_fields=download_access_token&ttl=${DOWNLOAD_TOKEN_TTL_S}`;
      const url = `${apiUrl}/meetings/${encodeMeetingUuid(input.meetingUuid)}/recordings?${query}`;
      const file = z.object({
        id: z.string().optional(),
        file_type: z.string().optional(),
        recording_start: z.string().optional(),
        download_url: z.string().optional(),
      });
      const shape = z.object({ download_access_token: z.string(), recording_files: z.array(file) });
      try {
        const meeting = await get(url, shape, input.signal);
        const found = meeting.recording_files.find((each) =>
          input.fileId === null
            ? each.id === undefined &&
              each.file_type?.toUpperCase() === input.fileType &&
              each.recording_start === input.startedAt
            : each.id === input.fileId,
        );
        return found?.download_url === undefined
          ? undefined
          : { url: found.download_url, token: meeting.download_access_token };
      } catch (error) {
        if (error instanceof KnownError && error.details['status'] === 404) return undefined;
        throw error;
      }
    },
  };
}
