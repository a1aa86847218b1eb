import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Recording } from '../domain/recording.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { startRepeating } from '../lib/abort.ts';
import { namesIn, removeAll } from '../lib/files.ts';
import { removeUnchanged } from '../lib/remove-unchanged.ts';
import { createSeldomLog } from '../lib/seldom-log.ts';

/** How many are looked at in one round. */
const ROUND = 100;

/**
 * Removes from the disk of this host what another one has no use for: downloads and half-made videos of recordings that it moves
 * now, and the files of those that it has ended. Where there is one host alone there is nothing of the kind.
 *
 * @param options.folders Those that have a folder per recording
 */
export function startLeftBehind({
  ledger,
  folders,
  everyMs,
  log,
}: {
  readonly ledger: Pick<Ledger, 'hosts' | 'recordings'>;
  readonly folders: readonly string[];
  readonly everyMs: number;
  readonly log: Logger;
}): { stop(): Promise<void> } {
  const { hosts, recordings } = ledger;
  const seldom = createSeldomLog(log);

  async function clearFolder(folder: string): Promise<void> {
    for (const id of await namesIn(folder)) {
      const host = (await recordings.get(id))?.host;
      if (host === undefined || host === hosts.own) continue;
      await removeAll(join(folder, id));
      log.info(
        { event: 'left-behind.removed', recordingId: id, host },
        'another host moves it, removed here',
      );
    }
  }

  async function clearFile(recording: Recording): Promise<void> {
    const { id, origin } = recording;
    if (origin.kind === 'file' && mayGo(recording)) {
      const { kind } = await removeUnchanged(origin);
      log.info({ event: 'left-behind.file', recordingId: id, kind }, 'it is home by another host');
    }
    await hosts.cleared(id);
  }

  return startRepeating(async (signal) => {
    if (hosts.own === undefined) return;
    try {
      for (const folder of folders) await clearFolder(folder);
      for (const recording of await hosts.leftBehind(ROUND)) await clearFile(recording);
    } catch (err) {
      if (!signal.aborted) seldom.warn({ event: 'left-behind.failed', err }, 'looked for later');
    }
  }, everyMs);
}

/** Whether its file is removed in the end: that of an admin once it is home, a tutor's upload also when it was taken back. */
function mayGo({ source, state, origin }: Recording): boolean {
  if (origin.kind !== 'file' || origin.keep) return false;
  return state === 'done' || source === 'manual';
}
