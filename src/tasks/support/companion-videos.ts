import { siblingsOf } from '../../domain/companions.ts';
import { KnownError } from '../../domain/errors.ts';
import { archiveStem } from '../../domain/names.ts';
import { publisherOf, type VideoFact, videosIn } from '../../domain/published.ts';
import { MOVABLE_STATES, type Recording } from '../../domain/recording.ts';
import type { Recordings } from '../../ledger/recordings.ts';
import { wallMs } from '../../lib/wall-time.ts';

/** How often a companion looks again for its video; it is called as soon as something happens. */
const LOOK_AGAIN_MS = 30 * 60_000;

/** What a companion has to know of the recordings of its meeting. */
export interface CompanionVideos {
  /**
   * The name that it gets in the archive: that of its video with an extension of its own.
   *
   * @throws KnownError `WAITING_FOR_VIDEO` while no video is known, until it has waited long enough: then its own name
   */
  archiveName(companion: Recording, extension: string): Promise<string>;
  /**
   * The videos of the same time that a publisher has, none if it has waited for one long enough.
   *
   * @throws KnownError `WAITING_FOR_VIDEO` while one is on its way
   */
  published(companion: Recording, publisher: string): Promise<VideoFact[]>;
}

export function createCompanionVideos(options: {
  recordings: Pick<Recordings, 'ofGroup' | 'progress'>;
  /** How long a companion waits for a video that nobody has seen yet. */
  waitMs: number;
  now?: () => number;
}): CompanionVideos {
  const { recordings, waitMs, now = wallMs } = options;

  /** All videos of the same time, oldest first, and the companions beside them. */
  async function siblings(companion: Recording): Promise<{ videos: Recording[]; companions: Recording[] }> {
    return siblingsOf(
      companion,
      companion.groupKey === null ? [] : await recordings.ofGroup(companion.groupKey),
    );
  }

  function waitFor(companion: Recording, what: string, isCertain: boolean): void {
    const leftMs = companion.acceptedAtMs + waitMs - now();
    if (!isCertain && leftMs <= 0) return;
    throw new KnownError(what, {
      code: 'WAITING_FOR_VIDEO',
      retry: { waitMs: isCertain ? LOOK_AGAIN_MS : Math.min(LOOK_AGAIN_MS, leftMs) },
    });
  }

  return {
    async archiveName(companion, extension) {
      const { videos, companions } = await siblings(companion);
      const [video] = videos;
      if (video === undefined) waitFor(companion, 'The video that this belongs to is not known yet', false);
      const archived = video && (await recordings.progress(video.id)).facts.archive?.fileName;
      const stem = archived?.replace(/\.[^./]+$/, '') ?? archiveStem(video ?? companion);

      // The first of its kind has the plain name; there may be a sound for each participant.
      const label = labelOf(companion);
      const { companion: kind } = companion.details;
      const isFirst = companions.find(({ details }) => details['companion'] === kind)?.id === companion.id;
      const own = isFirst ? '' : `.${companion.id.replace('rec_', '').slice(0, 8)}`;
      return `${stem}${label}${own}.${extension}`;
    },

    async published(companion, publisher) {
      const { videos } = await siblings(companion);
      const published: VideoFact[] = [];
      for (const video of videos) {
        const { facts } = await recordings.progress(video.id);
        const fact = videosIn(facts).find(({ videoId }) => publisherOf(videoId) === publisher);
        if (fact !== undefined) published.push(fact);
        else if (MOVABLE_STATES.includes(video.state)) waitFor(companion, 'The video is on its way', true);
      }
      if (published.length === 0) waitFor(companion, 'There is no published video yet', false);
      return published;
    },
  };
}

/** What tells companions of one video apart where their extensions do not. */
function labelOf({ details }: Recording): string {
  const companion = String(details['companion']);
  return ['transcript', 'chat', 'timeline', 'audio'].includes(companion)
    ? ''
    : `.${companion.replaceAll('_', '-')}`;
}
