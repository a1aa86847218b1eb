import type { ErrorSummary } from '../domain/errors.ts';
import type { EventType, RecordingEvent } from '../ledger/events.ts';

/** One pass of a recording through the steps that it lacked. */
export interface Attempt {
  readonly number: number;
  readonly startedAtMs: number;
  /** `undefined`: it goes on, or its worker died. */
  endedAtMs: number | undefined;
  /** `handed-over`: it goes on in another lane. */
  outcome: 'running' | 'done' | 'failed' | 'postponed' | 'interrupted' | 'handed-over';
  error: ErrorSummary | undefined;
  readonly stages: { readonly stage: string; readonly startedAtMs: number; doneAtMs: number | undefined }[];
}

/** How an attempt has ended, by the event that ends it. */
const OUTCOMES: Partial<Readonly<Record<EventType, Attempt['outcome']>>> = {
  'recording.done': 'done',
  'outputs.settled': 'done',
  'publish-again.done': 'done',
  'recording.failed': 'failed',
  'attempt.failed': 'failed',
  'attempt.postponed': 'postponed',
  'attempt.interrupted': 'interrupted',
  'lane.changed': 'handed-over',
};

/**
 * The attempts that a recording's history tells of, oldest first. One that was never ended, and is not the last of a
 * recording that moves, died with its worker.
 */
export function attemptsOf(
  events: readonly RecordingEvent[],
  { earlierAttempts, isMoving }: { earlierAttempts: number; isMoving: boolean /** Of the recording. */ },
): Attempt[] {
  const attempts: Attempt[] = [];
  for (const { type, atMs, data } of events) {
    if (type === 'attempt.started') {
      attempts.push({
        number: earlierAttempts + attempts.length + 1,
        startedAtMs: atMs,
        endedAtMs: undefined,
        outcome: 'interrupted',
        error: undefined,
        stages: [],
      });
      continue;
    }
    const attempt = attempts.at(-1);
    if (attempt === undefined || attempt.endedAtMs !== undefined) continue;
    const outcome = OUTCOMES[type];
    if (outcome !== undefined) {
      const error = typeof data['code'] === 'string' ? (data as unknown as ErrorSummary) : undefined;
      Object.assign(attempt, { outcome, endedAtMs: atMs, error });
    }
    if (type === 'stage.started') {
      attempt.stages.push({ stage: String(data['stage']), startedAtMs: atMs, doneAtMs: undefined });
    }
    if (type === 'stage.done') {
      const stage = attempt.stages.findLast((each) => each.stage === data['stage']);
      if (stage !== undefined) stage.doneAtMs = atMs;
    }
  }
  const last = attempts.at(-1);
  if (isMoving && last !== undefined && last.endedAtMs === undefined) last.outcome = 'running';
  return attempts;
}
