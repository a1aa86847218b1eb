import type { Recording } from './recording.ts';
import { type Span, segmentIndex, segmentsOf, spanOf } from './segments.ts';

type Timed = Pick<Recording, 'details'>;

/**
 * The videos of a meeting that a companion belongs to, in their order, and its fellow companions: those of the same
 * stretch of time. All videos, where no time is known.
 */
export function siblingsOf<R extends Timed & Pick<Recording, 'kind'>>(
  companion: Timed,
  ofMeeting: readonly R[],
): { videos: R[]; companions: R[] } {
  const videos = ofMeeting.filter(({ kind }) => kind === 'video');
  const segments = segmentsOf(videos.map(spanOfRecording));
  const at = (recording: Timed) => segmentIndex(segments, spanOfRecording(recording));
  const mine = at(companion);
  return {
    videos: segments.length === 0 ? videos : videos.filter((video) => mine >= 0 && at(video) === mine),
    companions: ofMeeting.filter((each) => each.kind === 'companion' && at(each) === mine),
  };
}

/** Of the recordings of one meeting the companions that are of the same time as a video. */
export function companionsBeside(video: Recording, group: readonly Recording[]): Recording[] {
  const videos = group.filter(({ kind }) => kind === 'video');
  const segments = segmentsOf(videos.map(spanOfRecording));
  const at = (recording: Recording) => segmentIndex(segments, spanOfRecording(recording));
  const mine = at(video);
  return group.filter((each) => each.kind === 'companion' && (videos.length === 1 || at(each) === mine));
}

/** The stretch of time that a recording covers, as far as its source has said it. */
function spanOfRecording({ details }: Pick<Recording, 'details'>): Span {
  const text = (value: string | number | null | undefined) => (typeof value === 'string' ? value : null);
  return spanOf({ startedAt: text(details['recording_start']), endedAt: text(details['recording_end']) });
}
