import type { Logger } from 'pino';
import { KnownError, orMachineTrouble } from '../domain/errors.ts';
import type { OutputPlace } from '../engine/ports/output-place.ts';
import type { Publisher } from '../engine/ports/publisher.ts';
import type { Store } from '../engine/ports/store.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { startRepeating } from '../lib/abort.ts';
import type { LeftoverKind, Suspect, SweepTerms } from './broom.ts';
import { createSpoolBroom, createUploadBroom, type IncomingPaths } from './sweep-disk.ts';
import { createOutputBroom } from './sweep-outputs.ts';
import { createScratchBroom } from './sweep-scratch.ts';
import { createUnfinishedBroom, createVideoBroom } from './sweep-services.ts';

/** What was removed or, in a dry run, would have been. */
export interface SweptItem {
  readonly kind: LeftoverKind;
  /** A folder, a file, B2's name and id of a large file, the id of a video, or what keys of outputs begin with. */
  readonly name: string;
  readonly bytes?: number;
  readonly reason: string;
}

/** What could not be looked through or removed; it is tried again the next time. */
export interface SweepProblem {
  /** `token`: of downloads, in the ledger. */
  readonly kind: LeftoverKind | 'token';
  /** Absent if it concerns all of this kind. */
  readonly name?: string;
  readonly message: string;
}

export interface Sweeping {
  readonly items: readonly SweptItem[];
  readonly problems: readonly SweepProblem[];
}

export interface SweeperOptions extends Omit<SweepTerms, 'now'> {
  readonly ledger: Pick<Ledger, 'recordings' | 'claims'>;
  readonly spoolDirectory: string;
  readonly scratchDirectory: string;
  readonly incoming: IncomingPaths;
  readonly stores: ReadonlyMap<string, Store>;
  readonly publishers: ReadonlyMap<string, Publisher>;
  readonly outputPlaces: ReadonlyMap<string, OutputPlace>;
  /** Of several hosts one sweeps what they have in common; default: this one. */
  readonly isFirst?: () => Promise<boolean>;
  readonly log: Logger;
  readonly now?: () => number;
}

/** Removes what failures have left behind: on the disk, in B2, with the publishers and in the places of outputs. */
export interface Sweeper {
  /** Sweeps once; when the signal aborts it ends early, and tells what it has done until then. */
  sweep(options: { dryRun: boolean; signal: AbortSignal }): Promise<Sweeping>;
}

/**
 * Creates the sweeper. It may run beside workers, doors and other sweepers: it removes only what Sluice has made and
 * what no recording that could still move has a use for, and looks at each thing again right before it goes.
 */
export function createSweeper(options: SweeperOptions): Sweeper {
  const {
    ledger,
    spoolDirectory,
    scratchDirectory,
    incoming,
    stores,
    publishers,
    outputPlaces,
    log,
    afterMs,
    failedKeepMs,
    isFirst = async () => true,
    now = Date.now,
  } = options;
  const terms: SweepTerms = { afterMs, failedKeepMs, now };
  const ofThisHost = [
    createSpoolBroom({ directory: spoolDirectory, ledger, terms }),
    createScratchBroom({ directory: scratchDirectory, ledger }),
    createUploadBroom({ paths: incoming, ledger, terms }),
  ];
  const ofAll = [
    ...[...stores.values()].map((store) => createUnfinishedBroom({ store, ledger, terms })),
    ...[...publishers.values()].map((publisher) => createVideoBroom({ publisher, ledger, terms })),
    ...[...outputPlaces.values()].map((place) => createOutputBroom({ place, ledger, terms })),
  ];

  async function clear(
    kind: LeftoverKind,
    { name, inspect }: Suspect,
    dryRun: boolean,
  ): Promise<SweptItem | undefined> {
    const leftover = await inspect();
    if (leftover === undefined) return undefined;
    const { remove, ...facts } = leftover;
    const item = { kind, name, ...facts };
    if (!dryRun) {
      await remove();
      log.info({ event: 'sweep.removed', ...item }, 'leftover removed');
    }
    return item;
  }

  return {
    async sweep({ dryRun, signal }) {
      const items: SweptItem[] = [];
      const problems: SweepProblem[] = [];
      const fail = (kind: SweepProblem['kind'], err: unknown, name?: string) => {
        if (signal.aborted) return;
        log.warn({ event: 'sweep.failed', kind, name, err }, 'could not be swept, it is tried again');
        const message = err instanceof Error ? err.message : String(err);
        problems.push({ kind, ...(name === undefined ? {} : { name }), message });
      };

      const brooms = [...ofThisHost, ...((await isFirst()) ? ofAll : [])];
      for (const { kind, suspects } of brooms) {
        try {
          for (const suspect of signal.aborted ? [] : await suspects(signal)) {
            if (signal.aborted) break;
            const item = await clear(kind, suspect, dryRun).catch((err: unknown) => {
              fail(kind, err, suspect.name);
            });
            if (item) items.push(item);
          }
        } catch (err) {
          fail(kind, err);
        }
      }
      if (!dryRun) await ledger.claims.forgetOldTokens(now()).catch((err: unknown) => fail('token', err));
      return { items, problems };
    },
  };
}

/** Sweeps now, and again and again until it is stopped; whatever goes wrong is left for the next time. */
export function startSweeping(options: {
  sweeper: Sweeper;
  everyMs: number;
  /** Whether ages can be believed: after a jump of the clock nothing is removed for being old. */
  isClockSettled?: () => Promise<boolean>;
  log: Logger;
}) {
  const { sweeper, everyMs, isClockSettled = async () => true, log } = options;
  return startRepeating(async (signal) => {
    try {
      if (!(await isClockSettled())) {
        log.warn({ event: 'sweep.put-off' }, 'the clock was set lately, not swept until the next time');
        return;
      }
      const { items, problems } = await sweeper.sweep({ dryRun: false, signal });
      log.info({ event: 'sweep.done', items: items.length, problems: problems.length }, 'swept');
    } catch (error) {
      const known = orMachineTrouble(error);
      const level = known instanceof KnownError ? 'warn' : 'error';
      log[level]({ event: 'sweep.failed', err: known }, 'not swept, it is tried again');
    }
  }, everyMs);
}
