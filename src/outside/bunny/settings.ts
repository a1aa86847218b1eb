import { number, secret, text, url, whole } from '../../lib/setting-kinds.ts';

/** What the environment says of Bunny Stream, and of how its videos are watched. */
export const bunnySettings = {
  BUNNY_LIBRARY_ID: text()
    .regex(/^[\w-]+$/, { error: 'must be the id of the library, a number' })
    .describe('Stream library id'),
  BUNNY_API_KEY: secret().describe('API key of that library'),
  BUNNY_API_URL: url().default('https://video.bunnycdn.com').describe('Base URL of the Stream API'),
  BUNNY_TUS_URL: url()
    .default('https://video.bunnycdn.com/tusupload')
    .describe('tus endpoint of Bunny Stream'),
  BUNNY_CDN_HOST: text()
    .optional()
    .describe(
      'Pull zone host of the library, such as vz-abc.b-cdn.net; set: announcements carry the HLS address',
    ),
  BUNNY_READ_ONLY_API_KEY: secret()
    .optional()
    .describe('Read-Only API key of that library; signs the webhooks that Bunny sends to /bunny-webhook'),
  PLAYABLE_POLL_MIN_S: number()
    .positive()
    .default(5)
    .describe('Seconds between the first looks whether a video is playable'),
  PLAYABLE_POLL_MAX_S: number().positive().default(300).describe('Seconds between the later looks'),
  PLAYABLE_TIMEOUT_H: number()
    .positive()
    .default(72)
    .describe('Hours after which a video that is not playable counts as failed'),
  PLAYABLE_GONE_AFTER_S: number()
    .nonnegative()
    .default(600)
    .describe(
      'Seconds for which Bunny has to say that it does not know a published video before it counts as failed',
    ),
  PLAYABLE_RECHECK_DAYS: number()
    .nonnegative()
    .default(7)
    .describe(
      'Days for which a video that counts as failed is looked at now and again: it may become playable yet',
    ),
  PUBLISH_GONE_AFTER_S: number()
    .nonnegative()
    .default(30)
    .describe(
      'Seconds for which Bunny has to say that a video is gone, or its file or captions no good, before it is believed',
    ),
  PUBLISH_PATCH_BYTES: whole(1_048_576)
    .default(1_073_741_824)
    .describe('Bytes per PATCH request of the upload to Bunny; what arrives of a broken one counts'),
} as const;
