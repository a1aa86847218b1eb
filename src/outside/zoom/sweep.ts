import type { Logger } from 'pino';
import { KnownError } from '../../domain/errors.ts';
import { startRepeating } from '../../lib/abort.ts';
import { wallMs } from '../../lib/wall-time.ts';
import type { ZoomAccount } from './account.ts';
import type { ZoomCatchUp } from './catch-up.ts';
import { dayOf, type SearchPosition } from './search.ts';

const DAY_MS = 86_400_000;

/** Looks for recordings that no event has announced, now and again and again, until it is stopped. */
export function startZoomSweep(options: {
  catchUp: Pick<ZoomCatchUp, 'step'>;
  /** Each by itself: one that cannot be asked keeps nobody from looking at the others. */
  accounts: readonly Pick<ZoomAccount, 'id'>[];
  everyMs: number;
  /** How many days it looks back. */
  days: number;
  /** Of several hosts one looks; default: this one. */
  isFirst?: () => Promise<boolean>;
  log: Logger;
}) {
  const { catchUp, accounts, everyMs, days, isFirst = async () => true, log } = options;

  async function sweep(accountId: string | undefined, signal: AbortSignal): Promise<void> {
    const nowMs = wallMs();
    // A meeting may be of tomorrow where it is held.
    const terms = { from: dayOf(nowMs - days * DAY_MS), to: dayOf(nowMs + DAY_MS), accountId };
    let position: SearchPosition | undefined;
    let meetings = 0;
    let recordings = 0;
    let untold = 0;
    do {
      const how = { position, foundBy: 'sweep', isDryRun: false, leavesUnready: true } as const;
      const step = await catchUp.step(terms, how, signal);
      for (const { meeting, expected } of step.missing) {
        recordings += expected.length;
        log.warn(
          { event: 'zoom.missed', meetingUuid: meeting.uuid, recordings: expected.length },
          'no event has announced this meeting',
        );
      }
      meetings += step.meetings;
      untold += step.untold.length;
      position = step.next;
    } while (position !== undefined);
    log.info(
      { event: 'zoom.swept', accountId, meetings, recordings, untold },
      'looked for what no event has announced',
    );
  }

  return startRepeating(async (signal) => {
    // Where that cannot be asked, nothing could be taken in either.
    if (!(await isFirst().catch(() => false))) return;
    for (const { id } of accounts) {
      await sweep(id ?? undefined, signal).catch((error: unknown) => {
        if (signal.aborted) return;
        const level = error instanceof KnownError ? 'warn' : 'error';
        const about = { event: 'zoom.sweep-failed', accountId: id, err: error };
        log[level](about, 'could not look at Zoom, tried again later');
      });
    }
  }, everyMs);
}
