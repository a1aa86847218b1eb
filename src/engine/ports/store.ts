/**
 * A place that keeps recordings as files under names. Every call makes one attempt, and fails with a KnownError that says
 * whether another can help; what would meet every other recording as well has one of the codes of `isOutage`.
 *
 * A file of ours is known by its mark: the recording whose it is, and what its bytes are. Whatever bears none is
 * somebody else's, and is never changed.
 */
export interface Store {
  /** As recipes, facts and circuits call it; the same for ever. */
  readonly name: string;
  /** As people call it. */
  readonly label: string;
  /** What the files lie in: a bucket, a folder. A person finds a file at this place, a slash and its name. */
  readonly place: string;
  /** By which digest the store tells the bytes of a part, in hex. */
  readonly partDigest: 'sha1' | 'md5';

  /** In what parts files go; makes sure beforehand that the store is there at all. */
  limits(call: Call): Promise<StoreLimits>;
  /**
   * Asks the store whether it is well by what belongs to no recording, and leaves nothing. An answer shows that recordings
   * are served as well.
   */
  probe(call: Call): Promise<void>;

  /** Every finished file of exactly this name, newest first; a store may keep one of a name, or several. */
  find(input: Call & { name: string }): Promise<readonly StoredFile[]>;
  /** A file by its id and its name, finished or not; `undefined` if there is no such. */
  look(input: Call & { file: FileRef }): Promise<StoredFile | undefined>;

  /**
   * Writes a file whole. A repeat makes a second one, or replaces the first, as the store has it; another's file of that
   * name stays as it is.
   */
  put(input: Call & NewFile & Body): Promise<{ readonly id: string; readonly sha1: string | undefined }>;

  /** Begins a file in parts. A repeat begins another. */
  begin(input: Call & NewFile): Promise<{ readonly id: string }>;
  /** Writes one part, whose bytes lie from `startByte` on. A repeat replaces the part. */
  putPart(
    input: Call & Body & { file: FileRef; number: number; startByte: number },
  ): Promise<{ readonly digest: string }>;
  /** The parts that have arrived, by number; `undefined` if there is no such unfinished file. */
  parts(input: Call & { file: FileRef }): Promise<ReadonlyMap<number, StoredPart> | undefined>;
  /**
   * Makes the parts 1 to n one file, whose id stays. A repeat may be refused, even where the first one was carried out:
   * `look` tells.
   */
  finish(input: Call & { file: FileRef; parts: readonly StoredPart[] }): Promise<void>;
  /** Throws an unfinished file away; one that is gone already is no error, and a finished one stays. */
  abandon(input: Call & { file: FileRef }): Promise<void>;
  /** Unfinished files whose name begins so, oldest first. */
  unfinished(input: Call & { prefix: string }): Promise<readonly UnfinishedFile[]>;

  /** Removes a finished file; one that is gone already is no error. Some may only ever add. */
  remove(input: Call & { file: FileRef }): Promise<'removed' | 'not-allowed'>;
  /**
   * Opens a finished file for reading, from a byte on.
   *
   * @throws KnownError `ARCHIVED_FILE_GONE`
   */
  open(input: Call & { file: FileRef; fromByte: number }): Promise<OpenedFile>;
}

export interface Call {
  readonly signal: AbortSignal;
}

export interface StoreLimits {
  /** The size of parts that suits the store, in bytes. */
  readonly partBytes: number;
  /** The least that every part but the last one has. */
  readonly minPartBytes: number;
}

/** Which file: its id tells it from others of its name. */
export interface FileRef {
  readonly id: string;
  readonly name: string;
}

/** What says whose a file is. */
export interface Mark {
  readonly recordingId: string;
  /** The same for the same bytes, under any ledger; of some files that are there for long it is not known. */
  readonly content: string | undefined;
}

export interface NewFile {
  /** Folders and a name, with slashes between. */
  readonly name: string;
  readonly mediaType: string;
  readonly mark: Mark;
  /** The length of the whole file. */
  readonly totalBytes: number;
  /** The time that people see at the file. */
  readonly modifiedAtMs: number;
}

/** Bytes on their way to the store. */
export interface Body {
  readonly bytes: number;
  /** Each is used until the next one is asked for. */
  readonly chunks: AsyncIterable<Buffer>;
  readonly onSent?: (sentBytes: number) => void;
}

export interface StoredPart {
  readonly bytes: number;
  /** As `partDigest` of its store says. */
  readonly digest: string;
}

export interface StoredFile extends FileRef {
  readonly bytes: number;
  /** `undefined` for one that was made of parts. */
  readonly sha1: string | undefined;
  /** `undefined`: it is not ours. */
  readonly mark: Mark | undefined;
  readonly isFinished: boolean;
}

export interface UnfinishedFile extends FileRef {
  readonly mark: Mark | undefined;
  /** By our clock. */
  readonly startedAtMs: number;
}

/** The bytes of a stored file as they come. */
export interface OpenedFile {
  /** Where `chunks` begin. */
  readonly startByte: number;
  /** The length of the whole file. */
  readonly totalBytes: number;
  readonly chunks: AsyncIterable<Buffer>;
  /** Lets go of it without reading. */
  dismiss(): void;
}
