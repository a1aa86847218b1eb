import type { App } from './action.ts';
import type { House } from './house.ts';
import type { TransferWatch } from './transfers.ts';
import { pause } from './waiting.ts';

/** How long a measured kill waits for a recording to move, and for its bytes to move again, in milliseconds. */
const MOTION_TIMEOUT_MS = 6000;
const RECOVERY_TIMEOUT_MS = 40_000;
/** Bytes that passed within this time mean that a recording moves at this moment, in milliseconds. */
const MOTION_MS = 150;
const POLL_MS = 20;

/** Within this time a service has seen all that a worker sent before it was killed, in milliseconds; a new one starts later. */
const ON_ITS_WAY_MS = 250;

/** How long a worker that was stopped goes on beside the one that has taken over, in milliseconds. */
const BESIDE_MS = 3000;

/** What happens to processes, and what was measured of it. */
export interface ProcessDamage {
  readonly kills: Record<App, number>;
  /** From kill -9 of the worker to the next byte of a recording, in seconds, undisturbed. */
  readonly recoveriesS: number[];
  /** When the worker ended: killed, stopped, or restarted with other settings; milliseconds since 1970. */
  readonly workerEndsMs: number[];
  /** Measured kills whose time says nothing: nothing moved before, or something else happened meanwhile. */
  readonly spoiledMeasurements: number;
  kill(app: App): Promise<void>;
  killPid(app: App, pid: number): number | undefined;
  killMeasured(): Promise<void>;
  /** Restarts apps in an orderly way, with these settings on top of the others. */
  restart(apps: readonly App[], settings: Readonly<Record<string, string>>): Promise<void>;
  /** Stops the worker while bytes move, lets another one take over, and then lets both go on for a while. */
  zombie(stoppedMs: number): Promise<void>;
  /** Takes aim at an app; the shot kills it, if it is still the same process. */
  aim(app: App): Promise<() => void>;
}

export function createProcessDamage(options: {
  house: House;
  watch: TransferWatch;
  say: (line: string) => void;
  signal: AbortSignal;
}): ProcessDamage {
  const { house, watch, say, signal } = options;
  const { pm2 } = house;
  const kills: Record<App, number> = { worker: 0, pipeline: 0, tus: 0, redis: 0 };
  const recoveriesS: number[] = [];
  const workerEndsMs: number[] = [];
  let spoiled = 0;
  let isRestarting = false;

  function send(signalName: NodeJS.Signals, pid: number): boolean {
    try {
      return process.kill(pid, signalName);
    } catch {
      return false;
    }
  }

  function killPid(app: App, pid: number): number | undefined {
    if (!send('SIGKILL', pid)) return undefined;
    kills[app] += 1;
    if (app === 'worker') workerEndsMs.push(Date.now());
    return Date.now();
  }

  /** Waits until bytes of a recording move; false if they do not. */
  async function untilMoving(): Promise<boolean> {
    const deadlineMs = Date.now() + MOTION_TIMEOUT_MS;
    const isMoving = () => Date.now() - watch.lastByteAtMs() < MOTION_MS;
    while (!isMoving() && Date.now() < deadlineMs) await pause(POLL_MS, signal);
    return isMoving();
  }

  return {
    kills,
    recoveriesS,
    workerEndsMs,
    get spoiledMeasurements() {
      return spoiled;
    },
    killPid,

    async kill(app) {
      const pid = await pm2.pid(app);
      if (pid !== undefined) killPid(app, pid);
    },

    async killMeasured() {
      const pid = await pm2.pid('worker');
      const wasMoving = await untilMoving();
      const disturbances = () => house.struck('site') + kills.pipeline + kills.tus + kills.redis;
      const before = disturbances();
      const atMs = pid === undefined ? undefined : killPid('worker', pid);
      if (atMs === undefined || !wasMoving) {
        spoiled += 1;
        return;
      }
      const firstByteAtMs = () => watch.firstByteAfter(atMs + ON_ITS_WAY_MS);
      while (firstByteAtMs() === undefined && Date.now() - atMs < RECOVERY_TIMEOUT_MS) {
        await pause(POLL_MS, signal);
      }
      const againAtMs = firstByteAtMs() ?? Date.now();
      if (disturbances() !== before) {
        spoiled += 1;
        return;
      }
      const recoveryS = (againAtMs - atMs) / 1000;
      recoveriesS.push(recoveryS);
      say(`  bytes flow again after ${recoveryS.toFixed(1)} s`);
    },

    async restart(apps, settings) {
      isRestarting = true;
      workerEndsMs.push(Date.now());
      try {
        await pm2.restart(apps, settings);
      } finally {
        isRestarting = false;
        workerEndsMs.push(Date.now());
      }
    },

    async zombie(stoppedMs) {
      const pid = await pm2.pid('worker');
      await untilMoving();
      if (pid === undefined || !send('SIGSTOP', pid)) return;
      const stoppedAtMs = Date.now();
      workerEndsMs.push(stoppedAtMs);
      const other = house.startSecondWorker();
      try {
        await pause(stoppedMs, signal);
        if (watch.firstByteAfter(stoppedAtMs) !== undefined) say('  another worker has taken over');
      } finally {
        send('SIGCONT', pid);
      }
      await pause(BESIDE_MS, signal);
      await other.stop();
      workerEndsMs.push(Date.now());
    },

    async aim(app) {
      const pid = await pm2.pid(app);
      return () => {
        if (pid !== undefined && !isRestarting) killPid(app, pid);
      };
    },
  };
}
