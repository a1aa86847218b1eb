import type { Config, SettingProblem } from '../../config/config.ts';
import { type Finding, fail, ok, skip, warn } from '../../domain/finding.ts';
import { isPostgresUrl } from '../../lib/postgres-url.ts';
import { CHECKUPS } from '../../outside/doctor.ts';
import type { Api } from '../api.ts';
import { checkAlarms } from './alarms.ts';
import { checkBoot } from './boot.ts';
import type { Check } from './check.ts';
import { checkClock } from './clock.ts';
import { checkDisk } from './disk.ts';
import { checkFfmpeg } from './ffmpeg.ts';
import { checkHosts } from './hosts.ts';
import { checkLedger } from './ledger.ts';
import { checkLine } from './line.ts';
import { checkNode } from './node-version.ts';
import { checkOutside } from './outside.ts';
import { createPm2 } from './pm2.ts';
import { checkPipeline, checkTus } from './ports.ts';
import { checkProcesses } from './processes.ts';
import { checkRedis } from './redis.ts';
import { checkSecrets } from './secrets.ts';

export interface DoctorOptions {
  readonly settings: { readonly config: Config; readonly problems: readonly SettingProblem[] };
  /** What is odd about how they are written. */
  readonly settingWarnings: readonly string[];
  /** The pipeline server that was named on the command line, in place of that of the settings. */
  readonly serverUrl: string | undefined;
  readonly connect: () => Api;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that Sluice runs in. */
  readonly home: string;
  /** Sends the website a signed test announcement. */
  readonly sendsSiteEvent: boolean;
  /** Nothing has to run yet. */
  readonly isBeforeStart: boolean;
}

const PIPELINE = ['PIPELINE_HOST', 'PIPELINE_PORT', 'PIPELINE_URL'];

/** All checks, in the order in which they are told. */
export function createChecks(options: DoctorOptions): Check[] {
  const { env, home, serverUrl, settings, isBeforeStart, sendsSiteEvent } = options;
  const { config, problems } = settings;
  const managedRedis = !env['REDIS_URL']?.trim();
  const pm2 = createPm2({ env, home });
  const pipelineUrl = serverUrl ?? config.pipeline.url;
  const ofPipeline = serverUrl === undefined ? PIPELINE : [];

  const clocks = CHECKUPS.flatMap(({ clock }) => clock ?? []);

  /** A check that is left out where one of the settings that it needs is missing or wrong. */
  const check = (
    name: string,
    needs: readonly string[],
    run: (signal: AbortSignal) => Finding | Promise<Finding>,
    service?: string,
  ): Check => {
    const lacking = [...new Set(problems.map((problem) => problem.name))].filter((each) =>
      needs.includes(each),
    );
    return {
      name,
      service,
      run: async (signal) =>
        lacking.length > 0 ? skip(`needs ${lacking.join(', ')}, see settings`) : run(signal),
    };
  };

  return [
    check('Node', [], () => checkNode(process.versions.node)),
    check('settings', [], () => judgeSettings(problems)),
    check('.env', [], () => judgeWriting(options.settingWarnings)),
    check('secrets', [], () => checkSecrets(config, { env, home })),
    check('disk', ['DATA_DIR', 'DISK_RESERVE_BYTES'], () => checkDisk(config)),
    check('ffmpeg', ['FFMPEG', 'FFMPEG_MEMORY_MAX_BYTES', 'FFMPEG_NICENESS', 'FFMPEG_STALL_S'], (signal) =>
      checkFfmpeg(config, signal),
    ),
    check('ledger', ['DATA_DIR', 'DATABASE_URL'], () => checkLedger(config)),
    check('Redis', ['DATA_DIR', 'REDIS_URL'], (signal) =>
      checkRedis(config.redis, { pm2, isManaged: managedRedis, isBeforeStart, signal }),
    ),
    check('pipeline', ofPipeline, (signal) => checkPipeline(pipelineUrl, { pm2, isBeforeStart, signal })),
    check('tus', ['TUS_HOST', 'TUS_PORT', 'UPLOAD_TOKEN_SECRET'], (signal) =>
      checkTus(config, { pm2, isBeforeStart, signal }),
    ),
    check('processes', ofPipeline, (signal) =>
      checkProcesses(options.connect(), { pm2, hasRedis: managedRedis, isBeforeStart, signal }),
    ),
    check('boot', [], () => checkBoot({ env, home })),
    check(
      'clock',
      clocks.map(({ setting }) => setting),
      (signal) =>
        checkClock(
          clocks.map(({ urlOf }) => urlOf(config)),
          signal,
        ),
    ),
    ...CHECKUPS.map(({ name, needs, service, check: look }) =>
      check(name, needs, (signal) => look(config, { signal, sendsSiteEvent }), service),
    ),
    check('outside', ['PUBLIC_URL', 'UPLOAD_PUBLIC_URL', ...PIPELINE], (signal) =>
      checkOutside(config, { isBeforeStart, signal }),
    ),
    check(
      'alarms',
      ['ALARM_WEBHOOK_URL', 'ALARM_MAIL_TO', 'ALARM_MAIL_FROM', 'SMTP_URL', 'SMTP_TLS', 'ALARM_PING_URL'],
      () => checkAlarms(config),
    ),
    // A ledger in a file has one host alone.
    ...(isPostgresUrl(config.ledgerAddress)
      ? [check('hosts', ['DATABASE_URL', ...ofPipeline], (signal) => checkHosts(options.connect(), signal))]
      : []),
    check('line', ofPipeline, (signal) => checkLine(options.connect(), signal)),
  ];
}

function judgeSettings(problems: readonly SettingProblem[]): Finding {
  if (problems.length === 0) return ok('complete');
  const listed = problems.map(({ name, text }) => `${name}: ${text}`);
  return fail(listed.join('; '), 'Correct them in .env; .env.example explains each.');
}

function judgeWriting(warnings: readonly string[]): Finding {
  if (warnings.length === 0) return ok('every line is a setting that Sluice knows');
  return warn(warnings.join('; '), 'Correct it in .env, whose settings .env.example explains.');
}
