/** What is recorded of a video in Bunny Stream. */
export interface BunnyVideoFact {
  readonly libraryId: string;
  readonly videoId: string;
}

/** What is recorded of a video elsewhere. */
export interface OtherVideoFact {
  readonly videoId: string;
  /** Where it is watched. */
  readonly playUrl: string;
}

/** A complete video, and all that its addresses are made of. */
export type VideoFact = BunnyVideoFact | OtherVideoFact;

export function isInBunny(fact: VideoFact): fact is BunnyVideoFact {
  return 'libraryId' in fact;
}

/** The publisher that a video is with: an id begins with its name and a slash, but for Bunny's own. */
export function publisherOf(videoId: string): string {
  const slash = videoId.indexOf('/');
  return slash < 0 ? 'bunny' : videoId.slice(0, slash);
}
