import type { ErrorSummary } from '../domain/errors.ts';

/** Something that took time on a recording's way. */
export interface TracedSpan {
  readonly recordingId: string;
  readonly name: string;
  /** Names this span among those of its recording, in every process alike. */
  readonly key: string;
  /** The key of the span that it is a part of; absent: it is where the recording's way begins. */
  readonly parentKey?: string;
  readonly kind?: 'server' | 'client';
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
  readonly error?: ErrorSummary | undefined;
}

/** Takes spans that are over. It never fails and never waits. */
export interface Tracer {
  record(span: TracedSpan): void;
}
