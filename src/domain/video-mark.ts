/**
 * How a Bunny video says whose it is. A library may be shared with people and other programs, so what bears no mark of
 * ours is neither adopted nor deleted, whatever its title and age.
 *
 * Nothing but the title can be said of a video when it is made, so it bears its recording's mark in its title until it
 * has its bytes; then it gets its plain title, and a meta tag that stays.
 */

/** The meta tags of a video that has all its bytes: the id of its recording, and how many bytes were sent. */
const RECORDING_TAG = 'sluice-recording';
const BYTES_TAG = 'sluice-bytes';

const MARK = /\s*\[sluice ([0-9a-z]+)\]/g;

/** The longest title of a video that is not complete, in characters, its mark included. */
const MAX_MARKED_LENGTH = 200;

/** One meta tag of a video. */
export interface VideoTag {
  readonly property: string;
  readonly value: string;
}

/** What says whose a video is. */
export interface Marked {
  readonly title: string;
  readonly tags: readonly VideoTag[];
}

/** What of a mark is searched for: one word, however a search takes words. */
export function markOf(recordingId: string): string {
  return recordingId.replace('rec_', '');
}

/** The title of a video that does not have all its bytes yet. */
export function markedTitle(recording: { readonly id: string; readonly title: string }): string {
  const mark = ` [sluice ${markOf(recording.id)}]`;
  const plain = Array.from(plainTitle(recording.title)).slice(0, MAX_MARKED_LENGTH - mark.length);
  return `${plain.join('').trimEnd()}${mark}`;
}

/** The title of a video that is complete: that of its recording, which cannot pass for another one's mark. */
export function plainTitle(title: string): string {
  return title.replace(MARK, '').trim() || 'Recording';
}

export function isMarkedTitle(title: string): boolean {
  return title.search(MARK) >= 0;
}

/** The id of the recording that a video was made for; `undefined` if it bears no mark of ours. */
export function ownerOf({ title, tags }: Marked): string | undefined {
  const tagged = tags.find(({ property }) => property === RECORDING_TAG)?.value;
  if (tagged !== undefined) return tagged;
  const mark = [...title.matchAll(MARK)].at(-1)?.[1];
  return mark && `rec_${mark}`;
}

/** How many bytes a complete video was made of; `undefined` where it does not say. */
export function markedBytes({ tags }: Marked): number | undefined {
  const value = tags.find(({ property }) => property === BYTES_TAG)?.value ?? '';
  return /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** The tags of a complete video: those that it has of others, and ours. */
export function tagsOf(
  others: readonly VideoTag[],
  { recordingId, bytes }: { recordingId: string; bytes: number },
): VideoTag[] {
  const theirs = others.filter(({ property }) => property !== RECORDING_TAG && property !== BYTES_TAG);
  return [
    ...theirs,
    { property: RECORDING_TAG, value: recordingId },
    { property: BYTES_TAG, value: String(bytes) },
  ];
}
