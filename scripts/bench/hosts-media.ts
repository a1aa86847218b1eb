import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Processes } from '../../test/support/processes.ts';
import { type BenchContext, BenchFailure } from './bench.ts';
import { createFileRuns } from './file-runs.ts';
import { runProgram } from './programs.ts';
import { steer } from './simulated-services.ts';

/** How many films are packaged. */
const FILMS = 12;

/** What each is: seconds, and bits per second of its pictures, few enough for its size to be copied. */
const FILM_S = 60;
const FILM_BITS_PER_SECOND = '1500k';

/** The speed of each connection to the store, in bytes per second: sending takes several times as long as all else. */
const CONNECTION_BYTES_PER_SECOND = 200_000;

/** Its largest rendition is the film as it is, and there is no other. */
export const PACKAGE_RECIPE = `recipes:
  - name: package-alone
    steps:
      - { id: fetch, task: fetch }
      - { id: package, task: package, takes: { file: fetch.file }, params: { ladder: top } }
      - { id: cleanup, task: cleanup, after: package }
`;

/**
 * Twelve films are packaged as they are, into a store each of whose connections is slow: all of them on the disk of one host, whose
 * turn they are, and a share on that of each host; how long each took, in milliseconds.
 */
export async function measurePackages(
  { signal, say }: Pick<BenchContext, 'signal' | 'say'>,
  world: { readonly hosts: readonly Processes[]; readonly storeUrl: string; readonly folder: string },
): Promise<{ readonly byOneMs: number; readonly byAllMs: number }> {
  const { hosts, storeUrl, folder } = world;
  const film = join(folder, 'film.mp4');
  await drawFilm(film, signal);
  const slow = { on: 'PUT *', count: 1_000_000, bytesPerSecond: CONNECTION_BYTES_PER_SECOND };
  await steer('POST', `${storeUrl}/__sim/faults`, slow);

  async function packageOn(some: readonly Processes[]): Promise<number> {
    const runs = await Promise.all(
      some.map(async (host, at) => {
        const own = join(folder, `films-${some.length}-${at}`);
        await mkdir(own);
        return createFileRuns(host, own, signal);
      }),
    );
    const beganMs = performance.now();
    await Promise.all(
      runs.map(async (ofHost) => {
        const ids: string[] = [];
        for (let n = 0; n < FILMS / runs.length; n += 1) ids.push(await ofHost.begin(film, 'package-alone'));
        for (const id of ids) requireCopied((await ofHost.untilDone(id)).fact('package'));
      }),
    );
    const tookMs = performance.now() - beganMs;
    say(`${FILMS} films packaged by ${some.length}: ${(tookMs / 1000).toFixed(1)} s`);
    return tookMs;
  }

  const byOneMs = await packageOn(hosts.slice(0, 1));
  const byAllMs = await packageOn(hosts);
  await steer('DELETE', `${storeUrl}/__sim/faults`, {});
  return { byOneMs, byAllMs };
}

/** Encoding takes processors, of which this machine has the same however many hosts are on it. */
function requireCopied(fact: Readonly<Record<string, unknown>>): void {
  const tracks = fact['tracks'] as readonly {
    readonly width_px: number | null;
    readonly is_copied: boolean;
  }[];
  if (tracks.some((track) => track.width_px !== null && track.is_copied)) return;
  throw new BenchFailure('The film was encoded, and was to be copied.');
}

async function drawFilm(path: string, signal: AbortSignal): Promise<void> {
  const pictures = ['-f', 'lavfi', '-i', `testsrc2=s=1280x720:r=25:d=${FILM_S}`];
  const sound = ['-f', 'lavfi', '-i', `sine=d=${FILM_S}`];
  const coded = ['-c:v', 'libx264', '-preset', 'ultrafast', '-b:v', FILM_BITS_PER_SECOND, '-g', '50'];
  const rest = ['-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  await runProgram(
    'ffmpeg',
    ['-nostdin', '-v', 'error', ...pictures, ...sound, ...coded, ...rest, path],
    signal,
  );
}
