/** An order that cannot be read; with the number of its job, if that much can be. */
export class OrderError extends Error {
  override readonly name = 'OrderError';
  readonly jobId: number | undefined;

  constructor(message: string, { jobId, cause }: { jobId?: number; cause?: unknown } = {}) {
    super(message, { cause });
    this.jobId = jobId;
  }
}

/** A parameter whose value is not what it should be, or cannot be had. It never tells the value, which may be a secret. */
export class ParameterValueError extends Error {
  override readonly name = 'ParameterValueError';
  readonly parameterId: string;

  constructor(parameterId: string, problem: string, { cause }: { cause?: unknown } = {}) {
    super(`Parameter "${parameterId}": ${problem}`, { cause });
    this.parameterId = parameterId;
  }
}

/** Paths that must exist before the job begins, and do not. */
export class RequirementsError extends Error {
  override readonly name = 'RequirementsError';
  readonly missingPaths: readonly string[];

  constructor(missingPaths: readonly string[]) {
    super(`Missing: ${missingPaths.join(', ')}`);
    this.missingPaths = missingPaths;
  }
}

/** A worker that cannot start as it is written, packed or set. */
export class WorkerSetupError extends Error {
  override readonly name = 'WorkerSetupError';
}

/** What an error says; of anything else that was thrown, its text. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
