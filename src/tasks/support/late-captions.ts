import type { Recording } from '../../domain/recording.ts';
import type { LateFinding, LateLooker } from '../../engine/late-looker.ts';
import type { Publisher } from '../../engine/ports/publisher.ts';
import type { Recordings } from '../../ledger/recordings.ts';

/** Where captions are looked for that were given up: no title of a video with a mark looks like it, for that has a blank. */
export function captionsPlace({ videoId, language }: { videoId: string; language: string }): string {
  return `captions/${videoId}/${language}`;
}

const PLACE = /^captions\/(\S+)\/([^\s/]+)$/;

/** What a player calls a language: its English name. Captions under another label are not ours. */
export function labelOf(language: string): string {
  return new Intl.DisplayNames(['en'], { type: 'language', fallback: 'code' }).of(language) ?? language;
}

/**
 * Looks at a video for captions that a transcript has asked for and given up, and takes them from it: those that bear our
 * label, if neither this transcript nor another one of the meeting names the video any more.
 */
export function createCaptionsLooker(options: {
  readonly publisher: Pick<Publisher, 'service' | 'look' | 'captions'>;
  readonly recordings: Pick<Recordings, 'ofGroup' | 'progress'>;
}): LateLooker {
  const { publisher, recordings } = options;

  async function isNamed({ id, groupKey }: Recording, videoId: string): Promise<boolean> {
    const group = groupKey === null ? [] : await recordings.ofGroup(groupKey);
    const ids = new Set([id, ...group.filter(({ kind }) => kind === 'companion').map((other) => other.id)]);
    for (const each of ids) {
      const { facts, checkpoints } = await recordings.progress(each);
      const { videoIds = [] } = facts.captions ?? checkpoints.captions ?? {};
      if (videoIds.includes(videoId)) return true;
    }
    return false;
  }

  return {
    service: publisher.service,
    isFor: (place) => PLACE.test(place),
    async look({ place, claim, signal }) {
      const findings: LateFinding[] = [];
      const [, videoId = '', language = ''] = PLACE.exec(place) ?? [];
      const video = await publisher.look({ videoId, signal });
      const captions = video?.captions.find((each) => each.language === language);
      if (captions?.label !== labelOf(language)) return findings;
      const now = await claim();
      if (now === undefined || (await isNamed(now.recording, videoId))) return findings;
      await publisher.captions?.remove({ videoId, language, signal });
      findings.push({
        type: 'late.removed',
        data: { service: publisher.service, what: 'captions', videoId, language },
      });
      return findings;
    },
  };
}
