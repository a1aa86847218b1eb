import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The one for programs with several threads. */
const LIBRARY = 'libfaketimeMT.so.1';

/** A wall clock that processes which are started with its environment see, and that a test sets; by Debian's faketime. */
export interface FakeClock {
  readonly environment: Readonly<Record<string, string>>;
  /** Sets it so far from the real one, in seconds. */
  setOffset(seconds: number): Promise<void>;
  remove(): Promise<void>;
}

export async function createFakeClock(): Promise<FakeClock> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-clock-'));
  const file = join(folder, 'offset');
  async function setOffset(seconds: number): Promise<void> {
    // Whole at any moment: it is read at each look at the clock.
    await writeFile(`${file}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`);
    await rename(`${file}.new`, file);
  }
  await setOffset(0);
  return {
    environment: {
      LD_PRELOAD: await findLibrary(),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      // As where somebody sets the clock of a machine: only the wall clock moves.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
    setOffset,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Where the package has put it: below the folder of libraries, or of those of one architecture. */
async function findLibrary(): Promise<string> {
  const folders = ['/usr/lib', '/usr/lib64', '/usr/local/lib'];
  for (const folder of [...folders]) {
    const names: string[] = await readdir(folder).catch(() => []);
    folders.push(...names.map((name) => join(folder, name)));
  }
  for (const folder of folders) {
    const names: string[] = await readdir(join(folder, 'faketime')).catch(() => []);
    if (names.includes(LIBRARY)) return join(folder, 'faketime', LIBRARY);
  }
  throw new Error('there is no libfaketime: run "npm run setup -- --test"');
}
