import { execFile } from 'node:child_process';
import { cp, mkdir, open, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Room for all that waits in a run, in bytes. */
const VOLUME_BYTES = 800_000_000;

/** How much is written at once until nothing more fits, in bytes: large steps first. */
const STEPS_BYTES = [16_000_000, 1_000_000, 65_536, 4096];

/** A small file system of its own under `DATA_DIR`, that can be filled to its last byte. */
export interface Volume {
  /** Leaves not one block free. */
  fill(): Promise<void>;
  empty(): Promise<void>;
  /** Ends it; what lies in it goes with it, or is kept in the folder where it was. */
  unmount(keepsFiles: boolean): Promise<void>;
}

function isNoSocket(path: string): boolean {
  return !path.endsWith('.sock');
}

/** Mounts one at `directory`; `undefined` where that is not allowed, as to all but root. */
export async function mountVolume(directory: string): Promise<Volume | undefined> {
  await mkdir(directory);
  const isMounted = await run('mount', [
    '-t',
    'tmpfs',
    '-o',
    `size=${VOLUME_BYTES},mode=0700`,
    'tmpfs',
    directory,
  ]).then(
    () => true,
    () => false,
  );
  if (!isMounted) return undefined;
  const ballast = join(directory, 'ballast');
  return {
    async fill() {
      const handle = await open(ballast, 'a');
      try {
        for (const bytes of STEPS_BYTES) await writeUntilFull(handle, Buffer.alloc(bytes));
      } finally {
        await handle.close();
      }
    },
    empty: () => rm(ballast, { force: true }),
    async unmount(keepsFiles) {
      const kept = `${directory}.kept`;
      // Sockets cannot be copied.
      if (keepsFiles) await cp(directory, kept, { recursive: true, filter: isNoSocket });
      await run('umount', ['--lazy', directory]);
      if (!keepsFiles) return;
      await rmdir(directory);
      await rename(kept, directory);
    },
  };
}

async function writeUntilFull(handle: Awaited<ReturnType<typeof open>>, step: Buffer): Promise<void> {
  for (;;) {
    try {
      const { bytesWritten } = await handle.write(step);
      if (bytesWritten < step.length) return;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOSPC') return;
      throw error;
    }
  }
}
