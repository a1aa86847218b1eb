import type { Logger } from 'pino';
import type { LateLooker } from '../engine/late-looker.ts';
import type { LateLook } from '../ledger/late-looks.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { startRepeating } from '../lib/abort.ts';
import { wallMs } from '../lib/wall-time.ts';

/** How often it is looked whether something is due, at most, in milliseconds. */
const MAX_POLL_MS = 1000;

/** How much longer each pause between two looks is than the one before it. */
const GROWTH = 3;

/** How many are looked for in one round. */
const ROUND = 100;

export interface LateLookOptions {
  readonly ledger: Pick<Ledger, 'recordings' | 'lateLooks'>;
  readonly lookers: readonly LateLooker[];
  /** Who looks in a service that is not set up: a bucket that the caller of a run has named. */
  readonly lookerElsewhere?: (service: string) => LateLooker | undefined;
  /** The pause behind the first look, in milliseconds; the first look itself is made at once. */
  readonly firstPauseMs: number;
  /** For how long something is looked for. */
  readonly horizonMs: number;
  readonly log: Logger;
}

/** Looks, as long as something may still take effect late, whether it has, with growing pauses. */
export function startLateLooks(options: LateLookOptions): { stop(): Promise<void> } {
  const { firstPauseMs, horizonMs, log } = options;
  const { recordings, lateLooks } = options.ledger;

  function lookerFor({ service, place }: LateLook): LateLooker | undefined {
    const able = options.lookers.filter((looker) => looker.service === service);
    return (
      able.find((looker) => looker.isFor?.(place)) ??
      able.find(({ isFor }) => isFor === undefined) ??
      options.lookerElsewhere?.(service)
    );
  }

  async function lookFor(look: LateLook, signal: AbortSignal): Promise<'looked' | 'unable'> {
    const { recordingId, service, place, looks } = look;
    const pauseMs = pauseAfter(looks);
    if (!(await lateLooks.take(look, wallMs() + (pauseMs ?? 0)))) return 'looked';
    try {
      const findings = await lookerFor(look)?.look({
        recordingId,
        place,
        claim: async () => {
          if (!(await lateLooks.isSettled(look))) return undefined;
          const recording = await recordings.get(recordingId);
          return recording && { recording, ...(await recordings.progress(recordingId)) };
        },
        signal,
      });
      for (const { type, data } of findings ?? []) {
        log.warn({ event: type, recordingId, ...data }, 'something has taken effect late');
        await lateLooks.tell(recordingId, type, data);
      }
    } catch (error) {
      await lateLooks.giveBack(look);
      if (!signal.aborted) {
        log.warn({ event: 'late-look.failed', recordingId, service, err: error }, 'looked for later');
      }
      return 'unable';
    }
    if (pauseMs === undefined) await lateLooks.end(look);
    return 'looked';
  }

  /** How long to wait behind a look, so many having gone before it; `undefined`: it is the last. */
  function pauseAfter(looks: number): number | undefined {
    const goneMs = (firstPauseMs * (GROWTH ** looks - 1)) / (GROWTH - 1);
    if (goneMs >= horizonMs) return undefined;
    return Math.min(firstPauseMs * GROWTH ** looks, horizonMs - goneMs);
  }

  async function round(signal: AbortSignal): Promise<void> {
    const unable = new Set<string>();
    for (const look of await lateLooks.due(wallMs(), horizonMs, ROUND)) {
      if (signal.aborted) return;
      // One service that is away keeps nobody from looking in the other, and is asked once.
      if (unable.has(look.service)) continue;
      if ((await lookFor(look, signal)) === 'unable') unable.add(look.service);
    }
  }

  return startRepeating(
    (signal) =>
      round(signal).catch((error) =>
        log.warn({ event: 'late-look.failed', err: error }, 'what may have come late is looked for later'),
      ),
    Math.min(firstPauseMs, MAX_POLL_MS),
  );
}
