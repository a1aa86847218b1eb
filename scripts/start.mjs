/**
 * Runs Sluice in the foreground: what `npm start` does once all is set up, and the systemd unit. It looks at the settings
 * and the ports first, then is pm2-runtime itself, with a word once recordings can come in.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { changeLines, forTerminal } from './start/terminal.mjs';

const LOOK_EVERY_MS = 250;
/** After this it is said what is still missing. */
const PATIENCE_MS = 30_000;

const isService = process.argv.includes('--service');
/** For systemd, which tries again what is not named in RestartPreventExitStatus. */
const BAD_SETTINGS = isService ? 78 : 1;

const root = dirname(import.meta.dirname);
let isStopping = false;

/** Where Sluice will answer, and its data are; ends here if it cannot be started like this. */
function checkFirst() {
  const program = join(root, 'dist/processes/check-main.js');
  if (!existsSync(program)) {
    console.error(`Sluice is not built: run "npm run setup -- --build" in ${root}.`);
    process.exit(BAD_SETTINGS);
  }
  const { status, stdout } = spawnSync(process.execPath, [program, '--ports'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (status !== 0) process.exit(BAD_SETTINGS);
  return JSON.parse(stdout);
}

/**
 * While all is stopped pm2 says ten times a second of each process that still runs that it has failed to end it; Redis is
 * the last on purpose (see run-redis.sh).
 */
function leaveOutImpatience() {
  const say = console.log;
  console.log = (...args) => {
    if (!String(args[0]).includes('msg=failed to kill - retrying')) say(...args);
  };
}

/** Makes what is written to a terminal readable; gives back how to write past that. */
async function readForTerminal() {
  const { readableLog } = await import(join(root, 'dist/cli/logs/readable.js'));
  const readable = await readableLog({ isColoured: true });
  return changeLines(process.stdout, (line) => forTerminal(line, { readable, isStopping }));
}

/** Tells once that Sluice is ready, or what it lacks; apart from what else is written. */
async function tellWhenReady({ url, dataDir }, tell) {
  const patientUntilMs = performance.now() + PATIENCE_MS;
  for (let isTold = false; !isStopping; await sleep(LOOK_EVERY_MS)) {
    const lacks = await whatIsMissing(url);
    if (lacks.length === 0) return tell(readyText(forPeople(url), dataDir));
    if (isTold || performance.now() < patientUntilMs) continue;
    isTold = true;
    const reasons = lacks.map((reason) => `  ${reason}\n`).join('');
    tell(
      `\n${strong('yellow', 'Sluice is not ready yet:')}\n${reasons}"npx sluice doctor" looks further.\n\n`,
    );
  }
}

function readyText(url, dataDir) {
  const line = `Sluice is ready: ${url}`;
  if (isService) return `${line}\n`;
  return [
    '',
    strong('green', line),
    `  Upload page  ${url}/upload`,
    `  Logs         npx sluice logs --follow (in ${join(dataDir, 'logs')})`,
    '  Stop         Ctrl+C',
    '',
    '',
  ].join('\n');
}

async function whatIsMissing(url) {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5000) });
    const { reasons, worker, tus } = await response.json();
    if (response.ok && worker === 'ok' && tus === 'ok') return [];
    return reasons.length > 0 ? reasons : ['The worker or the tus server has not been heard of.'];
  } catch {
    return [`Nobody answers at ${url}.`];
  }
}

function forPeople(url) {
  return url.replace(/^http:\/\/127\.0\.0\.1(?=:|$)/, 'http://localhost');
}

function strong(colour, text) {
  return process.stdout.isTTY ? styleText(['bold', colour], text) : text;
}

const checked = checkFirst();
process.chdir(root);
leaveOutImpatience();
const isForPerson = process.stdout.isTTY === true && !isService;
// Not console.log, which pm2 has for itself.
const tell = isForPerson ? await readForTerminal() : (text) => process.stdout.write(text);
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    // pm2 does not listen yet, and nothing runs.
    if (process.listenerCount(signal) === 0) process.exit(1);
    isStopping = true;
    if (isForPerson) tell('\nStopping: the worker gives back what it moves ...\n');
  });
}
process.on('exit', (exitCode) => {
  if (isForPerson && exitCode === 0) tell('Sluice has stopped.\n');
});
tellWhenReady(checked, tell).catch((error) => console.error(error));
process.env.SLUICE_SETTINGS_TOLD = 'yes';
process.argv = [process.execPath, 'pm2-runtime', 'start', 'ecosystem.config.js'];
createRequire(import.meta.url)('pm2/lib/binaries/Runtime4Docker.js');
