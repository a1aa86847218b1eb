import { openSteadyClock } from '../lib/steady-clock.ts';
import { type AccessTokens, createAccessTokens } from './access-tokens.ts';
import { type Alarms, createAlarms } from './alarms.ts';
import { type Assets, createAssets } from './assets.ts';
import { type Audit, createAudit } from './audit.ts';
import { type Causes, createCauses } from './causes.ts';
import { type CircuitOptions, type Circuits, createCircuits } from './circuits.ts';
import { type Claims, createClaims } from './claims.ts';
import { createWallClock, type WallClock } from './clock.ts';
import { openDatabase } from './database.ts';
import { createDeliveries, type Deliveries } from './deliveries.ts';
import type { LedgerBase, LedgerExtension } from './extension.ts';
import { createGate, type Gate } from './gate.ts';
import { createGroupCommit } from './group-commit.ts';
import { createHandedOver, type HandedOver } from './handed-over.ts';
import { createHeartbeats, type Heartbeats } from './heartbeats.ts';
import { createHistory, type History } from './history.ts';
import { createHosts, enterHost, type HostIdentity, type Hosts } from './hosts.ts';
import { createJobs, type Jobs } from './jobs.ts';
import { createLateLooks, type LateLooks } from './late-looks.ts';
import { createLineAhead, type LineAhead } from './line-ahead.ts';
import { createLocks, type Locks } from './locks.ts';
import { createMoves, type Moves } from './moves.ts';
import { createOperator, type Operator } from './operator.ts';
import { createOverview, type Overview } from './overview.ts';
import { createPlans, type Plans } from './plans.ts';
import { createPresets, type Presets } from './presets.ts';
import { createPruning, type Pruning } from './pruning.ts';
import { createRecordings, type Recordings } from './recordings.ts';
import { createRemoteWorkers, type RemoteWorkers } from './remote-workers.ts';
import { createRenames, type Renames } from './renames.ts';
import { createSharedSessions, type SharedSessions } from './shared-sessions.ts';
import { createSwitches, type Switches } from './switches.ts';
import { createTallies, type Tallies } from './tallies.ts';
import { createWatches, type Watches } from './watches.ts';

/** The truth: what was accepted, how far it has come, and what the website still has to hear. */
export interface Ledger {
  readonly recordings: Recordings;
  readonly overview: Overview;
  readonly causes: Causes;
  readonly history: History;
  readonly jobs: Jobs;
  readonly assets: Assets;
  readonly operator: Operator;
  readonly claims: Claims;
  readonly moves: Moves;
  readonly deliveries: Deliveries;
  readonly watches: Watches;
  readonly circuits: Circuits;
  readonly switches: Switches;
  readonly gate: Gate;
  readonly wallClock: WallClock;
  readonly tallies: Tallies;
  readonly alarms: Alarms;
  readonly lateLooks: LateLooks;
  readonly lineAhead: LineAhead;
  readonly plans: Plans;
  readonly presets: Presets;
  readonly handedOver: HandedOver;
  readonly remoteWorkers: RemoteWorkers;
  readonly renames: Renames;
  readonly heartbeats: Heartbeats;
  readonly hosts: Hosts;
  readonly locks: Locks;
  /** Absent where there is one host alone. */
  readonly sharedSessions: SharedSessions | undefined;
  readonly pruning: Pruning;
  readonly access: AccessTokens;
  readonly audit: Audit;
  /** What a wing that keeps tables of its own in this ledger makes them with. */
  readonly base: LedgerBase;
  close(): Promise<void>;
}

export interface LedgerOptions {
  /** The path of a file, or the URL of a Postgres database. */
  readonly address: string;
  readonly leaseMs: number;
  /** Where this process runs; unset: it neither moves recordings nor takes any in. */
  readonly host?: HostIdentity | undefined;
  /** For a process that answers people or services: others tidy the ledger up, as long as there are others. */
  readonly leavesTidying?: boolean;
  readonly circuits?: CircuitOptions;
  /** The tables of wings, which go by the ledger's own rules. */
  readonly extensions?: readonly LedgerExtension[];
}

const DEFAULT_CIRCUITS: CircuitOptions = { threshold: 3, minOpenMs: 30_000, maxOpenMs: 600_000 };

/**
 * Opens the ledger, creating its file or its tables if need be.
 *
 * @throws KnownError `LEDGER_UNUSABLE`, `LEDGER_AWAY`, `HOST_TAKEN`
 */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const db = await openDatabase(options.address, options);
  if (options.host !== undefined) {
    await enterHost(db, options.host).catch(async (error) => {
      await db.destroy();
      throw error;
    });
  }
  const hosts = createHosts({ db, own: options.host, silentAfterMs: options.leaseMs });
  const groupCommit = createGroupCommit({ db });
  const { extensions = [] } = options;
  const recordings = createRecordings({ db, groupCommit, extensions, hosts });
  const clock = openSteadyClock();
  return {
    recordings,
    overview: createOverview({ db }),
    causes: createCauses({ db }),
    history: createHistory({ db }),
    jobs: createJobs({ db }),
    assets: createAssets({ db, hosts }),
    operator: createOperator({ db, extensions }),
    claims: createClaims({ db, recordings, host: hosts.own }),
    moves: createMoves({ db, host: hosts.own }),
    deliveries: createDeliveries({ db }),
    watches: createWatches({ db }),
    circuits: createCircuits({ db, options: options.circuits ?? DEFAULT_CIRCUITS }),
    switches: createSwitches({ db }),
    gate: createGate({ db, leaseMs: options.leaseMs, clock }),
    wallClock: createWallClock({ db, clock, extensions }),
    tallies: createTallies({ db }),
    alarms: createAlarms({ db }),
    lateLooks: createLateLooks({ db }),
    lineAhead: createLineAhead({ db }),
    plans: createPlans({ db }),
    presets: createPresets({ db }),
    handedOver: createHandedOver({ db }),
    remoteWorkers: createRemoteWorkers({ db }),
    renames: createRenames({ db, recordings }),
    heartbeats: createHeartbeats({ db, host: hosts.own }),
    hosts,
    locks: createLocks({ db, isShared: hosts.own !== undefined }),
    sharedSessions: hosts.own === undefined ? undefined : createSharedSessions({ db }),
    pruning: createPruning({ db, extensions }),
    access: createAccessTokens({ db }),
    audit: createAudit({ db, groupCommit }),
    base: { db, groupCommit },
    close: () => db.destroy(),
  };
}
