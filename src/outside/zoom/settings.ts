import { z } from 'zod';
import { duration, entriesOf, hours, secret, text, url, whole } from '../../lib/setting-kinds.ts';
import { COMPANIONS, DEFAULT_VIEWS, type Views } from './files.ts';

/** An entry of ZOOM_DOWNLOAD_HOSTS: a host pattern, or an exact origin. */
const hostList = () =>
  z
    .string()
    .transform(entriesOf)
    .pipe(
      z.array(
        z.string().refine(isHostEntry, {
          error: 'each entry is a host (zoom.us), a pattern (*.zoom.us) or an origin (http://127.0.0.1:9012)',
        }),
      ),
    );

function isHostEntry(entry: string): boolean {
  if (/^https?:\/\/[^/*\s]+$/i.test(entry)) return URL.canParse(entry);
  return /^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(entry);
}

const words = (value: string) => entriesOf(value.toLowerCase());

/** ZOOM_VIEWS. */
const viewList = () =>
  z.string().transform((value): Views => (value.trim().toLowerCase() === 'all' ? 'all' : words(value)));

/** ZOOM_COMPANIONS; `none` is a list of none. */
const companionList = () =>
  z
    .string()
    .transform((value) => words(value).filter((word) => word !== 'none'))
    .pipe(z.array(z.enum(COMPANIONS, { error: `each entry is one of ${COMPANIONS.join(', ')}` })));

/** What the environment says of Zoom, and of what is brought home of its meetings. */
export const zoomSettings = {
  ZOOM_WEBHOOK_SECRET_TOKEN: secret()
    .optional()
    .describe('Secret Token of the Zoom app; signs webhooks (required, unless ZOOM_ACCOUNTS_FILE is set)'),
  ZOOM_WEBHOOK_SECRET_TOKEN_OLD: secret()
    .optional()
    .describe('The Secret Token before the last change, valid beside the new one until you remove it here'),
  ZOOM_TIMESTAMP_TOLERANCE_S: whole(1)
    .default(300)
    .describe("Seconds that a webhook's signed timestamp may differ from this server's clock"),
  ZOOM_ACCOUNT_ID: text().optional().describe('Server-to-Server OAuth: account id'),
  ZOOM_CLIENT_ID: text().optional().describe('Server-to-Server OAuth: client id'),
  ZOOM_CLIENT_SECRET: secret().optional().describe('Server-to-Server OAuth: client secret'),
  ZOOM_ACCOUNTS_FILE: text()
    .optional()
    .describe(
      'YAML or JSON file with several Zoom accounts, in place of the settings above; see docs/zoom.md',
    ),
  ZOOM_RULES_FILE: text()
    .optional()
    .describe('YAML file of rules for recordings; unset: DATA_DIR/zoom-rules.yaml, if there is one'),
  ZOOM_VIEWS: viewList()
    .default([...DEFAULT_VIEWS])
    .describe('Views in order of preference, comma-separated: the best one of each segment is taken; or all'),
  ZOOM_COMPANIONS: companionList()
    .default(['transcript', 'chat'])
    .describe(`What is archived beside a video, comma-separated: ${COMPANIONS.join(', ')}; or none`),
  ZOOM_CAPTIONS_LANGUAGE: z
    .string()
    .regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, { error: 'must be a language such as en' })
    .default('en')
    .describe('Language of the captions that Bunny gets from transcripts'),
  ZOOM_DELAY: duration()
    .default(0)
    .describe('How long after an event its first download is tried: seconds, or 5m, 1h'),
  ZOOM_PATIENCE: duration()
    .optional()
    .describe(
      'How long after an event a file that Zoom does not have yet costs no attempt; unset: four times RETRY_BACKOFF_MAX_S',
    ),
  ZOOM_COMPANION_WAIT: duration()
    .default(259_200)
    .describe('How long a transcript, chat or the like waits for its video: seconds, or 72h, 3d'),
  ZOOM_SWEEP_EVERY: hours()
    .optional()
    .describe(
      'How often Zoom is asked for recordings that no event has announced: hours, or 30m, 6h, 1d; unset: never',
    ),
  ZOOM_SWEEP_DAYS: whole(1, 180).default(3).describe('How many days back that looks'),
  ZOOM_TRASH_AFTER: z
    .enum(['published', 'playable', 'never'])
    .default('never')
    .describe("When the files of a meeting that is home go to Zoom's trash: published, playable or never"),
  ZOOM_API_URL: url().default('https://api.zoom.us/v2').describe('Base URL of the Zoom API'),
  ZOOM_OAUTH_URL: url().default('https://zoom.us/oauth/token').describe('Token URL of Zoom'),
  ZOOM_DOWNLOAD_HOSTS: hostList()
    .default(['*.zoom.us', '*.zoomgov.com'])
    .describe(
      'Hosts that a download may start at, comma-separated; an origin such as http://127.0.0.1:9012 allows exactly that address',
    ),
} as const;
