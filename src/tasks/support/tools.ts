import type { Ffmpeg } from '../../engine/ports/ffmpeg.ts';
import type { Inputs } from '../../engine/ports/inputs.ts';
import type { OutputPlaces } from '../../engine/ports/output-place.ts';
import type { Publisher } from '../../engine/ports/publisher.ts';
import type { Source } from '../../engine/ports/source.ts';
import type { Store } from '../../engine/ports/store.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Disk } from '../../lib/disk.ts';
import type { Ffprobe } from '../../lib/ffprobe.ts';
import type { MediaGate } from '../../lib/media-gate.ts';
import type { CompanionPackages } from './companion-packages.ts';
import type { CompanionVideos } from './companion-videos.ts';
import type { Elsewhere } from './elsewhere.ts';
import type { TransferRetry } from './retry-in-place.ts';
import type { Scratch } from './scratch.ts';
import type { Spool } from './spool.ts';

/** What the house hands to its tasks; each takes what it needs. */
export interface Tools {
  /** The name of the host that they run on; `undefined` where there is one alone. */
  readonly host: string | undefined;
  readonly zoom: Source;
  readonly inputs: Inputs;
  /** The stores, the publishers and the places of outputs that are set up, by their names. */
  readonly stores: ReadonlyMap<string, Store>;
  readonly publishers: ReadonlyMap<string, Publisher>;
  readonly outputPlaces: Pick<OutputPlaces, 'get'>;
  readonly ledger: Pick<Ledger, 'deliveries' | 'recordings' | 'watches'>;
  readonly spool: Spool;
  readonly scratch: Scratch;
  /** None where the settings say so. */
  readonly ffprobe: Ffprobe | undefined;
  readonly ffmpeg: Ffmpeg | undefined;
  readonly disk: Disk;
  /** Absent where all steps are done by this machine. */
  readonly elsewhere?: Elsewhere | undefined;
  /** Says what is let in. */
  readonly media: MediaGate;
  /** What others will still write to the disk, in bytes. */
  readonly promisedBytes: () => Promise<number>;
  readonly companionVideos: CompanionVideos;
  readonly companionPackages: CompanionPackages;
  /** Attempts in place at one part or patch. */
  readonly retry: TransferRetry;
  readonly settings: {
    readonly fetch: {
      readonly patienceMs: number;
      readonly backoff: { readonly minMs: number; readonly maxMs: number };
    };
    readonly archive: { readonly parallelParts: number };
    readonly publish: {
      readonly cdnHost: string | undefined;
      readonly patchBytes: number;
      readonly goneAfterMs: number;
      readonly firstLookMs: number;
      readonly watchPageOf: (recordingId: string) => string | undefined;
    };
    readonly captions: { readonly language: string };
    /** The folder of pictures that are drawn on films; `undefined`: there is none. */
    readonly marksDir: string | undefined;
    /** The shorter side of the largest rendition of a package that is encoded. */
    readonly ladderMostPx: number;
  };
  /** Called when there is something to deliver and to watch. */
  readonly onAdded: () => void;
  /** Called with companions that have waited for their video. */
  readonly onWoken: (companionIds: readonly string[]) => void;
}
