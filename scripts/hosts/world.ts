import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type AllSimulators, startAllSimulators } from '../../simulators/all.ts';
import { openAuthority } from '../../test/support/authority.ts';
import { freePort } from '../../test/support/free-port.ts';
import { findServer } from '../../test/support/redis.ts';
import { type FrontProxy, startNginxForHosts } from '../attack/proxies.ts';
import { LINK_BYTES_PER_SECOND, SCALED_SETTINGS, ZOOM_RETRY_STEPS_MS } from '../chaos/house.ts';
import { type Media, openMedia } from '../chaos/media.ts';
import { writeRecipes } from '../chaos/recipes.ts';
import { createUndo } from '../undo.ts';
import { type SharedDatabase, startSharedDatabase } from './database.ts';
import { type Host, openHost } from './host.ts';
import { NETWORK, openNetwork } from './network.ts';

/** By how much the clock of each host is wrong, in seconds. */
const CLOCK_OFFSETS_S = [0, 90, -3600] as const;

export const ADMIN_TOKEN = '4d1f0a6c9b3e57d28c41f7a0e6b2935d8e10c7fa';
/** What the certificates of the gRPC doors are made out to, whatever host shows them. */
export const CERTIFICATE_NAME = 'localhost';
export const UPLOAD_SECRET = 'the secret of a website, 32 bytes and more';

/** After which a service closes a connection on which nothing moves, in milliseconds. */
const IDLE_TIMEOUT_MS = 10_000;

const START_TIMEOUT_MS = 60_000;

/** Three hosts, what they share, and the world that they live in. */
export interface World {
  readonly folder: string;
  readonly hosts: readonly Host[];
  readonly hasLinks: boolean;
  readonly simulators: AllSimulators;
  readonly media: Media;
  /** In PEM, of the authority that has signed what the gRPC doors show. */
  readonly grpcAuthority: Buffer;
  readonly database: SharedDatabase;
  readonly redis: { kill(): Promise<void>; start(): Promise<void>; wipe(): Promise<void> };
  readonly sourceDir: string;
  readonly storeDir: string;
  /** The doors of all hosts in turn. */
  readonly proxyUrl: string;
  close(): Promise<void>;
}

export async function openWorld(
  root: string,
  { keepsFolder }: { readonly keepsFolder: boolean },
  signal: AbortSignal,
): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-h-'));
  const undo = createUndo();
  undo.push(async () => {
    if (!keepsFolder) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  try {
    const [sourceDir, storeDir] = [join(folder, 'sent'), join(folder, 'store')];
    await mkdir(sourceDir);
    const network = await openNetwork();
    undo.push(network.close);
    const { address, hasLinks } = network;
    const redisPort = await freePort();
    const database = await startSharedDatabase({
      address,
      network: hasLinks ? NETWORK : '127.0.0.0/8',
    });
    undo.push(() => database.stop());
    const redis = await startSharedRedis(folder, address, redisPort);
    undo.push(() => redis.stop());
    // Of a host that was cut off and died nobody is told, but by time.
    const shared = { host: address, bytesPerSecond: LINK_BYTES_PER_SECOND, idleTimeoutMs: IDLE_TIMEOUT_MS };
    const simulators = await startAllSimulators({
      zoom: { ...shared, retryStepsMs: ZOOM_RETRY_STEPS_MS },
      b2: { ...shared, directory: join(folder, 'b2') },
      bunny: { ...shared, directory: join(folder, 'bunny') },
      site: { host: address, idleTimeoutMs: IDLE_TIMEOUT_MS },
    });
    undo.push(() => simulators.close());
    const media = await openMedia({ folder, isShared: true, s3: shared, signal });
    undo.push(() => media.close());
    const authority = await openAuthority(folder, 'programs');
    const { certFile, keyFile } = await authority.sign(CERTIFICATE_NAME);
    const recipes = await writeRecipes(folder, storeDir);
    const environment = {
      ...simulators.environment,
      ...media.environment,
      GRPC_CERT: certFile,
      GRPC_KEY: keyFile,
      ...SCALED_SETTINGS,
      ...recipes,
      TASKS_DIR: join(root, 'scripts/chaos/tasks'),
      DATABASE_URL: database.url,
      REDIS_URL: `redis://${address}:${redisPort}`,
      ADMIN_TOKEN,
      UPLOAD_TOKEN_SECRET: UPLOAD_SECRET,
      UPLOAD_MAX_OPEN_PER_ADDRESS: '1000',
      UPLOAD_MAX_NEW_PER_MIN: '1000',
      LOG_LEVEL: 'info',
    };

    const hosts: Host[] = [];
    for (const [at, clockOffsetS] of CLOCK_OFFSETS_S.entries()) {
      const host = await openHost({
        root,
        folder,
        id: `media-${at + 1}`,
        link: await network.addHost(at + 1),
        ports: hasLinks
          ? { pipeline: 9009, tus: 1080, grpc: 50051 }
          : { pipeline: await freePort(), tus: await freePort(), grpc: await freePort() },
        clockOffsetS,
        environment,
        keepsFolder,
      });
      hosts.push(host);
      undo.push(() => host.close());
    }
    await Promise.all(hosts.map(whenReady));
    const proxy: FrontProxy = await startNginxForHosts(hosts.map(({ id, doors }) => ({ id, ...doors })));
    undo.push(() => proxy.stop());
    return {
      ...{ folder, hosts, hasLinks, simulators, media, database, redis, sourceDir, storeDir },
      grpcAuthority: authority.ca,
      proxyUrl: proxy.url,
      close: undo.close,
    };
  } catch (error) {
    await undo.close();
    throw error;
  }
}

async function whenReady({ id, pipelineUrl }: Host): Promise<void> {
  const deadlineMs = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const answer = await fetch(`${pipelineUrl}/readyz`, { signal: AbortSignal.timeout(2000) }).catch(
      () => undefined,
    );
    if (answer?.ok) return;
    if (Date.now() > deadlineMs) throw new Error(`${id} did not start: ${await answer?.text()}`);
    await sleep(100);
  }
}

/** A Redis that the hosts reach by the network. */
async function startSharedRedis(folder: string, address: string, port: number) {
  let child: ChildProcess | undefined;
  const args = ['--bind', address, '--port', String(port), '--protected-mode', 'no', '--dir', folder];
  const keeps = [
    '--appendonly',
    'yes',
    '--appendfsync',
    'always',
    '--save',
    '',
    '--maxmemory-policy',
    'noeviction',
  ];

  const runs = (): boolean => child !== undefined && child.exitCode === null && child.signalCode === null;

  /** Of two who want it back at once the second finds it there. */
  async function start(): Promise<void> {
    if (runs()) return;
    child = spawn(findServer(), [...args, ...keeps], { stdio: 'ignore' });
    await once(child, 'spawn');
  }
  async function kill(): Promise<void> {
    const ending = child;
    if (ending === undefined || !runs()) return;
    child = undefined;
    const exited = once(ending, 'exit');
    ending.kill('SIGKILL');
    await exited;
  }

  await start();
  return {
    start,
    kill,
    stop: kill,
    async wipe() {
      const redis = new Redis({ host: address, port, maxRetriesPerRequest: 1, lazyConnect: true });
      redis.on('error', () => {});
      await redis.flushall().catch(() => {});
      redis.disconnect();
    },
  };
}
