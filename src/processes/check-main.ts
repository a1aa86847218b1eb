import { mkdirSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { type Config, loadConfig, loadEnvFile } from '../config/config.ts';
import { settingWarnings } from '../config/setting-warnings.ts';
import { KnownError } from '../domain/errors.ts';
import { type ListenAddress, listenProblem } from '../lib/listen-failure.ts';
import { placesOf } from '../outside/places.ts';
import { requireRulesKnow } from '../outside/zoom/account.ts';
import { loadZoomAccounts } from '../outside/zoom/accounts.ts';
import { loadRecipes } from '../recipes/load.ts';
import { loadTaskShapes } from '../tasks/support/files.ts';

/*
 * Whether Sluice can be started here: settings, the folder for its data and, with --ports, its addresses. Ends with 1 and
 * all that is wrong on standard error, before anything runs; else with 0 and, on standard output, where it will answer and
 * where its data are. What is odd about the settings, and stops nobody, is said on standard error too, unless --quiet.
 */

async function problemsOf(config: Config): Promise<string[]> {
  const { dataDir, pipeline, tus } = config;
  const problems: string[] = [];
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    await access(dataDir, constants.W_OK | constants.X_OK);
  } catch {
    problems.push(
      `DATA_DIR: ${dataDir} cannot be written by ${userInfo().username}: give it to this user, or name another folder in .env.`,
    );
  }
  if (process.argv.includes('--ports')) {
    const addresses: ListenAddress[] = [
      { ...pipeline, hostSetting: 'PIPELINE_HOST', portSetting: 'PIPELINE_PORT' },
      { ...tus, hostSetting: 'TUS_HOST', portSetting: 'TUS_PORT' },
    ];
    for (const at of addresses) {
      const problem = await tryAddress(at);
      if (problem !== undefined) problems.push(`${at.portSetting}: ${problem}`);
    }
  }
  return problems;
}

/** Listens for a moment. */
function tryAddress(at: ListenAddress): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(listenProblem(error, at) ?? error.message));
    server.listen(at.port, at.host, () => server.close(() => resolve(undefined)));
  });
}

function tell(...lines: readonly string[]): void {
  process.stderr.write(lines.map((line) => `${line}\n`).join(''));
}

process.umask(0o077);
let envFile: string | undefined;
try {
  envFile = loadEnvFile();
  const odd = process.argv.includes('--quiet') ? [] : settingWarnings(process.env, envFile);
  if (odd.length > 0) tell('This is odd about the settings:', ...odd.map((line) => `  ${line}`));
  const config = loadConfig(process.env);
  const tasks = await loadTaskShapes(config.tasksDir);
  const { names } = loadRecipes(config.recipesFile, tasks, placesOf(config));
  requireRulesKnow(loadZoomAccounts(config.zoom), names);
  const problems = await problemsOf(config);
  if (problems.length > 0) {
    tell('Sluice cannot start like this:', ...problems.map((line) => `  ${line}`));
    process.exitCode = 1;
  } else {
    const { dataDir, pipeline } = config;
    process.stdout.write(`${JSON.stringify({ url: pipeline.url, dataDir })}\n`);
  }
} catch (error) {
  if (!(error instanceof KnownError)) throw error;
  tell(error.message);
  if (envFile === undefined) {
    tell(
      `There is no .env in ${process.cwd()}: "install -m 600 .env.example .env", and fill it in.`,
      'To try Sluice without accounts, "npm run simulators" prints lines for it.',
    );
  }
  process.exitCode = 1;
}
