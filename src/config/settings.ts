import { z } from 'zod';
import { isWatchUrl, WATCH_BLANKS } from '../domain/watch-url.ts';
import { HOST_ID } from '../lib/host-file.ts';
import { namesPostgresDatabase } from '../lib/postgres-url.ts';
import { entriesOf, number, port, text, url, whole } from '../lib/setting-kinds.ts';
import { b2Settings } from '../outside/b2/settings.ts';
import { bunnySettings } from '../outside/bunny/settings.ts';
import { executorSettings } from '../outside/executors/settings.ts';
import { ffmpegSettings } from '../outside/ffmpeg/settings.ts';
import { folderPublisherSettings, folderStoreSettings } from '../outside/folder/settings.ts';
import { s3Place, s3Settings } from '../outside/s3/settings.ts';
import { websiteSettings } from '../outside/website/settings.ts';
import { zoomSettings } from '../outside/zoom/settings.ts';

/** LANE_SLOTS: `media=1, look=8`. */
const laneSlots = () =>
  z
    .string()
    .transform(entriesOf)
    .pipe(
      z.array(
        z.string().regex(/^[a-z][a-z-]*\s*=\s*[1-9]\d?$/, {
          error: 'each entry is a lane and a number, such as media=1',
        }),
      ),
    )
    .transform((entries) =>
      Object.fromEntries(
        entries.map((entry) => {
          const [lane = '', slots = ''] = entry.split('=').map((part) => part.trim());
          return [lane, Number(slots)] as const;
        }),
      ),
    )
    .refine((slots) => slots['upload'] === undefined, { error: 'the lane upload always has one slot' });

/** HMAC-SHA256 asks for as many bytes as it gives. */
const signingSecret = () =>
  text().min(32, {
    error: 'must have at least 32 characters, such as the output of: openssl rand -base64 48',
  });

/** Origins as browsers send them. */
const originList = () =>
  z
    .string()
    .transform(entriesOf)
    .pipe(
      z.array(
        z.string().refine(isOrigin, {
          error:
            'each entry is an origin as browsers send it, such as https://academy.example or capacitor://localhost: scheme and host in small letters, no path',
        }),
      ),
    );

/** Also those of apps that bring their pages along; `null` is that of a page without one, such as one from a file. */
function isOrigin(entry: string): boolean {
  if (entry === 'null' || entry === 'file://') return true;
  if (!/^https?:/i.test(entry)) return /^[a-z][a-z\d+.-]*:\/\/[a-z\d._-]+(:\d+)?$/.test(entry);
  return /^https?:\/\/[^/*\s]+$/.test(entry) && URL.canParse(entry) && new URL(entry).origin === entry;
}

/** What comes by mail or chat gets spaces and dashes of its own; only what a header can carry is taken. */
const adminToken = () =>
  text().regex(/^[\x21-\x7e]{24,512}$/, {
    error:
      'must have 24 to 512 characters without spaces, and be random: the output of "openssl rand -hex 24" is',
  });

/** MEDIA_ALLOW: an ending without its dot, or a media type. */
const mediaList = () =>
  z
    .string()
    .transform((value) => entriesOf(value.toLowerCase()).map((entry) => entry.replace(/^\./, '')))
    .pipe(
      z.array(
        z.string().regex(/^([a-z0-9]{1,10}|[a-z0-9.+-]+\/[a-z0-9.+-]+)$/, {
          error: 'each entry is an ending such as mxf, or a media type such as application/x-acme',
        }),
      ),
    );

const folderList = () =>
  z
    .string()
    .transform(entriesOf)
    .pipe(z.array(z.string().startsWith('/', { error: 'each folder is an absolute path' })));

const mailAddresses = () =>
  z
    .string()
    .transform((value) =>
      value
        .split(',')
        .map((address) => address.trim())
        .filter(Boolean),
    )
    .pipe(
      z
        .array(
          z
            .string()
            .regex(/^[^@\s<>]+@[^@\s<>]+$/, { error: 'each entry is an address such as a@example.org' }),
        )
        .min(1),
    );

const absolutePath = () => text().startsWith('/', { error: 'must be an absolute path' });

const dbUrl = () =>
  text().refine((value) => namesPostgresDatabase(value) || !/^(?!file:)[a-z][a-z\d+.-]+:/i.test(value), {
    error:
      'must be file: and a path, or a whole URL of Postgres such as postgres://sluice:password@db.internal:5432/sluice; leave it out to use the SQLite file in DATA_DIR',
  });

/**
 * Every setting: its rule, its default and what it means. `.env.example` is this list. A setting without a default is
 * required; one that is `optional` may be absent.
 */
export const settings = {
  // Storage
  DATA_DIR: text().default('./data').describe('Folder for the ledger, uploads, spool and the managed Redis'),
  DATABASE_URL: dbUrl()
    .optional()
    .describe(
      'Where the ledger lies: file:/path/to/ledger.db, or in a Postgres database (15 or newer), postgres://user:password@host:5432/database; unset: DATA_DIR/ledger.db',
    ),
  REDIS_URL: text()
    .regex(/^(rediss?|unix):\/\//, { error: 'must begin with redis://, rediss:// or unix://' })
    .optional()
    .describe(
      'Redis of your own, such as redis://127.0.0.1:6379; unset: a managed one on a unix socket in DATA_DIR',
    ),

  // Several hosts
  HOST_ID: text()
    .regex(HOST_ID, { error: 'must be of a-z, 0-9 and -, such as media-1, with at most 32 characters' })
    .optional()
    .describe(
      'What this host is called among those that share a ledger in Postgres; unset: as the machine is, when DATA_DIR is first used',
    ),
  HOST_URL: url()
    .optional()
    .describe(
      'Where the other hosts reach the tus server of this one, such as http://10.0.0.2:1080 (each host has its own); unset: by TUS_HOST and TUS_PORT',
    ),

  // Processes
  PIPELINE_HOST: text().default('127.0.0.1').describe('Address that the pipeline server listens on'),
  PIPELINE_PORT: port().default(9009).describe('Port of the pipeline server'),
  PIPELINE_URL: url()
    .optional()
    .describe('Where the tus process reaches the pipeline; unset: from host and port'),
  GRPC_PORT: port().optional().describe('Port at which programs speak gRPC, such as 50051; unset: at none'),
  GRPC_HOST: text()
    .default('127.0.0.1')
    .describe('Address that it listens on; another than this machine itself needs GRPC_CERT'),
  GRPC_CERT: absolutePath()
    .optional()
    .describe(
      'File of the certificate (PEM, with what it is signed by) that it shows; unset: it speaks in clear',
    ),
  GRPC_KEY: absolutePath().optional().describe('File of the private key of that certificate (PEM)'),
  GRPC_CLIENT_CA: absolutePath()
    .optional()
    .describe(
      'File of the authority (PEM) whose certificates clients have to present: they are operators by that; unset: they show a token',
    ),
  GRPC_INPUT_BUCKET: text().optional().describe('Bucket of inputs that clients of gRPC name without one'),
  GRPC_OUTPUT_BUCKET: text().optional().describe('Bucket of outputs that clients of gRPC name without one'),
  TUS_HOST: text().default('127.0.0.1').describe('Address that the tus server listens on'),
  TUS_PORT: port().default(1080).describe('Port of the tus server'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('Least important log line written: trace, debug, info, warn, error, fatal or silent'),
  LOG_MAX_BYTES: whole(0)
    .default(20_000_000)
    .describe('Size at which a log file in DATA_DIR/logs is put aside, in bytes; 0: whatever it is'),
  LOG_KEEP_FILES: whole(0, 1000).default(4).describe('How many of each log that were put aside are kept'),
  SHUTDOWN_TIMEOUT_S: whole(1, 60)
    .default(8)
    .describe('Seconds that a stopping process has to let go of its work'),
  WORKER_NICENESS: whole(0, 19)
    .default(0)
    .describe(
      'How far the worker gives way to all else on this machine, the doors too: 0 not at all, 19 the most. One that gives way holds the ledger longer',
    ),

  // Operators
  ADMIN_TOKEN: adminToken()
    .optional()
    .describe(
      'Opens /login, the dashboard and /api (as a bearer token) from elsewhere; unset: only callers on this machine get in',
    ),
  ADMIN_TOKEN_OLD: adminToken()
    .optional()
    .describe('The token before the last change, valid beside the new one until you remove it here'),
  LOCAL_TRUST: z
    .enum(['on', 'off'])
    .default('on')
    .describe('off: callers on this machine need ADMIN_TOKEN too; for servers with other users'),
  CUSTOM_ROOTS: folderList()
    .default([])
    .describe('Folders that /custom-upload takes files from, comma-separated; unset: any'),

  // Audio and video
  MEDIA_ALLOW: mediaList()
    .default([])
    .describe(
      'What uploads and files of this server may be beside the audio and video that Sluice knows, comma-separated: endings (mxf) or media types (application/x-acme)',
    ),
  FFPROBE: text()
    .default('ffprobe')
    .describe(
      'Command that is asked, where it is installed, whether an unknown file is audio or video: a name or a path; none: it is not asked',
    ),
  ...ffmpegSettings,

  // Inputs and media output
  MEDIA_IN: text()
    .refine((value) => value.startsWith('/') || s3Place(value) !== undefined, {
      error: 'must be an absolute path, or s3://bucket or s3://bucket/folder',
    })
    .optional()
    .describe(
      'Where inputs called media-in:path lie: a folder, whose files are read and stay as they are, or s3://bucket/folder; unset: there are none',
    ),
  MEDIA_IN_URL: url()
    .optional()
    .describe(
      'Public address of what lies below MEDIA_IN, such as https://films.academy.example; unset: nobody is told where to find it',
    ),
  INPUT_ORIGINS: originList()
    .default([])
    .describe(
      'Web servers that inputs are taken from beside those of the public internet with https, such as http://10.0.0.5:8080, comma-separated',
    ),
  MEDIA_OUT: text()
    .refine((value) => value.startsWith('/') || s3Place(value) !== undefined, {
      error: 'must be an absolute path, or s3://bucket or s3://bucket/folder',
    })
    .optional()
    .describe(
      'Where recipes put packages, thumbnails and what else is made of recordings: a folder that is there and that a web server hands out, or s3://bucket/folder, asked with the S3 settings; unset: nowhere',
    ),
  MEDIA_OUT_URL: url()
    .optional()
    .describe(
      'Public address of what lies there, such as https://media.academy.example; unset: nobody is told where to find it',
    ),
  LADDER_MAX_SHORT_SIDE_PX: whole(144)
    .default(1080)
    .describe(
      'The largest rendition of a package that is encoded, by the shorter side of its pictures: 2160 allows 4K, whose ladder holds 1.9 GB (FFMPEG_MEMORY_MAX_BYTES); what is copied may be larger',
    ),
  WATCH: z
    .enum(['off', 'signed', 'public'])
    .default('off')
    .describe(
      'Who may watch packages on the page /watch beside operators: off: nobody; signed: whoever has a link that was signed with WATCH_TOKEN_SECRET; public: whoever knows a recording’s id',
    ),
  WATCH_URL: url()
    .optional()
    .describe(
      'Where viewers reach this server, such as https://watch.academy.example, for links and what the website is told; unset: PUBLIC_URL in links, and the website is told of no page',
    ),
  WATCH_TOKEN_SECRET: signingSecret()
    .optional()
    .describe('Secret that signs links to watch, of "sluice link" and of the website (docs/website.md)'),
  WATCH_TOKEN_SECRET_OLD: signingSecret()
    .optional()
    .describe('The secret before that one: links that were signed with it stay valid while it is set'),
  WATCH_EMBED_ORIGINS: originList()
    .default([])
    .describe(
      'Origins whose pages may show the page /watch in a frame, comma-separated, such as https://academy.example; unset: none but the dashboard',
    ),
  MARKS_DIR: text()
    .optional()
    .describe(
      'Folder of the pictures that recipes have drawn on films (PNG, JPEG, WebP); unset: there is none',
    ),

  // Recipes and tasks
  TASKS_DIR: text()
    .optional()
    .describe('Folder with tasks of your own, a JavaScript file each; see CONTRIBUTING.md'),
  RECIPES_FILE: text()
    .optional()
    .describe('YAML file of recipes, the ways that recordings go; see docs/recipes.md'),

  ...executorSettings,
  ...zoomSettings,
  ...b2Settings,
  ...folderStoreSettings,
  ...s3Settings,
  ...bunnySettings,
  ...folderPublisherSettings,
  ...websiteSettings,

  // Uploads of tutors
  UPLOAD_PUBLIC_URL: url()
    .optional()
    .describe(
      'Where browsers reach the tus server, such as https://uploads.academy.example/tusupload, for the page /upload; unset: /tusupload on the host that the page came from, or on this machine the port of the tus server',
    ),
  UPLOAD_WATCH_URL: text()
    .refine(isWatchUrl, {
      error: `must be an address that begins with https:// or http://, with no blanks but ${WATCH_BLANKS.map((name) => `{${name}}`).join(', ')}`,
    })
    .optional()
    .describe(
      'Where a tutor watches a recording that was uploaded, for the link on the page /upload, such as https://academy.example/watch/{ace_id}, or https://player.mediadelivery.net/play/{library_id}/{video_id}; unset: no link',
    ),
  UPLOAD_MAX_BYTES: whole(1)
    .default(21_474_836_480)
    .describe('Largest upload that the tus server accepts, in bytes'),
  UPLOAD_EXPIRES_AFTER_H: whole(1)
    .default(168)
    .describe('Hours without a byte after which an unfinished upload is removed'),
  UPLOAD_IDLE_TIMEOUT_S: whole(1)
    .default(60)
    .describe('Seconds without a byte after which an upload request is closed; the upload stays resumable'),
  UPLOAD_TOKEN_SECRET: signingSecret()
    .optional()
    .describe(
      'Secret shared with the website, which signs an upload token with it for each upload (docs/website.md); unset: only callers on this machine may upload',
    ),
  UPLOAD_TOKEN_SECRET_OLD: signingSecret()
    .optional()
    .describe('The secret before that one: its tokens stay valid while it is set'),
  UPLOAD_ALLOWED_ORIGINS: originList()
    .optional()
    .describe(
      'Origins whose pages may upload from a browser, comma-separated, such as https://academy.example, or of an app capacitor://localhost; unset: only the pages of the pipeline server on this machine',
    ),
  UPLOAD_TRUST_PROXY: z
    .stringbool({ error: 'must be on or off' })
    .default(false)
    .describe(
      'on: a proxy on this machine sets or appends X-Forwarded-For, whose last entry then counts as the client',
    ),
  UPLOAD_MAX_OPEN: whole(1).default(200).describe('Unfinished uploads in all'),
  UPLOAD_MAX_OPEN_PER_ACE_ID: whole(1).default(3).describe('Unfinished uploads of one ace_id'),
  UPLOAD_MAX_OPEN_PER_ADDRESS: whole(1).default(20).describe('Unfinished uploads from one client address'),
  UPLOAD_MAX_NEW_PER_MIN: whole(1)
    .default(30)
    .describe('Uploads that may be begun within a minute, for one ace_id and from one client address'),

  // The line
  RETRY_ATTEMPTS: whole(1, 100).default(8).describe('Attempts per recording before it counts as failed'),
  RETRY_BACKOFF_MIN_S: number()
    .positive()
    .default(30)
    .describe('Seconds to wait after the first failed attempt'),
  RETRY_BACKOFF_MAX_S: number().positive().default(3600).describe('Seconds to wait at most between attempts'),
  RECONCILE_EVERY_S: number()
    .positive()
    .max(86_400)
    .default(30)
    .describe('Seconds between checks that everything unfinished is in line'),
  LANE_SLOTS: laneSlots()
    .prefault('media=1, look=8')
    .describe(
      'How many recordings may move at once in each lane beside upload, which has one; others have one too',
    ),
  CRASH_LIMIT: whole(1)
    .default(5)
    .describe('Starts in a row that each kill the worker, after which a recording is set aside'),
  CIRCUIT_THRESHOLD: whole(1)
    .default(3)
    .describe(
      'Failures in a row after which a service is left alone, if it has confirmed them or they have met different recordings',
    ),
  CIRCUIT_OPEN_MIN_S: number()
    .positive()
    .default(30)
    .describe('Seconds that a failing service is first left alone'),
  CIRCUIT_OPEN_MAX_S: number()
    .positive()
    .default(600)
    .describe('Seconds that a failing service is left alone at most'),
  DISK_RESERVE_BYTES: whole(0)
    .default(1_073_741_824)
    .describe('Bytes of disk that downloads and uploads leave free'),
  LEASE_MS: whole(1000, 60_000)
    .default(5000)
    .describe('Milliseconds after which a worker that shows no sign of life loses its recording'),
  SWEEP_EVERY_H: number()
    .positive()
    .max(500)
    .default(24)
    .describe('Hours between the looks for what failures have left behind'),
  SWEEP_AFTER_H: number()
    .min(1)
    .default(24)
    .describe('Hours after which an upload or a video that no recording needs is swept away'),
  FAILED_KEEP_DAYS: number()
    .positive()
    .default(14)
    .describe(
      'Days that what a failed recording has left is kept, for a person to retry it; then it is removed',
    ),
  HISTORY_KEEP_DAYS: number()
    .min(0)
    .default(400)
    .describe(
      'Days after which of a recording that is done or cancelled only the outline of its history is kept; 0: all for ever',
    ),

  LATE_LOOK_FIRST_S: number()
    .positive()
    .default(5)
    .describe(
      'Seconds after which B2 and Bunny are looked at again for what was given up and came all the same',
    ),
  LATE_LOOK_FOR_H: number()
    .positive()
    .default(24)
    .describe('Hours for which that is looked for, with pauses that grow; no B2 upload URL lives longer'),

  // Alarms
  SILENT_AFTER_S: number()
    .positive()
    .default(30)
    .describe('Seconds without a sign of life, or without Redis, after which a process counts as silent'),
  STANDSTILL_MIN: number()
    .positive()
    .default(15)
    .describe(
      'Minutes that a recording may be due, or move without getting on, before the line stands still',
    ),
  ALARM_WEBHOOK_URL: url()
    .optional()
    .describe(
      'Address that hears of alarms as JSON {"text": "..."}, such as a Slack incoming webhook; a secret',
    ),
  ALARM_PING_URL: url()
    .optional()
    .describe(
      'Address that is asked (GET) again and again while all that has to move moves, and not otherwise, such as a check of healthchecks.io, which then alarms; a secret',
    ),
  ALARM_PING_EVERY_S: number().min(1).default(60).describe('Seconds between these requests'),
  ALARM_MAIL_TO: mailAddresses().optional().describe('Who hears of alarms by e-mail, comma-separated'),
  ALARM_MAIL_FROM: text().optional().describe('Sender of those e-mails, such as Sluice <sluice@example.org>'),
  SMTP_URL: text()
    .regex(/^smtps?:\/\/\S+$/, { error: 'must be smtp://user:password@host:port or smtps://...' })
    .refine((value) => URL.canParse(value), { error: 'is no valid address' })
    .optional()
    .describe('Mail server, such as smtp://user:password@mail.example.org:587; a secret'),
  SMTP_TLS: z
    .enum(['required', 'if-offered'])
    .optional()
    .describe(
      'Whether an alarm is only mailed over TLS; unset: required where SMTP_URL has a password and leads to another machine',
    ),
  ALARM_PAUSE_S: number()
    .positive()
    .default(60)
    .describe('Seconds between two messages; what happens meanwhile is told together'),
  ALARM_CAUSE_PAUSE_MIN: number()
    .min(0)
    .default(15)
    .describe(
      'Minutes between two messages about recordings that fail for one cause, while it was told and one of them is open',
    ),
  ALARM_CIRCUIT_OPEN_MIN: number()
    .min(0)
    .default(15)
    .describe('Minutes that a service may be down before it is an alarm'),
  ALARM_WAITING_H: number()
    .min(0)
    .default(24)
    .describe('Hours that a recording may wait before it is an alarm'),
  ALARM_ZOOM_REFUSALS: whole(1)
    .default(5)
    .describe('Webhooks with a wrong signature, since the last right one, that are an alarm'),
  ALARM_ZOOM_WINDOW_MIN: number()
    .positive()
    .max(1440)
    .default(60)
    .describe('Minutes within which these are counted'),
  PUBLIC_URL: url()
    .optional()
    .describe(
      'Where operators open this installation in a browser; messages link to it, and what does steps elsewhere (EXECUTOR) reaches it there',
    ),

  // Traces
  OTEL_EXPORTER_OTLP_ENDPOINT: url()
    .optional()
    .describe('OpenTelemetry collector (OTLP over HTTP), such as http://127.0.0.1:4318; unset: no traces'),

  // Transfers
  TRANSFER_IDLE_TIMEOUT_S: number()
    .positive()
    .default(60)
    .describe('Seconds without a byte after which a transfer counts as failed'),
  TRANSFER_MIN_BYTES_PER_S: whole(1)
    .default(1024)
    .describe(
      'Bytes per second, over the time of TRANSFER_IDLE_TIMEOUT_S, below which a service that moves bytes counts as silent',
    ),
  TRANSFER_RETRY_PAUSE_MS: whole(0)
    .default(1000)
    .describe('Milliseconds before a part or patch is sent again, doubling each time'),
} as const;
