import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { KnownError, systemCode } from '../domain/errors.ts';
import { writeWhole } from './files.ts';

/** Where a host keeps what it is called, in its `DATA_DIR`. */
const NAME = 'host.json';

/** What a host may be called; it is part of addresses of uploads, of queues and of keys. */
export const HOST_ID = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;

export interface HostFile {
  readonly id: string;
  /** Tells it from another host of that name. */
  readonly key: string;
}

/**
 * Reads what the host of this folder is called, and writes it down the first time. It stays: what lies in the folder is known by it.
 *
 * @param wantedId What it is to be called; unset: as the machine is
 * @throws KnownError `CONFIG_INVALID` if the folder belongs to a host of another name, or the file cannot be read
 */
export async function openHostFile(dataDir: string, wantedId: string | undefined): Promise<HostFile> {
  const path = join(dataDir, NAME);
  const known = (await read(path)) ?? (await make(path, wantedId ?? nameOfMachine()));
  if (wantedId === undefined || wantedId === known.id) return known;
  throw new KnownError(
    `HOST_ID is "${wantedId}", and DATA_DIR (${dataDir}) belongs to the host "${known.id}": what lies there is known by ` +
      `that name. Set HOST_ID=${known.id} or leave it out, or give this host a DATA_DIR of its own`,
    { code: 'CONFIG_INVALID' },
  );
}

async function make(path: string, id: string): Promise<HostFile> {
  const own = { id, key: randomUUID() };
  const draft = `${path}.${own.key}`;
  await mkdir(join(path, '..'), { recursive: true });
  await writeWhole(draft, JSON.stringify(own));
  // Of several processes that begin at once the first one names it.
  await link(draft, path).catch((error) => {
    if (systemCode(error) !== 'EEXIST') throw error;
  });
  await unlink(draft);
  return (await read(path)) ?? own;
}

async function read(path: string): Promise<HostFile | undefined> {
  const text = await readFile(path, 'utf8').catch((error) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const { id, key } = JSON.parse(text) as Partial<Record<keyof HostFile, unknown>>;
    if (typeof id === 'string' && typeof key === 'string' && HOST_ID.test(id)) return { id, key };
  } catch {
    // Said below.
  }
  throw new KnownError(
    `${path} does not say what this host is called: it should be {"id":"...","key":"..."}. Put it back from a copy; ` +
      'a new one makes this another host, for which nothing waits that was accepted here',
    { code: 'CONFIG_INVALID' },
  );
}

/** As the machine is called, in the letters that there are for it. */
function nameOfMachine(): string {
  const name = hostname()
    .toLowerCase()
    .split('.')[0]
    ?.replace(/[^a-z0-9]+/g, '-')
    .slice(0, 24)
    .replace(/^-+|-+$/g, '');
  return name || 'host';
}
