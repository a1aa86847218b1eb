import { adviceFor, ERROR_CATALOGUE } from '../domain/error-catalogue.ts';
import { KnownError, summarize } from '../domain/errors.ts';
import { EXIT } from './exit-codes.ts';

/** What people and scripts are told of something that could not be done. */
export interface Trouble {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly advice: string;
}

/** Ends a command with an exit code and says why. */
export class Failure extends Error {
  readonly trouble: Trouble;
  readonly exitCode: number;

  constructor(trouble: Trouble, exitCode: number = EXIT.failed) {
    super(`${trouble.title} ${trouble.detail}`);
    this.name = 'Failure';
    this.trouble = trouble;
    this.exitCode = exitCode;
  }
}

/** The error of a command line that makes no sense. */
export function usageFailure(detail: string, advice = 'See --help.'): Failure {
  return new Failure(
    { code: 'USAGE', title: 'This command line makes no sense.', detail, advice },
    EXIT.usage,
  );
}

/** The exit code of several things of which these could not be done. */
export function exitCodeOf(troubles: readonly Trouble[]): number {
  const isUsage = troubles.length > 0 && troubles.every(({ code }) => code === 'REQUEST_INVALID');
  return isUsage ? EXIT.usage : EXIT.failed;
}

/** What to tell of anything that was thrown. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof Failure) return error.trouble;
  if (error instanceof KnownError) {
    const [title] = ERROR_CATALOGUE[error.code];
    return {
      code: error.code,
      title,
      detail: summarize(error).message,
      advice: adviceFor(error.code, 'asked'),
    };
  }
  const [title, advice] = ERROR_CATALOGUE.UNEXPECTED;
  return {
    code: 'UNEXPECTED',
    title,
    detail: error instanceof Error ? String(error.stack) : String(error),
    advice,
  };
}
