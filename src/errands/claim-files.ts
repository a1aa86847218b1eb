import type { Logger } from 'pino';
import { liesOnDisk, type Origin } from '../domain/recording.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { statIfThere } from '../lib/files.ts';

/** How many are looked at in one step. */
const STEP = 200;

/**
 * Says of files that were handed over before the ledger knew of several hosts that they lie on this one, if they do: until then no
 * host moves them. A file that is another host's stays for that to claim.
 *
 * @param options.pathOf Where what was handed over would lie on this host; `undefined`: nowhere
 */
export async function claimFiles({
  hosts,
  pathOf,
  log,
}: {
  readonly hosts: Ledger['hosts'];
  readonly pathOf: (origin: Origin) => Promise<string | undefined>;
  readonly log: Logger;
}): Promise<void> {
  let afterSeq = 0;
  for (;;) {
    const unclaimed = await hosts.unclaimed(afterSeq, STEP);
    for (const { id, origin } of unclaimed) {
      const path = liesOnDisk(origin) ? await pathOf(origin) : undefined;
      if (path === undefined || (await statIfThere(path)) === undefined) continue;
      await hosts.claim(id);
      log.info({ event: 'file.claimed', recordingId: id, host: hosts.own }, 'its file lies on this host');
    }
    afterSeq = unclaimed.at(-1)?.seq ?? afterSeq;
    if (unclaimed.length < STEP) return;
  }
}
