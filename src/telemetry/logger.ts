import { type Logger, type LoggerOptions, pino, stdSerializers } from 'pino';

/** What never reaches a log, wherever it stands in a line. */
const SECRETS = [
  'authorization',
  'cookie',
  'set-cookie',
  'token',
  'downloadToken',
  'download_token',
  'downloadUrl',
  'download_url',
  'password',
  'secret',
  'access_token',
  'accessToken',
  'adminToken',
  'secretToken',
  'clientSecret',
  'webhookSecret',
  'apiKey',
  'readOnlyApiKey',
  'applicationKey',
];

/** Creates the process's logger: one JSON object per line on standard output, secrets blanked out. */
export function createLogger(options: {
  level: string;
  name: string;
  /** Blanks secrets out of every line, whatever brings them there: an error's message, a service's answer. */
  scrub: (text: string) => string;
  /** Standard error instead, for a command whose answer goes to standard output. */
  toStderr?: boolean;
}): Logger {
  const settings: LoggerOptions = {
    level: options.level,
    base: { app: options.name, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: stdSerializers.errWithCause },
    hooks: { streamWrite: options.scrub },
    redact: {
      paths: SECRETS.flatMap((key) => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`]),
      censor: '[secret]',
    },
  };
  return pino(settings, pino.destination(options.toStderr ? 2 : 1));
}
