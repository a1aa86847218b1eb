import { z } from 'zod';
import { text, url } from '../../lib/setting-kinds.ts';

const webhookSecret = () =>
  text().regex(/^(whsec_)?[A-Za-z0-9+/]{22,}={0,2}$/, {
    error:
      'must be whsec_ followed by at least 16 random bytes in base64, such as the output of: openssl rand -base64 32',
  });

/** What the environment says of the website. */
export const websiteSettings = {
  SITE_WEBHOOK_URL: url().describe('Address of the website that hears of each recording'),
  SITE_WEBHOOK_SECRET: webhookSecret().describe(
    'Standard Webhooks secret shared with the website: whsec_ and the output of openssl rand -base64 32',
  ),

  SITE_RETRY_SCHEDULE_S: z
    .string()
    .regex(/^\d+(\s*,\s*\d+)*$/, { error: 'must be a comma-separated list of seconds' })
    .transform((value) => value.split(',').map(Number))
    .default([5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400])
    .describe('Seconds between the attempts to deliver an announcement, comma-separated'),
} as const;
