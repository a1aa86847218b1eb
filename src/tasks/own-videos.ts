import type { Bunny, Video } from '../clients/bunny.ts';
import { KnownError } from '../domain/errors.ts';
import { markOf, ownerOf, plainTitle } from '../domain/video-mark.ts';
import type { LateFinding, LateLooker } from './late-looker.ts';

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
 * the one that the ledger names. Of a cancelled recording nothing is to stay. Its place is the recording's title.
 */
export function createVideoLooker({
  bunny,
}: {
  readonly bunny: Pick<Bunny, 'findVideos' | 'deleteVideo'>;
}): LateLooker {
  return {
    service: 'bunny',
    async look({ recordingId, place: title, claim, signal }) {
      const findings: LateFinding[] = [];
      for (const { videoId, status } of await findOwnVideos(bunny, { id: recordingId, title, signal })) {
        const now = await claim();
        if (now === undefined || now.facts.publish?.videoId === videoId) continue;
        if (status !== 'empty' && now.recording.state !== 'cancelled') continue;
        await bunny.deleteVideo({ videoId, signal });
        findings.push({ type: 'late.removed', data: { service: 'bunny', what: 'video', videoId } });
      }
      return findings;
    },
  };
}
