import { type Finding, skip } from '../domain/finding.ts';
import type { Checkup } from './checkup.ts';
import { checkPublicFolder } from './folder/public-folder.ts';
import { MEDIA_OUT } from './folder/words.ts';
import type { OutputPlaceSettings } from './output-places.ts';
import { checkMediaBucket } from './s3/checks.ts';

export const MEDIA_OUT_CHECKUP: Checkup<OutputPlaceSettings> = {
  name: 'media output',
  service: MEDIA_OUT.service,
  needs: ['MEDIA_OUT', 'MEDIA_OUT_URL', 'DATA_DIR', 'S3_ENDPOINT', 'S3_KEY_ID', 'S3_SECRET'],
  check: (settings, { signal }) => checkMediaOut(settings, signal),
};

/** Where packages, thumbnails and what else is made of recordings goes: whatever kind of place that is. */
export async function checkMediaOut(
  { mediaOut }: OutputPlaceSettings,
  signal: AbortSignal,
): Promise<Finding> {
  if (mediaOut === undefined)
    return skip('MEDIA_OUT is not set: there is nowhere to put what is made of recordings');
  if (mediaOut.kind === 's3') return await checkMediaBucket(mediaOut, signal);
  const settings = { pathSetting: 'MEDIA_OUT', urlSetting: 'MEDIA_OUT_URL' };
  return await checkPublicFolder({ ...mediaOut, ...settings }, signal);
}
