import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { parseEnv } from 'node:util';
import { Problem } from './problem.mjs';
import { runCommand } from './run-command.mjs';

/** Where system programs lie that the PATH of an ordinary user may leave out. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** A program that the project runs: the names it goes by, and its packages, those to try first in front. */
export const REDIS = {
  title: 'Redis',
  programs: ['redis-server', 'valkey-server'],
  packages: {
    'apt-get': ['redis-server'],
    apk: ['redis', 'valkey'],
    dnf: ['redis', 'valkey'],
    brew: ['redis'],
  },
  byHand: 'install redis-server or valkey-server',
  instead: ', or set REDIS_URL to a Redis that runs elsewhere',
};

/** Looks into files of media, and encodes them: the package brings ffprobe and ffmpeg. Sluice runs without it; tasks of media do not. */
export const FFMPEG = {
  title: 'ffprobe',
  programs: ['ffprobe'],
  packages: {
    'apt-get': ['ffmpeg'],
    apk: ['ffmpeg'],
    dnf: ['ffmpeg-free', 'ffmpeg'],
    brew: ['ffmpeg'],
  },
  byHand: 'install ffmpeg',
  instead: ', or set FFPROBE to where it is, or to none',
  without: 'Until then no file can be probed or encoded, and of media only the usual kinds are known.',
};

/** The second client of the simulated B2, which the tests use. */
export const RCLONE = {
  title: 'rclone',
  programs: ['rclone'],
  packages: { 'apt-get': ['rclone'], apk: ['rclone'], dnf: ['rclone'], brew: ['rclone'] },
  byHand: 'install it as https://rclone.org/install/ says',
  instead: '',
};

/** The third client of the simulated B2, by Backblaze itself; it is a module, so each Python is asked for it. */
export const B2SDK = {
  title: 'b2sdk for Python',
  programs: ['python3'],
  probe: ['-c', 'import importlib.util, sys; sys.exit(importlib.util.find_spec("b2sdk") is None)'],
  packages: {
    'apt-get': ['python3-b2sdk'],
    apk: ['py3-b2sdk'],
    dnf: ['python3-b2sdk'],
    brew: ['b2sdk'],
  },
  byHand: 'install it by "python3 -m pip install b2sdk"',
  instead: '',
};

/** A second stock client of the gRPC door, which the tests use where it can be had. */
export const GRPCIO = {
  title: 'grpcio for Python',
  programs: ['python3'],
  probe: [
    '-c',
    'import importlib.util, sys; sys.exit(None in (importlib.util.find_spec("grpc"), importlib.util.find_spec("grpc_tools")))',
  ],
  packages: {
    'apt-get': ['python3-grpcio', 'python3-grpc-tools'],
    apk: ['py3-grpcio', 'py3-grpcio-tools'],
    dnf: ['python3-grpcio', 'python3-grpcio-tools'],
    brew: ['grpc'],
  },
  byHand: 'install it by "python3 -m pip install grpcio grpcio-tools"',
  instead: '',
  without: 'Until then the tests try the gRPC door with the stock client of Node alone.',
};

/** The proxies in front, of which the tests prove what they let through. */
export const NGINX = {
  title: 'nginx',
  programs: ['nginx'],
  packages: { 'apt-get': ['nginx-light'], apk: ['nginx'], dnf: ['nginx-core', 'nginx'], brew: ['nginx'] },
  byHand: 'install it by the package manager of this system',
  instead: '',
};

export const CADDY = {
  title: 'Caddy',
  programs: ['caddy'],
  packages: { 'apt-get': ['caddy'], apk: ['caddy'], dnf: ['caddy'], brew: ['caddy'] },
  byHand: 'install it as https://caddyserver.com/docs/install says',
  instead: '',
};

/** The server that the ledger lies in where it is no file. Debian has its programs in a folder per version, and this one on the PATH. */
export const POSTGRES = {
  title: 'Postgres',
  programs: ['postgres', 'pg_ctlcluster'],
  packages: {
    'apt-get': ['postgresql'],
    apk: ['postgresql17', 'postgresql16', 'postgresql15'],
    dnf: ['postgresql-server'],
    brew: ['postgresql@17', 'postgresql@16'],
  },
  byHand: 'install the server of Postgres 15 or newer',
  instead: '',
};

/** One of the two proxies in front of several hosts. */
export const HAPROXY = {
  title: 'HAProxy',
  programs: ['haproxy'],
  packages: {
    'apt-get': ['haproxy'],
    apk: ['haproxy'],
    dnf: ['haproxy'],
    brew: ['haproxy'],
  },
  byHand: 'install it by the package manager of this system',
  instead: '',
};

/** Makes networks for the small world of hosts; without it they share the loopback. */
export const IPROUTE = {
  title: 'iproute2',
  programs: ['ip'],
  packages: {
    'apt-get': ['iproute2'],
    apk: ['iproute2'],
    dnf: ['iproute'],
  },
  byHand: 'install iproute2 by the package manager of this system',
  instead: '',
};

/** Sets the wall clock of single processes, for the tests. */
export const FAKETIME = {
  title: 'faketime',
  programs: ['faketime'],
  packages: {
    'apt-get': ['faketime'],
    apk: ['libfaketime'],
    dnf: ['libfaketime'],
    brew: ['libfaketime'],
  },
  byHand: 'install it by the package manager of this system',
  instead: '',
};

/** What a user would write a script with; the benches measure against it. */
export const CURL = {
  title: 'curl',
  programs: ['curl'],
  packages: { 'apt-get': ['curl'], apk: ['curl'], dnf: ['curl'], brew: ['curl'] },
  byHand: 'install it by the package manager of this system',
  instead: '',
};

/** The browser in which the tests look at the pages. */
export const CHROMIUM = {
  title: 'Chromium',
  programs: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  packages: {
    'apt-get': ['chromium', 'chromium-browser'],
    apk: ['chromium'],
    dnf: ['chromium'],
    brew: ['chromium'],
  },
  byHand: 'install chromium or google-chrome',
  instead: '',
};

// One shell does it all, so that one sudo is enough. The policy file is Debian's way to say that an installation may
// not start a service; it holds only while this shell lives. A Redis of the system's own would take the port 6379, a
// proxy of its own the port 80, a Postgres the port 5432.
const APT_GET = `
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ] && [ ! -L "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\\n[ -d /proc/%s ] || exit 0\\ncase "$1" in redis*|valkey*|nginx*|caddy*|postgresql*) exit 101 ;; esac\\n' $$ > "$policy"
  chmod 755 "$policy"
fi
install() { apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "$1"; }
install "$1" || { apt-get update -q || true; install "$1"; } || exit 1
case "$1" in redis*|nginx*|caddy*|postgresql*)
  service="\${1%-light}"
  if [ -d /run/systemd/system ]; then systemctl disable --now "$service"; else update-rc.d "$service" disable; fi || true ;;
esac`;

const FIRST_THAT_INSTALLS = 'do=$1; shift; for package; do $do "$package" && exit 0; done; exit 1';

const MANAGERS = [
  { manager: 'apt-get', asRoot: true, shell: (packages) => [APT_GET, 'sh', ...packages] },
  {
    manager: 'apk',
    asRoot: true,
    shell: (packages) => [FIRST_THAT_INSTALLS, 'sh', 'apk add --no-cache', ...packages],
  },
  {
    manager: 'dnf',
    asRoot: true,
    shell: (packages) => [FIRST_THAT_INSTALLS, 'sh', 'dnf install -y', ...packages],
  },
  {
    manager: 'brew',
    asRoot: false,
    shell: (packages) => [FIRST_THAT_INSTALLS, 'sh', 'brew install', ...packages],
  },
];

/**
 * A program of the system, as a step of the set-up; `folders` are searched after those of the PATH. One that Sluice can
 * run without (`without` says what is lacking then) is only told of where it cannot be installed.
 */
export function programStep({ program, env, folders = SYSTEM_FOLDERS, say }) {
  const search = [...(env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''), ...folders];
  const find = (name) => findProgram(name, search);
  const isDone = () => program.programs.some((name) => isThere(name));

  function isThere(name) {
    if (program.probe === undefined) return find(name) !== undefined;
    const found = search.map((folder) => join(folder, name)).filter(isExecutable);
    return found.some((path) => spawnSync(path, program.probe, { env, stdio: 'ignore' }).status === 0);
  }

  async function install() {
    const { manager, asRoot, shell } = MANAGERS.find(({ manager }) => find(manager) !== undefined) ?? {};
    if (manager === undefined)
      throw new Problem(`${program.title} is missing: ${program.byHand}${program.instead}.`);
    const prefix = asRoot ? await rootPrefix({ program, manager, sudo: find('sudo') }) : [];

    say(`Installing ${program.title} (${manager}) ...`);
    const [command, ...args] = [...prefix, 'sh', '-c', ...shell(program.packages[manager])];
    const { exitCode, output } = await runCommand(command, args, {
      env: { ...env, PATH: search.join(delimiter) },
    });
    if (exitCode !== 0 || !isDone()) {
      throw new Problem(
        `${program.title} could not be installed, see above: ${program.byHand}${program.instead}.`,
        { output },
      );
    }
  }

  return {
    isDone,
    async act() {
      try {
        await install();
      } catch (error) {
        const isMinor = program.without !== undefined && error instanceof Problem && error.message !== '';
        if (!isMinor) throw error;
        say(`${error.output}${error.message} ${program.without}`);
      }
    },
  };
}

/** Whether the operator sets this: in the environment, else in the text of the .env file. */
export function isSet(name, { env, envFile = '' }) {
  return (env[name] ?? parseEnv(envFile)[name] ?? '') !== '';
}

/** The text of the checkout's .env file, if there is one. */
export function readEnvFile(root) {
  try {
    return readFileSync(join(root, '.env'), 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function findProgram(name, folders) {
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** What to put before a command that needs root: nothing for root, else sudo, which may ask where somebody can answer. */
async function rootPrefix({ program, manager, sudo }) {
  if (process.getuid?.() === 0) return [];
  if (sudo !== undefined) {
    const { exitCode } = await runCommand(sudo, ['-n', 'true']);
    if (exitCode === 0) return [sudo, '-n'];
    if (process.stdin.isTTY) return [sudo];
  }
  const command = `${manager} ${manager === 'apk' ? 'add' : 'install'} ${program.packages[manager][0]}`;
  throw new Problem(`${program.title} is missing: run "${command}" as root${program.instead}.`);
}
