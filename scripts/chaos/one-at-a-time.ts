import { FIRST_LANE } from '../../src/domain/recipe.ts';
import type { EventType, RecordingEvent } from '../../src/ledger/events.ts';
import type { Transfer } from './transfers.ts';
import type { Finding } from './verdict.ts';

const ENDS: ReadonlySet<EventType> = new Set([
  'attempt.interrupted',
  'attempt.postponed',
  'attempt.failed',
  'lane.changed',
  'recording.done',
  'recording.failed',
]);

/** With these it waits, whatever it waits for, in the lane in which all begin. */
const BEGINNINGS: ReadonlySet<EventType> = new Set([
  'recording.retried',
  'recording.revived',
  'recording.set-aside',
  'withdrawal.started',
  'deletion.started',
  'publish-again.asked',
]);

const STAGE_EVENTS: ReadonlySet<EventType> = new Set(['stage.started', 'stage.done', 'stage.undone']);

/** How long before its worker's end, or after it, an attempt may seem to be cut, in milliseconds. */
const TOLERANCE_MS = 250;

/** How much later than it has left a request may be seen by its service, which shares a busy machine; in milliseconds. */
const SEEN_WITHIN_MS = 1500;

/**
 * What happened in the lane in which one recording moves at a time; each with the change of lanes that ends it there.
 *
 * @param beginElsewhere Recordings that begin in another lane
 */
export function inFirstLane(
  events: readonly RecordingEvent[],
  beginElsewhere: Iterable<string> = [],
): RecordingEvent[] {
  const elsewhere = new Set(beginElsewhere);
  return events.filter(({ recordingId, type, data }) => {
    const wasElsewhere = elsewhere.has(recordingId);
    const isElsewhere =
      type === 'lane.changed' ? data['lane'] !== FIRST_LANE : wasElsewhere && !BEGINNINGS.has(type);
    if (isElsewhere) elsewhere.add(recordingId);
    else elsewhere.delete(recordingId);
    return !wasElsewhere || (!isElsewhere && type !== 'lane.changed');
  });
}

/** A time during which a recording moved. One that was cut ends when the next one begins. */
interface Attempt {
  readonly recordingId: string;
  readonly startMs: number;
  endMs: number;
}

/**
 * By what the ledger says of the first lane: an attempt that begins while another recording's goes on is wrong, unless the worker of the other one
 * has ended meanwhile; and so is a stage of a recording that is not the one that moves.
 */
export function* findOverlaps(
  events: readonly RecordingEvent[],
  workerEndsMs: readonly number[],
): Generator<Finding> {
  let moving: { recordingId: string; startMs: number } | undefined;
  // Taking back passes through the gate too, and is no attempt.
  const takenBack = new Set<string>();
  for (const { recordingId, type, atMs } of events) {
    if (type === 'withdrawal.started') takenBack.add(recordingId);
    if (type === 'recording.cancelled') takenBack.delete(recordingId);
    if (type === 'attempt.started') {
      const cut = moving;
      const isCutByKill =
        cut === undefined ||
        workerEndsMs.some((endMs) => endMs > cut.startMs - TOLERANCE_MS && endMs < atMs + TOLERANCE_MS);
      if (cut !== undefined && !isCutByKill) {
        const text = `${recordingId} began to move while ${cut.recordingId} was moving, and no worker had ended`;
        yield { kind: 'doubled', recordingId, text };
      }
      moving = { recordingId, startMs: atMs };
    } else if (STAGE_EVENTS.has(type) && moving?.recordingId !== recordingId && !takenBack.has(recordingId)) {
      const text = `${recordingId} had ${type} while ${moving?.recordingId ?? 'nothing'} was moving`;
      yield { kind: 'doubled', recordingId, text };
    } else if (ENDS.has(type) && moving?.recordingId === recordingId) {
      moving = undefined;
    }
  }
}

/**
 * By the services: a transfer that began outside the times during which the ledger says that its recording moved.
 *
 * @param seenWithinMs How much later than it has left a request may be seen
 */
export function* findStrayTransfers(
  transfers: readonly Transfer[],
  events: readonly RecordingEvent[],
  recordingOf: (transfer: Transfer) => string | undefined,
  seenWithinMs = SEEN_WITHIN_MS,
): Generator<Finding> {
  const attempts = attemptsIn(events);
  for (const transfer of transfers) {
    const recordingId = recordingOf(transfer);
    if (recordingId === undefined) continue;
    const { startedAtMs, ref } = transfer;
    const isWithin = attempts.some(
      (each) =>
        each.recordingId === recordingId &&
        startedAtMs >= each.startMs - TOLERANCE_MS &&
        startedAtMs <= each.endMs + seenWithinMs,
    );
    if (isWithin) continue;
    const at = new Date(startedAtMs).toISOString().slice(11, 23);
    yield {
      kind: 'doubled',
      recordingId,
      text: `${recordingId} was transferred at ${at} (${JSON.stringify(ref)}), outside of all its attempts`,
    };
  }
}

function attemptsIn(events: readonly RecordingEvent[]): Attempt[] {
  const attempts: Attempt[] = [];
  for (const { recordingId, type, atMs } of events) {
    const last = attempts.at(-1);
    const isOpen = last?.endMs === Number.POSITIVE_INFINITY;
    if (type === 'attempt.started') {
      if (last !== undefined && isOpen) last.endMs = atMs;
      attempts.push({ recordingId, startMs: atMs, endMs: Number.POSITIVE_INFINITY });
    } else if (ENDS.has(type) && last !== undefined && isOpen && last.recordingId === recordingId) {
      last.endMs = atMs;
    }
  }
  return attempts;
}
