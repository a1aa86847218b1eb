import type { Bunny, Video } from '../../clients/bunny.ts';
import { KnownError } from '../../domain/errors.ts';
import type { Recording } from '../../domain/recording.ts';
import { isMarkedTitle, markOf, ownerOf, plainTitle } from '../../domain/video-mark.ts';
import type { LateFinding, LateLooker } from './late-looker.ts';
import { nameVideo } from './video-name.ts';

/** The videos that bear a recording's mark: in their title, or in their tags, where they have its plain title. */
export async function findOwnVideos(
  bunny: Pick<Bunny, 'findVideos'>,
  { id, title, signal }: { readonly id: string; readonly title: string; readonly signal: AbortSignal },
): Promise<Video[]> {
  const marked = await bunny.findVideos({ search: markOf(id), signal });
  const named = await bunny.findVideos({ search: plainTitle(title), signal }).catch((error) => {
    // A title that Bunny will not search for is no reason to go no further.
    if (error instanceof KnownError && error.code === 'REMOTE_REJECTED') return [];
    throw error;
  });
  const all = new Map([...marked, ...named].map((video) => [video.videoId, video]));
  return [...all.values()].filter((video) => ownerOf(video) === id);
}

/**
 * Looks in the library for what was created for a recording and given up: an empty video that bears its mark and is not
 * the one that the ledger names. Of a cancelled or deleted recording nothing is to stay. The one that stays gets its plain title if
 * it could not be given that when it was complete. Its place is the recording's title.
 */
export function createVideoLooker({
  bunny,
}: {
  readonly bunny: Pick<Bunny, 'findVideos' | 'updateVideo' | 'deleteVideo'>;
}): LateLooker {
  return {
    service: 'bunny',
    async look({ recordingId, place: title, claim, signal }) {
      const findings: LateFinding[] = [];
      for (const video of await findOwnVideos(bunny, { id: recordingId, title, signal })) {
        const { videoId, status } = video;
        const now = await claim();
        if (now === undefined) continue;
        const { recording, facts } = now;
        if (facts.publish?.videoId === videoId) {
          if (isMarkedTitle(video.title)) await nameIfAllowed(bunny, { video, recording, signal });
        } else if (status === 'empty' || recording.state === 'cancelled' || recording.state === 'deleted') {
          await bunny.deleteVideo({ videoId, signal });
          findings.push({ type: 'late.removed', data: { service: 'bunny', what: 'video', videoId } });
        }
      }
      return findings;
    },
  };
}

/** What Bunny refuses today it may take at a later look. */
async function nameIfAllowed(
  bunny: Pick<Bunny, 'updateVideo'>,
  { video, recording, signal }: { video: Video; recording: Recording; signal: AbortSignal },
): Promise<void> {
  if (recording.bytes === null) return;
  try {
    await nameVideo(bunny, { video, recording, bytes: recording.bytes, signal });
  } catch (error) {
    if (!(error instanceof KnownError) || error.code !== 'REMOTE_REJECTED') throw error;
  }
}
