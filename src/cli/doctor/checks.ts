import { existsSync } from 'node:fs';
import type { Config } from '../../config/config.ts';
import { summarize } from '../../domain/errors.ts';
import type { Api } from '../api.ts';
import type { Check, Finding } from './check.ts';
import { fail, ok, skip } from './check.ts';
import { checkClock } from './clock.ts';
import { checkDisk } from './disk.ts';
import { checkLedger } from './ledger.ts';
import { checkLine } from './line.ts';
import { checkNode } from './node-version.ts';
import { checkBoot, checkPm2 } from './pm2.ts';
import { checkPipeline, checkTus } from './ports.ts';
import { checkRedis } from './redis.ts';
import { checkSecrets } from './secrets.ts';
import { checkB2, checkBunny, checkSite, checkZoom } from './services.ts';

export interface DoctorOptions {
  readonly readConfig: () => Config;
  /** Of the installation that is looked at; `undefined` token and all as the settings say. */
  readonly connect: (url: string) => Api;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that Sluice runs in. */
  readonly home: string;
  /** Sends the website a signed test announcement. */
  readonly sendsSiteEvent: boolean;
}

/** All checks, in the order in which they are told. */
export function createChecks(options: DoctorOptions): Check[] {
  const { env, home } = options;
  const settings = readSettings(options.readConfig);
  const withConfig = (
    name: string,
    run: (config: Config, signal: AbortSignal) => Promise<Finding>,
  ): Check => ({
    name,
    run: (signal) =>
      settings.config === undefined
        ? Promise.resolve(skip('needs complete settings'))
        : run(settings.config, signal),
  });
  const managedRedis = !env['REDIS_URL']?.trim();

  return [
    { name: 'Node', run: async () => checkNode(process.versions.node) },
    { name: 'settings', run: async () => settings.finding },
    withConfig('secrets', (config) => checkSecrets(config, { env, home })),
    withConfig('disk', checkDisk),
    withConfig('ledger', async (config) => checkLedger(config)),
    withConfig('Redis', (config, signal) =>
      checkRedis(config.redis, {
        isManaged: managedRedis,
        hasStarted: existsSync(config.ledgerPath),
        signal,
      }),
    ),
    withConfig('pipeline', (config, signal) => checkPipeline(config, signal)),
    withConfig('tus', (config, signal) => checkTus(config, signal)),
    { name: 'pm2', run: (signal) => checkPm2({ env, home, hasRedis: managedRedis, signal }) },
    { name: 'boot', run: () => checkBoot(env) },
    withConfig('clock', checkClock),
    withConfig('Backblaze B2', checkB2),
    withConfig('Bunny Stream', checkBunny),
    withConfig('Zoom', checkZoom),
    withConfig('website', (config, signal) =>
      checkSite(config, { sendsEvent: options.sendsSiteEvent, signal }),
    ),
    withConfig('line', (config, signal) => checkLine(options.connect(config.pipeline.url), signal)),
  ];
}

function readSettings(readConfig: () => Config): { config: Config | undefined; finding: Finding } {
  try {
    return { config: readConfig(), finding: ok('complete') };
  } catch (error) {
    const [, ...problems] = summarize(error).message.split('\n');
    const listed = problems.filter((line) => line.startsWith('  ')).map((line) => line.trim());
    const text = listed.length === 0 ? summarize(error).message : listed.join('; ');
    return { config: undefined, finding: fail(text, 'Correct them in .env; .env.example explains each.') };
  }
}
