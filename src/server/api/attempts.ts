import type { Outlook } from '../../domain/error-catalogue.ts';
import type { ErrorSummary } from '../../domain/errors.ts';
import type { EventType, RecordingEvent } from '../../ledger/events.ts';
import { type AttemptView, iso, viewError } from './views.ts';

/** How an attempt has ended, by the event that ends it. */
const OUTCOMES: Partial<Readonly<Record<EventType, AttemptView['outcome']>>> = {
  'recording.done': 'done',
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
  {
    earlierAttempts,
    isMoving,
    outlook,
  }: { earlierAttempts: number; isMoving: boolean /** Of the recording. */; outlook: Outlook },
): AttemptView[] {
  const attempts: AttemptView[] = [];
  for (const { type, atMs, data } of events) {
    const at = iso(atMs);
    if (type === 'attempt.started') {
      attempts.push({
        number: earlierAttempts + attempts.length + 1,
        started_at: at,
        ended_at: null,
        outcome: 'interrupted',
        error: null,
        stages: [],
      });
      continue;
    }
    const attempt = attempts.at(-1);
    if (attempt === undefined || attempt.ended_at !== null) continue;
    const outcome = OUTCOMES[type];
    if (outcome !== undefined) {
      const error =
        typeof data['code'] === 'string' ? viewError(data as unknown as ErrorSummary, outlook) : null;
      Object.assign(attempt, { outcome, ended_at: at, error });
    }
    if (type === 'stage.started')
      attempt.stages.push({ stage: String(data['stage']), started_at: at, done_at: null });
    if (type === 'stage.done') {
      const stage = attempt.stages.findLast((each) => each.stage === data['stage']);
      if (stage !== undefined) stage.done_at = at;
    }
  }
  const last = attempts.at(-1);
  if (isMoving && last?.ended_at === null) last.outcome = 'running';
  return attempts;
}
