import type { OutputMark } from '../../domain/output-keys.ts';
import type { Call, OpenedFile } from './store.ts';

/**
 * A place that keeps the files of outputs under keys, and from where people fetch them. Every call makes one attempt, and
 * fails with a KnownError that says whether another can help; what would meet every other output as well has one of the
 * codes of `isOutage`.
 *
 * A key is folders and a name with slashes between, and has one file.
 */
export interface OutputPlace {
  /** As recipes call it; the same for ever. */
  readonly name: string;
  /** The name of its circuit. */
  readonly service: string;
  /** As people call it. */
  readonly label: string;
  /** What the files lie in: a folder, or a bucket and a prefix. A person finds a file at this place, a slash and its key. */
  readonly place: string;

  /** Asks whether it takes files, by what belongs to no recording, and leaves nothing. */
  probe(call: Call): Promise<void>;
  /**
   * Asks whether it is there, and makes it if that is wanted.
   *
   * @throws KnownError `OUTPUT_BUCKET_MISSING`
   */
  require(call: Call & { readonly isMade: boolean }): Promise<void>;

  /**
   * Writes a file whole, in place of one of that key, whosever it is. It is never there half: until all of it is, the
   * earlier one is.
   *
   * @throws KnownError `SOURCE_CHANGED` if the file on this machine gets longer or shorter meanwhile
   */
  put(input: Call & OutputFile): Promise<{ readonly bytes: number }>;
  /** Throws away what a `put` has begun and noted with its `resume`; a second time is harmless. */
  abandon(input: Call & { key: string; state: string }): Promise<void>;

  /** What lies at a key; `undefined`: nothing. */
  look(input: Call & { key: string }): Promise<StoredOutput | undefined>;
  /** Begins to read what lies at a key; `undefined`: nothing. Whoever reads no further dismisses it. */
  open(input: Call & { key: string; fromByte: number }): Promise<OpenedFile | undefined>;
  /** The files whose keys begin so, in no order. */
  list(input: Call & { prefix: string }): AsyncIterable<ListedOutput>;
  /** Removes files; one that is gone already is no error. */
  remove(input: Call & { keys: readonly string[] }): Promise<void>;

  /** Where a browser fetches it; `undefined` if the place has no public address. */
  address(key: string): string | undefined;
  /** A link to what lies at a key, which ends by itself after so many seconds; absent: the place has no such links. */
  presign?(input: { readonly key: string; readonly expiresS: number }): Promise<string>;
}

export interface OutputFile {
  readonly key: string;
  /** A file of this machine, which stays as it is meanwhile. */
  readonly path: string;
  readonly mediaType: string;
  /** How long browsers may keep it, as the header Cache-Control has it; where the place hands out files itself. */
  readonly cacheControl?: string;
  readonly mark: OutputMark;
  /** For a large file that is to go on after a crash with what has arrived; a place may begin anew all the same. */
  readonly resume?: Resume;
  readonly onSent?: (sentBytes: number) => void;
}

/** What is known of a `put` that was interrupted. */
export interface Resume {
  /** What was noted last for this key and these bytes; `undefined`: nothing. */
  readonly state: string | undefined;
  /** Notes what the next attempt goes on from, before anything is made that would be left behind without. */
  save(state: string): Promise<void>;
}

export interface ListedOutput {
  readonly key: string;
  readonly bytes: number;
}

export interface StoredOutput {
  readonly bytes: number;
  /** `undefined`: it is not ours. */
  readonly recordingId: string | undefined;
  /** Of which step, and by which of its attempts, where the place keeps that. */
  readonly step?: string | undefined;
  readonly fence?: number | undefined;
}

/** All places of outputs that there are. */
export interface OutputPlaces {
  /** Those that are set up, by their names. */
  readonly setUp: ReadonlyMap<string, OutputPlace>;
  /**
   * One that is set up, or a bucket that callers may name.
   *
   * @throws KnownError `OUTPUT_NOT_ALLOWED` of a bucket that they may not
   */
  get(name: string): OutputPlace | undefined;
}
