import type { Playback } from './playback.ts';
import type { VideoFact } from './published.ts';
import type { Recording } from './recording.ts';

/** A recording, and what a line of a list says of it. */
export interface RecordingSummary {
  readonly recording: Recording;
  /** Of the steps that have made something outside. */
  readonly facts: Readonly<Record<string, object>>;
  /** What is published of it, that of the usual publisher first, and what of that can be watched. */
  readonly videos: readonly { readonly video: VideoFact; readonly isPlayable: boolean }[];
  /** What players are given of it; `undefined`: it has no package. */
  readonly playback: Playback | undefined;
  /** Whether one of its videos can be watched, or its package. */
  readonly isPlayable: boolean;
  /** Whether the announcement of its publication has begun: then it can no longer be taken back. */
  readonly isAnnounced: boolean;
  /** From 1; `undefined` unless it waits and may move now. */
  readonly position: number | undefined;
  /** The video that it belongs to, if it is a companion and that is known. */
  readonly ofVideo: { readonly id: string; readonly title: string } | undefined;
}
