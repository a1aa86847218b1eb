import type { PackagedCaptions } from '../../src/domain/media/packaged-captions.ts';
import { putCaptions } from '../../src/tasks/support/package-captions-files.ts';
import type { MediaBench } from './media-bench.ts';

/** What a package of a bench has proved, as far as captions need it. */
interface Packaged {
  readonly prefix: string;
  readonly durationS: number;
  readonly keys: { readonly hls: string | null; readonly dash: string | null };
}

export const ENGLISH: PackagedCaptions = { name: 'captions-en-11111111', language: 'en', label: 'English' };

/** A cue for each second of a film: `second 0`, `second 1` and so on. */
export function secondsOf(lengthS: number): string {
  const at = (s: number) => `00:00:${String(s).padStart(2, '0')}.000`;
  const cues = Array.from(
    { length: lengthS },
    (_, s) => `${s + 1}\n${at(s)} --> ${at(s + 1)}\nsecond ${s}\n`,
  );
  return `WEBVTT\n\n${cues.join('\n')}`;
}

/** Brings captions to a package that a bench has made, as the step does. */
export async function bringCaptions(bench: MediaBench, fact: Packaged, transcript: string): Promise<void> {
  const { scratch, retry } = bench.tools;
  const recordingId = `rec_${'c'.repeat(24)}`;
  const owner = { recording: { id: recordingId }, step: { id: 'package-captions' }, fence: 1 };
  const { signal } = new AbortController();
  const { prefix, durationS, keys } = fact;
  const manifests = [keys.dash, keys.hls].filter((key) => key !== null);
  await putCaptions(
    { place: bench.outputs, scratch, retry, owner, beforeEach: async () => {}, signal },
    { recordingId, prefix, durationS, manifests },
    { own: ENGLISH, all: [ENGLISH], transcript },
  );
}
