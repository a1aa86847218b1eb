import type { News, Progress, Recording, RecordingEvent, Status } from '../api-shapes.ts';

/** A message of the server, parsed. */
export type Message =
  | { readonly event: 'recording'; readonly id: string | undefined; readonly data: RecordingEvent }
  | { readonly event: 'progress'; readonly data: Progress }
  | { readonly event: 'status'; readonly data: News };

/** Shows what happens. */
export interface WatchView {
  /** How all stands at first, and after something was missed. */
  stands(state: { status?: Status; recording?: Recording }): void;
  hear(message: Message): void;
  /** The connection is lost, and made again. */
  lost(): void;
  /** Leaves the terminal as it was. */
  end(): void;
}
