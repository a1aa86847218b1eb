import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkDebianRuns, debianSuite, unpackedFolder } from './debian.mjs';
import { Problem } from './problem.mjs';

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
 * packages are fetched and checked by apt, and unpacked into the cache folder. Where that cannot be it is told, and the set-up goes on.
 */
export function rabbitmqStep({ env, say }) {
  const folder = rabbitmqFolder(env);
  const isDone = () => existsSync(join(folder, 'complete'));

  async function make() {
    checkDebianRuns('RabbitMQ', env);
    say('Fetching RabbitMQ, a broker for the tests (34 MB, apt-get) ...');
    const work = `${folder}-${process.pid}`;
    const suite = debianSuite({ suite: SUITE, work, env });
    try {
      await suite.fetchAlone(['rabbitmq-server', ...ERLANG.map((name) => `erlang-${name}`)]);
      await suite.unpack();
      const erl = join(work, 'all', ERLANG_FOLDER, 'bin/erl');
      // It names its own folder by the place where it would be installed.
      const moved = readFileSync(erl, 'utf8').replaceAll(`/${ERLANG_FOLDER}`, join(folder, ERLANG_FOLDER));
      writeFileSync(erl, moved);
      rmSync(folder, { recursive: true, force: true });
      renameSync(join(work, 'all'), folder);
      await suite.run(join(folder, ERLANG_FOLDER, 'bin/erl'), [
        '-noshell',
        '-eval',
        'crypto:start(), halt().',
      ]);
      writeFileSync(join(folder, 'complete'), '');
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
        say(`${error.output}RabbitMQ cannot be had here: ${error.message} ${WITHOUT}`);
      }
    },
  };
}
