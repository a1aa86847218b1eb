import { secret, text, url, whole } from '../../lib/setting-kinds.ts';

/** What the environment says of Backblaze B2. */
export const b2Settings = {
  B2_KEY_ID: text().describe('Application key id'),
  B2_APPLICATION_KEY: secret().describe(
    'Application key; needs listBuckets, listFiles, readFiles and writeFiles',
  ),
  B2_BUCKET: text()
    .default('ace-academy-recordings')
    .describe('Bucket that recordings are archived in: yours'),
  B2_API_URL: url().default('https://api.backblazeb2.com').describe('Base URL of the B2 native API'),
  ARCHIVE_PART_BYTES: whole(5_000_000, 5_000_000_000)
    .optional()
    .describe(
      'The most bytes per part of a large file; unset: what B2 recommends (100 MB). A file that would have too many parts gets larger ones',
    ),
  ARCHIVE_PARALLEL_PARTS: whole(1, 20)
    .default(3)
    .describe('Parts of one large file that are sent at the same time'),
} as const;
