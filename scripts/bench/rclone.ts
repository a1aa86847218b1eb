import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchContext } from './bench.ts';
import { runProgram } from './programs.ts';
import { makeFolder } from './sluice.ts';

/** The version of an rclone, such as `1.60.1`. @throws BenchFailure if there is none at that place */
export async function versionOf(rclone: string, signal: AbortSignal): Promise<string> {
  return /v(\d+\.\d+\.\d+)/.exec(await runProgram(rclone, ['version'], signal))?.[1] ?? 'unknown';
}

/** The newer rclone that the setting `rclone-175` names; `undefined`: none is measured. */
export async function newerRclone(context: BenchContext): Promise<string | undefined> {
  const wanted = context.setting('rclone-175', '');
  if (wanted === 'none') return undefined;
  return wanted === '' ? await fetchNewestRclone(context) : wanted;
}

/**
 * Debian's newest rclone, from its unstable distribution, unpacked into a temporary folder; nothing is installed.
 * `undefined` where this system has no apt, or the package cannot be had.
 */
async function fetchNewestRclone(
  context: Pick<BenchContext, 'defer' | 'signal' | 'say'>,
): Promise<string | undefined> {
  const { signal, say } = context;
  const folder = await makeFolder(context);
  const lists = join(folder, 'sources.list');
  const options = [
    ...['-o', `Dir::Etc::sourcelist=${lists}`, '-o', 'Dir::Etc::sourceparts=/dev/null'],
    ...['-o', `Dir::State::lists=${join(folder, 'lists')}`, '-o', `Dir::Cache=${join(folder, 'cache')}`],
    ...['-o', 'APT::Sandbox::User=root', '-o', 'Acquire::http::Timeout=15', '-o', 'Acquire::Retries=0'],
  ];
  try {
    const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
    await writeFile(lists, `deb [signed-by=${keys}] ${await debianMirror()} sid main\n`);
    for (const each of ['lists/partial', 'cache/archives/partial', 'rclone']) {
      await mkdir(join(folder, each), { recursive: true });
    }
    say('looking for a newer rclone (apt) ...');
    await runProgram('apt-get', ['-q', ...options, 'update'], signal);
    // It puts the package into its working directory.
    await runProgram(
      'sh',
      ['-c', 'cd "$1" && shift && apt-get "$@"', 'sh', folder, '-q', ...options, 'download', 'rclone'],
      signal,
    );
    const deb = (await readdir(folder)).find((name) => name.endsWith('.deb')) ?? '';
    await runProgram('dpkg-deb', ['-x', join(folder, deb), join(folder, 'rclone')], signal);
    return join(folder, 'rclone/usr/bin/rclone');
  } catch (error) {
    signal.throwIfAborted();
    say(`no newer rclone: ${String(error).split('\n')[0]}`);
    return undefined;
  }
}

/** The mirror that this system uses for Debian. */
async function debianMirror(): Promise<string> {
  const folder = '/etc/apt/sources.list.d';
  const names = await readdir(folder).catch(() => []);
  for (const path of ['/etc/apt/sources.list', ...names.map((name) => join(folder, name))]) {
    const text = await readFile(path, 'utf8').catch(() => '');
    const lines = text.split('\n').filter((line) => !line.startsWith('#'));
    const found = /https?:\/\/\S+\/debian(?=[\s/])/.exec(`${lines.join('\n')}\n`);
    if (found) return found[0];
  }
  return 'http://deb.debian.org/debian';
}
