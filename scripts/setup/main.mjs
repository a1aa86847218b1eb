import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { buildStep } from '../build.mjs';
import { withLock } from './lock.mjs';
import { packagesStep } from './packages.mjs';
import { exitCodeOf, Problem } from './problem.mjs';
import {
  B2SDK,
  CADDY,
  CHROMIUM,
  CURL,
  FAKETIME,
  FFMPEG,
  GRPCIO,
  HAPROXY,
  IPROUTE,
  isSet,
  NGINX,
  POSTGRES,
  programStep,
  RCLONE,
  REDIS,
  readEnvFile,
} from './programs.mjs';
import { rabbitmqStep } from './rabbitmq.mjs';
import { radosgwStep } from './radosgw.mjs';
import { stubsStep } from './stubs.mjs';

const HELP = `Makes this checkout ready to run. Repeating it is free: it does only what is missing, and says so.

Usage: node scripts/setup.mjs [options]

  --build   also compile src to dist, if anything has changed
  --test    also install what only the tests need (rclone, b2sdk, grpcio, faketime, Chromium, nginx, Caddy,
            HAProxy, Postgres, iproute2, and in the cache folder of this user radosgw and RabbitMQ)
  --chaos   also install what only the chaos run needs (faketime, Postgres)
  --hosts   also install what only the small world of hosts needs (faketime, Postgres, nginx, iproute2)
  --attack  also install what only the attacks need (nginx)
  --bench   also install what only the benches need (rclone, curl)
  --help    show this

It installs the npm packages; Redis (by apt-get, apk, dnf or brew) unless REDIS_URL is set or a redis-server or
valkey-server is there; and ffmpeg likewise unless FFPROBE is set or an ffprobe is there. The Redis is not started:
Sluice runs its own from it. Where ffmpeg cannot be installed it says so, and goes on without.`;

/** The command line of the set-up; gives back its exit code. */
export async function main(args) {
  return exitCodeOf(async () => {
    const { build, test, bench, attack, chaos, hosts, help } = readOptions(args);
    if (help) return console.log(HELP);
    const root = dirname(dirname(import.meta.dirname));
    await setUp({
      root,
      build,
      test,
      bench,
      attack,
      chaos,
      hosts,
      env: process.env,
      say: (line) => console.log(line),
    });
  });
}

/** Does what is missing, one step after the other; says a line for each, and nothing if there is none. */
export async function setUp({
  root,
  build = false,
  test = false,
  bench = false,
  attack = false,
  chaos = false,
  hosts = false,
  env,
  folders,
  say,
}) {
  const settings = { env, envFile: readEnvFile(root) };
  const steps = [
    ...(isSet('REDIS_URL', settings) ? [] : [programStep({ program: REDIS, env, folders, say })]),
    ...(isSet('FFPROBE', settings) ? [] : [programStep({ program: FFMPEG, env, folders, say })]),
    ...(test || bench ? [programStep({ program: RCLONE, env, folders, say })] : []),
    ...(test || chaos || hosts ? [programStep({ program: FAKETIME, env, folders, say })] : []),
    ...(test ? [programStep({ program: CHROMIUM, env, folders, say })] : []),
    ...(test || attack || hosts ? [programStep({ program: NGINX, env, folders, say })] : []),
    ...(test ? [programStep({ program: CADDY, env, folders, say })] : []),
    ...(test ? [programStep({ program: HAPROXY, env, folders, say })] : []),
    ...(test || chaos || hosts ? [programStep({ program: POSTGRES, env, folders, say })] : []),
    ...((test || hosts) && process.platform === 'linux'
      ? [programStep({ program: IPROUTE, env, folders, say })]
      : []),
    ...(test ? [programStep({ program: B2SDK, env, folders, say }), radosgwStep({ env, say })] : []),
    ...(test ? [programStep({ program: GRPCIO, env, folders, say }), rabbitmqStep({ env, say })] : []),
    ...(bench ? [programStep({ program: CURL, env, folders, say })] : []),
    packagesStep({ root, env, say }),
    stubsStep({ root, say }),
    ...(build ? [buildStep({ root, say })] : []),
  ];
  if (steps.every((step) => step.isDone())) return;

  const action = async () => {
    for (const step of steps) {
      if (!step.isDone()) await step.act();
    }
  };
  await withLock({ root, say, action });
}

function readOptions(args) {
  const flag = { type: 'boolean', default: false };
  try {
    return parseArgs({
      args,
      options: {
        build: flag,
        test: flag,
        bench: flag,
        attack: flag,
        chaos: flag,
        hosts: flag,
        help: { ...flag, short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new Problem(`${error.message} See --help.`, { exitCode: 2 });
  }
}
