import { existsSync, writeFileSync } from 'node:fs';

const [, wanted, nth] = /^(.*?)(?::(\d+))?$/.exec(process.env.SLUICE_CRASH_AT ?? '') ?? [];
const marker = process.env.SLUICE_CRASH_MARKER;
let passages = 0;

/**
 * Takes the place of src/lib/crash-point.ts in the tests' build: ends this process with SIGKILL at the crash point that
 * SLUICE_CRASH_AT names, at the nth passage where `:n` follows. With SLUICE_CRASH_MARKER, the path of a file that is
 * written just before, only the first process to get there dies; without it, each.
 */
export function crashPoint(name) {
  if (name !== wanted) return;
  passages += 1;
  if (passages !== Number(nth ?? 1)) return;
  if (marker !== undefined) {
    if (existsSync(marker)) return;
    writeFileSync(marker, name);
  }
  process.kill(process.pid, 'SIGKILL');
  // The signal may take a moment, in which nothing more may happen.
  for (;;);
}
