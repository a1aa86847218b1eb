import { playableBody } from '../../domain/announcement.ts';
import { type Playback, playbackIn } from '../../domain/playback.ts';
import type { Plan } from '../../domain/recipe.ts';
import type { Recording } from '../../domain/recording.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { wallMs } from '../../lib/wall-time.ts';

export interface PlayableTerms {
  readonly deliveries: Pick<Ledger['deliveries'], 'add'>;
  readonly cdnHost: string | undefined;
  /** The page on which a recording's package plays; `undefined`: there is none for others. */
  readonly watchPageOf: (recordingId: string) => string | undefined;
}

/** Writes to the outbox that a recording's package can be watched: once for each package. */
export async function announcePlayable(
  { deliveries, cdnHost, watchPageOf }: PlayableTerms,
  recording: Recording,
  playback: Playback,
): Promise<void> {
  await deliveries.add({
    recordingId: recording.id,
    type: 'recording.playable',
    occasion: `recording.playable ${playback.prefix}`,
    body: playableBody({
      recording,
      playback,
      video: undefined,
      embedUrl: watchPageOf(recording.id),
      cdnHost,
      nowMs: wallMs(),
    }),
  });
}

/**
 * For a recording that is about to be done: a package that was made only after the website had heard of the recording, because it
 * had failed at first or was not wanted, is announced too.
 */
export function createLatePlayable(
  options: PlayableTerms & {
    readonly recordings: Pick<Ledger['recordings'], 'get' | 'progress'>;
    readonly planOf: (recording: Recording) => Promise<Plan>;
    /** Called when there is something to deliver. */
    readonly onAdded: () => void;
  },
): (recording: Recording) => Promise<void> {
  return async (recording) => {
    const { facts } = await options.recordings.progress(recording.id);
    const playback = playbackIn(facts);
    if (playback === undefined) return;
    const { steps } = await options.planOf(recording);
    if (!steps.some(({ id, task }) => task === 'notify' && Reflect.get(facts, id) !== undefined)) return;
    // What it is called now: whoever was announced hears of each new title.
    await announcePlayable(options, (await options.recordings.get(recording.id)) ?? recording, playback);
    options.onAdded();
  };
}
