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

/** How far one of the stages is that move bytes. */
export interface Leg {
  readonly doneBytes: number;
  /** 0 as long as nobody knows. */
  readonly totalBytes: number;
  /** An average; 0 before anything has moved, and once nothing does. */
  readonly bytesPerS: number;
  /** `undefined` before anything has moved, once nothing does, and if the total is not known. */
  readonly leftS: number | undefined;
  /** For how long no byte has moved. */
  readonly idleS: number;
}

/** By the steps whose bytes they are. */
export type Legs = Readonly<Record<string, Leg>>;

/** What is told at a time: of one recording all that moves. */
export interface ProgressMessage {
  readonly recordingId: string;
  readonly legs: Legs;
}
