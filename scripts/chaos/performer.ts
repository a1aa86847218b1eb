import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type Action, type App, describe, type Step } from './action.ts';
import type { House } from './house.ts';
import { createProcessDamage, type ProcessDamage } from './processes.ts';
import type { TransferWatch } from './transfers.ts';
import { pause } from './waiting.ts';

/** More than any disk has. */
const FULL_RESERVE_BYTES = 9_000_000_000_000_000;
const STAGING_APPS: readonly App[] = ['worker', 'tus', 'pipeline'];

/** How long an ambush waits for its request, and for the end of a request that it has struck; in milliseconds. */
const AMBUSH_TIMEOUT_MS = 7000;
const STRUCK_TIMEOUT_MS = 6000;
const AMBUSH_POLL_MS = 5;

/** Within this time a request has arrived whole, in milliseconds. */
const HEARD_MS = 300;

/** What was done, and what was measured. */
export interface Performed
  extends Pick<ProcessDamage, 'kills' | 'recoveriesS' | 'spoiledMeasurements' | 'workerEndsMs'> {
  /** Tokens ended, uploads forgotten, Redis emptied, disk filled, clock set: what is damage but no struck request. */
  readonly otherDamage: number;
  /** Recordings whose cancelling was accepted. */
  readonly cancelledIds: ReadonlySet<string>;
}

export interface Performer {
  readonly performed: Performed;
  /** Does the steps, each at its time or as soon after it as the one before lets it. */
  run(steps: readonly Step[], startMs: number): Promise<void>;
  aim: ProcessDamage['aim'];
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
  const { house, say, signal } = options;
  const { simulators, pm2 } = house;
  const processes = createProcessDamage(options);
  const cancelledIds = new Set<string>();
  let otherDamage = 0;
  let isDiskFull = false;

  async function ambush({ target, on }: Extract<Action, { kind: 'ambush' }>['effect']): Promise<void> {
    const { faults, requests, fail } = house.target(target);
    const pid = await pm2.pid('worker');
    const deadlineMs = Date.now() + AMBUSH_TIMEOUT_MS;
    const struckBefore = faults.struck;
    const faultyBefore = requests.filter(({ faulty }) => faulty).length;
    fail({ on, drop: 'after-handling' });
    // A faulty request is logged when its connection has been cut.
    while (requests.filter(({ faulty }) => faulty).length === faultyBefore) {
      if (Date.now() > deadlineMs && faults.struck === struckBefore) return house.clearFaults(target);
      if (Date.now() > deadlineMs + STRUCK_TIMEOUT_MS) return;
      await pause(AMBUSH_POLL_MS, signal);
    }
    if (pid !== undefined) processes.killPid('worker', pid);
    say('  caught');
  }

  /** Ends the worker when a service has heard a request, and has not carried it out. */
  async function lateEffect(action: Extract<Action, { kind: 'late-effect' }>): Promise<void> {
    const { target, on } = action.effect;
    const { faults, fail } = house.target(target);
    const deadlineMs = Date.now() + AMBUSH_TIMEOUT_MS;
    const struckBefore = faults.struck;
    fail({ on, lateMs: HEARD_MS + action.afterMs });
    while (faults.struck === struckBefore) {
      if (Date.now() > deadlineMs) return house.clearFaults(target);
      await pause(AMBUSH_POLL_MS, signal);
    }
    await pause(HEARD_MS, signal);
    say('  heard');
    if (action.ending === 'kill') await processes.kill('worker');
    else await processes.restart(['worker'], {});
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
    await processes.restart(STAGING_APPS, {
      DISK_RESERVE_BYTES: isFull ? String(FULL_RESERVE_BYTES) : '0',
    });
  }

  function calm(): void {
    for (const name of ['zoom', 'cdn', 'b2', 'bunny'] as const) house.clearFaults(name);
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

  function setClock(offsetS: number): void {
    otherDamage += 1;
    if (house.clock === undefined) say('  not without faketime');
    else house.clock.set(offsetS);
  }

  async function fill(): Promise<void> {
    otherDamage += 1;
    if (house.volume === undefined) say('  only root may mount a file system');
    else await house.volume.fill();
  }

  function setSpeed(target: Parameters<House['target']>[0], bytesPerSecond: number): void {
    otherDamage += 1;
    house.target(target).link.bytesPerSecond = bytesPerSecond;
  }

  /** Cancels what moves, as the dashboard does; a door that is down takes no wish. */
  async function cancel(): Promise<void> {
    const id = await house.movingId();
    if (id === undefined) return;
    const response = await fetch(`${house.pipelineUrl}/api/recordings/${id}/cancel`, {
      method: 'POST',
      signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
    }).catch(() => undefined);
    signal.throwIfAborted();
    // An answer that was lost may have been carried out.
    if (response === undefined || response.ok || response.status >= 500) cancelledIds.add(id);
    say(`  cancel ${id}: ${response?.status ?? 'no answer'}`);
  }

  async function perform(action: Action): Promise<void> {
    switch (action.kind) {
      case 'calm':
        return calm();
      case 'fault':
      case 'outage':
        return house.target(action.target).fail(action.fault);
      case 'outage-over':
        return house.clearFaults(action.target);
      case 'kill':
        await Promise.all(action.apps.map(processes.kill));
        return;
      case 'measured-kill':
        return await processes.killMeasured();
      case 'ambush':
        return await ambush(action.effect);
      case 'late-effect':
        return await lateEffect(action);
      case 'expire':
        return await expire(action.tokens);
      case 'flush':
        return await flush();
      case 'disk-full':
      case 'disk-free':
        return await setDiskFull(action.kind === 'disk-full');
      case 'disk-filled':
        return await fill();
      case 'disk-emptied':
        return await house.volume?.empty();
      case 'slow':
        return setSpeed(action.target, action.bytesPerSecond);
      case 'fast':
        return house.restoreSpeed(action.target);
      case 'restart':
        return await processes.restart([action.app], {});
      case 'cancel':
        return await cancel();
      case 'zombie':
        return await processes.zombie(action.stoppedMs);
      case 'clock':
        return setClock(action.offsetS);
    }
  }

  return {
    performed: {
      kills: processes.kills,
      recoveriesS: processes.recoveriesS,
      workerEndsMs: processes.workerEndsMs,
      cancelledIds,
      get otherDamage() {
        return otherDamage;
      },
      get spoiledMeasurements() {
        return processes.spoiledMeasurements;
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

    aim: processes.aim,

    async repair() {
      calm();
      house.clearFaults('site');
      for (const name of ['zoom', 'cdn', 'b2', 'bunny'] as const) house.restoreSpeed(name);
      house.clock?.set(0);
      await house.volume?.empty();
      await setDiskFull(false);
    },
  };
}
