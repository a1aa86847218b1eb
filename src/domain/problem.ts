import { adviceFor, ERROR_CATALOGUE, type ErrorCode } from './error-catalogue.ts';
import type { ErrorWords } from './errors.ts';

/** A problem document (RFC 9457) with a stable `code`, and with what to do about it. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly advice: string;
}

export const PROBLEM_TYPE = 'application/problem+json';

/** The document for a refusal; `words` say it better than the catalogue where the case is known. */
export function problemOf(
  status: number,
  code: ErrorCode,
  detail: string,
  words: Partial<ErrorWords> = {},
): Problem {
  const { title = ERROR_CATALOGUE[code][0], advice = adviceFor(code, 'asked') } = words;
  return { type: `urn:sluice:error:${code}`, title, status, detail, code, advice };
}
