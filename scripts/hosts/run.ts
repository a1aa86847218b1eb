import { setTimeout as sleep } from 'node:timers/promises';
import { credentials } from '@grpc/grpc-js';
import { createUploadToken } from '../../src/lib/upload-token.ts';
import { openWholeLedger } from '../../src/outside/whole-ledger.ts';
import type { App } from '../chaos/action.ts';
import { createDice } from '../chaos/dice.ts';
import { drain } from '../chaos/drain.ts';
import { createFurtherRuns } from '../chaos/further-runs.ts';
import { historyOf } from '../chaos/history.ts';
import { createJobClients } from '../chaos/job-clients.ts';
import { planJobs } from '../chaos/job-orders.ts';
import type { RunOptions } from '../chaos/options.ts';
import { JOB_SEED } from '../chaos/plan.ts';
import { startS3Damage } from '../chaos/s3-damage.ts';
import type { Judged, RunContext } from '../chaos/script.ts';
import { createSenders } from '../chaos/senders.ts';
import { planShipments } from '../chaos/shipments.ts';
import { watchTransfers } from '../chaos/transfers.ts';
import { type Finding, judge } from '../chaos/verdict.ts';
import { pause } from '../chaos/waiting.ts';
import { createDamage, type Done, LONGEST_CUT_MS } from './damage.ts';
import type { Host } from './host.ts';
import { ADMIN_TOKEN, CERTIFICATE_NAME, openWorld, UPLOAD_SECRET, type World } from './world.ts';

/** What came of a run. */
export interface Result extends Judged {
  readonly seed: number;
  readonly minutes: number;
  readonly hasLinks: boolean;
  readonly kills: number;
  readonly byKind: Done['byKind'];
  readonly recordings: number;
  readonly runs: number;
  /** Of programs, those that are done. */
  readonly jobs: number;
  readonly lost: number;
  readonly doubled: number;
  readonly left: number;
  readonly wrong: number;
  /** Writes under an old fence that were refused, by what the processes have logged. */
  readonly refusedFences: number;
  readonly drainS: number;
}

/** How much later than a link was mended what had been sent over it may be seen, in milliseconds. */
const SEEN_WITHIN_MS = 3000;

/** Enough for the last requests of clients that were told "done" to end. */
const SETTLE_MS = 1500;

/** Plans, runs, drains, compares. Whatever it started has ended when it resolves or throws. */
export async function runHosts(context: RunContext<RunOptions>): Promise<Result> {
  const { root, options, say, signal } = context;
  say(`seed ${options.seed}, ${options.minutes} min, ${options.recordings} recordings, ${options.jobs} jobs`);
  const world = await openWorld(root, options, signal);
  say(
    world.hasLinks
      ? `three hosts, each in a network of its own; folder ${world.folder}`
      : `three hosts on the loopback: without root no link can be cut; folder ${world.folder}`,
  );
  const { zoom, b2, bunny } = world.simulators;
  const watch = watchTransfers({ cdn: portOf(zoom.cdnUrl), b2: portOf(b2.url), bunny: portOf(bunny.url) });
  try {
    return await perform({ world, watch, options, say, signal });
  } finally {
    watch.stop();
    await world.close();
  }
}

async function perform(stage: {
  readonly world: World;
  readonly watch: ReturnType<typeof watchTransfers>;
  readonly options: RunOptions;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}): Promise<Result> {
  const { world, watch, options, say, signal } = stage;
  const { hosts, simulators, proxyUrl } = world;
  const ledger = await openWholeLedger({ address: world.database.url, leaseMs: 5000 });
  const dice = createDice(options.seed ^ 0x70f5);
  const authorization = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const someHost = () => dice.pick(hosts as readonly [Host, ...Host[]]);
  const damage = createDamage({ world, seed: options.seed, say: options.isVerbose ? say : () => {}, signal });
  const aim = async (app: App) => {
    const host = someHost();
    return () => {
      if (app === 'pipeline' || app === 'tus') host.kill(app);
    };
  };
  const senders = createSenders({
    zoom: simulators.zoom,
    pipelineUrl: proxyUrl,
    tusUrl: `${proxyUrl}/tusupload`,
    customDoor: () => ({ url: someHost().pipelineUrl, headers: authorization }),
    uploadHeaders: async (aceId) => ({
      authorization: `Bearer ${await createUploadToken({ secret: UPLOAD_SECRET, aceId, expiresInS: 86_400 })}`,
    }),
    aim,
    sicken: () => {},
    sourceDir: world.sourceDir,
    signal,
  });
  const furtherRuns = createFurtherRuns({
    ledger,
    pipelineUrl: hosts[0]?.pipelineUrl ?? '',
    headers: authorization,
    signal,
  });
  const jobClients = createJobClients({
    media: world.media,
    door() {
      const { doors, pipelineUrl } = someHost();
      return { grpc: doors.grpc, pipelineUrl };
    },
    headers: authorization,
    credentials: {
      channel: credentials.createSsl(world.grpcAuthority),
      certificateName: CERTIFICATE_NAME,
    },
    aim,
    say: options.isVerbose ? say : () => {},
    signal,
  });
  const durationMs = options.minutes * 60_000;
  const shipments = planShipments(createDice(options.seed ^ 0x5eed), durationMs, options.recordings);
  const jobs = planJobs(createDice(options.seed ^ JOB_SEED), durationMs, options.jobs);
  const busy = new Set([...shipments, ...jobs].map(({ door, name }) => `${door} ${name}`));
  const startMs = Date.now();

  async function sendAll(): Promise<void> {
    const whenDue = (atMs: number) => pause(Math.max(0, startMs + atMs - Date.now()), signal);
    await Promise.all([
      ...shipments.map(async (shipment) => {
        await whenDue(shipment.atMs);
        const recordings = await senders.send(shipment);
        await Promise.all(recordings.map(furtherRuns.ask));
        busy.delete(`${shipment.door} ${shipment.name}`);
      }),
      ...jobs.map(async (order) => {
        await whenDue(order.atMs);
        await jobClients.send(order);
        busy.delete(`${order.door} ${order.name}`);
      }),
    ]);
  }

  const ticker = setInterval(() => {
    ledger.recordings.unfinished().then(
      (unfinished) => {
        const seconds = String(Math.round((Date.now() - startMs) / 1000)).padStart(4);
        say(
          `${seconds} s  ${damage.done().kills} kills and cuts, ${senders.sent.length} sent, ${unfinished.length} unfinished`,
        );
      },
      () => {},
    );
  }, 10_000);
  const s3Damage = startS3Damage({
    s3: world.media.s3,
    seed: options.seed,
    say: options.isVerbose ? say : () => {},
  });
  try {
    const sending = sendAll();
    let failure: unknown;
    sending.catch((error: unknown) => {
      failure = error;
    });
    await damage.run(durationMs);
    clearInterval(ticker);
    await s3Damage.stop();
    say('end of the damage, draining');
    const drainStartMs = Date.now();
    const dataDirs = hosts.map(({ dataDir }) => dataDir);
    const stuck = await drain({
      ledger,
      dataDirs,
      watch,
      busySenders() {
        if (failure !== undefined) throw failure;
        return [...busy];
      },
      say,
      signal,
    });
    if (stuck === undefined) await sending;
    await sleep(SETTLE_MS);

    const { kills, byKind, workerEndsMs } = damage.done();
    const judged = await judge({
      house: { ...world, clock: undefined, dataDirs, seenWithinMs: LONGEST_CUT_MS + SEEN_WITHIN_MS },
      ledger,
      senders,
      furtherRuns,
      jobClients,
      media: world.media,
      watch,
      performed: { workerEndsMs: [...workerEndsMs], cancelledIds: new Set() },
    });
    const { accepted, runs } = judged;
    const findings = judged.findings.filter(isNoTwin);
    const count = (kind: Finding['kind']) => findings.filter((finding) => finding.kind === kind).length;
    return {
      seed: options.seed,
      minutes: options.minutes,
      hasLinks: world.hasLinks,
      kills,
      byKind,
      recordings: accepted,
      runs,
      jobs: judged.jobs,
      lost: count('lost'),
      doubled: count('doubled'),
      left: count('left'),
      wrong: count('wrong'),
      refusedFences: (await Promise.all(hosts.map((host) => host.logged('lease.lost')))).reduce(
        (a, b) => a + b,
        0,
      ),
      drainS: Math.round((Date.now() - drainStartMs) / 1000),
      stuck,
      findings: await Promise.all(
        findings.map(async (finding) => ({
          ...finding,
          history: finding.recordingId === undefined ? [] : await historyOf(finding.recordingId, ledger),
        })),
      ),
    };
  } finally {
    clearInterval(ticker);
    jobClients.close();
    await s3Damage.stop();
    await ledger.close();
  }
}

/**
 * Whether it is anything but a second upload of a recording, from another tab and by way of another host: whether that holds the
 * same bytes cannot be seen from there, so it is kept as long as an unfinished one.
 */
function isNoTwin({ kind, text }: Finding): boolean {
  return kind !== 'left' || !text.startsWith('incoming/refused/');
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
