import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Problem } from './problem.mjs';
import { runCommand } from './run-command.mjs';

const STAMP = 'node_modules/.sluice-setup';
const INSTALLED = 'node_modules/.package-lock.json';

/** Options of an outer npm that would change what a nested `npm ci` installs; registry, proxies and cache stay. */
const DISTURBING = new Set(
  [
    [
      'also',
      'cpu',
      'dev',
      'dry_run',
      'global',
      'global_prefix',
      'if_present',
      'include',
      'include_workspace_root',
    ],
    [
      'install_links',
      'install_strategy',
      'json',
      'libc',
      'local_prefix',
      'location',
      'loglevel',
      'omit',
      'only',
    ],
    [
      'optional',
      'os',
      'package_lock',
      'package_lock_only',
      'prefix',
      'production',
      'silent',
      'workspace',
      'workspaces',
    ],
  ].flatMap((names) => names.map((name) => `npm_config_${name}`)),
);

/** The npm packages of the checkout, as a step of the set-up. */
export function packagesStep({ root, env, say }) {
  const read = () => inspectPackages(readPackages(root));

  return {
    isDone: () => read() === 'current',
    async act() {
      if (read() === 'stale') {
        say('Installing packages (npm ci) ...');
        await npmCi({ root, env });
      }
      writeFileSync(join(root, STAMP), stampOf(readPackages(root)));
    },
  };
}

/**
 * Whether node_modules fits package-lock.json and this Node: `current`, `unstamped` (it fits, but was installed by
 * hand), or `stale`. An installation for another platform or Node major is stale whatever it holds.
 */
export function inspectPackages({ lockText, installedText, stamp, runtime }) {
  if (installedText === undefined) return 'stale';
  if (stamp === stampOf({ lockText, runtime })) return 'current';
  if (stamp !== undefined && stamp.split('\n')[1] !== runtime.id) return 'stale';
  return fits({ lockText, installedText, runtime }) ? 'unstamped' : 'stale';
}

/** The environment for a nested npm: without what an outer `npm run`, or its options, would impose on it. */
export function npmEnvironment(env) {
  const isOuters = (name) => DISTURBING.has(name) || /^npm_(package|lifecycle|command)(_|$)/.test(name);
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !isOuters(name.toLowerCase().replaceAll('-', '_'))),
  );
}

function stampOf({ lockText, runtime }) {
  return `${createHash('sha256').update(lockText).digest('hex')}\n${runtime.id}\n`;
}

function readPackages(root) {
  const lockText = readIfThere(join(root, 'package-lock.json'));
  if (lockText === undefined)
    throw new Problem(`There is no package-lock.json in ${root}: is the checkout complete?`);
  return {
    lockText,
    installedText: readIfThere(join(root, INSTALLED)),
    stamp: readIfThere(join(root, STAMP)),
    runtime: thisRuntime(),
  };
}

function thisRuntime() {
  const { platform, arch, versions } = process;
  const isMusl = existsSync('/lib') && readdirSync('/lib').some((name) => name.startsWith('ld-musl-'));
  const libc = platform !== 'linux' ? 'none' : isMusl ? 'musl' : 'glibc';
  return { platform, arch, libc, id: `node-${versions.modules} ${platform} ${arch} ${libc}` };
}

/** Compares npm's two lock files: what is to be installed, and what it has recorded as installed. */
function fits({ lockText, installedText, runtime }) {
  try {
    const installed = JSON.parse(installedText).packages;
    const { '': _root, ...wanted } = JSON.parse(lockText).packages;
    const isInPlace = ([path, entry]) =>
      installed[path] === undefined
        ? isOptionalHere(entry, runtime)
        : installed[path].version === entry.version && installed[path].integrity === entry.integrity;

    return Object.entries(wanted).every(isInPlace) && Object.keys(installed).every((path) => path in wanted);
  } catch {
    return false;
  }
}

/** Whether npm may leave a package out: not if it is a binary made for this very platform. */
function isOptionalHere({ os, cpu, libc, optional, devOptional }, runtime) {
  if (!optional && !devOptional) return false;
  if (os === undefined || cpu === undefined) return true;
  return (
    !os.includes(runtime.platform) || !cpu.includes(runtime.arch) || libc?.includes(runtime.libc) === false
  );
}

async function npmCi({ root, env }) {
  const [command, ...before] = findNpm(env);
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const { exitCode, output } = await runCommand(command, [...before, ...args], {
    cwd: root,
    env: npmEnvironment(env),
  });

  if (exitCode === 127)
    throw new Problem('npm is missing: install it (it comes with Node), then try again.', { output });
  if (exitCode !== 0) throw new Problem('npm ci failed, see above.', { output });
}

/** The npm that runs this script, else the one that came with this Node, else the one on the PATH. */
function findNpm({ npm_execpath: outer }) {
  if (outer !== undefined && basename(outer) === 'npm-cli.js' && existsSync(outer))
    return [process.execPath, outer];
  const beside = join(dirname(process.execPath), '../lib/node_modules/npm/bin/npm-cli.js');
  return existsSync(beside) ? [process.execPath, beside] : ['npm'];
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  }
}
