import type { Answer } from '../shared/simulator.ts';

/** A StatusModel, Bunny's answer to a call that has nothing else to say (Bunny, Stream API reference). */
export function statusModel(status: number, message: string): Answer {
  return { status, body: { success: status < 400, message, statusCode: status } };
}

/** The refusal of a missing or wrong AccessKey; unlike every other answer its fields start with capitals. */
export function accessDenied(): Answer {
  return {
    status: 401,
    body: { Success: false, Message: 'Authentication has been denied for this request.', StatusCode: 401 },
  };
}
