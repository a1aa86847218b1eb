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

/** The videos that a recording's facts name, whatever the steps that made them are called. */
export function videosIn(facts: Readonly<Record<string, unknown>>): VideoFact[] {
  return Object.values(facts).filter(isVideo);
}

/** Whether a fact names a video: none but those of the task publish has such an id. */
function isVideo(fact: unknown): fact is VideoFact {
  return typeof fact === 'object' && fact !== null && 'videoId' in fact;
}

/** The videos of a recording, that in Bunny first. */
export function mainFirst(videos: readonly VideoFact[]): VideoFact[] {
  return [...videos.filter(isInBunny), ...videos.filter((video) => !isInBunny(video))];
}
