import { KnownError } from '../../domain/errors.ts';
import { videosIn } from '../../domain/published.ts';
import type { Recording } from '../../domain/recording.ts';
import type { LateFinding, LateLooker } from '../../engine/late-looker.ts';
import type { Publisher, Video } from '../../engine/ports/publisher.ts';

/**
 * Looks with a publisher for what was made for a recording and given up: an empty video that bears its mark and is not one
 * that the ledger names. Of a cancelled or deleted recording nothing is to stay. The one that stays gets its plain title if
 * it could not be given that when it was complete. Its place is the recording's title.
 */
export function createVideoLooker({ publisher }: { readonly publisher: Publisher }): LateLooker {
  const { service } = publisher;
  return {
    service,
    async look({ recordingId, place: title, claim, signal }) {
      const findings: LateFinding[] = [];
      const own = await publisher.findOwn({ recording: { id: recordingId, title }, signal });
      for (const video of own) {
        const { videoId, status } = video;
        const now = await claim();
        if (now === undefined) continue;
        const { recording, facts } = now;
        if (videosIn(facts).some((published) => published.videoId === videoId)) {
          if (!video.hasPlainTitle) await nameIfAllowed(publisher, { video, recording, signal });
        } else if (status === 'empty' || recording.state === 'cancelled' || recording.state === 'deleted') {
          await publisher.remove({ videoId, signal });
          findings.push({ type: 'late.removed', data: { service, what: 'video', videoId } });
        }
      }
      return findings;
    },
  };
}

/** What a publisher refuses today it may take at a later look. */
async function nameIfAllowed(
  publisher: Publisher,
  { video, recording, signal }: { video: Video; recording: Recording; signal: AbortSignal },
): Promise<void> {
  if (recording.bytes === null) return;
  try {
    await publisher.setTitle?.({ video, recording, bytes: recording.bytes, signal });
  } catch (error) {
    if (!(error instanceof KnownError) || error.code !== 'REMOTE_REJECTED') throw error;
  }
}
