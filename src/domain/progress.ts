/** How far a step is: in bytes where they move, in seconds of the film where that is encoded. */
export type StepProgress =
  | {
      readonly doneBytes: number;
      readonly totalBytes: number;
      /** Whether by bytes that moved just now, or because they were found to be there already. */
      readonly how: 'moved' | 'found';
    }
  | { readonly doneS: number; readonly totalS: number };

/** Hears how far the steps are of recordings that move. */
export interface ProgressListener {
  told(input: { readonly recordingId: string; readonly stage: string } & StepProgress): void;
  /** Its steps have come to rest, for now or at their end. */
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

/** How far one of the stages is that encode. */
export interface Encoding {
  /** Of the film, in seconds. */
  readonly doneS: number;
  /** 0 as long as nobody knows. */
  readonly totalS: number;
  /** Seconds of the film in each second, an average; 0 before it gets on, and once it does not. */
  readonly speed: number;
  /** `undefined` before it gets on, once it does not, and if the total is not known. */
  readonly leftS: number | undefined;
  /** For how long it has not got on. */
  readonly idleS: number;
}

/** By the steps that encode. A step that then sends what it has made has a leg in its place. */
export type Encodings = Readonly<Record<string, Encoding>>;

/** What is told at a time: of one recording all that gets on. */
export interface ProgressMessage {
  readonly recordingId: string;
  readonly legs: Legs;
  readonly encodings: Encodings;
}
