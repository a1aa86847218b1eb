/** What a recording file is found by. */
export interface SourceFile {
  /** Which of several accounts has it. */
  readonly accountId?: string | null;
  readonly meetingUuid: string;
  /** Some auxiliary files have none; those are found by what they are and when they began. */
  readonly fileId: string | null;
  readonly fileType?: string | null;
  readonly startedAt?: string | null;
}

/** Where a recording file can be had today. */
export interface FreshAddress {
  readonly url: string;
  readonly token: string;
  /** How long the file is today; `null` where nobody says. */
  readonly bytes: number | null;
}

/** A service that holds recordings, reduced to what fetching needs. Every call makes one attempt. */
export interface Source {
  /**
   * Asks whether it is well, by what belongs to no recording: a refusal shows that it is. Without credentials
   * nothing is asked.
   *
   * @throws KnownError if it cannot be reached, or answers with a server error.
   */
  probe(input: { signal: AbortSignal }): Promise<void>;

  /**
   * Opens a recording for download, from the byte on that is still missing if the server allows it.
   *
   * @throws KnownError `DOWNLOAD_NOT_MEDIA` for a web page in place of the file, which is how an expired token
   * and a deleted recording may be answered; `DOWNLOAD_REFUSED`, `DOWNLOAD_HOST_REFUSED`; `REMOTE_ANSWER_INVALID` for a part that
   * is not the rest of the same file, whatever the server calls it; and what every request throws.
   */
  openDownload(input: {
    url: string;
    token: string | null;
    fromByte: number;
    /** What the bytes before `fromByte` were called, so that bytes of another file are not added to them. */
    validator: string | null;
    /** JSON is what the file holds, and no refusal. */
    mayBeJson?: boolean;
    signal: AbortSignal;
  }): Promise<Download>;

  /**
   * Asks for a recording file's address of today; `undefined` if there are no credentials for that, or the file is no
   * longer there.
   */
  freshAddress(input: SourceFile & { signal: AbortSignal }): Promise<FreshAddress | undefined>;
}

export interface Download {
  /** Where `chunks` begin: `fromByte`, or 0 if the server starts over. */
  readonly startByte: number;
  /** The length of the whole file, where the server says it. */
  readonly totalBytes: number | undefined;
  /** Whether the server marks the end of what it sends; else only its hanging up tells, whatever the reason. */
  readonly isEndMarked: boolean;
  /** ETag or Last-Modified, for the next resume. */
  readonly validator: string | null;
  /** Nothing, if all bytes were there already. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Lets go of it without reading. */
  dismiss(): void;
}
