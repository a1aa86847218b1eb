import type { Cost } from '../../domain/media/cost.ts';

/** Encodes, cuts and packages audio and video: a program of this machine, run once for each piece of work. */
export interface Ffmpeg {
  /**
   * The arguments that open a file as an input, `-i` among them. The file is read as what it is by our own look, whatever
   * its name says, and can name no other file and no address.
   *
   * @param path Absolute.
   * @param known What it is, where this program has made it: then it is not looked at.
   * @throws KnownError `NOT_MEDIA` for one that surely is something else, a playlist among them
   */
  input(path: string, known?: 'mp4' | 'ts'): Promise<readonly string[]>;

  /**
   * Runs it to its end, once it is its turn; a small one at once. It is killed with all that it has started as soon as the signal says so, where it comes no further,
   * where it takes too much memory, and when this process ends, however that ends; what it has written until then is worth
   * nothing.
   *
   * @throws KnownError `TOOL_MISSING`, `MEDIA_BROKEN`, `FFMPEG_FAILED`, `FFMPEG_STALLED`, `FFMPEG_MEMORY`, `DISK_FULL`,
   * `OUTPUT_TOO_SHORT`; what they cost is in their details
   */
  run(run: FfmpegRun): Promise<FfmpegDone>;

  /** What this machine can encode, by the encoders' names: each was tried once since this process began. */
  encoders(names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, EncoderState>>;
}

export interface FfmpegRun {
  /** Inputs, filters and outputs, without what is said of every run. */
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  /** Where relative names of outputs lead. */
  readonly folder?: string;
  /** How long the output has to be, in seconds: the end with code 0 proves nothing. */
  readonly expectedS?: number;
  /** How much of the output there is, in seconds; rises. */
  readonly onProgress?: (outTimeS: number) => void;
  /** What is written to `pipe:1`. */
  readonly onOutput?: (chunk: Buffer) => void;
  /** In place of the bound that the settings say. */
  readonly maxMemoryBytes?: number;
  /** It takes a moment and little memory, so it goes on beside another run and waits for no turn. */
  readonly isSmall?: boolean;
}

export interface FfmpegDone {
  readonly cost: Cost;
  /** How much of the output there is, in seconds; 0 for what has no length, such as a picture. */
  readonly outTimeS: number;
  /** Times that it complained of broken bytes in the input, and went on. */
  readonly corruptCount: number;
}

/**
 * - `works`: two frames of black were encoded
 * - `fails`: it is built in, and cannot be used here
 * - `unknown`: it is not built in
 */
export type EncoderState = 'works' | 'fails' | 'unknown';
