import type { Checkup } from '../checkup.ts';
import { checkS3, type S3CheckSettings } from './checks.ts';
import { S3 } from './words.ts';

export const S3_CHECKUP: Checkup<S3CheckSettings> = {
  name: 'S3',
  service: S3.service,
  needs: ['S3_ENDPOINT', 'S3_REGION', 'S3_KEY_ID', 'S3_SECRET', 'S3_BUCKET', 'S3_PROFILE'],
  check: (settings, { signal }) => checkS3(settings, signal),
};
