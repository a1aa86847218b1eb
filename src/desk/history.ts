import type { RecordingEvent } from '../ledger/events.ts';
import { labelOf, type Step } from './steps.ts';
import type { Words } from './words.ts';

/** A line of a recording's history, with what people are told of it. */
export interface ToldEvent extends RecordingEvent {
  readonly words: string;
}

/** @param steps Of the recording: what people call them. */
export function inWords(
  event: RecordingEvent,
  steps: readonly Step[],
  { events }: Pick<Words, 'events'>,
): ToldEvent {
  const { type, data } = event;
  // An older version may have recorded what is no more.
  const words = Object.hasOwn(events, type) ? events[type] : type;
  const { stage } = data;
  return {
    ...event,
    words: typeof stage === 'string' ? words.replace(/^A stage\b/, () => labelOf(steps, stage)) : words,
  };
}
