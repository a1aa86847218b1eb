import { publishedBody } from '../domain/announcement.ts';
import { archivedFiles } from '../domain/archived.ts';
import { playbackIn } from '../domain/playback.ts';
import type { TaskShape } from '../domain/recipe.ts';
import type { Facts } from '../domain/recording.ts';
import type { Task } from '../engine/task.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { wallMs } from '../lib/wall-time.ts';
import { announcePlayable } from './support/late-playable.ts';
import { proofsOf, requireFact } from './support/proofs.ts';
import type { Tools } from './support/tools.ts';

export const shape = {
  name: 'notify',
  label: 'Announce',
  lane: 'upload',
  isFinal: true,
  isAgain: true,
} as const satisfies TaskShape;

export const makeTask = (tools: Tools) => createNotifyTask({ ...tools, ...tools.settings.publish });

/**
 * Writes the announcement to the outbox, from where it is delivered in its own time, and has the video watched until it
 * is playable. A package is so already, which is announced at once.
 *
 * Safe to repeat: the outbox keeps one announcement per recording and occasion, with the id and the body of the first.
 */
export function createNotifyTask(options: {
  ledger: Pick<Ledger, 'deliveries' | 'recordings' | 'watches'>;
  cdnHost: string | undefined;
  /** The page on which a recording's package plays; `undefined`: there is none for others. */
  watchPageOf: (recordingId: string) => string | undefined;
  /** How long after the upload it is first asked whether a video is playable. */
  firstLookMs: number;
  /** Called when there is something to deliver and to watch. */
  onAdded: () => void;
  /** Called with companions that have waited for this. */
  onWoken: (companionIds: readonly string[]) => void;
}): Task<unknown, Facts['notify'], never> {
  const { deliveries, recordings, watches } = options.ledger;
  return {
    ...shape,
    async run(context) {
      const { recording, checkLease } = context;
      const videos = proofsOf(context, 'publish').map(({ fact }) => fact);
      const videoIds = videos.map(({ videoId }) => videoId);
      // What it is called now: from here on the website is told of each new title.
      const { title } = (await recordings.get(recording.id)) ?? recording;
      const isAgain = recording.isFromArchive === true;
      const playback = playbackIn((await recordings.progress(recording.id)).facts);
      const told = {
        recording: { ...recording, title },
        playback,
        embedUrl: options.watchPageOf(recording.id),
        cdnHost: options.cdnHost,
      };
      const body = publishedBody({
        ...told,
        facts: {
          fetch: requireFact(context, 'fetch'),
        },
        archives: archivedFiles({ ...proofsOf(context, 'archive').map(({ fact }) => fact) }),
        videos,
        times: await recordings.stageTimes(recording.id),
        nowMs: wallMs(),
      });
      await checkLease();
      const { id } = await deliveries.add({
        recordingId: recording.id,
        type: 'recording.published',
        ...(isAgain ? { occasion: `recording.published ${videoIds.join(' ')}` } : {}),
        body,
      });
      if (playback !== undefined) {
        await announcePlayable({ ...options, deliveries }, told.recording, playback);
      }
      crashPoint('notify:after-outbox');
      if (isAgain) await watches.keepOnly(recording.id, videoIds);
      const notBeforeMs = wallMs() + options.firstLookMs;
      for (const videoId of videoIds) await watches.add({ videoId, recordingId: recording.id, notBeforeMs });
      options.onAdded();
      if (recording.groupKey !== null) options.onWoken(await recordings.wakeCompanions(recording.groupKey));
      return { deliveryId: id };
    },
  };
}
