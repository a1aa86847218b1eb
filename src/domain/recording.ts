import type { ErrorSummary } from './errors.ts';
import type { FoundInput } from './input.ts';
import type { VideoFact } from './published.ts';
import type { Plan } from './recipe.ts';

/** The door a recording came in by; `library`: an input that somebody has named for a run. */
export const SOURCES = ['zoom', 'manual', 'custom', 'library'] as const;
export type Source = (typeof SOURCES)[number];

/**
 * - `video`: one video, or the sound where there is none
 * - `companion`: what belongs to a video and is archived beside it, such as a transcript
 */
export const RECORDING_KINDS = ['video', 'companion'] as const;
export type RecordingKind = (typeof RECORDING_KINDS)[number];

/** Where a recording goes, as far as somebody has said so. */
export interface Placement {
  /** Folder of the archive, in place of the one by source and day. */
  readonly folder: string | null;
  /** Name of the Bunny collection. */
  readonly collection: string | null;
  /** Language of its captions, such as `en`. */
  readonly language: string;
}

/**
 * Where a recording stands.
 *
 * - `waiting`: in line, for the first time or after an interruption
 * - `moving`: a worker has it; at most one recording is moving at any time
 * - `backing-off`: an attempt failed, the next one has a time
 * - `set-aside`: an operator keeps it out of the line, with all that it has reached, until it is retried
 * - `cancelling`: an operator wants it no more; what it has made is being taken back
 * - `deleting`: an operator has deleted what was brought home; it is being removed everywhere
 * - `done`: archived, published, its announcement written, nothing left on disk
 * - `failed`: given up; a person has to look
 * - `cancelled`: taken back, by an operator
 * - `deleted`: removed everywhere after it was home, by an operator; only a person brings it again
 */
export const STATES = [
  'waiting',
  'moving',
  'backing-off',
  'set-aside',
  'cancelling',
  'deleting',
  'done',
  'failed',
  'cancelled',
  'deleted',
] as const;
export type State = (typeof STATES)[number];

/** The states out of which a worker moves a recording; `moving` is that of a worker that died. */
export const MOVABLE_STATES: readonly [State, ...State[]] = ['waiting', 'moving', 'backing-off'];

/** Of those, the ones that nobody is moving. */
export const WAITING_STATES: readonly State[] = ['waiting', 'backing-off'];

/** The states in which all that was made is being removed. */
export const TAKING_BACK_STATES: readonly State[] = ['cancelling', 'deleting'];

/** The states of what was made and is being taken back, or is gone. */
export const GONE_STATES: readonly State[] = [...TAKING_BACK_STATES, 'cancelled', 'deleted'];

/** The states that go on without anyone's help, until nothing is left to do. */
export const UNFINISHED_STATES: readonly [State, ...State[]] = [...MOVABLE_STATES, ...TAKING_BACK_STATES];

/** The states of what needs nothing any more that it came as; of one that has failed that may be the only copy. */
export const ENDED_STATES: readonly State[] = ['done', 'cancelled', 'deleted'];

/** The states out of which a door that brings a recording once more gives it a new beginning, with whatever file. */
export const RENEWABLE_STATES: readonly State[] = ['failed', ...TAKING_BACK_STATES, 'cancelled', 'deleted'];

/** What an operator wants of a recording that is moving, until its worker has heard of it. */
export type Wanted = 'set-aside' | 'cancelled';

/** What finds recordings with Zoom that no event has brought. */
export type FoundBy = 'ingest' | 'backfill' | 'sweep';

/**
 * Where the bytes are before they are ours. `archiveDay` is the recording's own day (UTC, `yyyy-mm-dd`), by which the
 * archive has it; unknown of those that were accepted before it was kept, and of those that have none.
 */
export type Origin =
  | {
      readonly kind: 'zoom';
      readonly archiveDay?: string;
      readonly downloadUrl: string;
      /** Bearer token of the webhook, valid about a day; a secret. */
      readonly downloadToken: string | null;
      /** The size that Zoom announced. */
      readonly bytes: number | null;
      /** When Zoom sent the event; of two events about one file the newer has the better token. */
      readonly eventAtMs: number;
      /** Somebody has removed the file from Zoom since. */
      readonly removed?: 'trashed' | 'deleted';
      /** When Zoom said that last, or that the file is back: what it said before that is no news. */
      readonly removalAtMs?: number;
    }
  | {
      readonly kind: 'file';
      /** The host on whose disk it lies; absent where there is one alone. */
      readonly host?: string;
      readonly archiveDay?: string;
      readonly path: string;
      readonly bytes: number;
      readonly modifiedAtMs: number;
      /** Which file it was; unknown of recordings that were accepted before it was kept. */
      readonly identity?: FileIdentity;
      /** What it is, as the door found it; a look at its first bytes alone may not tell. */
      readonly media?: { readonly mime: string; readonly extension: string };
      /** Whether the file stays where it is after all is done. */
      readonly keep: boolean;
    }
  | {
      /** What another run has archived. */
      readonly kind: 'archived';
      readonly recordingId: string;
      /** The store that has it. */
      readonly store: string;
      readonly bytes: number | null;
      readonly archiveDay?: string;
    }
  | ({
      /** What lies at an address that somebody has named. */
      readonly kind: 'input';
      /** As `readInput` reads it. */
      readonly address: string;
      /** The host on whose disk it lies, if it is a file; absent where there is one alone. */
      readonly host?: string;
      readonly archiveDay?: string;
    } & FoundInput);

/** Whether the bytes lie on the disk of the host that has taken it in, and not at an address that all hosts can read. */
export function liesOnDisk(origin: Origin): boolean {
  return origin.kind === 'file' || (origin.kind === 'input' && origin.file !== undefined);
}

/** The host on whose disk what was handed over lies, if it is on one. */
export function hostOf(origin: Origin): string | undefined {
  return 'host' in origin ? origin.host : undefined;
}

/** Whether what was handed over lies on the disk of another host than this one; `undefined`: there is one host alone. */
export function liesElsewhere({ origin }: { readonly origin: Origin }, ownHost: string | undefined): boolean {
  const host = hostOf(origin);
  return ownHost !== undefined && host !== undefined && host !== ownHost;
}

/**
 * Whether it goes through a recipe because somebody has asked for that, once: the website hears of it what its recipe says,
 * and nothing else.
 */
export function isRun({ runOf, source }: Pick<Recording, 'runOf' | 'source'>): boolean {
  return runOf !== undefined || source === 'library';
}

/** What makes a file the same one and not another of the same name, size and time; as text, for it may need 64 bits. */
export interface FileIdentity {
  readonly device: string;
  readonly inode: string;
  /** The boot during which this was seen, where the system tells: after another, the same file may be numbered otherwise. */
  readonly bootId: string | null;
}

/** What the source knew of the recording beyond its bytes; passed on to the website as it is. */
export type SourceDetails = Readonly<Record<string, string | number | null>>;

/** What the caller of a door wants the website to hear, as JSON; passed on as it is. */
export type CallerMetadata = Readonly<Record<string, unknown>>;

/** The stages, in their order. */
export const STAGES = ['fetch', 'archive', 'publish', 'captions', 'notify', 'cleanup'] as const;
export type Stage = (typeof STAGES)[number];

/** What each stage has proved once it is done. One irreversible remote effect per stage. */
export interface Facts {
  readonly fetch: {
    /** The complete file on local disk, ours or the caller's. */
    readonly path: string;
    readonly bytes: number;
    /** The same for the same bytes: what was sent of others must not be added to. */
    readonly contentId: string;
    /** MIME type by the content's magic bytes. */
    readonly mediaType: string;
    readonly extension: string;
  };
  readonly archive: {
    /** The store, by its name; absent: the one that all are archived in unless they say so. */
    readonly store?: string;
    /** The bucket, or what else the store keeps its files in. */
    readonly bucket: string;
    readonly fileId: string;
    readonly fileName: string;
    /** Of the whole file, in hex; null for one in parts, of which B2 has verified and keeps each part's. */
    readonly sha1: string | null;
  };
  readonly publish: VideoFact;
  readonly captions: {
    /** The videos that have got them; none where no video was found in time. */
    readonly videoIds: readonly string[];
    readonly language: string;
  };
  readonly notify: { readonly deliveryId: string };
  readonly cleanup: { readonly freedBytes: number };
}

/** One recording as the ledger knows it, without its stages. */
export interface Recording {
  readonly id: string;
  /** Rises with each acceptance; the order of the line. */
  readonly seq: number;
  readonly source: Source;
  readonly kind: RecordingKind;
  readonly naturalKey: string;
  /** What it shares with the recordings that belong to it, such as those of one meeting. */
  readonly groupKey: string | null;
  readonly aceId: string | null;
  readonly title: string;
  readonly state: State;
  /** What an operator has asked for while it moves. */
  readonly wanted: Wanted | null;
  /** Of two in line the one with the lower place goes first; 0 unless it was moved to the front, or is old. */
  readonly place: number;
  readonly origin: Origin;
  readonly placement: Placement | null;
  readonly details: SourceDetails;
  readonly metadata?: CallerMetadata;
  /** Names the way that it goes; absent of one that was accepted before ways were planned. */
  readonly planKey?: string;
  /** In which it waits or moves; absent: the lane in which all begin. */
  readonly lane?: string;
  /** The recording that this is a further run of. */
  readonly runOf?: string;
  /** The host on whose disk its bytes lie, or will; absent: on none yet, or there is one host alone. */
  readonly host?: string;
  /** They are nowhere else, so that it moves there or not at all. */
  readonly isBound?: boolean;
  /** What whoever has asked for that run calls it. */
  readonly reference?: string;
  /** Where they want to hear of it. */
  readonly webhookUrl?: string;
  /** It is being published again: its bytes come from the archive, and what is archived stays. */
  readonly isFromArchive?: boolean;
  /** It was done, and goes on for the sake of an output that is made anew. */
  readonly isReopened?: boolean;
  /** Videos of its that were published before, and go once the present one can be watched. */
  readonly earlierVideoIds?: readonly string[];
  /** Its length: as announced, then as fetched. */
  readonly bytes: number | null;
  /** Attempts that failed so far. */
  readonly failedAttempts: number;
  /** Attempts that began since one last ended in an orderly way; each but the present one killed its worker. */
  readonly openStarts: number;
  readonly lastError: ErrorSummary | null;
  /** The time before which it does not move; 0 for at once. */
  readonly notBeforeMs: number;
  readonly acceptedAtMs: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
}

/** What a door hands to the ledger. */
export interface NewRecording {
  readonly source: Source;
  /** Default `video`. */
  readonly kind?: RecordingKind;
  readonly naturalKey: string;
  readonly groupKey?: string;
  readonly aceId: string | null;
  readonly title: string;
  readonly origin: Origin;
  readonly placement?: Placement;
  readonly details: SourceDetails;
  readonly metadata?: CallerMetadata;
  readonly notBeforeMs?: number;
  /** Where it stands in line; default 0. */
  readonly place?: number;
  /** The recording that this is to be a further run of. */
  readonly runOf?: string;
  /** What whoever asks for that run calls it. */
  readonly reference?: string;
  /** Where they want to hear of it. */
  readonly webhookUrl?: string;
  /** The recipe that was chosen for it; absent: the one of its kind. */
  readonly recipe?: string;
  /** The way that it is to go. */
  readonly plan?: Plan;
  /** What has found it, where Zoom did not announce it. */
  readonly foundBy?: FoundBy;
}
