import type { Answer } from '../shared/simulator.ts';

/** An error of the REST interface: an HTTP status and Zoom's own code. */
export function failure(status: number, code: number, message: string): Answer {
  return { status, body: { code, message } };
}

export const NOT_RECOGNISED = failure(404, 2300, 'This API endpoint is not recognized.');
export const RECORDING_NOT_FOUND = failure(404, 3301, 'This recording does not exist.');
