import type { Logger } from 'pino';
import type { HostState } from '../ledger/hosts.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { startRepeating } from '../lib/abort.ts';
import { spaceOf } from '../lib/disk.ts';
import { createSeldomLog } from '../lib/seldom-log.ts';
import { unfinishedUploads } from '../lib/upload-bytes.ts';
import { wallMs } from '../lib/wall-time.ts';

/** For how long one that waits for a host is said to, in milliseconds: a little longer than until it is said again. */
const WAITING_MS = 12_000;

/** Of how many it is said at once. */
const MOST_WAITING = 200;

/** How long what was seen of the disk is good for, in milliseconds. */
const LOOK_EVERY_MS = 5000;

/**
 * Gives the signs of life of this host, with what it has of the disk, and hears when another one falls silent or comes back.
 *
 * @param options.onChanged Called when others live than a moment ago
 */
export function startHostPulse({
  ledger,
  dataDir,
  everyMs,
  onChanged,
  log,
}: {
  readonly ledger: Pick<Ledger, 'hosts' | 'recordings'>;
  readonly dataDir: string;
  readonly everyMs: number;
  readonly onChanged: () => void;
  readonly log: Logger;
}) {
  const { hosts, recordings } = ledger;
  const seldom = createSeldomLog(log);
  let saidAtMs = Number.NEGATIVE_INFINITY;
  let alive: readonly string[] | undefined;
  let state: HostState | undefined;
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

  /** Says of what waits for a host that is away that it does. */
  async function sayWhatWaits(): Promise<void> {
    if (performance.now() - saidAtMs < LOOK_EVERY_MS || !(await hosts.isFirst())) return;
    saidAtMs = performance.now();
    for (const { id, host, notBeforeMs } of await hosts.waitingForHosts(MOST_WAITING)) {
      const message = `Its file lies on the host "${host}", which is away`;
      await recordings.hold(id, Math.max(notBeforeMs, wallMs() + WAITING_MS), { code: 'HOST_AWAY', message });
    }
  }

  return startRepeating(async (signal) => {
    try {
      // Nobody asks for the disk of one that is alone.
      if (hosts.own === undefined) return await hosts.beat(undefined);
      await hosts.beat(await look());
      await hearOfOthers();
      await sayWhatWaits();
    } catch (err) {
      if (!signal.aborted)
        seldom.warn({ event: 'host.not-told', err }, 'no sign of life of this host, tried again');
    }
  }, everyMs);
}
