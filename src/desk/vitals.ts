import { APPS, type App } from '../domain/apps.ts';
import { type Recording, TAKING_BACK_STATES } from '../domain/recording.ts';
import type { Heartbeat } from '../ledger/heartbeats.ts';
import type { Host } from '../ledger/hosts.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { repeat } from '../lib/abort.ts';
import { wallMs } from '../lib/wall-time.ts';
import type { RedisProbe, RedisState } from '../queue/redis-probe.ts';

/** How often it is looked while nobody asks, in milliseconds: what does not change has to be watched. */
const LOOK_EVERY_MS = 2500;

/** Whether a process is alive. `unheard`: it has never been heard of, which is not the same as silent. */
export interface AppVital {
  readonly app: App;
  readonly state: 'ok' | 'silent' | 'unheard';
  /** Since its last sign of life; 0 for one that was never heard of. */
  readonly silentMs: number;
  /** For how long this process has been watching in vain. */
  readonly watchedMs: number;
  readonly version: string | undefined;
}

/** Another host, and whether it is heard of. */
export interface HostVital {
  readonly host: Host;
  readonly state: 'ok' | 'silent';
  /** Since its last sign of life, by the clock of the ledger. */
  readonly silentMs: number;
}

/** What stands still that should move. */
export interface Standstill {
  readonly recording: Recording;
  /** `moving`: it moves, and gets no further; `due`: it is its turn, and nobody takes it. */
  readonly kind: 'moving' | 'due';
  readonly forMs: number;
}

/** Whether what should move does, by what can be seen moving. */
export interface Vitals {
  readonly apps: readonly AppVital[];
  /** All hosts, where there may be several. */
  readonly hosts: readonly HostVital[];
  readonly redis: RedisState & { readonly watchedMs: number };
  /** Why this process cannot write the ledger. */
  readonly ledgerTrouble: Error | undefined;
  readonly standstill: Standstill | undefined;
  /** How long ago the moving recording got on; `undefined`: none moves. */
  readonly progressMs: number | undefined;
  /** For how long the first recording has been due that is; `undefined`: none is. */
  readonly dueMs: number | undefined;
  readonly givenUp: number;
}

export interface VitalTerms {
  /** How long a process may give no sign of life. */
  readonly silentAfterMs: number;
  /** How long a recording may move without getting on, or be due without being taken. */
  readonly standstillMs: number;
}

export interface VitalsWatch {
  look(): Promise<Vitals>;
  /** Whether the worker has given no sign of life for too long, while this process was watching. */
  isWorkerSilent(): boolean;
  stop(): Promise<void>;
}

export interface VitalsOptions {
  readonly ledger: Pick<Ledger, 'heartbeats' | 'hosts' | 'overview' | 'switches' | 'deliveries'>;
  readonly redis: RedisProbe;
  /** Why this process's own sign of life could not be written. */
  readonly ledgerTrouble: () => Error | undefined;
  readonly terms: VitalTerms;
  readonly steadyMs?: () => number;
}

/**
 * Watches what moves: the counters of the processes' signs of life, the gate's changes of hands, the steps of the
 * recording that moves. What counts is whether they change while this process watches, by its steady clock, so that no
 * jump of a wall clock makes anything look alive or dead. Only a process that was silent already when the watch began is
 * judged by the time that it has written.
 */
export function startVitals(options: VitalsOptions): VitalsWatch {
  const { ledger, redis, ledgerTrouble, terms, steadyMs = () => performance.now() } = options;
  const { heartbeats, hosts, overview, switches, deliveries } = ledger;
  const stopping = new AbortController();
  const startedMs = steadyMs();
  const seen = new Map<App, { beats: number; atMs: number; isFresh: boolean }>();
  let stand = { mark: '', atMs: startedMs };
  let redisWellMs = startedMs;

  function lookAt(app: App, heartbeat: Heartbeat | undefined): AppVital {
    const nowMs = steadyMs();
    if (heartbeat === undefined) {
      return { app, state: 'unheard', silentMs: 0, watchedMs: nowMs - startedMs, version: undefined };
    }
    const before = seen.get(app);
    if (before === undefined || before.beats !== heartbeat.beats) {
      const isFresh = before !== undefined;
      seen.set(app, { beats: heartbeat.beats, atMs: nowMs, isFresh });
    }
    const { atMs, isFresh } = seen.get(app) ?? { atMs: nowMs, isFresh: true };
    const watchedMs = nowMs - atMs;
    const writtenMs = Math.max(0, wallMs() - heartbeat.atMs);
    const silentMs = isFresh ? watchedMs : Math.max(watchedMs, writtenMs);
    const state = silentMs >= terms.silentAfterMs ? 'silent' : 'ok';
    return { app, state, silentMs, watchedMs, version: heartbeat.version };
  }

  function lookAtHost(host: Host): HostVital {
    const silentMs = Math.max(0, wallMs() - host.seenAtMs);
    return { host, state: silentMs >= terms.silentAfterMs ? 'silent' : 'ok', silentMs };
  }

  async function look(): Promise<Vitals> {
    const known = await heartbeats.own();
    const apps = APPS.map((app) =>
      lookAt(
        app,
        known.find((each) => each.app === app),
      ),
    );
    const redisState = await redis.look();
    if (redisState.state === 'ok') redisWellMs = steadyMs();

    const { moving, due, mark } = await overview.motion();
    const isPaused = (await switches.get('line.paused')) !== undefined;
    const isToBeMoved =
      moving !== undefined || (due !== undefined && (!isPaused || isWithdrawn(due.recording)));
    const moved = known.find(({ app }) => app === 'worker')?.moved;
    const now = isToBeMoved ? `${mark} ${moved}` : '';
    const nowMs = steadyMs();
    if (now !== stand.mark || now === '') stand = { mark: now, atMs: nowMs };
    const forMs = nowMs - stand.atMs;
    const stuck = moving ?? due?.recording;
    return {
      apps,
      hosts: hosts.own === undefined ? [] : (await hosts.all()).map(lookAtHost),
      redis: { ...redisState, watchedMs: steadyMs() - redisWellMs },
      ledgerTrouble: ledgerTrouble(),
      standstill:
        stuck !== undefined && isToBeMoved && forMs >= terms.standstillMs
          ? { recording: stuck, kind: moving === undefined ? 'due' : 'moving', forMs }
          : undefined,
      progressMs: moving === undefined ? undefined : forMs,
      dueMs: due === undefined ? undefined : Math.max(0, wallMs() - due.sinceMs),
      givenUp: await deliveries.givenUpCount(),
    };
  }

  let isWorkerSilent = false;
  const watching = repeat(
    async () => {
      const { apps } = await look().catch(() => ({ apps: [] }));
      const worker = apps.find(({ app }) => app === 'worker');
      // While nothing can be read nothing is known.
      if (worker !== undefined) {
        isWorkerSilent = worker.state !== 'ok' && worker.watchedMs >= terms.silentAfterMs;
      }
    },
    Math.min(LOOK_EVERY_MS, terms.silentAfterMs / 4),
    stopping.signal,
  );

  return {
    look,
    isWorkerSilent: () => isWorkerSilent,
    async stop() {
      stopping.abort();
      await watching;
    },
  };
}

/** What is taken back passes also a paused line. */
function isWithdrawn({ state }: Recording): boolean {
  return TAKING_BACK_STATES.includes(state);
}
