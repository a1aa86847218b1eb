import type { Logger } from 'pino';
import type { Hosts } from '../ledger/hosts.ts';
import { startRepeating } from '../lib/abort.ts';
import { spaceOf } from '../lib/disk.ts';
import { createSeldomLog } from '../lib/seldom-log.ts';
import { unfinishedUploads } from '../lib/upload-bytes.ts';

/** How long what was seen of the disk is good for, in milliseconds. */
const LOOK_EVERY_MS = 5000;

/**
 * Gives the signs of life of this host, with what it has of the disk, and hears when another one falls silent or comes back.
 *
 * @param options.onChanged Called when others live than a moment ago
 */
export function startHostPulse({
  hosts,
  dataDir,
  everyMs,
  onChanged,
  log,
}: {
  readonly hosts: Hosts;
  readonly dataDir: string;
  readonly everyMs: number;
  readonly onChanged: () => void;
  readonly log: Logger;
}) {
  const seldom = createSeldomLog(log);
  let alive: readonly string[] | undefined;
  let state: Parameters<Hosts['beat']>[0] | undefined;
  let lookedAtMs = Number.NEGATIVE_INFINITY;

  async function look() {
    if (state !== undefined && performance.now() - lookedAtMs < LOOK_EVERY_MS) return state;
    const { freeBytes, totalBytes } = await spaceOf(dataDir);
    const uploads = await unfinishedUploads(`${dataDir}/uploads`);
    lookedAtMs = performance.now();
    state = {
      freeBytes,
      totalBytes,
      uploads: uploads.length,
      uploadBytes: uploads.reduce((sum, upload) => sum + upload.totalBytes, 0),
    };
    return state;
  }

  async function hearOfOthers(): Promise<void> {
    if (hosts.own === undefined) return;
    const others = (await hosts.alive()).filter((id) => id !== hosts.own);
    const before = alive;
    alive = others;
    if (before === undefined) return;
    for (const id of before) {
      if (!others.includes(id)) log.warn({ event: 'host.silent', host: id }, 'a host is silent');
    }
    for (const id of others) {
      if (!before.includes(id)) log.info({ event: 'host.back', host: id }, 'a host gives signs of life');
    }
    if (before.length !== others.length || before.some((id) => !others.includes(id))) onChanged();
  }

  return startRepeating(async (signal) => {
    try {
      await hosts.beat(await look());
      await hearOfOthers();
    } catch (err) {
      if (!signal.aborted)
        seldom.warn({ event: 'host.not-told', err }, 'no sign of life of this host, tried again');
    }
  }, everyMs);
}
