import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { mountSmallDisk, type SmallDisk } from './small-disk.ts';

/** A folder that recordings are kept or shown in, on a disk of its own where disks can be made. */
export interface FaultyFolder {
  /** As its words call it. */
  readonly service: string;
  readonly path: string;
  readonly disk: SmallDisk | undefined;
  /** The files in it that are whole, as paths. */
  whole(): Promise<string[]>;
  /** How much lies in it of files that are not whole yet, in bytes. */
  begunBytes(): Promise<number>;
  /** Removes the files that are whole. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

/** A trouble of a file system that can be made, and made good again. */
export interface FolderFaultKind {
  readonly name: string;
  readonly needsDisk: boolean;
  /** Whether it can come over a folder in which somebody writes. */
  readonly comesMidway: boolean;
  strike(folder: FaultyFolder): Promise<void>;
  mend(folder: FaultyFolder): Promise<void>;
}

const away = (path: string) => `${path}-away`;

export const FOLDER_FAULTS: readonly FolderFaultKind[] = [
  {
    name: 'is gone',
    needsDisk: false,
    comesMidway: true,
    strike: ({ path }) => rename(path, away(path)),
    mend: ({ path }) => rename(away(path), path),
  },
  {
    name: 'is an empty mount point',
    needsDisk: false,
    comesMidway: true,
    async strike({ path }) {
      await rename(path, away(path));
      await mkdir(path);
    },
    // Fails where something was put there.
    async mend({ path }) {
      await rmdir(path);
      await rename(away(path), path);
    },
  },
  {
    name: 'is read-only',
    needsDisk: true,
    // No disk becomes read-only, by a command, while a file is open for writing.
    comesMidway: false,
    strike: async ({ disk }) => disk?.setReadOnly(true),
    mend: async ({ disk }) => disk?.setReadOnly(false),
  },
  {
    name: 'is full',
    needsDisk: true,
    comesMidway: true,
    strike: async ({ disk }) => disk?.fill(),
    mend: async ({ disk }) => disk?.free(),
  },
];

/** The services whose troubles are those of a file system. */
export const FOLDER_SERVICES = ['folder', 'folder-publisher'] as const;

/** Makes a folder below another, on a disk of so many bytes where one can be made. */
export async function openFaultyFolder(
  service: string,
  base: string,
  { bytes, canMount }: { readonly bytes: number; readonly canMount: boolean },
): Promise<FaultyFolder> {
  const mountPoint = join(base, service);
  await mkdir(mountPoint);
  const disk = canMount ? await mountSmallDisk(mountPoint, { bytes }) : undefined;
  const path = join(mountPoint, 'kept');
  await mkdir(path);

  async function files(): Promise<string[]> {
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  }
  const own = join(path, '.sluice');
  return {
    service,
    path,
    disk,
    whole: async () => (await files()).filter((file) => !file.startsWith(own)),
    async begunBytes() {
      const begun = (await files()).filter((file) => file.startsWith(join(own, 'unfinished')));
      const sizes = await Promise.all(
        begun.map((file) =>
          stat(file).then(
            ({ size }) => size,
            () => 0,
          ),
        ),
      );
      return sizes.reduce((total, size) => total + size, 0);
    },
    async empty() {
      for (const name of await readdir(path)) {
        if (name !== '.sluice') await rm(join(path, name), { recursive: true });
      }
    },
    close: async () => disk?.unmount(),
  };
}
