import type { VideoFact } from '../../domain/published.ts';
import type { VideoTag } from '../../domain/video-mark.ts';

/**
 * What takes a video and shows it to people: an encoding service, or a folder that a web server hands out. Every call makes
 * one attempt; what it throws is a KnownError that says whether another one can help.
 */
export interface Publisher {
  /** As a recipe names it. */
  readonly name: string;
  /** The service that its steps depend on: the name of its circuit. */
  readonly service: string;
  /** What people call it. */
  readonly label: string;
  /** What was asked of it and given up may be carried out all the same, so it is looked for afterwards. */
  readonly comesLate: boolean;

  /**
   * Asks whether it is well by what belongs to no recording. Leaves nothing.
   *
   * @throws KnownError what a recording would meet as well
   */
  probe(call: Call): Promise<void>;

  /**
   * Makes an empty video that bears its recording's mark. Not idempotent: record that it was asked for, then the id.
   *
   * @returns an id that tells whose it is (`publisherOf`)
   * @param input.shelf The collection that it belongs to; a publisher without any leaves that out.
   * @param input.extension What names of such files end in, without the dot.
   */
  reserve(
    input: Call & {
      readonly recording: Marked;
      readonly shelf: string | null;
      readonly extension: string;
    },
  ): Promise<{ readonly videoId: string }>;
  /** The video, or `undefined` if there is none of this id. */
  look(input: Call & { readonly videoId: string }): Promise<Video | undefined>;
  /** All videos that bear a recording's mark, complete or not. */
  findOwn(input: Call & { readonly recording: Marked }): Promise<Video[]>;
  /** All videos that there are, of others too where they can be told. */
  list(call: Call): AsyncIterable<Video>;
  /** Removes a video and its file; one that is gone already is no error. */
  remove(input: Call & { readonly videoId: string }): Promise<void>;

  /** Begins a resumable upload into an empty video; one that was begun before counts no more. */
  begin(
    input: Call & {
      readonly videoId: string;
      readonly recording: Marked;
      readonly bytes: number;
      readonly mediaType: string;
    },
  ): Promise<{ readonly uploadUrl: string }>;
  /** How far an upload has come, or `undefined` if it is no longer there. */
  offset(
    input: Call & UploadTarget,
  ): Promise<{ readonly offset: number; readonly totalBytes: number | undefined } | undefined>;
  /** Adds the next bytes of an upload. What arrives of a broken request counts. */
  append(
    input: Call &
      UploadTarget & {
        readonly offset: number;
        readonly bytes: number;
        readonly chunks: AsyncIterable<Buffer>;
        readonly onSent?: (sentBytes: number) => void;
      },
  ): Promise<{ readonly offset: number }>;

  /** What is recorded of a complete video. */
  factOf(videoId: string): VideoFact;

  /**
   * Gives a complete video its plain title, and the mark that stays. A repeat changes nothing. Absent: its videos have no
   * titles.
   */
  setTitle?(
    input: Call & {
      readonly video: Pick<Video, 'videoId' | 'tags'>;
      readonly recording: Marked;
      readonly bytes: number;
    },
  ): Promise<void>;
  /** Absent: it shows no captions. */
  readonly captions?: CaptionsPower;
}

export interface CaptionsPower {
  /** Sets the captions (WebVTT) of a language, in place of those that were there. */
  set(
    input: Call & {
      readonly videoId: string;
      readonly language: string;
      readonly label: string;
      readonly text: Buffer;
    },
  ): Promise<void>;
  /** Removes the captions of a language; that there are none, or no such video, is no error. */
  remove(input: Call & { readonly videoId: string; readonly language: string }): Promise<void>;
}

export interface Call {
  readonly signal: AbortSignal;
}

/** What a recording's mark is made of. */
export interface Marked {
  readonly id: string;
  readonly title: string;
}

/** An upload into a video: where it is, in the publisher's own words. */
export interface UploadTarget {
  readonly videoId: string;
  readonly uploadUrl: string;
}

/**
 * - `empty`: its file has not arrived
 * - `processing`: its file has arrived and is worked on
 * - `failed`: it could not be encoded
 * - `upload-failed`: its file could not be taken
 * - `unknown`: the publisher says something that was not there when this was written, and means nothing
 */
export type VideoStatus = 'empty' | 'processing' | 'playable' | 'failed' | 'upload-failed' | 'unknown';

export interface Video {
  readonly videoId: string;
  readonly title: string;
  readonly status: VideoStatus;
  /** The recording whose mark it bears; `undefined` if it is not ours. */
  readonly ownerId: string | undefined;
  /** Its mark is not in its title, which people may change as they like. */
  readonly hasPlainTitle: boolean;
  /** How many bytes it was made of; `undefined` where it does not say. */
  readonly madeOfBytes: number | undefined;
  /** By our clock, whatever the publisher's shows; not a number if it does not say. */
  readonly createdAtMs: number;
  /** What it takes up, the original with it where `hasOriginal`; 0 or unknown while that is not counted. */
  readonly storedBytes: number | undefined;
  readonly hasOriginal: boolean | undefined;
  /** Ours and those of others. */
  readonly tags: readonly VideoTag[];
  readonly captions: readonly { readonly language: string; readonly label: string }[];
}
