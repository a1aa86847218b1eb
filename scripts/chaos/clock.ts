import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** How long a process may still see the clock as it was, in milliseconds. */
const NOTICED_WITHIN_MS = 1500;

/** The clock that the processes of a run see. */
export interface ProcessClock {
  /** What makes a process see it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Moves it to so many seconds from the true time. */
  set(offsetS: number): void;
  /** When a time that a process has written down was, by the true clock; in milliseconds since 1970. */
  trueMs(writtenMs: number): number;
}

/** @returns `undefined` where Debian's faketime is not installed. */
export function createProcessClock(folder: string): ProcessClock | undefined {
  const library = findLibrary();
  if (library === undefined) return undefined;
  const file = join(folder, 'clock');
  const settings: { readonly fromMs: number; readonly offsetMs: number }[] = [{ fromMs: 0, offsetMs: 0 }];
  writeFileSync(file, '+0s');

  return {
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: '1',
      // A clock that is set leaves the steady one alone, and the times of files as they are.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    },
    set(offsetS) {
      writeFileSync(file, `${offsetS < 0 ? '' : '+'}${offsetS}s`);
      settings.push({ fromMs: Date.now(), offsetMs: offsetS * 1000 });
    },
    trueMs(writtenMs) {
      // Jumps are longer than a run, so at most one setting fits.
      for (let index = settings.length - 1; index >= 0; index -= 1) {
        const { fromMs, offsetMs } = settings[index] ?? { fromMs: 0, offsetMs: 0 };
        const untilMs = (settings[index + 1]?.fromMs ?? Date.now()) + NOTICED_WITHIN_MS;
        const trueMs = writtenMs - offsetMs;
        if (trueMs >= fromMs && trueMs <= untilMs) return trueMs;
      }
      return writtenMs;
    },
  };
}

/** Debian keeps it in a folder per architecture, other systems directly below lib. */
function findLibrary(): string | undefined {
  const folders = ['/usr/lib', '/usr/lib64', '/usr/local/lib', '/opt/homebrew/lib'].flatMap((folder) =>
    existsSync(folder) ? [folder, ...readdirSync(folder).map((name) => join(folder, name))] : [],
  );
  return folders
    .map((folder) => join(folder, 'faketime', 'libfaketimeMT.so.1'))
    .find((path) => existsSync(path));
}
