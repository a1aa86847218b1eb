import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../../config/config.ts';
import { systemCode } from '../../domain/errors.ts';
import { type Finding, fail, ok, warn } from '../../domain/finding.ts';
import { byteSize } from '../../lib/byte-size.ts';

/** A class of an hour and a half in HD, in bytes; and how many of them there should be room for. */
const TYPICAL_BYTES = 2_000_000_000;
const WANTED = 3;

export async function checkDisk({ dataDir, diskReserveBytes }: Config): Promise<Finding> {
  const { bavail, bsize } = await spaceAt(dataDir);
  const usable = bavail * bsize - diskReserveBytes;
  const free = `${byteSize(bavail * bsize)} free, ${byteSize(diskReserveBytes)} of it in reserve`;
  const advice = `Free some space on the disk of ${dataDir}, or lower DISK_RESERVE_BYTES.`;
  if (usable <= 0) return fail(`${free}: no recording can come in`, advice);
  if (usable < WANTED * TYPICAL_BYTES) {
    return warn(`${free}: not enough for ${WANTED} recordings of ${byteSize(TYPICAL_BYTES)}`, advice);
  }
  return ok(
    `${free}: room for ${Math.floor(usable / TYPICAL_BYTES)} recordings of ${byteSize(TYPICAL_BYTES)}`,
  );
}

/** Of the folder, or of the one it will be made in; nothing is made for a look. */
async function spaceAt(folder: string) {
  for (let at = folder; ; at = dirname(at)) {
    try {
      return await statfs(at);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT' || at === dirname(at)) throw error;
    }
  }
}
