import { type Finding, skip } from '../../domain/finding.ts';
import { checkPublicFolder } from './public-folder.ts';
import type { FolderPublisherOptions } from './publisher.ts';

export interface FolderPublisherCheckSettings {
  readonly folderPublisher: Pick<FolderPublisherOptions, 'path' | 'url'> | undefined;
}

/** The folder of published videos. */
export async function checkFolderPublisher(
  { folderPublisher }: FolderPublisherCheckSettings,
  signal: AbortSignal,
): Promise<Finding> {
  if (folderPublisher === undefined)
    return skip('FOLDER_PUBLISHER is not set: recipes cannot publish to a folder');
  const settings = { pathSetting: 'FOLDER_PUBLISHER', urlSetting: 'FOLDER_PUBLISHER_URL' };
  return await checkPublicFolder({ ...folderPublisher, ...settings }, signal);
}
