import type { Logger } from 'pino';
import type { ErrorCode } from '../../domain/error-catalogue.ts';
import { KnownError } from '../../domain/errors.ts';
import type { FoundBy } from '../../domain/recording.ts';
import type { Accepted } from '../../ledger/recordings.ts';
import { wallMs } from '../../lib/wall-time.ts';
import type { ZoomAccount } from './account.ts';
import type { RecordedMeeting } from './client.ts';
import type { ZoomAnnouncement } from './event.ts';
import type { Expected, ZoomIntake, ZoomTaken } from './intake.ts';
import type { ZoomMeeting } from './meeting.ts';
import type { ZoomReference } from './reference.ts';
import type { SearchGap, SearchPosition, SearchTerms, ZoomSearch } from './search.ts';
import type { ZoomIgnored } from './tables/ignored.ts';

/** What does not heal by asking again. */
const NEVER_BROUGHT: readonly ErrorCode[] = ['ZOOM_RECORDING_NOT_FOUND', 'ZOOM_NOT_CONNECTED', 'WRONG_STATE'];

/** Where old recordings stand in line: behind all that is new. */
const OLD_PLACE = 1;

/** A meeting of which something is missing here. */
export interface MissingMeeting {
  readonly meeting: ZoomMeeting;
  readonly expected: readonly Expected[];
}

export interface CatchUpStep {
  /** The days that were looked through. */
  readonly from: string;
  readonly to: string;
  readonly accountId: string | null;
  /** How many recorded meetings Zoom has told of. */
  readonly meetings: number;
  readonly missing: readonly MissingMeeting[];
  /** What Zoom does not tell. */
  readonly untold: readonly SearchGap[];
  readonly next: SearchPosition | undefined;
}

/** A file that was left with Zoom. */
export interface LeftFile {
  readonly meetingUuid: string;
  readonly key: string;
}

/** Brings home what no event has brought, by the same rules and the same intake as what Zoom announces. */
export interface ZoomCatchUp {
  /**
   * One meeting, as a person has named it. What has failed of it, or was cancelled, is given a new beginning.
   *
   * @param accountId Only of this account
   */
  ingest(
    reference: ZoomReference,
    signal: AbortSignal,
    accountId?: string,
  ): Promise<{ readonly meeting: ZoomMeeting; readonly taken: ZoomTaken }>;
  /**
   * One file that was left with Zoom, though a rule or a setting says otherwise; Zoom is asked where it is today. That it is
   * wanted is written down first: what ends before there is an answer is gone on with by `bringWanted`.
   *
   * @param left Its meeting, and what it is known by
   */
  bring(left: LeftFile, signal: AbortSignal): Promise<Accepted>;
  /** Brings what somebody wanted of a process that has ended before it could answer. */
  bringWanted(signal: AbortSignal): Promise<void>;
  /**
   * One step through many meetings. What the ledger has, in whatever state, stays as it is; so each step may be repeated.
   *
   * @param how.isDryRun Says what is missing, and takes nothing.
   */
  step(
    terms: SearchTerms,
    how: {
      readonly position: SearchPosition | undefined;
      readonly foundBy: FoundBy;
      readonly isDryRun: boolean;
      /** Leaves meetings of which Zoom is still making something. */
      readonly leavesUnready?: boolean;
    },
    signal: AbortSignal,
  ): Promise<CatchUpStep>;
}

export function createZoomCatchUp(options: {
  search: ZoomSearch;
  intake: ZoomIntake;
  ignored: Pick<ZoomIgnored, 'want' | 'unwant' | 'wanted'>;
  log: Logger;
}): ZoomCatchUp {
  const { search, intake, ignored, log } = options;
  /** What this process is bringing, by its key. */
  const underWay = new Set<string>();

  async function bringLeft({ meetingUuid, key }: LeftFile, signal: AbortSignal): Promise<Accepted> {
    underWay.add(key);
    try {
      await ignored.want(key);
      const { account, found } = await search.find({ kind: 'uuid', value: meetingUuid }, signal);
      return await intake.takeLeft(announce(found, 'ingest'), account.rules, key);
    } finally {
      underWay.delete(key);
    }
  }

  return {
    async ingest(reference, signal, accountId) {
      const { account, found } = await search.find(reference, signal, accountId);
      const taken = await intake.take(announce(found, 'ingest'), account.rules, { foundBy: 'ingest' });
      return { meeting: found.meeting, taken };
    },

    async bring(left, signal) {
      try {
        return await bringLeft(left, signal);
      } catch (error) {
        // Whoever asked hears of it. When this process is about to end, nobody does.
        if (!signal.aborted) await ignored.unwant(left.key);
        throw error;
      }
    },

    async bringWanted(signal) {
      for (const { key, what } of await ignored.wanted()) {
        if (signal.aborted) return;
        if (underWay.has(key)) continue;
        try {
          await bringLeft({ meetingUuid: String(what['meeting_uuid']), key }, signal);
        } catch (error) {
          if (signal.aborted) return;
          const isOver = error instanceof KnownError && NEVER_BROUGHT.includes(error.code);
          if (isOver) await ignored.unwant(key);
          log.warn({ event: 'zoom.not-brought', key, isOver, err: error }, 'what was wanted is not here yet');
        }
      }
    },

    async step(terms, { position, foundBy, isDryRun, leavesUnready = false }, signal) {
      const { account, from, to, found, untold, next } = await search.step(terms, position, signal);
      const accountId = account.id ?? account.credentials?.accountId ?? null;
      for (const gap of isDryRun ? [] : untold) {
        await intake.noteUntold({ ...gap, accountId, from, to }, foundBy);
      }
      const missing: MissingMeeting[] = [];
      for (const each of found) {
        const { meeting } = each;
        if (leavesUnready && meeting.files.some(({ isProcessing }) => isProcessing)) continue;
        const expected = await lookAt(each, account);
        if (expected.length > 0) missing.push({ meeting, expected });
      }
      return {
        from,
        to,
        accountId,
        meetings: found.length,
        missing,
        untold,
        next,
      };

      async function lookAt(each: RecordedMeeting, { rules }: ZoomAccount): Promise<readonly Expected[]> {
        const announcement = announce(each, foundBy);
        const expected = await intake.expect(announcement, rules);
        if (isDryRun || expected.length === 0) return expected;
        await intake.take(announcement, rules, {
          foundBy,
          isNewOnly: true,
          ...(foundBy === 'backfill' ? { place: OLD_PLACE } : {}),
        });
        return expected;
      }
    },
  };
}

/** Addresses of a listing come without a token; the worker asks for both when it is their turn. */
function announce({ meeting, downloadToken }: RecordedMeeting, foundBy: FoundBy): ZoomAnnouncement {
  return { type: foundBy, atMs: wallMs(), downloadToken, meeting };
}
