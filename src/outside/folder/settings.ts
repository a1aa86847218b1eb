import { text, url } from '../../lib/setting-kinds.ts';

/** What the environment says of the folder that is a store. */
export const folderStoreSettings = {
  FOLDER_STORE: text()
    .startsWith('/', { error: 'must be an absolute path' })
    .optional()
    .describe(
      'Folder, of this machine or mounted here, that recipes can archive to as the store "folder"; unset: there is none',
    ),
} as const;

/** What the environment says of the folder that is a publisher. */
export const folderPublisherSettings = {
  FOLDER_PUBLISHER: text()
    .startsWith('/', { error: 'must be an absolute path' })
    .optional()
    .describe(
      'Folder that a web server hands out, which recipes can publish to as the publisher "folder"; it has to be there; unset: there is none',
    ),
  FOLDER_PUBLISHER_URL: url()
    .optional()
    .describe('Public address of that folder, such as https://videos.academy.example'),
} as const;
