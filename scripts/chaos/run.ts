import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import { describe } from './action.ts';
import { startDatabaseDamage } from './database.ts';
import { drain } from './drain.ts';
import { createFurtherRuns } from './further-runs.ts';
import { historyOf } from './history.ts';
import { type House, openHouse } from './house.ts';
import { createJobClients, type JobClients } from './job-clients.ts';
import type { ChaosOptions } from './options.ts';
import { createPerformer, type Performed, type Performer } from './performer.ts';
import { makePlan, type Plan } from './plan.ts';
import { startS3Damage } from './s3-damage.ts';
import type { Judged, RunContext } from './script.ts';
import { createSenders, type Senders } from './senders.ts';
import { type TransferWatch, watchTransfers } from './transfers.ts';
import { type Finding, judge } from './verdict.ts';
import { pause } from './waiting.ts';

/** What came of a run. */
export interface Result extends Judged {
  readonly seed: number;
  readonly minutes: number;
  readonly kills: number;
  readonly killsByApp: Performed['kills'];
  readonly databaseKills: number;
  /** Requests that a fault struck, and other damage. */
  readonly faults: number;
  /** Accepted ones. */
  readonly recordings: number;
  /** Of programs, those that are done. */
  readonly jobs: number;
  /** Of recordings those that go to the folder as well. */
  readonly keptTwice: number;
  /** Further runs that are done. */
  readonly runs: number;
  readonly lost: number;
  readonly doubled: number;
  readonly left: number;
  readonly wrong: number;
  readonly recovery: { readonly n: number; readonly p50S: number | null; readonly maxS: number | null };
  readonly recoveriesS: readonly number[];
  readonly spoiledMeasurements: number;
  readonly drainS: number;
}

/** Enough for the last requests of clients that were told "done" to end. */
const SETTLE_MS = 1500;

/** Plans, runs, drains, compares. Whatever it started has ended when it resolves or throws. */
export async function runChaos({ root, options, say, signal }: RunContext<ChaosOptions>): Promise<Result> {
  const plan = makePlan({
    seed: options.seed,
    durationMs: options.minutes * 60_000,
    recordings: options.recordings,
    jobs: options.jobs,
  });
  say(
    `seed ${options.seed}, ${options.minutes} min, ${options.recordings} recordings, ${options.jobs} jobs, ${plan.steps.length} steps`,
  );
  const detail = options.isVerbose ? say : () => {};
  printPlan(plan, detail);

  const house = await openHouse(root, options, signal);
  if (options.keepsFolder) say(`folder ${house.folder} (kept)`);
  const { zoom, b2, bunny } = house.simulators;
  const watch = watchTransfers({ cdn: portOf(zoom.cdnUrl), b2: portOf(b2.url), bunny: portOf(bunny.url) });
  const performer = createPerformer({ house, watch, say: detail, signal });
  const senders = createSenders({ zoom, ...house, aim: performer.aim, signal });
  const jobClients = createJobClients({
    media: house.media,
    door: () => ({ grpc: house.grpcAddress, pipelineUrl: house.pipelineUrl }),
    aim: performer.aim,
    say: detail,
    signal,
  });
  try {
    return await perform({ house, watch, performer, senders, jobClients, plan, options, say, signal });
  } finally {
    watch.stop();
    jobClients.close();
    await house.close();
  }
}

interface Stage {
  readonly house: House;
  readonly watch: TransferWatch;
  readonly performer: Performer;
  readonly senders: Senders;
  readonly jobClients: JobClients;
  readonly plan: Plan;
  readonly options: ChaosOptions;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

async function perform(stage: Stage): Promise<Result> {
  const { house, watch, performer, senders, jobClients, plan, options, say, signal } = stage;
  const ledger = await openWholeLedger({ address: house.ledgerAddress, leaseMs: 5000 });
  const furtherRuns = createFurtherRuns({ ledger, pipelineUrl: house.pipelineUrl, signal });
  const startMs = Date.now();
  const busySenders = new Set([...plan.shipments, ...plan.jobs].map(({ door, name }) => `${door} ${name}`));

  async function sendAll(): Promise<void> {
    const whenDue = (atMs: number) => pause(Math.max(0, startMs + atMs - Date.now()), signal);
    await Promise.all([
      ...plan.shipments.map(async (shipment) => {
        await whenDue(shipment.atMs);
        const recordings = await senders.send(shipment);
        await Promise.all(recordings.map(furtherRuns.ask));
        busySenders.delete(`${shipment.door} ${shipment.name}`);
      }),
      ...plan.jobs.map(async (order) => {
        await whenDue(order.atMs);
        await jobClients.send(order);
        busySenders.delete(`${order.door} ${order.name}`);
      }),
    ]);
  }
  const sayHowFar = async () => {
    const unfinished = (await ledger.recordings.unfinished()).length;
    const kills = sum(Object.values(performer.performed.kills));
    const seconds = Math.round((Date.now() - startMs) / 1000);
    say(
      `${String(seconds).padStart(4)} s  ${kills} kills, ${house.struck()} faults, ${senders.sent.length} sent, ${unfinished} unfinished`,
    );
  };
  const ticker = setInterval(() => void sayHowFar().catch(() => {}), 10_000);

  const damage =
    house.database &&
    startDatabaseDamage({
      server: house.database,
      seed: options.seed,
      say: options.isVerbose ? say : () => {},
    });
  const s3Damage = startS3Damage({
    s3: house.media.s3,
    seed: options.seed,
    say: options.isVerbose ? say : () => {},
  });
  try {
    const sending = sendAll();
    let failure: unknown;
    sending.catch((error: unknown) => {
      failure = error;
    });
    await performer.run(plan.steps, startMs);
    clearInterval(ticker);
    await damage?.stop();
    await s3Damage.stop();
    say('end of the damage, draining');
    await performer.repair();
    const drainStartMs = Date.now();
    const stuck = await drain({
      ledger,
      dataDirs: [house.dataDir],
      watch,
      busySenders() {
        if (failure !== undefined) throw failure;
        return [...busySenders];
      },
      say,
      signal,
    });
    if (stuck === undefined) await sending;
    await pause(SETTLE_MS, signal);

    const { findings, accepted, keptTwice, runs, jobs } = await judge({
      house: { ...house, dataDirs: [house.dataDir] },
      ledger,
      senders,
      furtherRuns,
      jobClients,
      media: house.media,
      watch,
      performed: performer.performed,
    });
    const count = (kind: Finding['kind']) => findings.filter((finding) => finding.kind === kind).length;
    const withHistory = await Promise.all(
      findings.map(async (finding) => ({
        ...finding,
        history: finding.recordingId === undefined ? [] : await historyOf(finding.recordingId, ledger),
      })),
    );
    const { kills, otherDamage, recoveriesS, spoiledMeasurements } = performer.performed;
    return {
      seed: options.seed,
      minutes: options.minutes,
      kills: sum(Object.values(kills)),
      killsByApp: kills,
      databaseKills: damage?.kills() ?? 0,
      faults: house.struck() + s3Damage.count() + otherDamage,
      recordings: accepted,
      jobs,
      keptTwice,
      runs,
      lost: count('lost'),
      doubled: count('doubled'),
      left: count('left'),
      wrong: count('wrong'),
      recovery: summarize(recoveriesS),
      recoveriesS,
      spoiledMeasurements,
      drainS: Math.round((Date.now() - drainStartMs) / 1000),
      stuck,
      findings: withHistory,
    };
  } finally {
    clearInterval(ticker);
    await damage?.stop();
    await s3Damage.stop();
    await ledger.close();
  }
}

function printPlan(plan: Plan, say: (line: string) => void): void {
  say('plan:');
  for (const { atMs, action } of plan.steps)
    say(`  ${(atMs / 1000).toFixed(1).padStart(6)} s  ${describe(action)}`);
  for (const each of [...plan.shipments, ...plan.jobs]) say(`  ${JSON.stringify(each)}`);
}

function summarize(values: readonly number[]): Result['recovery'] {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    n: sorted.length,
    p50S: sorted[Math.floor((sorted.length - 1) / 2)] ?? null,
    maxS: sorted.at(-1) ?? null,
  };
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
