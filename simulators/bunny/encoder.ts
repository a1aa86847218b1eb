import type { WebhookEvent } from './webhooks.ts';

/** What the encoder changes about a video. */
interface Encodable {
  readonly guid: string;
  readonly willFail: boolean;
  status: number;
  encodeProgress: number;
  availableResolutions: string | null;
}

interface Step {
  readonly status: number;
  readonly encodeProgress: number;
  readonly availableResolutions: string | null;
  readonly event: WebhookEvent;
}

/** Walks videos through Bunny's statuses: 1 uploaded, 2 processing, 3 transcoding, 4 finished. */
export interface Encoder {
  start(video: Encodable): void;
  stop(video: Encodable): void;
  /** Ends with status 5, whatever the video's status was. */
  fail(video: Encodable): void;
  /** Stops every video where it is, or lets all go on. */
  hold(isHeld: boolean): void;
  close(): void;
}

const STEPS: readonly Step[] = [
  { status: 1, encodeProgress: 0, availableResolutions: null, event: 'queued' },
  { status: 2, encodeProgress: 10, availableResolutions: null, event: 'processing' },
  { status: 3, encodeProgress: 40, availableResolutions: null, event: 'encoding' },
  { status: 3, encodeProgress: 80, availableResolutions: '360p', event: 'resolutionFinished' },
  { status: 4, encodeProgress: 100, availableResolutions: '360p,720p', event: 'finished' },
];

/** Creates an encoder that moves each video one step every `stepMs`; `tell` hears of every step. */
export function createEncoder(options: {
  readonly stepMs: number;
  readonly tell: (guid: string, event: WebhookEvent) => void;
}): Encoder {
  const { stepMs, tell } = options;
  const walking = new Map<Encodable, { nextStep: number; timer: NodeJS.Timeout | undefined }>();
  let isHeld = false;

  function schedule(video: Encodable): void {
    const walk = walking.get(video);
    if (walk === undefined || isHeld) return;
    walk.timer = setTimeout(() => take(video), stepMs);
    walk.timer.unref();
  }

  function take(video: Encodable): void {
    const walk = walking.get(video);
    if (walk === undefined) return;
    const step = STEPS[walk.nextStep];
    if (step === undefined) {
      walking.delete(video);
      return;
    }
    if (video.willFail && step.status === 3) {
      fail(video);
      return;
    }
    walk.nextStep += 1;
    video.status = step.status;
    video.encodeProgress = step.encodeProgress;
    video.availableResolutions = step.availableResolutions;
    tell(video.guid, step.event);
    if (walk.nextStep < STEPS.length) schedule(video);
    else walking.delete(video);
  }

  function stop(video: Encodable): void {
    clearTimeout(walking.get(video)?.timer);
    walking.delete(video);
  }

  function fail(video: Encodable): void {
    stop(video);
    video.status = 5;
    tell(video.guid, 'failed');
  }

  return {
    start(video) {
      walking.set(video, { nextStep: 0, timer: undefined });
      take(video);
    },
    stop,
    fail,
    hold(wanted) {
      if (wanted === isHeld) return;
      isHeld = wanted;
      for (const [video, walk] of walking) {
        if (isHeld) clearTimeout(walk.timer);
        else schedule(video);
      }
    },
    close() {
      for (const video of [...walking.keys()]) stop(video);
    },
  };
}
