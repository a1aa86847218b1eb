import type { Encoding, Leg, News, Progress, Recording, RecordingEvent, Status } from '../api-shapes.ts';

/** What has been heard so far, put together: the recording that is looked at, and how all stands. */
export interface Picture {
  readonly news: News;
  /** The one that was asked for; else the one that moves. */
  readonly recording: Recording | undefined;
  readonly legs: Readonly<Record<string, Leg>>;
  readonly encodings: Readonly<Record<string, Encoding>>;
  stands(state: { status?: Status; recording?: Recording }): void;
  hearEvent(event: RecordingEvent): void;
  hearProgress(progress: Progress): void;
  hearNews(news: News): void;
}

/** @param id The recording to look at; without it, whichever moves. */
export function createPicture(id: string | undefined): Picture {
  let news: News = {};
  let recording: Recording | undefined;
  let legs: Record<string, Leg> = {};
  let encodings: Record<string, Encoding> = {};
  /** Whose legs they are: progress may be told before the event that says what begins. */
  let legsOf: string | undefined;

  function look(next: Recording | undefined): void {
    recording = next;
    if (next !== undefined && legsOf !== next.id) {
      legs = {};
      encodings = {};
    }
    legsOf = next?.id ?? legsOf;
  }

  return {
    get news() {
      return news;
    },
    get recording() {
      return recording;
    },
    get legs() {
      return legs;
    },
    get encodings() {
      return encodings;
    },
    stands(state) {
      if (state.status !== undefined) news = state.status;
      look(state.recording ?? state.status?.moving ?? undefined);
    },
    hearEvent({ type, data, recording: next }) {
      const isLookedAt = id === undefined ? next.state === 'moving' : next.id === id;
      if (isLookedAt) look(next);
      else if (recording?.id === next.id) look(undefined);
      if (next.id !== legsOf) return;
      if (type === 'attempt.started') {
        legs = {};
        encodings = {};
      }
      const stage = String(data['stage']);
      const leg = legs[stage];
      if (type === 'stage.done' && leg !== undefined) {
        legs = { ...legs, [stage]: { ...leg, done_bytes: leg.total_bytes, bytes_per_s: 0, left_s: null } };
      }
    },
    hearProgress(progress) {
      if (recording !== undefined && recording.id !== progress.recording_id) return;
      legs = { ...(legsOf === progress.recording_id ? legs : {}), ...progress.legs };
      encodings = progress.encodings;
      legsOf = progress.recording_id;
    },
    hearNews(some) {
      news = { ...news, ...some };
    },
  };
}
