import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { Problem } from './problem.mjs';
import { runCommand } from './run-command.mjs';

/** Debian 13 has the first radosgw that runs by itself, without a cluster. */
const SUITE = 'trixie';
const MIRROR = 'http://deb.debian.org/debian';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

const LIBRARIES = 'usr/lib/x86_64-linux-gnu';
const LOADER = `${LIBRARIES}/ld-linux-x86-64.so.2`;
const PROGRAMS = ['usr/bin/radosgw', 'usr/bin/radosgw-admin'];

const WITHOUT = 'Until then S3 is tried with the simulator alone, and in CI these tests fail.';

/** Where the unpacked server lies, for all checkouts of this user. */
export function radosgwFolder({ XDG_CACHE_HOME, HOME }) {
  return join(XDG_CACHE_HOME || join(HOME || homedir(), '.cache'), 'sluice', 'radosgw');
}

/**
 * Ceph's radosgw, an S3 server that is not ours, as a step of the set-up. Nothing of it is installed: Debian's packages are
 * fetched and checked by apt, and unpacked into the cache folder; it runs by the loader and the libraries that come with it.
 * Where that cannot be it is told, and the set-up goes on.
 */
export function radosgwStep({ env, say }) {
  const folder = radosgwFolder(env);
  const isDone = () => existsSync(join(folder, 'complete'));

  async function run(command, args, cwd) {
    const { exitCode, output } = await runCommand(command, args, { cwd, env: { ...env, LC_ALL: 'C' } });
    if (exitCode !== 0) throw new Problem(`${command} failed.`, { output });
    return output;
  }

  /** The keys that Debian signs with, as another distribution vouches for them. */
  async function fetchKeyring(work) {
    await run('apt-get', ['-q', 'download', 'debian-archive-keyring'], work);
    const name = readdirSync(work).find((each) => each.endsWith('.deb')) ?? '';
    await run('dpkg-deb', ['-x', join(work, name), join(work, 'keys')]);
    return join(work, 'keys', KEYRING);
  }

  async function fetchPackages(work) {
    for (const name of ['lists/partial', 'archives/partial'])
      mkdirSync(join(work, name), { recursive: true });
    const keyring = existsSync(KEYRING) ? KEYRING : await fetchKeyring(work);
    writeFileSync(join(work, 'sources.list'), `deb [signed-by=${keyring}] ${MIRROR} ${SUITE} main\n`);
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
    await run('apt-get', [...given, '-y', '-q', '--download-only', 'install', 'radosgw']);
  }

  async function unpack(work) {
    const packages = readdirSync(join(work, 'archives')).filter((name) => name.endsWith('.deb'));
    const waiting = packages.filter((name) => !/^(lib)?(python|perl)/.test(name));
    const unpackNext = async () => {
      for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
        await run('dpkg-deb', ['-x', join(work, 'archives', name), join(work, 'all')]);
      }
    };
    await Promise.all([unpackNext(), unpackNext()]);
  }

  /** Keeps the programs with what they load: a third of it all. */
  async function keepNeeded(work) {
    const from = (path) => join(work, 'all', path);
    const search = `${from(LIBRARIES)}:${from(join(LIBRARIES, 'ceph'))}`;
    const loaded = new Set();
    for (const program of PROGRAMS) {
      const listed = await run(from(LOADER), ['--library-path', search, '--list', from(program)]);
      for (const [, path] of listed.matchAll(/=> (\/\S+)/g)) loaded.add(path);
    }
    const keep = (path) => {
      mkdirSync(dirname(join(work, 'kept', path)), { recursive: true });
      cpSync(from(path), join(work, 'kept', path), { recursive: true, dereference: true });
    };
    for (const path of [LOADER, join(LIBRARIES, 'ceph'), ...PROGRAMS]) keep(path);
    for (const path of loaded) keep(path.slice(from('').length));
    writeFileSync(join(work, 'kept/complete'), '');
  }

  async function make() {
    const lacking = [
      ...(process.platform === 'linux' && process.arch === 'x64' ? [] : ['Linux on x86-64']),
      ...['apt-get', 'dpkg-deb'].filter((program) => !isProgram(program, env)),
    ];
    if (lacking.length > 0) throw new Problem(`radosgw needs ${lacking.join(', ')}.`);
    say('Fetching radosgw, an S3 server for the tests (84 MB, apt-get) ...');
    const work = `${folder}-${process.pid}`;
    try {
      await fetchPackages(work);
      await unpack(work);
      await keepNeeded(work);
      rmSync(folder, { recursive: true, force: true });
      renameSync(join(work, 'kept'), folder);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }

  return {
    isDone,
    async act() {
      try {
        await make();
      } catch (error) {
        if (!(error instanceof Problem) || error.message === '') throw error;
        say(`${error.output}radosgw cannot be had here: ${error.message} ${WITHOUT}`);
      }
    },
  };
}

function isProgram(name, { PATH = '' }) {
  return PATH.split(delimiter).some((folder) => folder !== '' && existsSync(join(folder, name)));
}
