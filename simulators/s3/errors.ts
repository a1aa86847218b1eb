import type { Answer } from '../shared/simulator.ts';
import { element } from './xml.ts';

/** A refusal in the words of S3. */
export class S3Refusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }

  toAnswer(): Answer {
    return {
      status: this.status,
      headers: { 'content-type': 'application/xml' },
      body: `<?xml version="1.0" encoding="UTF-8"?>${element('Error', element('Code', this.code) + element('Message', this.message, true))}`,
    };
  }
}

export function noSuchKey(): S3Refusal {
  return new S3Refusal(404, 'NoSuchKey', 'The specified key does not exist.');
}

export function noSuchUpload(): S3Refusal {
  return new S3Refusal(
    404,
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
  );
}
