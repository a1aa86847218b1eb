import type { Bunny, Video } from '../../clients/bunny.ts';
import type { Recording } from '../../domain/recording.ts';
import { isMarkedTitle, ownerOf, plainTitle, tagsOf } from '../../domain/video-mark.ts';

/**
 * Whether a complete video has got its name: its tag is there and its title is plain. What somebody has made of the
 * title since is theirs.
 */
export function isVideoNamed(video: Video, { id }: Pick<Recording, 'id'>): boolean {
  return !isMarkedTitle(video.title) && ownerOf(video) === id;
}

/** Gives a complete video its plain title and the tag by which it is found again. A repeat changes nothing. */
export async function nameVideo(
  bunny: Pick<Bunny, 'updateVideo'>,
  input: {
    readonly video: Pick<Video, 'videoId' | 'tags'>;
    readonly recording: Pick<Recording, 'id' | 'title'>;
    readonly bytes: number;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { video, recording, bytes, signal } = input;
  await bunny.updateVideo({
    videoId: video.videoId,
    title: plainTitle(recording.title),
    tags: tagsOf(video.tags, { recordingId: recording.id, bytes }),
    signal,
  });
}
