import { type Finding, skip } from '../../domain/finding.ts';
import type { FolderOutputOptions } from './output-place.ts';
import { checkPublicFolder } from './public-folder.ts';

export interface FolderOutputCheckSettings {
  readonly mediaOut: Pick<FolderOutputOptions, 'path' | 'url'> | undefined;
}

/** Where packages, thumbnails and what else is made of recordings goes. */
export async function checkFolderOutput(
  { mediaOut }: FolderOutputCheckSettings,
  signal: AbortSignal,
): Promise<Finding> {
  if (mediaOut === undefined)
    return skip('MEDIA_OUT is not set: there is nowhere to put what is made of recordings');
  const settings = { pathSetting: 'MEDIA_OUT', urlSetting: 'MEDIA_OUT_URL' };
  return await checkPublicFolder({ ...mediaOut, ...settings }, signal);
}
