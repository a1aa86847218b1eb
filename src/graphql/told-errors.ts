import { GraphQLError } from 'graphql/index.js';
import type { ErrorCode } from '../domain/error-catalogue.ts';
import { KnownError, machineTrouble, summarize } from '../domain/errors.ts';
import { problemOf } from '../domain/problem.ts';

/** An error as callers are told it. */
export interface ToldError {
  readonly message: string;
  readonly locations?: readonly { readonly line: number; readonly column: number }[] | undefined;
  readonly path?: readonly (string | number)[] | undefined;
  readonly extensions: {
    /** Stable; docs/errors.md has all. */
    readonly code: ErrorCode;
    /** As an answer of HTTP would have it. */
    readonly status: number;
    readonly title: string;
    readonly advice: string;
  };
}

/** So many of what is wrong with one request are told. */
const MOST_TOLD = 10;

/** What callers are told of what was thrown; what nobody foresaw is handed to `onBug`. */
export function toldErrors(
  thrown: readonly unknown[],
  { statusOf, onBug }: { statusOf: (code: ErrorCode) => number; onBug: (error: unknown) => void },
): ToldError[] {
  return thrown.slice(0, MOST_TOLD).map((error) => {
    const at = error instanceof GraphQLError ? { locations: error.locations, path: error.path } : {};
    const cause = error instanceof GraphQLError ? (error.originalError ?? error) : error;
    const known = cause instanceof KnownError ? cause : machineTrouble(cause);
    if (known !== undefined) {
      const { message } = summarize(known);
      const { title, advice } = problemOf(statusOf(known.code), known.code, message, known.words);
      return {
        message,
        ...at,
        extensions: { code: known.code, status: statusOf(known.code), title, advice },
      };
    }
    // What the language itself refuses: words that cannot be read, fields that there are not, values of another type.
    const code = cause instanceof GraphQLError ? 'REQUEST_INVALID' : 'UNEXPECTED';
    if (code === 'UNEXPECTED') onBug(cause);
    const message = cause instanceof GraphQLError ? cause.message : 'The server could not do this';
    const { title, advice } = problemOf(statusOf(code), code, message);
    return { message, ...at, extensions: { code, status: statusOf(code), title, advice } };
  });
}
