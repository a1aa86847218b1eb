import { type Logger, type LoggerOptions, pino, stdSerializers } from 'pino';
import { censor } from './censor.ts';

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
    formatters: { level: (label) => ({ level: label }), bindings: censor, log: censor },
    serializers: { err: (error) => censor(stdSerializers.errWithCause(error)) },
    hooks: { streamWrite: options.scrub },
  };
  return pino(settings, pino.destination(options.toStderr ? 2 : 1));
}
