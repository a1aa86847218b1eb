import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { unpackedFolder, unpackedStep } from './debian.mjs';

/** Debian 12 has RabbitMQ 3.10, whose transient queues the workers of this kind still use; it needs a C library of 2022 or newer. */
const SUITE = 'bookworm';
const ERLANG = [
  'asn1',
  'base',
  'crypto',
  'eldap',
  'ftp',
  'inets',
  'mnesia',
  'os-mon',
  'parsetools',
  'public-key',
  'runtime-tools',
  'snmp',
  'ssl',
  'syntax-tools',
  'tftp',
  'tools',
  'xmerl',
];
const ERLANG_FOLDER = 'usr/lib/erlang';

const WITHOUT = 'Until then remote workers are not tried, and in CI their tests fail.';

/** Where the unpacked broker lies, for all checkouts of this user. */
export function rabbitmqFolder(env) {
  return unpackedFolder('rabbitmq', env);
}

/**
 * RabbitMQ with the Erlang that it runs on, as a step of the set-up. Nothing of it is installed and none of its services begins: Debian's
 * packages are fetched and checked by apt, and unpacked into the cache folder.
 */
export function rabbitmqStep({ env, say }) {
  const folder = rabbitmqFolder(env);

  async function make(suite, work) {
    await suite.fetchAlone(['rabbitmq-server', ...ERLANG.map((name) => `erlang-${name}`)]);
    await suite.unpack();
    const erl = join(work, 'all', ERLANG_FOLDER, 'bin/erl');
    // It names its own folder by the place where it would be installed.
    const moved = readFileSync(erl, 'utf8').replaceAll(`/${ERLANG_FOLDER}`, join(folder, ERLANG_FOLDER));
    writeFileSync(erl, moved);
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(work, 'all'), folder);
    await suite.run(join(folder, ERLANG_FOLDER, 'bin/erl'), ['-noshell', '-eval', 'crypto:start(), halt().']);
    writeFileSync(join(folder, 'complete'), '');
  }

  const what = 'RabbitMQ, a broker for the tests (34 MB, apt-get)';
  return unpackedStep({ title: 'RabbitMQ', folder, suite: SUITE, what, without: WITHOUT, make, env, say });
}
