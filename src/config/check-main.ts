import { mkdirSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { KnownError } from '../domain/errors.ts';
import { type ListenAddress, listenProblem } from '../lib/listen-failure.ts';
import { type Config, loadConfig, loadEnvFile } from './config.ts';
import { loadZoomAccounts } from './zoom-accounts.ts';

/*
 * Whether Sluice can be started here: settings, the folder for its data and, with --ports, its addresses. Ends with 1 and
 * all that is wrong on standard error, before anything runs; else with 0 and, on standard output, where it will answer.
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

process.umask(0o077);
try {
  loadEnvFile();
  const config = loadConfig(process.env);
  loadZoomAccounts(config.zoom);
  const problems = await problemsOf(config);
  if (problems.length > 0) {
    process.stderr.write(`Sluice cannot start like this:\n${problems.map((line) => `  ${line}\n`).join('')}`);
    process.exitCode = 1;
  } else {
    process.stdout.write(`${JSON.stringify({ url: config.pipeline.url })}\n`);
  }
} catch (error) {
  if (!(error instanceof KnownError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
