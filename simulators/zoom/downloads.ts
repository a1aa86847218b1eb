import { randomBytes } from 'node:crypto';
import type { Answer, SimulatorRequest } from '../shared/simulator.ts';
import type { Meeting, MeetingFile } from './meetings.ts';
import type { Tokens } from './tokens.ts';

/** The download URLs of the web origin. Each call makes a new one; the old ones go on working. */
export interface Downloads {
  /** For an event: works with the token of an event about that meeting. */
  webhookUrl(meeting: Meeting, file: MeetingFile): string;
  /** For the REST interface: works with an access token or that meeting's `download_access_token`. */
  apiUrl(meeting: Meeting, file: MeetingFile): string;
  /** Answers `/rec/...`. */
  handle(request: SimulatorRequest): Answer | undefined;
}

/** What downloads are set up with. */
export interface DownloadsOptions {
  readonly tokens: Tokens;
  readonly webUrl: () => string;
  /** Makes the self-signed URL of a file on the other origin. */
  readonly cdnLink: (file: MeetingFile) => string;
}

/**
 * Creates the download pages: a bearer header and a redirect to the CDN, or an HTML page with status 200 for a bad
 * token and for a file that is gone (Zoom, access token change; field reports).
 */
export function createDownloads({ tokens, webUrl, cdnLink }: DownloadsOptions): Downloads {
  const links = new Map<string, { meeting: Meeting; file: MeetingFile }>();

  function newUrl(folder: 'webhook_download' | 'download', meeting: Meeting, file: MeetingFile): string {
    const path = `/rec/${folder}/${randomBytes(24).toString('base64url')}.${randomBytes(12).toString('base64url')}`;
    links.set(path, { meeting, file });
    return `${webUrl()}${path}`;
  }

  return {
    webhookUrl: (meeting, file) => newUrl('webhook_download', meeting, file),
    apiUrl: (meeting, file) => newUrl('download', meeting, file),
    handle({ method, url, headers }) {
      if (!url.pathname.startsWith('/rec/')) return undefined;
      if (method !== 'GET' && method !== 'HEAD') return { status: 405 };
      if (url.searchParams.has('access_token')) {
        return { status: 401, body: { code: 124, message: 'Invalid access token.' } };
      }
      const link = links.get(url.pathname);
      if (link?.file.state !== 'present') return page('This recording does not exist.');
      const kinds = url.pathname.startsWith('/rec/webhook_download/')
        ? (['webhook'] as const)
        : (['api', 'access'] as const);
      if (!tokens.isValid(headers.authorization, kinds, link.meeting.uuid)) return page('Sign In');
      return { status: 302, headers: { location: cdnLink(link.file), 'cache-control': 'no-store' } };
    },
  };
}

function page(title: string): Answer {
  const body = `<!doctype html>\n<html><head><title>${title} - Zoom</title></head><body><h1>${title}</h1></body></html>\n`;
  return { status: 200, headers: { 'content-type': 'text/html;charset=utf-8' }, body };
}
