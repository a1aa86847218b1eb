import { constants } from 'node:fs';
import { access, opendir } from 'node:fs/promises';
import { KnownError, summarize, systemCode } from '../domain/errors.ts';
import { type Finding, fail, ok, skip } from '../domain/finding.ts';
import type { Checkup } from './checkup.ts';
import { MEDIA_IN } from './folder/words.ts';
import type { InputSettings } from './inputs.ts';
import { createS3Input } from './s3/input.ts';

const IDLE_TIMEOUT_MS = 5000;

export const MEDIA_IN_CHECKUP: Checkup<InputSettings> = {
  name: 'media input',
  service: MEDIA_IN.service,
  needs: ['MEDIA_IN', 'S3_ENDPOINT', 'S3_KEY_ID', 'S3_SECRET'],
  check: ({ inputs }, { signal }) => checkMediaIn(inputs, signal),
};

/** What lies below MEDIA_IN can be read: a folder can be entered and listed, a bucket listed. */
async function checkMediaIn({ mediaIn, s3 }: InputSettings['inputs'], signal: AbortSignal): Promise<Finding> {
  if (mediaIn === undefined) return skip('MEDIA_IN is not set: there are no inputs called media-in:…');
  return mediaIn.kind === 'folder' ? await checkFolder(mediaIn.path) : await checkBucket();

  async function checkBucket(): Promise<Finding> {
    if (s3 === undefined || mediaIn?.kind !== 's3')
      throw new KnownError('S3 is not set up', { code: 'CONFIG_INVALID' });
    const { bucket, prefix } = mediaIn;
    try {
      await createS3Input({ ...s3, bucket, idleTimeoutMs: IDLE_TIMEOUT_MS }).probe({ prefix, signal });
      return ok(`s3://${bucket}/${prefix} can be listed`);
    } catch (error) {
      signal.throwIfAborted();
      return fail(
        summarize(error).message,
        'Look at MEDIA_IN, S3_ENDPOINT, S3_KEY_ID and S3_SECRET; the key has to list the bucket and read what lies in it.',
      );
    }
  }
}

async function checkFolder(path: string): Promise<Finding> {
  try {
    await access(path, constants.R_OK | constants.X_OK);
    const folder = await opendir(path);
    await folder.read();
    await folder.close();
    return ok(`${path} can be read`);
  } catch (error) {
    return fail(
      `${path} cannot be read (${systemCode(error)})`,
      'Make the folder, or mount it, and let the user that runs Sluice enter and read it.',
    );
  }
}
