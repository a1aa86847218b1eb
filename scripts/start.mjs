/**
 * Runs Sluice in the foreground: what `npm start` does once all is set up, and the systemd unit. It looks at the settings
 * and the ports first, then is pm2-runtime itself, with one line once recordings can come in.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_EVERY_MS = 250;
/** After this it is said what is still missing. */
const PATIENCE_MS = 30_000;
/** For systemd, which tries again what is not named in RestartPreventExitStatus. */
const BAD_SETTINGS = process.argv.includes('--service') ? 78 : 1;

const root = dirname(import.meta.dirname);

/** The address of the pipeline server; ends here if Sluice cannot be started like this. */
function checkFirst() {
  const program = join(root, 'dist/config/check-main.js');
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
  return JSON.parse(stdout).url;
}

/**
 * While all is stopped pm2 says ten times a second of each process that still runs that it has failed to end it; Redis is
 * the last on purpose (see ecosystem.config.js).
 */
function leaveOutImpatience() {
  const say = console.log;
  console.log = (...args) => {
    if (!String(args[0]).includes('msg=failed to kill - retrying')) say(...args);
  };
}

/** Tells once that Sluice is ready, or what it lacks. */
async function tellWhenReady(url) {
  const patientUntilMs = performance.now() + PATIENCE_MS;
  for (let isTold = false; ; await sleep(LOOK_EVERY_MS)) {
    const lacks = await whatIsMissing(url);
    // Not console.log, which pm2 has for itself.
    if (lacks === undefined) return process.stdout.write(`Sluice is ready: ${forPeople(url)}\n`);
    if (isTold || performance.now() < patientUntilMs) continue;
    isTold = true;
    process.stderr.write(`Sluice is not ready yet: ${lacks} "npx sluice doctor" looks further.\n`);
  }
}

async function whatIsMissing(url) {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5000) });
    const { reasons, worker, tus } = await response.json();
    if (response.ok && worker === 'ok' && tus === 'ok') return undefined;
    return reasons.join(' ') || 'The worker or the tus server has not been heard of.';
  } catch {
    return `Nobody answers at ${url}.`;
  }
}

function forPeople(url) {
  return url.replace(/^http:\/\/127\.0\.0\.1(?=:|$)/, 'http://localhost');
}

const url = checkFirst();
process.chdir(root);
leaveOutImpatience();
tellWhenReady(url).catch((error) => console.error(error));
process.argv = [process.execPath, 'pm2-runtime', 'start', 'ecosystem.config.js'];
createRequire(import.meta.url)('pm2/lib/binaries/Runtime4Docker.js');
