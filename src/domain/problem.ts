import { adviceFor, ERROR_CATALOGUE, type ErrorCode } from './error-catalogue.ts';

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

/** The document for a refusal; `advice` says it better than the catalogue where the case is known. */
export function problemOf(status: number, code: ErrorCode, detail: string, advice?: string): Problem {
  const [title] = ERROR_CATALOGUE[code];
  const type = `urn:sluice:error:${code}`;
  return { type, title, status, detail, code, advice: advice ?? adviceFor(code, 'asked') };
}
