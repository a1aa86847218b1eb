/** Why the server does not take an upload, in words for the tutor. */
export interface Refusal {
  readonly code: string;
  readonly words: string;
  /** Whether the same may be taken later. */
  readonly mayHeal: boolean;
}

const LINK_IS_OLD =
  'This link is not valid any more. Open the upload page from the website again, and choose the file: it goes on where it stopped.';

const WORDS: Readonly<Record<string, string>> = {
  ACE_ID_TAKEN:
    'The recording with this id has arrived already. If this is another recording, it needs an id of its own.',
  ACE_ID_MISSING: 'The recording’s id is missing. The website of the academy shows it.',
  UPLOAD_TOO_LARGE: 'The file is larger than may be uploaded here.',
  UPLOAD_NO_SPACE: 'The server has no room for this file at the moment. Try again later.',
  UPLOAD_STORAGE_FAILED:
    'The server could not store the file. Nothing that has arrived is lost: try again later.',
  FILE_EMPTY: 'The file is empty.',
  NOT_MEDIA: 'The file is neither video nor audio.',
  UPLOAD_TOKEN_MISSING: 'Uploading needs a link of the academy’s website. Open the upload page from there.',
  UPLOAD_TOKEN_INVALID: LINK_IS_OLD,
  UPLOAD_TOKEN_EXPIRED: LINK_IS_OLD,
  UPLOAD_TOKEN_MISMATCH: 'The link is for another recording than this one.',
  NOT_LOCAL: 'This server takes no uploads from here. Ask the academy for a link.',
};

/**
 * Reads an answer of the tus server: a problem document, or a line that begins with the code.
 *
 * @param status 0 if there was no answer
 */
export function readRefusal(status: number, body: string): Refusal {
  if (status === 0) {
    return {
      code: 'OFFLINE',
      words: 'The connection is lost. What has arrived is kept: go on when you are online again.',
      mayHeal: true,
    };
  }
  const { code, words } = parseProblem(body) ??
    parseLine(body) ?? {
      code: `HTTP ${status}`,
      words: `The server has answered ${status}.`,
    };
  const mayHeal =
    status >= 500 || status === 429 || status === 423 || status === 409 ? code !== 'ACE_ID_TAKEN' : false;
  return { code, words: WORDS[code] ?? words, mayHeal };
}

function parseProblem(body: string): { code: string; words: string } | undefined {
  try {
    const { code, detail, title, advice } = JSON.parse(body);
    if (typeof code !== 'string') return undefined;
    return { code, words: [detail ?? title, advice].filter(Boolean).join(' ') };
  } catch {
    return undefined;
  }
}

function parseLine(body: string): { code: string; words: string } | undefined {
  const [, code, words] = /^([A-Z][A-Z0-9_]+): ([\s\S]+)$/.exec(body.trim()) ?? [];
  return code !== undefined && words !== undefined ? { code, words } : undefined;
}
