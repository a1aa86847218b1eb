import { hostname } from 'node:os';
import { delimiter, resolve } from 'node:path';
import { z } from 'zod';
import { KnownError } from '../domain/errors.ts';
import { entriesOf, secret, text, url, whole } from '../lib/setting-kinds.ts';
import { ffmpegOptions, ffmpegSettings } from '../outside/ffmpeg/settings.ts';

/** What the environment says of a program that does steps elsewhere. */
const shape = z.object({
  ...ffmpegSettings,
  FFPROBE: text().default('ffprobe'),
  EXECUTOR_SECRET: secret().optional(),
  EXECUTOR_PORT: whole(1, 65_535).optional(),
  EXECUTOR_HOST: text().default('127.0.0.1'),
  EXECUTOR_INVITATION: secret().optional(),
  EXECUTOR_KEY_FILE: text().default('sluice-worker.json'),
  EXECUTOR_NAME: text().default(hostname()),
  EXECUTOR_TASKS: z.string().transform(entriesOf).optional(),
  EXECUTOR_SERVER: url().optional(),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  SLUICE_JOB: z.string().optional(),
});

/** @throws KnownError `CONFIG_INVALID` */
export function readExecutorSettings(env: Readonly<Record<string, string | undefined>>) {
  const read = shape.safeParse(env);
  if (!read.success) {
    throw new KnownError(`The settings are not right:\n${z.prettifyError(read.error)}`, {
      code: 'CONFIG_INVALID',
    });
  }
  const e = read.data;
  const searchPath = env['PATH'] ?? ['/usr/local/bin', '/usr/bin', '/bin'].join(delimiter);
  return {
    job: e.SLUICE_JOB,
    port: e.EXECUTOR_PORT,
    host: e.EXECUTOR_HOST,
    secret: e.EXECUTOR_SECRET,
    /** Where it comes for its work; `undefined`: it is sent it. */
    server: e.EXECUTOR_SERVER?.replace(/\/+$/, ''),
    invitation: e.EXECUTOR_INVITATION,
    keyFile: resolve(e.EXECUTOR_KEY_FILE),
    name: e.EXECUTOR_NAME,
    /** What it takes; `undefined`: all that it can do. */
    tasks: e.EXECUTOR_TASKS,
    logLevel: e.LOG_LEVEL,
    programs: {
      ffprobe: { command: e.FFPROBE, searchPath },
      ffmpeg: ffmpegOptions(e, searchPath),
    },
  };
}
