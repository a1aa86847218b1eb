import { readFile } from 'node:fs/promises';
import type { Bunny } from '../clients/bunny.ts';
import { KnownError, systemCode } from '../domain/errors.ts';
import type { Recording } from '../domain/recording.ts';
import { crashPoint } from '../lib/crash-point.ts';
import { hasCues } from './companion-content.ts';
import type { CompanionVideos } from './companion-videos.ts';
import { requireFact, type Task } from './task.ts';

/** A transcript of many hours has a few hundred thousand bytes. */
const MAX_CAPTIONS_BYTES = 20 * 1024 * 1024;

/**
 * Gives the videos of the same time their captions, once they are published.
 *
 * Safe to repeat: captions of a language replace those that were there.
 */
export function createCaptionsTask(options: {
  bunny: Pick<Bunny, 'setCaptions'>;
  videos: Pick<CompanionVideos, 'published'>;
  /** Where nothing else is said. */
  language: string;
}): Task<'captions'> {
  const { bunny, videos } = options;
  return {
    stage: 'captions',
    isFor: isTranscript,
    serviceFor: () => 'bunny',
    async run({ recording, facts, signal, checkLease, note }) {
      const { path, bytes } = requireFact(facts, 'fetch');
      const language = recording.placement?.language ?? options.language;
      const flaw = await flawOf(path, bytes);
      const published = flaw === undefined ? await videos.published(recording) : [];
      const videoIds: string[] = [];
      for (const { videoId } of published) {
        await checkLease();
        const isSet = await setCaptions(path, videoId, language, signal);
        crashPoint('captions:after-set');
        if (isSet) videoIds.push(videoId);
      }
      if (videoIds.length === 0) {
        await note('captions.skipped', { why: flaw ?? 'there is no video to set them on' });
      }
      return { videoIds, language };
    },
  };

  /** False if Bunny no longer has the video, or will not have these captions. */
  async function setCaptions(
    path: string,
    videoId: string,
    language: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    const text = await readFile(path).catch(throwGone);
    try {
      await bunny.setCaptions({ videoId, language, label: labelOf(language), text, signal });
      return true;
    } catch (error) {
      if (error instanceof KnownError && error.code === 'REMOTE_REJECTED') return false;
      throw error;
    }
  }
}

/** What keeps a transcript from being shown with a video. */
async function flawOf(path: string, bytes: number): Promise<string | undefined> {
  if (bytes > MAX_CAPTIONS_BYTES) return 'it is too large';
  return (await hasCues(path).catch(throwGone)) ? undefined : 'nobody speaks in it';
}

function throwGone(error: unknown): never {
  throw new KnownError(`The transcript is no longer on the disk (${systemCode(error)})`, {
    code: 'SOURCE_GONE',
    cause: error,
  });
}

/** Whether a recording is a transcript, which can be shown with a video. */
function isTranscript({ kind, details }: Recording): boolean {
  return kind === 'companion' && details['companion'] === 'transcript';
}

/** What a player calls a language: its English name. */
function labelOf(language: string): string {
  return new Intl.DisplayNames(['en'], { type: 'language', fallback: 'code' }).of(language) ?? language;
}
