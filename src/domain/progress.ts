/** Hears how far the bytes are of the recording that moves. */
export interface ProgressListener {
  /** @param how Whether by bytes that moved just now, or because they were found to be there already. */
  told(input: {
    readonly recordingId: string;
    readonly stage: string;
    readonly doneBytes: number;
    readonly totalBytes: number;
    readonly how: 'moved' | 'found';
  }): void;
  /** Its bytes have come to rest, for now or at their end. */
  rests(recordingId: string): void;
}
