import english from './messages/en.json' with { type: 'json' };
import type { Message, MessageKey } from './words.ts';

/** Why the server does not take an upload. */
export interface Refusal {
  readonly code: string;
  /** For the tutor; what has no message of its own is said in the server's words. */
  readonly message: Message | string;
  /** Whether the same may be taken later. */
  readonly mayHeal: boolean;
  /** Whether nothing is left that could go on: the file is no good, or is not there any more. */
  readonly isFinal: boolean;
}

/** About the file, not about the link or the server. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'ACE_ID_TAKEN',
  'FILE_EMPTY',
  'NOT_FOUND',
  'NOT_MEDIA',
  'UPLOAD_TOO_LARGE',
]);

/**
 * Reads an answer of the tus server: a problem document, or a line that begins with the code.
 *
 * @param status 0 if there was no answer
 */
export function readRefusal(status: number, body: string): Refusal {
  if (status === 0) {
    return { code: 'OFFLINE', message: { key: 'refused.OFFLINE' }, mayHeal: true, isFinal: false };
  }
  const { code, words } = parseProblem(body) ??
    parseLine(body) ?? { code: `HTTP ${status}`, words: undefined };
  const mayHeal =
    status >= 500 || status === 429 || status === 423 || status === 409 ? code !== 'ACE_ID_TAKEN' : false;
  return { code, message: messageFor(status, code, words), mayHeal, isFinal: FINAL_CODES.has(code) };
}

function messageFor(status: number, code: string, words: string | undefined): Message | string {
  const key = `refused.${code}`;
  if (key in english) return { key: key as MessageKey };
  // The name of the field is for programs.
  return (
    words?.replace(/\bace_id\b/g, 'recording id') ?? {
      key: 'refused.HTTP',
      values: { status: String(status) },
    }
  );
}

/** Its advice is for those who run the server. */
function parseProblem(body: string): { code: string; words: string | undefined } | undefined {
  try {
    const { code, detail, title } = JSON.parse(body);
    return typeof code === 'string' ? { code, words: detail ?? title } : undefined;
  } catch {
    return undefined;
  }
}

function parseLine(body: string): { code: string; words: string } | undefined {
  const [, code, words] = /^([A-Z][A-Z0-9_]+): ([\s\S]+)$/.exec(body.trim()) ?? [];
  return code !== undefined && words !== undefined ? { code, words } : undefined;
}
