import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AllSimulators, startAllSimulators } from '../../simulators/all.ts';
import type { Fault } from '../../simulators/shared/faults.ts';
import type { Simulator } from '../../simulators/shared/simulator.ts';
import { REGISTER } from '../../src/domain/asset.ts';
import { freePort } from '../../test/support/free-port.ts';
import { startPostgres, type TestPostgres } from '../../test/support/postgres.ts';
import { systemEnvironment } from '../../test/support/processes.ts';
import { createUndo } from '../undo.ts';
import { createProcessClock, type ProcessClock } from './clock.ts';
import type { Target } from './fault-menu.ts';
import { type Media, openMedia } from './media.ts';
import type { ChaosOptions } from './options.ts';
import { type Pm2, preparePm2 } from './pm2.ts';
import { writeRecipes } from './recipes.ts';
import { mountVolume, type Volume } from './volume.ts';

/** The speed of each service: most recordings then take seconds, and kills land inside them. */
export const LINK_BYTES_PER_SECOND = 6_000_000;

/** Waiting times that are minutes and hours in real life, and limits that nobody is there to reset. */
export const SCALED_SETTINGS = {
  RETRY_ATTEMPTS: '100',
  RETRY_BACKOFF_MIN_S: '0.3',
  RETRY_BACKOFF_MAX_S: '2',
  CRASH_LIMIT: '1000',
  CIRCUIT_OPEN_MIN_S: '0.5',
  CIRCUIT_OPEN_MAX_S: '2',
  RECONCILE_EVERY_S: '2',
  TRANSFER_IDLE_TIMEOUT_S: '2.5',
  TRANSFER_RETRY_PAUSE_MS: '200',
  ARCHIVE_PART_BYTES: '5000000',
  PUBLISH_PATCH_BYTES: '2097152',
  PLAYABLE_POLL_MIN_S: '0.5',
  PLAYABLE_POLL_MAX_S: '2',
  SITE_RETRY_SCHEDULE_S: Array.from({ length: 300 }, () => '2').join(','),
  UPLOAD_IDLE_TIMEOUT_S: '5',
  LATE_LOOK_FIRST_S: '0.5',
  LATE_LOOK_FOR_H: '0.01',
  // Zoom's webhooks are taken while the clock is wrong.
  ZOOM_TIMESTAMP_TOLERANCE_S: '8000',
  DISK_RESERVE_BYTES: '0',
} as const;

/** The pauses of Zoom's retries, 5, 20 and 60 minutes in real life. */
export const ZOOM_RETRY_STEPS_MS = [1500, 5000, 10_000];

/** All of Sluice under pm2, and the world that it lives in. */
export interface House {
  readonly folder: string;
  readonly dataDir: string;
  /** The ledger's file, or the URL of its database. */
  readonly ledgerAddress: string;
  /** The server that holds the ledger, if one does. */
  readonly database: TestPostgres | undefined;
  readonly sourceDir: string;
  /** The folder that is a store, on another disk than `dataDir`. */
  readonly storeDir: string;
  readonly pipelineUrl: string;
  /** `host:port` at which programs speak gRPC. */
  readonly grpcAddress: string;
  readonly tusUrl: string;
  readonly simulators: AllSimulators;
  readonly media: Media;
  readonly pm2: Pm2;
  /** The file system below `dataDir`; `undefined` where none may be mounted. */
  readonly volume: Volume | undefined;
  /** What the processes take for the time; `undefined` where it cannot be changed. */
  readonly clock: ProcessClock | undefined;
  target(name: Target): Simulator;
  /** How many requests were struck by a fault so far; `except` leaves the website's out. */
  struck(except?: 'site'): number;
  /** Ends all faults of a service but those of single files. */
  clearFaults(name: Target): void;
  /** Lets Zoom's address of one file fail for so long, in milliseconds. */
  sicken(cdnName: string, fault: Omit<Fault, 'on'>, forMs: number): void;
  /** Gives a service the speed that it begins with. */
  restoreSpeed(name: Target): void;
  /** The recording or job that moves, by what the pipeline process says; none that is only looked into. */
  movingId(): Promise<string | undefined>;
  /** Starts a worker beside the one that pm2 knows. */
  startSecondWorker(): { stop(): Promise<void> };
  close(): Promise<void>;
}

export async function openHouse(
  root: string,
  { keepsFolder, usesPostgres }: Pick<ChaosOptions, 'keepsFolder' | 'usesPostgres'>,
  signal: AbortSignal,
): Promise<House> {
  // Short, for the paths of unix sockets have a limit.
  const folder = await mkdtemp(join(tmpdir(), 'sluice-c-'));
  const undo = createUndo();
  undo.push(async () => {
    if (!keepsFolder) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  try {
    const [dataDir, sourceDir, storeDir] = [
      join(folder, 'data'),
      join(folder, 'sent'),
      join(folder, 'store'),
    ];
    await mkdir(sourceDir);
    const volume = await mountVolume(dataDir);
    if (volume !== undefined) undo.push(() => volume.unmount(keepsFolder));
    const database = usesPostgres ? await startPostgres() : undefined;
    if (database !== undefined) undo.push(() => database.stop());
    const ledgerAddress = (await database?.create()) ?? join(dataDir, 'ledger.db');
    const clock = createProcessClock(folder);
    const [pipelinePort, tusPort, grpcPort] = [await freePort(), await freePort(), await freePort()];
    const pipelineUrl = `http://127.0.0.1:${pipelinePort}`;
    const bytesPerSecond = LINK_BYTES_PER_SECOND;
    const simulators = await startAllSimulators({
      zoom: { bytesPerSecond, retryStepsMs: ZOOM_RETRY_STEPS_MS },
      b2: { bytesPerSecond, directory: join(folder, 'b2') },
      bunny: { bytesPerSecond, directory: join(folder, 'bunny'), webhookUrl: `${pipelineUrl}/bunny-webhook` },
    });
    undo.push(() => simulators.close());
    const media = await openMedia({ folder, isShared: false, s3: { bytesPerSecond }, signal });
    undo.push(() => media.close());
    const environment = {
      ...systemEnvironment(),
      ...simulators.environment,
      ...media.environment,
      ...SCALED_SETTINGS,
      ...(await writeRecipes(folder, storeDir)),
      DATA_DIR: dataDir,
      DATABASE_URL: ledgerAddress,
      PIPELINE_PORT: String(pipelinePort),
      TUS_PORT: String(tusPort),
      GRPC_PORT: String(grpcPort),
    };
    const pm2 = await preparePm2({
      root,
      folder,
      environment,
      appEnvironment: clock?.environment ?? {},
    });
    undo.push(() => pm2.kill());
    await pm2.start();

    const { zoom, b2, bunny, site } = simulators;
    const sick = new Set<Fault>();
    const targets: Readonly<Record<Target, Simulator>> = { zoom, cdn: zoom.cdn, b2, bunny, site };
    const clearFaults = (name: Target) => {
      targets[name].faults.clear();
      if (name === 'cdn') for (const fault of sick) zoom.cdn.fail(fault);
    };
    return {
      folder,
      dataDir,
      ledgerAddress,
      database,
      sourceDir,
      storeDir,
      pipelineUrl,
      grpcAddress: `127.0.0.1:${grpcPort}`,
      tusUrl: `http://127.0.0.1:${tusPort}/tusupload`,
      simulators,
      media,
      pm2,
      volume,
      clock,
      target: (name) => targets[name],
      clearFaults,
      sicken(cdnName, how, forMs) {
        const fault: Fault = { count: Number.MAX_SAFE_INTEGER, ...how, on: `GET *${cdnName}` };
        sick.add(fault);
        zoom.cdn.fail(fault);
        setTimeout(() => {
          sick.delete(fault);
          clearFaults('cdn');
        }, forMs).unref();
      },
      restoreSpeed(name) {
        targets[name].link.bytesPerSecond = name === 'site' ? undefined : LINK_BYTES_PER_SECOND;
      },
      async movingId() {
        const response = await fetch(`${pipelineUrl}/api/recordings?state=moving`, {
          signal: AbortSignal.timeout(5000),
        }).catch(() => undefined);
        const body = (await response?.json().catch(() => undefined)) as
          | {
              readonly recordings?: readonly {
                readonly id: string;
                readonly details: Readonly<Record<string, unknown>>;
              }[];
            }
          | undefined;
        return body?.recordings?.find(({ details }) => details['recipe'] !== REGISTER)?.id;
      },
      startSecondWorker() {
        const child = spawn(process.execPath, ['dist/queue/main.js'], {
          cwd: folder,
          env: { ...environment, ...clock?.environment },
          stdio: 'ignore',
        });
        const exited = once(child, 'exit');
        return {
          async stop() {
            child.kill('SIGTERM');
            await exited;
          },
        };
      },
      struck: (except) =>
        Object.entries(targets).reduce(
          (sum, [name, { faults }]) => sum + (name === except ? 0 : faults.struck),
          0,
        ),
      close: undo.close,
    };
  } catch (error) {
    await undo.close();
    throw error;
  }
}
