import { create } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { adviceFor, type ErrorCode } from '../domain/error-catalogue.ts';
import { isMachineTrouble, KnownError, orMachineTrouble, scrubbed } from '../domain/errors.ts';
import { ErrorInfoSchema } from './stubs/google/rpc/error_details_pb.ts';

/** The numbers by which the clients of the service `Streaming` tell its refusals, and what gRPC itself calls them. */
export const JOB_ERRORS = {
  INTERNAL_ERROR: { number: 1000, code: Code.Internal },
  S3_KEY_CAN_NOT_BE_EMPTY: { number: 1001, code: Code.InvalidArgument },
  S3_BUCKET_NAME_IS_NOT_VALID: { number: 1002, code: Code.InvalidArgument },
  DUPLICATE_OUTPUT_LOCATIONS: { number: 1003, code: Code.InvalidArgument },
  ONE_OUTPUT_IS_REQUIRED: { number: 1004, code: Code.InvalidArgument },
  JOB_NOT_FOUND_BY_TRACKING_ID: { number: 1005, code: Code.NotFound },
  JOB_IS_FAILED: { number: 1006, code: Code.FailedPrecondition },
  JOB_IS_REVOKED: { number: 1007, code: Code.FailedPrecondition },
  JOB_IS_FINISHED: { number: 1008, code: Code.FailedPrecondition },
  NO_WATERMARK_TO_USE: { number: 1009, code: Code.InvalidArgument },
} as const;

export type JobErrorName = keyof typeof JOB_ERRORS;

/** Whose names the reasons of errors are. */
const DOMAIN = 'sluice';

/** A refusal that has a number: that is in the trailer `error-code`, and its name in the rich status. */
export function refused(name: JobErrorName, message: string): ConnectError {
  const { number, code } = JOB_ERRORS[name];
  return new ConnectError(message, code, { 'error-code': String(number) }, [
    infoOf(name, { error_code: String(number) }),
  ]);
}

/** A refusal of what nobody can make anything of. */
export function malformed(message: string): ConnectError {
  return new ConnectError(message, Code.InvalidArgument, undefined, [infoOf('REQUEST_INVALID')]);
}

/** Of what we know, by its code; all else that is refused is a mistake of whoever has asked. */
const CODES: Partial<Record<ErrorCode, Code>> = {
  REQUEST_INVALID: Code.InvalidArgument,
  INPUT_INVALID: Code.InvalidArgument,
  NOT_FOUND: Code.NotFound,
  WRONG_STATE: Code.FailedPrecondition,
  LOGIN_REQUIRED: Code.Unauthenticated,
  NOT_LOCAL: Code.Unauthenticated,
  CROSS_SITE: Code.PermissionDenied,
  READ_ONLY: Code.PermissionDenied,
  TOO_MANY_REQUESTS: Code.ResourceExhausted,
  TOO_MANY_LISTENERS: Code.ResourceExhausted,
};

/** What a client is told of an error; of one that nobody foresaw only that. */
export function toConnectError(thrown: unknown): ConnectError {
  if (thrown instanceof ConnectError) return thrown;
  const error = orMachineTrouble(thrown);
  if (!(error instanceof KnownError))
    return refused('INTERNAL_ERROR', 'Something happened that nobody foresaw');
  const code = isMachineTrouble(error) ? Code.Unavailable : CODES[error.code];
  if (code === undefined) return refused('INTERNAL_ERROR', scrubbed(error.message));
  const advice = adviceFor(error.code, 'asked');
  return new ConnectError(scrubbed(error.message), code, undefined, [infoOf(error.code, { advice })]);
}

function infoOf(reason: string, metadata: Record<string, string> = {}) {
  return { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { reason, domain: DOMAIN, metadata }) };
}
