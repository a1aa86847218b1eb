import { readFile } from 'node:fs/promises';
import { type Checkpoints, checkpointSchemas } from '../domain/checkpoints.ts';
import { anotherLook, isBelieved } from '../domain/doubt.ts';
import { KnownError } from '../domain/errors.ts';
import type { TaskShape } from '../domain/recipe.ts';
import type { Facts } from '../domain/recording.ts';
import type { Publisher } from '../engine/ports/publisher.ts';
import type { Task, TaskContext, WithdrawContext } from '../engine/task.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { wallMs } from '../lib/wall-time.ts';
import type { CompanionVideos } from './support/companion-videos.ts';
import { captionsPlace, labelOf } from './support/late-captions.ts';
import { requireFact } from './support/proofs.ts';
import {
  type PublisherParams,
  publisherParams,
  publisherPlaces,
  requirePublisher,
  serviceFor,
} from './support/publisher-params.ts';
import type { Tools } from './support/tools.ts';
import { flawOf, throwGone } from './support/transcript.ts';

export const shape = {
  name: 'captions',
  label: 'Captions',
  lane: 'upload',
  takes: { file: 'proved' },
  params: publisherParams,
  places: publisherPlaces,
  isAgain: true,
} as const satisfies TaskShape;

type CaptionsContext = TaskContext<PublisherParams, Checkpoints['captions']>;

/** How many times in a row a publisher refuses captions before the recording goes on without them. */
const LOOKS = 3;

export const makeTask = (tools: Tools) =>
  createCaptionsTask({
    ...tools,
    videos: tools.companionVideos,
    language: tools.settings.captions.language,
    refusedForMs: tools.settings.publish.goneAfterMs,
  });

/**
 * Gives the videos of the same time their captions, once they are published.
 *
 * Safe to repeat: captions of a language replace those that were there. Which videos get them is recorded first, so
 * that they can be taken back from each, also where they come after they were given up.
 */
export function createCaptionsTask(options: {
  publishers: ReadonlyMap<string, Publisher>;
  videos: Pick<CompanionVideos, 'published'>;
  /** Where nothing else is said. */
  language: string;
  /** How long a publisher refuses captions before the recording goes on without them. */
  refusedForMs: number;
  now?: () => number;
}): Task<PublisherParams, Facts['captions'], Checkpoints['captions']> {
  const { publishers, videos, refusedForMs, now = wallMs } = options;

  return {
    ...shape,
    checkpoint: checkpointSchemas.captions,
    serviceFor: ({ params }) => serviceFor(publishers, params),
    // They bear no id of their own: what shows them is the video's.
    claims: () => [],
    async run(context) {
      const { recording, params, note } = context;
      const publisher = requirePublisher(publishers, params);
      const { path, bytes } = requireFact(context, 'fetch');
      const language = recording.placement?.language ?? options.language;
      const flaw =
        publisher.captions === undefined ? `${publisher.label} shows no captions` : await flawOf(path, bytes);
      const published = flaw === undefined ? await videos.published(recording, publisher.name) : [];
      const wanted = published.map(({ videoId }) => videoId);
      if (wanted.length > 0)
        await context.saveCheckpoint({ ...context.checkpoint, videoIds: wanted, language });
      const videoIds: string[] = [];
      for (const videoId of wanted) {
        const place = captionsPlace({ videoId, language });
        await context.checkLease();
        if (publisher.comesLate) await context.expectLate(place);
        const isSet = await setCaptions(context, publisher, { path, videoId, videoIds: wanted, language });
        crashPoint('captions:after-set');
        if (publisher.comesLate) await context.cameInTime(place);
        if (isSet) videoIds.push(videoId);
      }
      if (videoIds.length === 0) {
        await note('captions.skipped', { why: flaw ?? 'there is no video to set them on' });
      }
      return { videoIds, language };
    },
    withdraw,
  };

  /** Takes the captions from the videos, which stay; those that somebody has set under another name stay too. */
  async function withdraw({
    fact,
    params,
    checkpoint,
    checkLease,
    signal,
  }: WithdrawContext<PublisherParams, Checkpoints['captions']>): Promise<void> {
    const publisher = requirePublisher(publishers, params);
    const { videoIds = [], language = '' } = (fact as Facts['captions'] | undefined) ?? checkpoint ?? {};
    for (const videoId of videoIds) {
      const video = await publisher.look({ videoId, signal });
      const there = video?.captions.find((each) => each.language === language);
      if (there !== undefined && there.label !== labelOf(language)) continue;
      await checkLease();
      await publisher.captions?.remove({ videoId, language, signal });
    }
  }

  /**
   * False if the publisher has refused these captions, or to know the video, several times over a time.
   *
   * @throws KnownError `CAPTIONS_REFUSED` as long as that may pass
   */
  async function setCaptions(
    context: CaptionsContext,
    publisher: Publisher,
    input: { path: string; videoId: string; videoIds: readonly string[]; language: string },
  ): Promise<boolean> {
    const { path, videoId, videoIds, language } = input;
    const text = await readFile(path).catch(throwGone);
    try {
      await publisher.captions?.set({
        videoId,
        language,
        label: labelOf(language),
        text,
        signal: context.signal,
      });
      return true;
    } catch (error) {
      if (!(error instanceof KnownError) || error.code !== 'REMOTE_REJECTED') throw error;
      const doubt = anotherLook(context.checkpoint?.doubt, now());
      if (isBelieved(doubt, { looks: LOOKS, forMs: refusedForMs }, now())) return false;
      await context.saveCheckpoint({ videoIds, language, doubt });
      throw new KnownError(error.message, {
        code: 'CAPTIONS_REFUSED',
        retry: { waitMs: Math.ceil(refusedForMs / (LOOKS - 1)) },
        cause: error,
      });
    }
  }
}
