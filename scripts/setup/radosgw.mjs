import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { unpackedFolder, unpackedStep } from './debian.mjs';

/** Debian 13 has the first radosgw that runs by itself, without a cluster. */
const SUITE = 'trixie';

const LIBRARIES = 'usr/lib/x86_64-linux-gnu';
const LOADER = `${LIBRARIES}/ld-linux-x86-64.so.2`;
const PROGRAMS = ['usr/bin/radosgw', 'usr/bin/radosgw-admin'];

const WITHOUT = 'Until then S3 is tried with the simulator alone, and in CI these tests fail.';

/** Where the unpacked server lies, for all checkouts of this user. */
export function radosgwFolder(env) {
  return unpackedFolder('radosgw', env);
}

/**
 * Ceph's radosgw, an S3 server that is not ours, as a step of the set-up. Nothing of it is installed: Debian's packages are
 * fetched and checked by apt, and unpacked into the cache folder; it runs by the loader and the libraries that come with it.
 */
export function radosgwStep({ env, say }) {
  const folder = radosgwFolder(env);

  /** Keeps the programs with what they load: a third of it all. */
  async function keepNeeded(work, run) {
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

  async function make(suite, work) {
    await suite.fetchWhole('radosgw');
    await suite.unpack(/^(lib)?(python|perl)/);
    await keepNeeded(work, suite.run);
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(work, 'kept'), folder);
  }

  const what = 'radosgw, an S3 server for the tests (84 MB, apt-get)';
  return unpackedStep({ title: 'radosgw', folder, suite: SUITE, what, without: WITHOUT, make, env, say });
}
