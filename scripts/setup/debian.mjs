import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Problem } from './problem.mjs';
import { runCommand } from './run-command.mjs';

const MIRROR = 'http://deb.debian.org/debian';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Where a server lies that the set-up has unpacked, for all checkouts of this user. */
export function unpackedFolder(name, { XDG_CACHE_HOME, HOME }) {
  return join(XDG_CACHE_HOME || join(HOME || homedir(), '.cache'), 'sluice', name);
}

/** Throws a problem unless packages of Debian can be fetched, unpacked and run here. */
function checkDebianRuns(title, env) {
  const lacking = [
    ...(process.platform === 'linux' && process.arch === 'x64' ? [] : ['Linux on x86-64']),
    ...['apt-get', 'dpkg-deb'].filter((program) => !isProgram(program, env)),
  ];
  if (lacking.length > 0) throw new Problem(`${title} needs ${lacking.join(', ')}.`);
}

/**
 * The packages of one suite of Debian, fetched and checked by apt with settings of its own in the folder `work`: whatever system this is,
 * nothing of it is read or changed.
 */
function debianSuite({ suite, work, env }) {
  async function run(command, args, cwd) {
    const { exitCode, output } = await runCommand(command, args, { cwd, env: { ...env, LC_ALL: 'C' } });
    if (exitCode !== 0) throw new Problem(`${command} failed.`, { output });
    return output;
  }

  /** The keys that Debian signs with, as another distribution vouches for them. */
  async function fetchKeyring() {
    await run('apt-get', ['-q', 'download', 'debian-archive-keyring'], work);
    const name = readdirSync(work).find((each) => each.endsWith('.deb')) ?? '';
    await run('dpkg-deb', ['-x', join(work, name), join(work, 'keys')]);
    return join(work, 'keys', KEYRING);
  }

  async function update() {
    for (const name of ['lists/partial', 'archives/partial'])
      mkdirSync(join(work, name), { recursive: true });
    const keyring = existsSync(KEYRING) ? KEYRING : await fetchKeyring();
    writeFileSync(join(work, 'sources.list'), `deb [signed-by=${keyring}] ${MIRROR} ${suite} main\n`);
    const options = {
      'Dir::State': work,
      'Dir::State::lists': join(work, 'lists'),
      'Dir::State::status': '/dev/null',
      'Dir::Cache': work,
      'Dir::Cache::archives': join(work, 'archives'),
      'Dir::Log': work,
      'Dir::Etc::sourcelist': join(work, 'sources.list'),
      'Dir::Etc::sourceparts': '-',
      'APT::Install-Recommends': 'false',
      'APT::Sandbox::User': '',
      'Acquire::Languages': 'none',
      'Debug::NoLocking': 'true',
    };
    const given = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    await run('apt-get', [...given, '-q', 'update']);
    return given;
  }

  return {
    run,
    /** Fetches a package with all that it depends on. */
    async fetchWhole(name) {
      await run('apt-get', [...(await update()), '-y', '-q', '--download-only', 'install', name]);
    },
    /** Fetches these packages alone. */
    async fetchAlone(names) {
      await run('apt-get', [...(await update()), '-q', 'download', ...names], join(work, 'archives'));
    },
    /** Unpacks what was fetched, but for packages whose names match `isLeft`, into the folder `all` of `work`. */
    async unpack(isLeft = /^$/) {
      const packages = readdirSync(join(work, 'archives')).filter((name) => name.endsWith('.deb'));
      const waiting = packages.filter((name) => !isLeft.test(name));
      const unpackNext = async () => {
        for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
          await run('dpkg-deb', ['-x', join(work, 'archives', name), join(work, 'all')]);
        }
      };
      await Promise.all([unpackNext(), unpackNext()]);
    },
  };
}

/**
 * A server that only the tests need, unpacked into the cache folder and not installed, as a step of the set-up. Where that cannot be it is
 * told, and the set-up goes on.
 *
 * @param server.folder Where it lies in the end; with the file `complete` in it, it is whole
 * @param server.without What cannot be done until then
 * @param server.make Makes that folder, with the help of one that is removed afterwards
 */
export function unpackedStep({ title, folder, suite, what, without, make, env, say }) {
  async function fetch() {
    checkDebianRuns(title, env);
    say(`Fetching ${what} ...`);
    const work = `${folder}-${process.pid}`;
    try {
      await make(debianSuite({ suite, work, env }), work);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }

  return {
    isDone: () => existsSync(join(folder, 'complete')),
    async act() {
      try {
        await fetch();
      } catch (error) {
        if (!(error instanceof Problem) || error.message === '') throw error;
        say(`${error.output}${title} cannot be had here: ${error.message} ${without}`);
      }
    },
  };
}

function isProgram(name, { PATH = '' }) {
  return PATH.split(delimiter).some((folder) => folder !== '' && existsSync(join(folder, name)));
}
