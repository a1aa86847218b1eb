import { byteSize } from '../../lib/byte-size.ts';
import { durationText } from '../../lib/duration-text.ts';
import type { Recording, RecordingEvent } from '../api-shapes.ts';
import { printable } from '../text-width.ts';
import { localTime } from '../times.ts';

/** What has happened to a recording, in a few words. */
export function eventText({ type, words, data, recording }: RecordingEvent): string {
  if (type === 'recording.done') return doneText(recording);
  const isTrouble = ['attempt.failed', 'attempt.postponed', 'recording.failed'].includes(type);
  const why = isTrouble ? recording.last_error?.message : undefined;
  const next =
    isTrouble && recording.not_before !== null ? `; next try ${localTime(recording.not_before)}` : '';
  const { times, sinceMs } = data;
  const often =
    typeof times === 'number' && typeof sinceMs === 'number'
      ? ` ${times} times since ${localTime(new Date(sinceMs).toISOString())}`
      : '';
  return `${words.charAt(0).toLowerCase()}${words.slice(1)}${often}${why === undefined ? '' : `: ${printable(why)}`}${next}`;
}

function doneText({ bytes, started_at: from, ended_at: to }: Recording): string {
  const size = bytes === null ? '' : `, ${byteSize(bytes)}`;
  const time = from === null || to === null ? '' : ` in ${durationText(Date.parse(to) - Date.parse(from))}`;
  return `done${size}${time}`;
}

/** How a recording stands, in a few words. */
export function standText({ state, position, last_error: error, not_before: notBefore }: Recording): string {
  const place = position === null ? '' : `, number ${position} in line`;
  const until = notBefore === null || state === 'moving' ? '' : `, not before ${localTime(notBefore)}`;
  const why = error === null || state === 'done' ? '' : `: ${printable(error.message)}`;
  return `${state}${place}${until}${why}`;
}
