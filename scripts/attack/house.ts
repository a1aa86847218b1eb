import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAllSimulators } from '../../simulators/all.ts';
import { createUploadToken, type UploadTokenOptions } from '../../src/lib/upload-token.ts';
import { startProcesses } from '../../test/support/processes.ts';
import { startRedis } from '../../test/support/redis.ts';
import { startNginx } from './proxies.ts';

export const UPLOAD_SECRET = 'a secret of the website, 32 bytes and more';
export const ADMIN_TOKEN = '6f2d1c0b9a8e7d6c5b4a39281706f5e4d3c2b1a0f9e8d7c6';

const SAMPLE = join(import.meta.dirname, '../../test/fixtures/sample.mp4');

export type AttackHouse = Awaited<ReturnType<typeof openAttackHouse>>;

/** All of Sluice as it is built, behind nginx as it is shipped, with simulated services and something worth stealing. */
export async function openAttackHouse() {
  const undo: (() => Promise<unknown>)[] = [];
  async function close(): Promise<void> {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) {
      await step().catch((error: unknown) => process.stderr.write(`Clean-up failed: ${String(error)}\n`));
    }
  }

  try {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-attack-'));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const [roots, outside] = [join(folder, 'roots'), join(folder, 'outside')];
    await Promise.all([mkdir(roots), mkdir(outside)]);
    // Each of another size, by which it is known again wherever it turns up.
    const allowed = await writeVideo(join(roots, 'lesson.mp4'), 30_000);
    const secret = await writeVideo(join(outside, 'secret.mp4'), 40_000);

    const canary = await startCanary();
    undo.push(canary.close);
    const redis = await startRedis();
    undo.push(redis.stop);
    const simulators = await startAllSimulators();
    undo.push(simulators.close);
    const { ZOOM_DOWNLOAD_HOSTS: downloadHosts = '', ...environment } = simulators.environment;
    const sluice = await startProcesses({
      ...environment,
      // A name that leads to this machine: what a name of Zoom's could be made to do.
      ZOOM_DOWNLOAD_HOSTS: `${downloadHosts},localhost`,
      REDIS_URL: redis.url,
      UPLOAD_TOKEN_SECRET: UPLOAD_SECRET,
      UPLOAD_TRUST_PROXY: 'on',
      UPLOAD_MAX_NEW_PER_MIN: '1000',
      ADMIN_TOKEN,
      CUSTOM_ROOTS: roots,
      DISK_RESERVE_BYTES: '0',
      PLAYABLE_POLL_MIN_S: '0.2',
      PLAYABLE_POLL_MAX_S: '1',
    });
    undo.push(sluice.stop);
    const [pipelinePort, tusPort] = [portOf(sluice.pipelineUrl), portOf(sluice.tusUrl)];
    const nginx = await startNginx({ pipelinePort, tusPort });
    undo.push(nginx.stop);

    return {
      ...simulators,
      folder,
      roots,
      allowed,
      secret,
      canary,
      sluice,
      nginx,
      pipelinePort,
      tusPort,
      token: (aceId: string, more: Partial<UploadTokenOptions> = {}) =>
        createUploadToken({ secret: UPLOAD_SECRET, aceId, expiresInS: 3600, ...more }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** A valid MP4: the sample, and a `free` box of zeros behind it. */
export async function writeVideo(path: string, boxBytes: number): Promise<{ path: string; bytes: number }> {
  const content = Buffer.concat([await readFile(SAMPLE), freeBox(boxBytes)]);
  await writeFile(path, content);
  return { path, bytes: content.length };
}

export function freeBox(bytes: number): Buffer {
  const box = Buffer.alloc(bytes);
  box.writeUInt32BE(bytes, 0);
  box.write('free', 4, 'latin1');
  return box;
}

/** Something of this machine that only this machine should reach; it counts who did. */
async function startCanary() {
  let visits = 0;
  const server = createServer((socket) => {
    visits += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get visits() {
      return visits;
    },
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
