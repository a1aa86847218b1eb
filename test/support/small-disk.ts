import { execFile, execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A real file system in memory that is soon full. */
export interface SmallDisk {
  /** Takes all that is left of it. */
  fill(): Promise<void>;
  /** Gives back what `fill` has taken. */
  free(): Promise<void>;
  /** Lets nobody write to it any more, or again. */
  setReadOnly(isReadOnly: boolean): Promise<void>;
  unmount(): Promise<void>;
}

/** How a mount is made here: as root, or by those who may become it without being asked; `undefined` if not at all. */
const asRoot = ((): readonly string[] | undefined => {
  if (process.platform !== 'linux') return undefined;
  for (const prefix of process.getuid?.() === 0 ? [[]] : [['sudo', '-n']]) {
    try {
      const [program = 'true', ...args] = [...prefix, 'true'];
      execFileSync(program, args, { stdio: 'ignore' });
      return prefix;
    } catch {
      // Nobody may.
    }
  }
  return undefined;
})();

/** Whether disks can be made here; said where tests leave them out for it. */
export const canMakeDisks = asRoot !== undefined;
if (!canMakeDisks) {
  process.stderr.write(
    'Real full disks are not tried: mounting one needs Linux, and root or sudo without a password.\n',
  );
}

/** Mounts a small disk at an existing folder. */
export async function mountSmallDisk(
  folder: string,
  { bytes, inodes }: { readonly bytes: number; readonly inodes?: number },
): Promise<SmallDisk> {
  const command = async (...args: string[]) => {
    const [program = '', ...rest] = [...(asRoot ?? []), ...args];
    await run(program, rest);
  };
  const options = [`size=${bytes}`, `uid=${process.getuid?.()}`, 'mode=700'];
  if (inodes !== undefined) options.push(`nr_inodes=${inodes}`);
  await command('mount', '-t', 'tmpfs', '-o', options.join(), 'tmpfs', folder);
  const filler = join(folder, 'filler');
  return {
    async fill() {
      await writeFile(filler, Buffer.alloc(bytes)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOSPC') throw error;
      });
    },
    free: () => writeFile(filler, ''),
    setReadOnly: (isReadOnly) => command('mount', '-o', `remount,${isReadOnly ? 'ro' : 'rw'}`, folder),
    unmount: () => command('umount', '-l', folder),
  };
}
