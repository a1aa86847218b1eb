import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { KnownError, systemCode } from '../domain/errors.ts';
import { inPlainWords } from '../lib/plain-words.ts';
import { isPostgresUrl, parsePostgresUrl } from '../lib/postgres-url.ts';
import { executorConflicts, executorPlace } from '../outside/executors/settings.ts';
import { ffmpegOptions } from '../outside/ffmpeg/settings.ts';
import { s3Connection, s3Place } from '../outside/s3/settings.ts';
import { loadZoomAccounts } from '../outside/zoom/accounts.ts';
import { zoomPlanning } from '../outside/zoom/planning.ts';
import { strangeNames } from './setting-names.ts';
import { settings } from './settings.ts';

/** The longest path of a unix socket that Linux takes, in bytes; macOS takes a few less. */
const MAX_SOCKET_PATH_BYTES = 103;

export type Config = ReturnType<typeof buildConfig>;

type Env = Readonly<Record<string, string | undefined>>;

type Values = { readonly [Name in keyof typeof settings]: z.output<(typeof settings)[Name]> };

/** What is wrong with a setting: that it is missing, too. Its value is not told. */
export interface SettingProblem {
  readonly name: string;
  readonly text: string;
  readonly isMissing: boolean;
}

/** Where Redis is: an address, or the socket of the managed one. */
export type RedisAddress = { readonly url: string } | { readonly socketPath: string };

/**
 * Turns an environment into the configuration. A variable that is set to nothing counts as not set.
 *
 * @throws KnownError `CONFIG_INVALID`, which lists every problem by its variable.
 */
export function loadConfig(env: Env): Config {
  const { config, problems } = examineConfig(env);
  if (problems.length > 0) {
    const lines = problems.map(({ name, text }) => `  ${name}: ${text}`);
    throw new KnownError(`${headlineOf(problems)}\n${lines.join('\n')}\nSee .env.example.`, {
      code: 'CONFIG_INVALID',
    });
  }
  return config;
}

function headlineOf(problems: readonly SettingProblem[]): string {
  if (problems.every(({ isMissing }) => isMissing)) return 'The settings are not complete:';
  return problems.some(({ isMissing }) => isMissing)
    ? 'The settings are not complete, and some are wrong:'
    : 'Some settings are wrong:';
}

/**
 * Reads as much of the configuration as there is. Where a setting has a problem its default stands, or an empty text:
 * what depends on it is for the caller to leave alone.
 */
export function examineConfig(env: Env): { config: Config; problems: SettingProblem[] } {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
  const problems: SettingProblem[] = [];
  const values = Object.entries(settings).map(([name, rule]): [string, unknown] => {
    const parsed = rule.safeParse(present[name], { error: inPlainWords });
    if (parsed.success) return [name, parsed.data];
    const isMissing = present[name] === undefined;
    for (const { message } of isMissing ? [{ message: 'is required' }] : parsed.error.issues) {
      problems.push({ name, text: message, isMissing });
    }
    const instead = rule.safeParse(undefined);
    return [name, instead.success ? instead.data : ''];
  });
  problems.push(...conflicts(present));
  return {
    config: buildConfig(Object.fromEntries(values) as Values, env),
    problems: problems.map((problem) => orMisspelt(problem, present)),
  };
}

/** Of a setting that is missing, what is there in its place and differs by a slip. */
function orMisspelt(problem: SettingProblem, present: Env): SettingProblem {
  if (!problem.isMissing) return problem;
  const slip = strangeNames(Object.keys(present), { isOwnFile: true }).find(
    ({ meant }) => meant === problem.name,
  );
  if (slip === undefined) return problem;
  return { ...problem, text: `${problem.text}; did you mean it by ${slip.name}, which is no setting?` };
}

function buildConfig(e: Values, env: Env) {
  const dataDir = resolve(e.DATA_DIR);
  const s3 = s3Connection(e);

  return {
    dataDir,
    ledgerAddress: ledgerAddress(e.DATABASE_URL, dataDir),
    host: {
      /** What it is to be called; unset: as it is called already, or as the machine is. */
      id: e.HOST_ID,
      /** Where its tus server is for the others. */
      url: e.HOST_URL ?? `http://${neighboursHost(e.TUS_HOST)}:${e.TUS_PORT}`,
    },
    diskReserveBytes: e.DISK_RESERVE_BYTES,
    redis: redisAddress(e.REDIS_URL, dataDir),
    log: { level: e.LOG_LEVEL, maxBytes: e.LOG_MAX_BYTES, keepFiles: e.LOG_KEEP_FILES },
    shutdownTimeoutMs: e.SHUTDOWN_TIMEOUT_S * 1000,
    workerNiceness: e.WORKER_NICENESS,
    pipeline: {
      host: e.PIPELINE_HOST,
      port: e.PIPELINE_PORT,
      url: e.PIPELINE_URL ?? `http://${urlHost(e.PIPELINE_HOST)}:${e.PIPELINE_PORT}`,
    },
    grpc: e.GRPC_PORT === undefined ? undefined : { ...grpcOf(e), port: e.GRPC_PORT },
    operators: {
      adminToken: e.ADMIN_TOKEN,
      adminTokenOld: e.ADMIN_TOKEN_OLD,
      isLocalTrusted: e.LOCAL_TRUST === 'on',
    },
    customRoots: e.CUSTOM_ROOTS,
    tasksDir: e.TASKS_DIR === undefined ? undefined : resolve(e.TASKS_DIR),
    recipesFile: e.RECIPES_FILE === undefined ? undefined : resolve(e.RECIPES_FILE),
    ladderMostPx: e.LADDER_MAX_SHORT_SIDE_PX,
    marksDir: e.MARKS_DIR === undefined ? undefined : resolve(e.MARKS_DIR),
    media: {
      allowed: e.MEDIA_ALLOW,
      ffprobe: e.FFPROBE === 'none' ? undefined : { command: e.FFPROBE, searchPath: env['PATH'] ?? '' },
      ffmpeg:
        e.FFMPEG === 'none'
          ? undefined
          : { ...ffmpegOptions(e, env['PATH'] ?? ''), atOnce: e.LANE_SLOTS['media'] ?? 1 },
    },
    tus: {
      host: e.TUS_HOST,
      port: e.TUS_PORT,
      /** Where finished uploads lie until they are fetched. */
      incomingDir: `${dataDir}/incoming`,
      maxBytes: e.UPLOAD_MAX_BYTES,
      expiresAfterMs: e.UPLOAD_EXPIRES_AFTER_H * 3_600_000,
      idleTimeoutMs: e.UPLOAD_IDLE_TIMEOUT_S * 1000,
      /** Where browsers find it; unset: beside the page that they were shown. */
      publicUrl: e.UPLOAD_PUBLIC_URL,
      watchUrl: e.UPLOAD_WATCH_URL,
      /** The one that the website signs with, and the one before it while that is still around. */
      tokenSecrets: [e.UPLOAD_TOKEN_SECRET, e.UPLOAD_TOKEN_SECRET_OLD].filter(
        (secret) => secret !== undefined,
      ),
      allowedOrigins: e.UPLOAD_ALLOWED_ORIGINS ?? ownPageOrigins(e.PIPELINE_HOST, e.PIPELINE_PORT),
      trustsProxy: e.UPLOAD_TRUST_PROXY,
      limits: {
        maxOpen: e.UPLOAD_MAX_OPEN,
        maxOpenPerAceId: e.UPLOAD_MAX_OPEN_PER_ACE_ID,
        maxOpenPerAddress: e.UPLOAD_MAX_OPEN_PER_ADDRESS,
        maxNewPerMinute: e.UPLOAD_MAX_NEW_PER_MIN,
      },
    },
    zoom: {
      secretTokens: [e.ZOOM_WEBHOOK_SECRET_TOKEN, e.ZOOM_WEBHOOK_SECRET_TOKEN_OLD].filter(
        (token) => token !== undefined,
      ),
      ...zoomPlanning(e),
      patienceMs: (e.ZOOM_PATIENCE ?? 4 * e.RETRY_BACKOFF_MAX_S) * 1000,
      companionWaitMs: e.ZOOM_COMPANION_WAIT * 1000,
      timestampToleranceS: e.ZOOM_TIMESTAMP_TOLERANCE_S,
      sweep:
        e.ZOOM_SWEEP_EVERY === undefined
          ? undefined
          : { everyMs: e.ZOOM_SWEEP_EVERY * 1000, days: e.ZOOM_SWEEP_DAYS },
      trashAfter: e.ZOOM_TRASH_AFTER,
      apiUrl: e.ZOOM_API_URL,
      oauthUrl: e.ZOOM_OAUTH_URL,
      credentials:
        e.ZOOM_ACCOUNT_ID && e.ZOOM_CLIENT_ID && e.ZOOM_CLIENT_SECRET
          ? { accountId: e.ZOOM_ACCOUNT_ID, clientId: e.ZOOM_CLIENT_ID, clientSecret: e.ZOOM_CLIENT_SECRET }
          : undefined,
      downloadHosts: e.ZOOM_DOWNLOAD_HOSTS,
    },
    b2: {
      apiUrl: e.B2_API_URL,
      keyId: e.B2_KEY_ID,
      applicationKey: e.B2_APPLICATION_KEY,
      bucket: e.B2_BUCKET,
      partBytes: e.ARCHIVE_PART_BYTES,
    },
    archive: { parallelParts: e.ARCHIVE_PARALLEL_PARTS },
    folderStore:
      e.FOLDER_STORE === undefined
        ? undefined
        : {
            path: resolve(e.FOLDER_STORE),
            /** Remembers which folder it was, so that an empty mount point is not taken for it. */
            memoryPath: `${dataDir}/folder-store.json`,
            reserveBytes: e.DISK_RESERVE_BYTES,
          },
    bunny: {
      apiUrl: e.BUNNY_API_URL,
      tusUrl: e.BUNNY_TUS_URL,
      libraryId: e.BUNNY_LIBRARY_ID,
      apiKey: e.BUNNY_API_KEY,
      cdnHost: e.BUNNY_CDN_HOST,
      readOnlyApiKey: e.BUNNY_READ_ONLY_API_KEY,
      poll: { minMs: e.PLAYABLE_POLL_MIN_S * 1000, maxMs: e.PLAYABLE_POLL_MAX_S * 1000 },
      playableTimeoutMs: e.PLAYABLE_TIMEOUT_H * 3_600_000,
      goneAfterMs: e.PLAYABLE_GONE_AFTER_S * 1000,
      recheckMs: e.PLAYABLE_RECHECK_DAYS * 86_400_000,
      publishGoneAfterMs: e.PUBLISH_GONE_AFTER_S * 1000,
      patchBytes: e.PUBLISH_PATCH_BYTES,
    },
    folderPublisher:
      e.FOLDER_PUBLISHER && e.FOLDER_PUBLISHER_URL
        ? {
            path: resolve(e.FOLDER_PUBLISHER),
            url: e.FOLDER_PUBLISHER_URL,
            memoryPath: `${dataDir}/folder-publisher.json`,
            reserveBytes: e.DISK_RESERVE_BYTES,
          }
        : undefined,
    s3Store: s3 && e.S3_BUCKET ? { ...s3, bucket: e.S3_BUCKET } : undefined,
    mediaOut: mediaOut(e, dataDir),
    outputs: outputs(e),
    inputs: inputs(e),
    executor: {
      /** Where jobs are handed out to; `undefined`: every step is done on this machine. */
      place: executorPlace(e),
      /** The tasks whose steps are handed out. */
      tasks: e.EXECUTOR_TASKS,
      silenceMs: e.EXECUTOR_SILENCE_S * 1000,
      /** Where what does a step elsewhere reaches this installation. */
      publicUrl: e.PUBLIC_URL,
    },
    watch: {
      mode: e.WATCH,
      /** Where viewers reach this server. */
      url: e.WATCH_URL,
      linkUrl: e.WATCH_URL ?? e.PUBLIC_URL,
      /** The one that links are signed with, and the one before it while such links are around. */
      tokenSecrets: [e.WATCH_TOKEN_SECRET, e.WATCH_TOKEN_SECRET_OLD].filter((secret) => secret !== undefined),
      embedOrigins: e.WATCH_EMBED_ORIGINS,
      /** Where what is watched is fetched, if not from this server. */
      mediaUrl: e.MEDIA_OUT_URL,
    },
    site: {
      webhookUrl: e.SITE_WEBHOOK_URL,
      webhookSecret: e.SITE_WEBHOOK_SECRET,
      scheduleMs: e.SITE_RETRY_SCHEDULE_S.map((seconds) => seconds * 1000),
    },
    line: {
      backoff: {
        attempts: e.RETRY_ATTEMPTS,
        minMs: e.RETRY_BACKOFF_MIN_S * 1000,
        maxMs: e.RETRY_BACKOFF_MAX_S * 1000,
      },
      reconcileEveryMs: e.RECONCILE_EVERY_S * 1000,
      leaseMs: e.LEASE_MS,
      maxCrashes: e.CRASH_LIMIT,
      slots: e.LANE_SLOTS,
      circuits: {
        threshold: e.CIRCUIT_THRESHOLD,
        minOpenMs: e.CIRCUIT_OPEN_MIN_S * 1000,
        maxOpenMs: e.CIRCUIT_OPEN_MAX_S * 1000,
      },
    },
    sweep: {
      everyMs: e.SWEEP_EVERY_H * 3_600_000,
      afterMs: e.SWEEP_AFTER_H * 3_600_000,
      failedKeepMs: e.FAILED_KEEP_DAYS * 86_400_000,
    },
    lateLooks: {
      firstPauseMs: e.LATE_LOOK_FIRST_S * 1000,
      horizonMs: e.LATE_LOOK_FOR_H * 3_600_000,
    },
    vitals: { silentAfterMs: e.SILENT_AFTER_S * 1000, standstillMs: e.STANDSTILL_MIN * 60_000 },
    history: { keepMs: e.HISTORY_KEEP_DAYS * 86_400_000, everyMs: e.SWEEP_EVERY_H * 3_600_000 },
    alarms: {
      webhookUrl: e.ALARM_WEBHOOK_URL,
      ping:
        e.ALARM_PING_URL === undefined
          ? undefined
          : { url: e.ALARM_PING_URL, everyMs: e.ALARM_PING_EVERY_S * 1000 },
      mail:
        e.ALARM_MAIL_TO && e.ALARM_MAIL_FROM && e.SMTP_URL
          ? {
              to: e.ALARM_MAIL_TO,
              from: e.ALARM_MAIL_FROM,
              smtpUrl: e.SMTP_URL,
              needsTls: needsTls(e.SMTP_URL, e.SMTP_TLS),
            }
          : undefined,
      pauseMs: e.ALARM_PAUSE_S * 1000,
      causePauseMs: e.ALARM_CAUSE_PAUSE_MIN * 60_000,
      terms: {
        circuitOpenMs: e.ALARM_CIRCUIT_OPEN_MIN * 60_000,
        waitingMs: e.ALARM_WAITING_H * 3_600_000,
      },
      zoom: { refusals: e.ALARM_ZOOM_REFUSALS, windowMs: e.ALARM_ZOOM_WINDOW_MIN * 60_000 },
      dashboardUrl: e.PUBLIC_URL,
    },
    traces: { endpoint: e.OTEL_EXPORTER_OTLP_ENDPOINT },
    transfer: {
      idleTimeoutMs: e.TRANSFER_IDLE_TIMEOUT_S * 1000,
      minBytesPerSecond: e.TRANSFER_MIN_BYTES_PER_S,
      retryPauseMs: e.TRANSFER_RETRY_PAUSE_MS,
    },
  } as const;
}

function grpcOf(e: Values) {
  return {
    host: e.GRPC_HOST,
    /** Files; they are there together or not at all. */
    tls:
      e.GRPC_CERT === undefined || e.GRPC_KEY === undefined
        ? undefined
        : { certFile: e.GRPC_CERT, keyFile: e.GRPC_KEY, clientCaFile: e.GRPC_CLIENT_CA },
    buckets: { input: e.GRPC_INPUT_BUCKET, output: e.GRPC_OUTPUT_BUCKET },
  };
}

/** Where outputs go: into a folder, or into a bucket. */
function mediaOut(e: Values, dataDir: string) {
  if (e.MEDIA_OUT === undefined) return undefined;
  const url = e.MEDIA_OUT_URL;
  if (e.MEDIA_OUT.startsWith('/')) {
    return {
      kind: 'folder' as const,
      path: resolve(e.MEDIA_OUT),
      url,
      memoryPath: `${dataDir}/media-out.json`,
      reserveBytes: e.DISK_RESERVE_BYTES,
    };
  }
  const s3 = s3Connection(e);
  const place = s3Place(e.MEDIA_OUT);
  return s3 && place && { kind: 's3' as const, ...s3, ...place, url };
}

/** The buckets that callers may name for outputs. */
function outputs(e: Values) {
  const known = e.MEDIA_OUT === undefined ? undefined : s3Place(e.MEDIA_OUT)?.bucket;
  return {
    s3: s3Connection(e),
    buckets: e.S3_OUTPUT_BUCKETS ?? (known === undefined ? [] : [known]),
    archiveBucket: e.S3_BUCKET,
  };
}

/** Where inputs are taken from: what lies below MEDIA_IN, some buckets, and web servers. */
function inputs(e: Values) {
  const { MEDIA_IN: place, MEDIA_OUT: out } = e;
  const s3 = s3Connection(e);
  const [from, to] = [place, out].map((each) => (each === undefined ? undefined : s3Place(each)));
  const known = [e.S3_BUCKET, from?.bucket, to?.bucket].filter((bucket) => bucket !== undefined);
  return {
    mediaIn: place?.startsWith('/')
      ? { kind: 'folder' as const, path: resolve(place) }
      : from && { kind: 's3' as const, ...from },
    url: e.MEDIA_IN_URL,
    s3,
    buckets: e.S3_INPUT_BUCKETS ?? [...new Set(known)],
    origins: e.INPUT_ORIGINS,
  };
}

/**
 * The values that nobody else may see: those that their names call a secret, a token, a key or a password, the
 * passwords of all addresses, the part of an address that is itself the key to it, and all these of the file of Zoom
 * accounts.
 */
export function secretsOf(
  config: Config,
  accounts: readonly object[] = loadZoomAccounts(config.zoom),
): string[] {
  const { alarms } = config;
  const opening = [alarms.webhookUrl, alarms.ping?.url].flatMap((url) =>
    url === undefined ? [] : pathOfAddress(url),
  );
  return [...new Set([...secretsIn(config), ...secretsIn({ accounts }), ...opening])].filter(Boolean);
}

function secretsIn(group: object): string[] {
  return Object.entries(group).flatMap(([name, value]: [string, unknown]) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return secretsIn(value);
    if (Array.isArray(value) && value.some((each) => typeof each === 'object')) return secretsIn(value);
    const texts = [value].flat().filter((each) => typeof each === 'string');
    if (/(secret|token|key|password)(s|old)?$/i.test(name)) return texts;
    return texts.flatMap(passwordsOf);
  });
}

/** The password of an address as it stands there and as it is meant; of a token in the place of the user's name too. */
function passwordsOf(text: string): string[] {
  if (!text.includes('://')) return [];
  const database = parsePostgresUrl(text);
  if (database === undefined && !URL.canParse(text)) return [];
  const { username, password } = database ?? new URL(text);
  // The user of a database is a name, and an ordinary word.
  const secret = password === '' && database === undefined ? username : password;
  return [secret, decoded(secret)];
}

/** Incoming webhooks of chats are open to whoever knows their path. */
function pathOfAddress(address: string): string[] {
  const { pathname, search } = new URL(address);
  return [pathname.slice(1) + search, search === '' ? '' : pathname.slice(1)].filter(
    (path) => path.length >= 6,
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What is wrong between settings that are each fine by themselves. */
function conflicts(present: Env): SettingProblem[] {
  const problems: SettingProblem[] = [];
  const found = (name: string, text: string) =>
    problems.push({ name, text, isMissing: text.startsWith('is required') });
  const oauth = ['ZOOM_ACCOUNT_ID', 'ZOOM_CLIENT_ID', 'ZOOM_CLIENT_SECRET'];
  const folder = ['FOLDER_PUBLISHER', 'FOLDER_PUBLISHER_URL'];
  for (const together of [oauth, ['ALARM_MAIL_TO', 'ALARM_MAIL_FROM', 'SMTP_URL'], folder]) {
    const missing = together.filter((name) => present[name] === undefined);
    if (missing.length === together.length) continue;
    for (const name of missing) {
      found(name, `is required too, ${together.join(', ')} are set together or not at all`);
    }
  }
  const accountsFile = present['ZOOM_ACCOUNTS_FILE'];
  if (accountsFile === undefined && oauth.every((name) => present[name] === undefined)) {
    for (const [name, isOn] of [
      ['ZOOM_SWEEP_EVERY', present['ZOOM_SWEEP_EVERY'] !== undefined],
      ['ZOOM_TRASH_AFTER', !['never', undefined].includes(present['ZOOM_TRASH_AFTER']?.trim())],
    ] as const) {
      if (isOn) found(name, `needs ${oauth.join(', ')} to ask Zoom with`);
    }
  }
  const plain = ['ZOOM_WEBHOOK_SECRET_TOKEN', 'ZOOM_WEBHOOK_SECRET_TOKEN_OLD', ...oauth];
  if (accountsFile === undefined && present['ZOOM_WEBHOOK_SECRET_TOKEN'] === undefined) {
    found('ZOOM_WEBHOOK_SECRET_TOKEN', 'is required');
  }
  for (const name of plain.filter((each) => accountsFile !== undefined && present[each] !== undefined)) {
    found(name, `belongs into the file, now that ZOOM_ACCOUNTS_FILE is set`);
  }
  if (Number(present['RETRY_BACKOFF_MAX_S'] ?? 3600) < Number(present['RETRY_BACKOFF_MIN_S'] ?? 30)) {
    found('RETRY_BACKOFF_MAX_S', 'must not be less than RETRY_BACKOFF_MIN_S');
  }
  const tusHost = present['TUS_HOST']?.trim() ?? '127.0.0.1';
  if (present['UPLOAD_TOKEN_SECRET'] === undefined) {
    if (!isLoopback(tusHost)) {
      found(
        'UPLOAD_TOKEN_SECRET',
        `is required where TUS_HOST (${tusHost}) lets others than this machine upload`,
      );
    }
    if (/(^|,)\s*(null|file:\/\/)\s*(,|$)/.test(present['UPLOAD_ALLOWED_ORIGINS'] ?? '')) {
      found(
        'UPLOAD_ALLOWED_ORIGINS',
        'null and file:// are the origin of many pages, and need UPLOAD_TOKEN_SECRET',
      );
    }
    if (present['UPLOAD_TOKEN_SECRET_OLD'] !== undefined) {
      found('UPLOAD_TOKEN_SECRET', 'is required too, UPLOAD_TOKEN_SECRET_OLD is the one before it');
    }
  }
  const host = present['PIPELINE_HOST']?.trim() ?? '127.0.0.1';
  if (present['ADMIN_TOKEN'] === undefined) {
    if (present['ADMIN_TOKEN_OLD'] !== undefined) {
      found('ADMIN_TOKEN', 'is required too, ADMIN_TOKEN_OLD is the one before it');
    }
    if (!isLoopback(host)) {
      found('ADMIN_TOKEN', `is required where others can reach the server (PIPELINE_HOST is ${host})`);
    }
    if (present['LOCAL_TRUST']?.trim() === 'off') {
      found('ADMIN_TOKEN', 'is required with LOCAL_TRUST=off, or nobody could get in');
    }
  }
  const certificate = ['GRPC_CERT', 'GRPC_KEY'];
  const missing = certificate.filter((name) => present[name] === undefined);
  if (missing.length === 1 || (missing.length === 2 && present['GRPC_CLIENT_CA'] !== undefined)) {
    for (const name of missing) found(name, 'is required too: a certificate has a key, and asks for others');
  }
  const grpcHost = present['GRPC_HOST']?.trim() ?? '127.0.0.1';
  if (present['GRPC_PORT'] !== undefined && !isLoopback(grpcHost) && missing.length > 0) {
    found('GRPC_CERT', `is required where others can reach the gRPC door (GRPC_HOST is ${grpcHost})`);
  }
  const dataDir = resolve(present['DATA_DIR']?.trim() ?? './data');
  const folderStore = present['FOLDER_STORE']?.trim();
  if (folderStore?.startsWith('/') && resolve(folderStore) === dataDir) {
    found('FOLDER_STORE', 'must not be DATA_DIR, whose folders are swept; a folder inside it would do');
  }
  for (const open of ['FOLDER_PUBLISHER', 'MEDIA_OUT']) {
    const folder = present[open]?.trim();
    for (const [name, other] of [
      ['DATA_DIR', dataDir],
      ['FOLDER_STORE', folderStore],
    ] as const) {
      if (!folder?.startsWith('/') || !other || !areOneInOther(folder, other)) continue;
      found(open, `must lie apart from ${name}: what lies in it is there for everybody to see`);
    }
  }
  for (const place of ['MEDIA_IN', 'MEDIA_OUT']) {
    const url = `${place}_URL`;
    if (present[url] !== undefined && present[place] === undefined)
      found(place, `is required too, ${url} is its public address`);
  }
  if (present['WATCH_TOKEN_SECRET'] === undefined) {
    if (present['WATCH']?.trim() === 'signed') found('WATCH_TOKEN_SECRET', 'is required with WATCH=signed');
    if (present['WATCH_TOKEN_SECRET_OLD'] !== undefined) {
      found('WATCH_TOKEN_SECRET', 'is required too, WATCH_TOKEN_SECRET_OLD is the one before it');
    }
  }
  const isInS3 = ['MEDIA_IN', 'MEDIA_OUT'].some((name) => present[name]?.trim().startsWith('s3://'));
  const s3 = ['S3_KEY_ID', 'S3_SECRET'].filter((name) => present[name] === undefined);
  if (s3.length === 1 || (s3.length === 2 && (isInS3 || present['S3_BUCKET'] !== undefined))) {
    for (const name of s3)
      found(name, 'is required where there is S3: S3_BUCKET, or MEDIA_IN or MEDIA_OUT=s3://…');
  }
  const profile = present['S3_PROFILE']?.trim() ?? 'aws';
  if (profile !== 'aws' && present['S3_ENDPOINT'] === undefined) {
    found('S3_ENDPOINT', `is required with S3_PROFILE=${profile}`);
  }
  for (const { name, text } of executorConflicts(present)) found(name, text);
  const socketPath = managedRedisSocket(present['DATA_DIR'] ?? './data');
  if (present['REDIS_URL'] === undefined && Buffer.byteLength(socketPath) > MAX_SOCKET_PATH_BYTES) {
    found(
      'DATA_DIR',
      `is too deep for the unix socket of the managed Redis (${socketPath}); choose a shorter folder, or set REDIS_URL`,
    );
  }
  return problems;
}

/** Whether two folders are the same, or one lies in the other. */
function areOneInOther(one: string, other: string): boolean {
  const [a, b] = [`${resolve(one)}/`, `${resolve(other)}/`];
  return a.startsWith(b) || b.startsWith(a);
}

/**
 * Reads `.env` of the working directory into `process.env`, if there is one; what is set already stays. Returns its text.
 *
 * @throws KnownError `CONFIG_INVALID` if it cannot be read
 */
export function loadEnvFile(path = '.env'): string | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const text = readFileSync(path, 'utf8');
    process.loadEnvFile(path);
    return text;
  } catch (cause) {
    throw new KnownError(
      `${resolve(path)} cannot be read (${systemCode(cause)}): run this as the user that it belongs to`,
      { code: 'CONFIG_INVALID', cause },
    );
  }
}

/** Where commands on this machine reach the pipeline server, even while other settings are missing. */
export function pipelineUrlOf(env: Readonly<Record<string, string | undefined>>): string {
  const host = env['PIPELINE_HOST']?.trim() || '127.0.0.1';
  const port = env['PIPELINE_PORT']?.trim() || '9009';
  return env['PIPELINE_URL']?.trim() || `http://${urlHost(host)}:${port}`;
}

/** Where pm2 puts what the processes write, even while other settings are missing; ecosystem.config.js says so. */
export function logFolderOf(env: Readonly<Record<string, string | undefined>>): string {
  return join(resolve(env['DATA_DIR']?.trim() || './data'), 'logs');
}

/** The socket of the managed Redis; ecosystem.config.js starts Redis there. */
function managedRedisSocket(dataDir: string): string {
  return `${resolve(dataDir)}/redis.sock`;
}

function ledgerAddress(databaseUrl: string | undefined, dataDir: string): string {
  if (databaseUrl === undefined) return `${dataDir}/ledger.db`;
  return isPostgresUrl(databaseUrl) ? databaseUrl : resolve(databaseUrl.replace(/^file:/, ''));
}

function redisAddress(redisUrl: string | undefined, dataDir: string): RedisAddress {
  if (redisUrl === undefined) return { socketPath: managedRedisSocket(dataDir) };
  if (redisUrl.startsWith('unix://')) return { socketPath: redisUrl.slice('unix://'.length) };
  return { url: redisUrl };
}

/** A password does not leave this machine for everybody on the way to read, unless the operator says so. */
function needsTls(smtpUrl: string, wanted: 'required' | 'if-offered' | undefined): boolean {
  const { password, hostname } = new URL(smtpUrl);
  return wanted === undefined ? password !== '' && !isLoopback(hostname) : wanted === 'required';
}

/** Whether an address to listen on can be reached from this machine only. */
function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

/** A listening address as others on this machine reach it. */
function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

/** How other machines call this one, where it listens for them. */
function neighboursHost(host: string): string {
  return host === '0.0.0.0' || host === '::' ? hostname() : urlHost(host);
}

/** Of the pages that the pipeline server itself shows to a browser on this machine. */
function ownPageOrigins(host: string, port: number): string[] {
  return isLoopback(host) ? [`http://localhost:${port}`, `http://127.0.0.1:${port}`] : [];
}
