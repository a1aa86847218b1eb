import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { examineConfig, loadEnvFile, secretsOf } from '../config/config.ts';
import { KnownError, scrubSummaries, summarize } from '../domain/errors.ts';
import { CODE, CODE_ENDING, ROOT } from '../lib/root.ts';
import { readVersion } from '../lib/version.ts';
import { readRecipesFile } from '../recipes/recipes-file.ts';
import { createScrub } from '../telemetry/scrub.ts';
import { createApi } from './api.ts';
import { EXIT } from './exit-codes.ts';
import type { Io } from './io.ts';
import { runProgram } from './program.ts';
import { screenOf } from './screen.ts';

process.umask(0o077);
const cwd = process.cwd();
const home = resolve(process.env['SLUICE_DIR']?.trim() || ROOT);
// As the processes are run: from that folder, with its .env.
process.chdir(home);
const envFile = readEnvFile();

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => stopping.abort());
}
// Whoever reads this has read enough (sluice list | head).
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.ok);
  });
}

function readEnvFile(): string | undefined {
  try {
    return loadEnvFile();
  } catch (error) {
    process.stderr.write(`${error instanceof KnownError ? error.message : String(error)}\n`);
    process.exit(EXIT.failed);
  }
}

const io: Io = {
  stdout: screenOf(process.stdout),
  stderr: screenOf(process.stderr),
  stdin: process.stdin,
  env: process.env,
  cwd,
  home,
  signal: stopping.signal,
  connect: createApi,
  envFile,
  examineConfig: () => {
    const { config, problems } = examineConfig(process.env);
    scrubSummaries(createScrub(secretsOf(config, [])));
    try {
      scrubSummaries(createScrub(secretsOf(config)));
      return { config, problems };
    } catch (error) {
      const name = config.zoom.accountsFile === undefined ? 'ZOOM_RULES_FILE' : 'ZOOM_ACCOUNTS_FILE';
      return { config, problems: [...problems, { name, text: summarize(error).message, isMissing: false }] };
    }
  },
  async readRecipes(path) {
    const { loadTaskShapes } = await import('../tasks/support/files.ts');
    const folder = process.env['TASKS_DIR']?.trim();
    const tasks = await loadTaskShapes(folder ? resolve(folder) : undefined);
    const { placesOf } = await import('../outside/places.ts');
    return readRecipesFile(path, tasks, placesOf(examineConfig(process.env).config));
  },
  async probeFile(path) {
    const { probeFile } = await import('../processes/probe-file.ts');
    return await probeFile(examineConfig(process.env).config, path, stopping.signal);
  },
  async runSweeper(args) {
    const entry = join(CODE, `processes/sweep-main${CODE_ENDING}`);
    const child = spawn(process.execPath, [...process.execArgv, entry, ...args], { stdio: 'inherit' });
    // Ctrl+C reaches it by itself; what is sent to this process alone does not.
    stopping.signal.addEventListener('abort', () => child.kill('SIGTERM'));
    const [exitCode] = (await once(child, 'exit')) as [number | null];
    return exitCode ?? EXIT.failed;
  },
  async ask(question) {
    if (!process.stdin.isTTY || !process.stdout.isTTY) return undefined;
    const asking = createInterface({ input: process.stdin, output: process.stdout });
    try {
      return await asking.question(question, { signal: stopping.signal });
    } finally {
      asking.close();
    }
  },
  setExitCode(exitCode) {
    process.exitCode = exitCode;
  },
};

await runProgram(io, process.argv.slice(2), readVersion());
