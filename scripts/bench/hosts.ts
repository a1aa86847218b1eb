import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openWholeLedger, type WholeLedger } from '../../src/outside/whole-ledger.ts';
import { startPostgres } from '../../test/support/postgres.ts';
import { PROCESS_NAMES, type Processes, startProcesses } from '../../test/support/processes.ts';
import { startRedis } from '../../test/support/redis.ts';
import { type Bench, type BenchContext, BenchFailure } from './bench.ts';
import { startChildScript } from './child-script.ts';
import { writeRecipes } from './file-runs.ts';
import { growDatabase } from './grown-database.ts';
import { measurePackages, PACKAGE_RECIPE } from './hosts-media.ts';
import { writeRecording } from './recording-file.ts';
import { startS3Service } from './s3-service.ts';
import { settleDisk } from './settle-disk.ts';
import { downloadsStartedAtMs, startSimulatedServices, steer } from './simulated-services.ts';
import { makeFolder } from './sluice.ts';
import { median, quantile, spread } from './statistics.ts';
import type { SendingWanted, SentWebhook } from './webhook-sender.ts';

const MIB = 1024 * 1024;
const NAMES = ['a', 'b', 'c'] as const;
type Name = (typeof NAMES)[number];

/** What moves while hosts die, and how fast it comes: it must outlast them. */
const MOVING_BYTES = 16 * 1024 * MIB;
const MOVING_BYTES_PER_SECOND = 20_000_000;

const LEASE_MS = 5000;

/** The longest pause before a recording comes to hosts that have nothing to do, in milliseconds. */
const LONGEST_IDLE_MS = 300;

/** How many lines of history each recording has that the ledger grows by. */
const EVENTS_EACH = 10;

/** The link of whoever uploads: a gigabit, in bytes per second. Without one a copy more is measured, not a host more. */
const UPLOAD_BYTES_PER_SECOND = 125_000_000;

/** How many webhooks each door has answered before they are measured. */
const WARM_UP_WEBHOOKS = 1500;

/** How long a host may take to be taken over from, before the bench gives up, in milliseconds. */
const TAKEOVER_TIMEOUT_MS = 60_000;

/** What several hosts over one Postgres cost, and how soon one goes on with what another has left. */
export const hosts: Bench = {
  name: 'hosts',
  description:
    'three hosts over one Postgres: webhooks, an upload by way of another host, packages, the death of a host',
  settings: {
    webhooks: 'how many in all (default 2000)',
    'per-second': 'how many in a second, over the three (default 200)',
    'upload-mib': 'size of an upload (default 256)',
    pickups: 'how many recordings are announced to hosts that have nothing to do (default 50)',
    many: 'how many recordings the ledger grows by, with ten events each (default 100000)',
    deaths: 'how many hosts die while they move a recording (default 10)',
  },
  rounds: 5,
  async run(context) {
    const { rounds, say, setting } = context;
    const world = await openWorld(context);

    const accepted = await measureWebhooks(context, world, {
      count: setting('webhooks', 2000),
      perSecond: setting('per-second', 200),
    });
    say(`${accepted.length} webhooks: p99 ${quantile(accepted, 0.99).toFixed(1)} ms`);
    await Promise.all(NAMES.map((name) => startRest(world.hosts[name])));

    const bytes = setting('upload-mib', 256) * MIB;
    const byLink = await measureUploads(context, world, { bytes, bytesPerSecond: UPLOAD_BYTES_PER_SECOND });
    const unlimited = await measureUploads(context, world, { bytes, bytesPerSecond: undefined });

    const pickups = await measurePickups(context, world, setting('pickups', 50));
    say(
      `${pickups.waitsMs.length} recordings began to move: p99 ${quantile(pickups.waitsMs, 0.99).toFixed(1)} ms`,
    );
    const packages = await measurePackages(context, {
      ...world,
      hosts: NAMES.map((name) => world.hosts[name]),
    });
    const few = await measureLedger(world, rounds);
    const many = setting('many', 100_000);
    await growDatabase(world.address, { template: pickups.doneId, count: many, eventsEach: EVENTS_EACH });
    say(`${many} recordings more, and ${many * EVENTS_EACH} events`);
    const grown = await measureLedger(world, rounds);

    const takeovers = await measureTakeovers(context, world, setting('deaths', 10));
    return {
      figures: {
        'hosts.accept_p50_ms': quantile(accepted, 0.5),
        'hosts.accept_p99_ms': quantile(accepted, 0.99),
        'hosts.tus_foreign_ratio': median(byLink.ratios),
        'hosts.tus_foreign_unlimited_ratio': median(unlimited.ratios),
        'hosts.pickup_p50_ms': quantile(pickups.waitsMs, 0.5),
        'hosts.pickup_p99_ms': quantile(pickups.waitsMs, 0.99),
        'hosts.media_scale': packages.byOneMs / packages.byAllMs,
        'hosts.growth_accept_ratio': median(grown.acceptMs) / median(few.acceptMs),
        'hosts.growth_list_ratio': median(grown.listMs) / median(few.listMs),
        'hosts.takeover_p50_ms': quantile(takeovers, 0.5),
        'hosts.takeover_max_ms': quantile(takeovers, 1),
      },
      goals: {
        'hosts.accept_p99_ms': 50,
        'hosts.tus_foreign_ratio': 1.15,
        'hosts.pickup_p99_ms': 50,
        'hosts.media_scale': { atLeast: 2.7 },
        'hosts.growth_accept_ratio': 2,
        'hosts.growth_list_ratio': 2,
        'hosts.takeover_p50_ms': 6000,
        'hosts.takeover_max_ms': 10_000,
      },
      rows: [
        ['', 'n', 'p50', 'p99', 'min..max'],
        row('webhook, ms', accepted),
        row('upload to its own host over a gigabit, ms', byLink.direct),
        row('upload by way of another host, ms', byLink.foreign),
        ['the latter over the former', String(byLink.ratios.length), ...spread(byLink.ratios), ''],
        row('upload to its own host without a link, ms', unlimited.direct),
        row('upload by way of another host, ms', unlimited.foreign),
        ['the latter over the former', String(unlimited.ratios.length), ...spread(unlimited.ratios), ''],
        row("from a door's answer to the request for the bytes, ms", pickups.waitsMs),
        ['twelve packages by one host and by three, s', '1', ...inSeconds(packages), ''],
        row('accepted, with few in the ledger, ms', few.acceptMs),
        row(`with ${many} more, ms`, grown.acceptMs),
        row('a page of 50 listed, with few, ms', few.listMs),
        row(`with ${many} more, ms`, grown.listMs),
        row("from a host's death to the next attempt, ms", takeovers),
      ],
      notes: [
        'One machine; Postgres syncs to the disk; the hosts are on the loopback, each with its own folder and three processes.',
        'A death is the SIGKILL of all three processes of the host whose worker moves the recording.',
      ],
      samples: { 'hosts.tus_foreign_ratio': byLink.ratios, 'hosts.takeover_p50_ms': takeovers },
    };
  },
};

function inSeconds(took: { readonly byOneMs: number; readonly byAllMs: number }): string[] {
  return [took.byOneMs, took.byAllMs].map((ms) => (ms / 1000).toFixed(1));
}

function row(title: string, values: readonly number[]): string[] {
  const shown = (share: number) => quantile(values, share).toFixed(1);
  return [title, String(values.length), shown(0.5), shown(0.99), `${shown(0)}..${shown(1)}`];
}

interface World {
  readonly hosts: Readonly<Record<Name, Processes>>;
  readonly ledger: WholeLedger;
  /** The URL of its database. */
  readonly address: string;
  readonly urls: Readonly<Record<'zoom' | 'cdn', string>>;
  readonly secretToken: string;
  /** Where packages go: a simulated S3. */
  readonly storeUrl: string;
  readonly folder: string;
}

/** The doors of three hosts; tus and the workers are not started yet. */
async function openWorld(context: BenchContext): Promise<World> {
  const { defer } = context;
  const folder = await makeFolder(context);
  const services = await startSimulatedServices(context, {
    b2: { keepBytes: false },
    bunny: { keepBytes: false },
  });
  const store = await startS3Service(context);
  const redis = await startRedis();
  defer(() => redis.stop());
  const database = await startPostgres({ isDurable: true });
  defer(() => database.stop());
  const address = await database.create();
  const environment = {
    ...services.environment,
    ...store.environment,
    ...(await writeRecipes(folder, PACKAGE_RECIPE)),
    MEDIA_OUT: `s3://${store.bucket}/media`,
    DATABASE_URL: address,
    REDIS_URL: redis.url,
    DISK_RESERVE_BYTES: '0',
    LEASE_MS: String(LEASE_MS),
    // Nobody is asked whether a video can be watched yet.
    PLAYABLE_POLL_MIN_S: '3600',
    PLAYABLE_POLL_MAX_S: '3600',
    // Its workers die more often than any recording is blamed for.
    CRASH_LIMIT: '1000',
  };
  const started: Processes[] = [];
  for (const name of NAMES) {
    const processes = await startProcesses({ ...environment, HOST_ID: name }, ['pipeline']);
    defer(() => processes.stop());
    started.push(processes);
  }
  const ledger = await openWholeLedger({ address, leaseMs: LEASE_MS });
  defer(() => ledger.close());
  return {
    hosts: Object.fromEntries(NAMES.map((name, at) => [name, started[at]])) as Record<Name, Processes>,
    ledger,
    address,
    urls: services.urls,
    secretToken: services.environment['ZOOM_WEBHOOK_SECRET_TOKEN'] ?? '',
    storeUrl: store.url,
    folder,
  };
}

async function startRest(processes: Processes): Promise<void> {
  await Promise.all(
    PROCESS_NAMES.filter((name) => name !== 'pipeline').map((name) => processes.restart(name)),
  );
}

/** Webhooks to the three hosts at once, a third each; how long each took, in milliseconds. */
async function measureWebhooks(
  context: BenchContext,
  { hosts: all, secretToken, ledger }: World,
  { count, perSecond }: { readonly count: number; readonly perSecond: number },
): Promise<number[]> {
  const senders = NAMES.map((name) => ({
    name,
    sender: startChildScript(context, join(import.meta.dirname, 'webhook-sender.ts')),
  }));
  const share = Math.ceil(count / NAMES.length);
  const send = (each: number) =>
    Promise.all(
      senders.map(async ({ name, sender }) => {
        const wanted: SendingWanted = {
          url: `${all[name].pipelineUrl}/zoom-upload`,
          secretToken,
          count: each,
          perSecond: perSecond / NAMES.length,
        };
        return (await sender.ask<{ sent: SentWebhook[] }>(wanted)).sent;
      }),
    );
  // A door that has just started is slower for its first hundreds of requests, until what it runs has been compiled.
  await send(WARM_UP_WEBHOOKS);
  await settleDisk(context.signal);
  const sent = (await send(share)).flat();
  const lost = sent.filter(({ status, id }) => status !== 200 || id === null);
  if (lost.length > 0) {
    const statuses = [...new Set(lost.map(({ status }) => status))].join(', ');
    throw new BenchFailure(`${lost.length} webhooks were not taken (${statuses}).`);
  }
  // Nobody is to fetch what they tell of.
  for (const { id } of await ledger.recordings.unfinished()) await ledger.operator.cancel(id);
  return sent.map(({ latencyMs }) => latencyMs);
}

interface Sent {
  readonly bytes: number;
  /** `undefined`: as fast as it is taken. */
  readonly bytesPerSecond: number | undefined;
}

/** Uploads to their own host and by way of another one, in turns; how long each took, in milliseconds. */
async function measureUploads({ rounds, say }: BenchContext, world: World, sent: Sent) {
  const found = { direct: [] as number[], foreign: [] as number[] };
  // A first time of each.
  for (const by of ['a', 'b'] as const) await upload(world, 'a', by, { ...sent, bytesPerSecond: undefined });
  for (let round = 1; round <= rounds; round += 1) {
    const ways = [
      ['direct', 'a'],
      ['foreign', 'b'],
    ] as const;
    for (const [way, by] of round % 2 === 0 ? ways.toReversed() : ways) {
      found[way].push(await upload(world, 'a', by, sent));
    }
    say(`round ${round}: upload ${found.direct.at(-1)} ms, by another host ${found.foreign.at(-1)} ms`);
  }
  return {
    ...found,
    ratios: found.foreign.map((wallMs, at) => wallMs / (found.direct[at] ?? Number.NaN)),
  };
}

/** Sends an upload that lies on one host by way of one, in one request; how long that took, in milliseconds. */
async function upload(
  { hosts: all }: World,
  owner: Name,
  by: Name,
  { bytes, bytesPerSecond }: Sent,
): Promise<number> {
  const created = await fetch(all[owner].tusUrl, {
    method: 'POST',
    headers: {
      'tus-resumable': '1.0.0',
      'upload-length': String(bytes),
      'upload-metadata': `ace_id ${Buffer.from(crypto.randomUUID()).toString('base64')}`,
    },
  });
  const url = new URL(created.headers.get('location') ?? '', all[by].tusUrl);
  const beganMs = performance.now();
  await new Promise<void>((resolve, reject) => {
    const sending = request(url, {
      method: 'PATCH',
      agent: false,
      headers: {
        'tus-resumable': '1.0.0',
        'upload-offset': '0',
        'content-type': 'application/offset+octet-stream',
        'content-length': bytes - 1,
      },
    });
    sending.on('error', reject);
    sending.on('response', (response) => {
      response.resume();
      if (response.statusCode === 204) response.on('end', resolve);
      else reject(new BenchFailure(`An upload was answered ${response.statusCode}.`));
    });
    const chunk = Buffer.alloc(MIB);
    // So that it is taken for a film; its last byte never comes, so nothing follows it.
    chunk.write('\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom', 'latin1');
    let left = bytes - 1;
    const write = () => {
      while (left > 0) {
        const dueMs =
          bytesPerSecond === undefined ? 0 : beganMs + ((bytes - 1 - left) * 1000) / bytesPerSecond;
        const earlyMs = dueMs - performance.now();
        if (earlyMs > 0) return void setTimeout(write, earlyMs);
        const size = Math.min(left, chunk.length);
        left -= size;
        if (!sending.write(size === chunk.length ? chunk : chunk.subarray(0, size))) {
          sending.once('drain', write);
          return;
        }
      }
      sending.end();
    };
    write();
  });
  const wallMs = Math.round(performance.now() - beganMs);
  await fetch(url, { method: 'DELETE', headers: { 'tus-resumable': '1.0.0' } });
  return wallMs;
}

/** Announces a meeting with a file to a host; resolves with the id of its recording, and when the door has answered. */
async function announce({ hosts: all, urls }: World, host: Name, path: string) {
  const meeting = { topic: 'One of many', files: [{ path }] };
  const { uuid } = (await steer('POST', `${urls.zoom}/__sim/meetings`, meeting)) as { readonly uuid: string };
  const webhookUrl = `${all[host].pipelineUrl}/zoom-upload`;
  const sent = (await steer('POST', `${urls.zoom}/__sim/send`, { meetingUuid: uuid, webhookUrl })) as {
    readonly body: string;
  };
  const answeredAtMs = Date.now();
  const [, id] = /"id":"([^"]+)"/.exec(sent.body) ?? [];
  if (id === undefined) throw new BenchFailure(`A webhook was not taken: ${sent.body}`);
  return { id, answeredAtMs };
}

/** Announces recordings, each once the one before it is home, to the hosts in turn; from each answer to the request for its bytes. */
async function measurePickups(
  { signal }: BenchContext,
  world: World,
  count: number,
): Promise<{ readonly waitsMs: readonly number[]; readonly doneId: string }> {
  const { ledger, urls, folder } = world;
  const path = join(folder, 'short.mp4');
  await writeRecording(path, MIB, true);
  const waitsMs: number[] = [];
  let doneId = '';
  await settleDisk(signal);
  // The first of each host is not counted.
  for (let n = -NAMES.length; n < count; n += 1) {
    const before = (await downloadsStartedAtMs(urls.cdn)).length;
    await sleep(Math.random() * LONGEST_IDLE_MS);
    const { id, answeredAtMs } = await announce(
      world,
      NAMES[(n + NAMES.length) % NAMES.length] as Name,
      path,
    );
    for (;;) {
      signal.throwIfAborted();
      const state = (await ledger.recordings.get(id))?.state;
      if (state === 'done') break;
      if (state === 'failed' || state === 'backing-off') throw new BenchFailure(`A recording is ${state}.`);
      await sleep(20);
    }
    const startedAtMs = (await downloadsStartedAtMs(urls.cdn))[before] ?? Number.NaN;
    if (n >= 0) waitsMs.push(Math.max(0, startedAtMs - answeredAtMs));
    doneId = id;
  }
  return { waitsMs, doneId };
}

/** Takes recordings in, durably, and lists a page of them by HTTP; how long each took, in milliseconds. */
async function measureLedger({ ledger, hosts: all }: World, rounds: number) {
  const found = { acceptMs: [] as number[], listMs: [] as number[] };
  for (let n = 0; n < 20 * (rounds + 1); n += 1) {
    const naturalKey = `bench:${crypto.randomUUID()}`;
    const startMs = performance.now();
    const { id } = await ledger.recordings.accept({
      source: 'manual',
      naturalKey,
      aceId: null,
      title: naturalKey,
      origin: { kind: 'file', path: `/nowhere/${naturalKey}`, bytes: 1, modifiedAtMs: 0, keep: true },
      details: {},
      notBeforeMs: Number.MAX_SAFE_INTEGER,
    });
    const acceptedMs = performance.now();
    const response = await fetch(`${all.a.pipelineUrl}/api/recordings?limit=50`);
    await response.arrayBuffer();
    const listedMs = performance.now();
    await ledger.operator.cancel(id);
    // What is done for the first time is slower.
    if (n < 20) continue;
    found.acceptMs.push(acceptedMs - startMs);
    found.listMs.push(listedMs - acceptedMs);
  }
  return found;
}

/** Kills the host that moves a recording, again and again; from each death until another host has begun an attempt, in milliseconds. */
async function measureTakeovers(context: BenchContext, world: World, deaths: number): Promise<number[]> {
  const { say, signal } = context;
  const { ledger, hosts: all, urls, folder } = world;
  const path = join(folder, 'long.mp4');
  await writeRecording(path, MOVING_BYTES, true);
  await steer('PUT', `${urls.cdn}/__sim/link`, { bytesPerSecond: MOVING_BYTES_PER_SECOND });
  const { id } = await announce(world, 'a', path);
  const starts = async () =>
    (await ledger.recordings.events(id)).filter(({ type }) => type === 'attempt.started');
  const takeovers: number[] = [];
  for (let death = 1; death <= deaths; death += 1) {
    const known = takeovers.length + 1;
    while ((await starts()).length < known) {
      signal.throwIfAborted();
      await sleep(20);
    }
    // Whenever in its lease it dies.
    await sleep(1000 + Math.random() * 4000);
    const host = (await ledger.recordings.get(id))?.host as Name | undefined;
    if (host === undefined) throw new BenchFailure('Nobody moves the recording.');
    const diedAtMs = Date.now();
    await Promise.all(PROCESS_NAMES.map((name) => all[host].kill(name)));
    let next: number | undefined;
    while (next === undefined) {
      signal.throwIfAborted();
      if (Date.now() - diedAtMs > TAKEOVER_TIMEOUT_MS) throw new BenchFailure('Nobody has taken over.');
      next = (await starts())[known]?.atMs;
      await sleep(20);
    }
    takeovers.push(next - diedAtMs);
    say(`death ${death}: taken over from ${host} after ${next - diedAtMs} ms`);
    await Promise.all(PROCESS_NAMES.map((name) => all[host].restart(name)));
  }
  return takeovers;
}
