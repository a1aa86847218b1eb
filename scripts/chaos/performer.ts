import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { House } from './house.ts';
import type { Action, App, Step } from './plan.ts';
import type { TransferWatch } from './transfers.ts';
import { pause } from './waiting.ts';

/** More than any disk has. */
const FULL_RESERVE_BYTES = 9_000_000_000_000_000;
const STAGING_APPS: readonly App[] = ['worker', 'tus', 'pipeline'];

/** How long a measured kill waits for a recording to move, and for its bytes to move again, in milliseconds. */
const MOTION_TIMEOUT_MS = 6000;
const RECOVERY_TIMEOUT_MS = 40_000;
/** Bytes that passed within this time mean that a recording moves at this moment, in milliseconds. */
const MOTION_MS = 150;
const POLL_MS = 20;

/** How long an ambush waits for its request, in milliseconds, and how often it looks. */
const AMBUSH_TIMEOUT_MS = 7000;
const AMBUSH_POLL_MS = 5;

/** What was done, and what was measured. */
export interface Performed {
  readonly kills: Readonly<Record<App, number>>;
  /** Tokens ended, uploads forgotten, Redis emptied, disk filled: what is damage but no struck request. */
  readonly otherDamage: number;
  /** From kill -9 of the worker to the next byte of a recording, in seconds, undisturbed. */
  readonly recoveriesS: readonly number[];
  /** Measured kills whose time says nothing: nothing moved before, or something else happened meanwhile. */
  readonly spoiledMeasurements: number;
  /** When the worker ended: killed, or restarted with other settings; milliseconds since 1970. */
  readonly workerEndsMs: readonly number[];
}

export interface Performer {
  readonly performed: Performed;
  /** Does the steps, each at its time or as soon after it as the one before lets it. */
  run(steps: readonly Step[], startMs: number): Promise<void>;
  /** Takes aim at an app; the shot kills it, if it is still the same process. */
  aim(app: App): Promise<() => void>;
  /** Ends all damage that lasts. */
  repair(): Promise<void>;
}

export function createPerformer(options: {
  house: House;
  watch: TransferWatch;
  /** Hears of each step when it begins. */
  say: (line: string) => void;
  signal: AbortSignal;
}): Performer {
  const { house, watch, say, signal } = options;
  const { simulators, pm2 } = house;
  const kills: Record<App, number> = { worker: 0, pipeline: 0, tus: 0, redis: 0 };
  const recoveriesS: number[] = [];
  const workerEndsMs: number[] = [];
  let otherDamage = 0;
  let spoiled = 0;
  let isDiskFull = false;
  let isRestarting = false;

  /** Kills an app; gives back when, or `undefined` if it was dead already. */
  async function kill(app: App): Promise<number | undefined> {
    const pid = await pm2.pid(app);
    if (pid === undefined) return undefined;
    return killPid(app, pid);
  }

  function killPid(app: App, pid: number): number | undefined {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      return undefined;
    }
    kills[app] += 1;
    if (app === 'worker') workerEndsMs.push(Date.now());
    return Date.now();
  }

  async function killMeasured(): Promise<void> {
    const pid = await pm2.pid('worker');
    const deadlineMs = Date.now() + MOTION_TIMEOUT_MS;
    const isMoving = () => Date.now() - watch.lastByteAtMs() < MOTION_MS;
    while (!isMoving() && Date.now() < deadlineMs) await pause(POLL_MS, signal);
    const wasMoving = isMoving();
    const disturbances = () => house.struck('site') + kills.pipeline + kills.tus + kills.redis;
    const before = disturbances();
    const atMs = pid === undefined ? undefined : killPid('worker', pid);
    if (atMs === undefined || !wasMoving) {
      spoiled += 1;
      return;
    }
    while (watch.firstByteAfter(atMs) === undefined && Date.now() - atMs < RECOVERY_TIMEOUT_MS) {
      await pause(POLL_MS, signal);
    }
    const firstByteAtMs = watch.firstByteAfter(atMs) ?? Date.now();
    if (disturbances() !== before) {
      spoiled += 1;
      return;
    }
    const recoveryS = (firstByteAtMs - atMs) / 1000;
    recoveriesS.push(recoveryS);
    say(`  bytes flow again after ${recoveryS.toFixed(1)} s`);
  }

  async function ambush({ target, on }: Extract<Action, { kind: 'ambush' }>['effect']): Promise<void> {
    const { faults, requests, fail } = house.target(target);
    const pid = await pm2.pid('worker');
    const deadlineMs = Date.now() + AMBUSH_TIMEOUT_MS;
    const struckBefore = faults.struck;
    const faultyBefore = requests.filter(({ faulty }) => faulty).length;
    fail({ on, drop: 'after-handling' });
    // A faulty request is logged when its connection has been cut.
    while (requests.filter(({ faulty }) => faulty).length === faultyBefore) {
      if (Date.now() > deadlineMs && faults.struck === struckBefore) return faults.clear();
      if (Date.now() > deadlineMs + MOTION_TIMEOUT_MS) return;
      await pause(AMBUSH_POLL_MS, signal);
    }
    if (pid !== undefined) killPid('worker', pid);
    say('  caught');
  }

  async function flush(): Promise<void> {
    otherDamage += 1;
    const redis = new Redis({
      path: join(house.dataDir, 'redis.sock'),
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
    });
    redis.on('error', () => {});
    // A Redis that was killed a moment ago cannot be emptied as well.
    await redis
      .connect()
      .then(() => redis.flushall())
      .catch(() => {});
    redis.disconnect();
  }

  async function setDiskFull(isFull: boolean): Promise<void> {
    if (isDiskFull === isFull) return;
    isDiskFull = isFull;
    if (isFull) otherDamage += 1;
    isRestarting = true;
    workerEndsMs.push(Date.now());
    try {
      await pm2.restart(STAGING_APPS, { DISK_RESERVE_BYTES: isFull ? String(FULL_RESERVE_BYTES) : '0' });
    } finally {
      isRestarting = false;
      workerEndsMs.push(Date.now());
    }
  }

  function calm(): void {
    for (const name of ['zoom', 'cdn', 'b2', 'bunny'] as const) house.target(name).faults.clear();
  }

  async function expire(tokens: Extract<Action, { kind: 'expire' }>['tokens']): Promise<void> {
    otherDamage += 1;
    switch (tokens) {
      case 'zoom-downloads':
        return simulators.zoom.expireTokens('download');
      case 'zoom-all':
        return simulators.zoom.expireTokens('all');
      case 'b2-account':
        return simulators.b2.expireAccountTokens();
      case 'b2-uploads':
        return simulators.b2.expireUploadTokens();
      case 'bunny-uploads':
        await simulators.bunny.purgeUploads();
    }
  }

  async function perform(action: Action): Promise<void> {
    switch (action.kind) {
      case 'calm':
        return calm();
      case 'fault':
      case 'outage':
        return house.target(action.target).fail(action.fault);
      case 'outage-over':
        return house.target(action.target).faults.clear();
      case 'kill':
        await Promise.all(action.apps.map(kill));
        return;
      case 'measured-kill':
        return await killMeasured();
      case 'ambush':
        return await ambush(action.effect);
      case 'expire':
        return await expire(action.tokens);
      case 'flush':
        return await flush();
      case 'disk-full':
      case 'disk-free':
        return await setDiskFull(action.kind === 'disk-full');
    }
  }

  return {
    performed: {
      kills,
      recoveriesS,
      workerEndsMs,
      get otherDamage() {
        return otherDamage;
      },
      get spoiledMeasurements() {
        return spoiled;
      },
    },

    async run(steps, startMs) {
      for (const { atMs, action } of steps) {
        const waitMs = startMs + atMs - Date.now();
        if (waitMs > 0) await pause(waitMs, signal);
        say(`${((Date.now() - startMs) / 1000).toFixed(1).padStart(6)} s  ${describe(action)}`);
        await perform(action);
      }
    },

    async aim(app) {
      const pid = await pm2.pid(app);
      return () => {
        if (pid !== undefined && !isRestarting) killPid(app, pid);
      };
    },

    async repair() {
      calm();
      house.target('site').faults.clear();
      await setDiskFull(false);
    },
  };
}

export function describe(action: Action): string {
  switch (action.kind) {
    case 'fault':
    case 'outage':
      return `${action.kind} of ${action.target}: ${JSON.stringify(action.fault)}`;
    case 'kill':
      return `kill -9 ${action.apps.join(' and ')}`;
    case 'measured-kill':
      return 'kill -9 worker, measured';
    case 'ambush':
      return `ambush: ${action.effect.target} ${action.effect.on}`;
    case 'expire':
      return `expired: ${action.tokens}`;
    case 'outage-over':
      return `${action.target} is back`;
    default:
      return action.kind.replace('-', ' ');
  }
}
