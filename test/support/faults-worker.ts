import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import type { CrashPoint } from '../../src/lib/crash-point.ts';
import { QUICK_SETTINGS } from './faults-house.ts';
import type { House } from './house.ts';
import { systemEnvironment } from './processes.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
const CRASH_COPY = join(CHECKOUT, 'node_modules/.cache/sluice-crash/dist');

/** Where a worker shall die: at the first passage of a crash point, or at the nth. */
export type CrashAt = CrashPoint | `${CrashPoint}:${number}`;

/** A worker of the tests' own build, in a process of its own. */
export interface CrashWorker {
  /** Resolves when the process has ended, with the signal that ended it. */
  readonly ended: Promise<NodeJS.Signals | null>;
  output(): string;
  /** Ends it with SIGKILL, if it still runs. */
  kill(): Promise<void>;
}

/** Builds the tests' copy of the product, unless it is up to date. */
export async function buildCrashCopy(): Promise<void> {
  const script = join(CHECKOUT, 'scripts/build.mjs');
  await promisify(execFile)(process.execPath, [script, '--crash-points', CRASH_COPY]);
}

/**
 * Starts a worker on a house's ledger, queue and simulators, which ends with the house at the latest.
 *
 * @param options.marker Path of the file that lets only the first worker die; without it each one dies.
 */
export function startCrashWorker(
  house: House,
  options: {
    readonly crashAt?: CrashAt;
    readonly marker?: string;
    readonly settings?: Record<string, string>;
  } = {},
): CrashWorker {
  const { crashAt, marker, settings } = options;
  const child = spawn(process.execPath, [join(CRASH_COPY, 'queue/main.js')], {
    cwd: house.files,
    env: {
      ...systemEnvironment(),
      ...house.environment,
      ...QUICK_SETTINGS,
      DATA_DIR: house.config.dataDir,
      DATABASE_URL: house.config.ledgerAddress,
      REDIS_URL: house.redis.url,
      LEASE_MS: '1000',
      RECONCILE_EVERY_S: '1',
      DISK_RESERVE_BYTES: '0',
      ...settings,
      ...(crashAt === undefined ? {} : { SLUICE_CRASH_AT: crashAt }),
      ...(marker === undefined ? {} : { SLUICE_CRASH_MARKER: marker }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => output.push(text));
  }
  const ended = once(child, 'close').then(([, signal]) => signal as NodeJS.Signals | null);
  async function kill(): Promise<void> {
    if (hasEnded(child)) return;
    child.kill('SIGKILL');
    await ended;
  }
  house.onClose(kill);
  return { ended, output: () => output.join(''), kill };
}

const SURVIVAL_MS = 100_000;

/** Waits until a worker has died where it was told to, and nowhere else. */
export async function expectDeath(
  doomed: CrashWorker,
  at: { crashAt: CrashAt; marker: string },
): Promise<void> {
  const survival = delay(SURVIVAL_MS, 'survived', { ref: false });
  expect(await Promise.race([doomed.ended, survival]), doomed.output()).toBe('SIGKILL');
  expect(await readFile(at.marker, 'utf8')).toBe(at.crashAt.replace(/:\d+$/, ''));
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
