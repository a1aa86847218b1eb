import type { Intake } from '../desk/intake.ts';
import { summarize } from '../domain/errors.ts';
import { createFlight, type Flight, type FlightOptions } from '../engine/flight.ts';
import type { Site } from '../engine/ports/site.ts';
import type { AnyTask } from '../engine/task.ts';
import type { EventType } from '../ledger/events.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { TracedSpan, Tracer } from '../lib/tracer.ts';

/* What is traced, put around what does it: without a tracer it is not there. */

/** The span that a recording's trace begins with. */
const DOOR = 'door';

/** How much of a recording's history is looked through for the moment at which it began to wait. */
const EVENTS_LOOKED_AT = 50;

/** After these a recording waits. */
const WAITS_AFTER: readonly EventType[] = [
  'recording.accepted',
  'recording.revived',
  'recording.retried',
  'publish-again.asked',
  'attempt.failed',
  'attempt.postponed',
  'attempt.interrupted',
];

export function traceIntake(intake: Intake, tracer: Tracer): Intake {
  return {
    async accept(recording) {
      const startMs = Date.now();
      const accepted = await intake.accept(recording);
      const { id: recordingId, isDuplicate } = accepted;
      const again = { key: `${DOOR} ${startMs}`, parentKey: DOOR };
      tracer.record({
        recordingId,
        name: 'door.accept',
        ...(isDuplicate ? again : { key: DOOR }),
        kind: 'server',
        startMs,
        endMs: Date.now(),
        attributes: { 'sluice.source': recording.source, 'sluice.duplicate': isDuplicate },
      });
      return accepted;
    },
  };
}

/** Creates flights that trace attempts and their steps; at most one of a recording is under way in a process. */
export function createTracedFlight({ tracer, history }: { tracer: Tracer; history: Ledger['history'] }) {
  /** The keys of the attempts that are under way, by recording. */
  const attempts = new Map<string, string>();

  async function waitedSinceMs(recordingId: string): Promise<number | undefined> {
    const { events } = await history.ofRecording(recordingId, EVENTS_LOOKED_AT);
    return events.findLast(({ type }) => WAITS_AFTER.includes(type))?.atMs;
  }

  function traced(task: AnyTask): AnyTask {
    return {
      ...task,
      run(context) {
        const { id: recordingId } = context.recording;
        const parentKey = attempts.get(recordingId) ?? DOOR;
        const span = {
          recordingId,
          name: `stage.${context.step.id}`,
          key: `${parentKey} ${context.step.id}`,
          parentKey,
          startMs: Date.now(),
          attributes: { 'sluice.stage': context.step.id },
        };
        return during(tracer, span, () => task.run(context));
      },
    };
  }

  return (options: FlightOptions): Flight => {
    const tasks = new Map([...options.tasks].map(([name, task]) => [name, traced(task)]));
    const flight = createFlight({ ...options, tasks });
    return {
      ...flight,
      async run(attempt) {
        const recordingId = attempt.recording.id;
        const { fence } = attempt.lease;
        const key = `attempt ${fence}`;
        const startMs = Date.now();
        const waitedMs = await waitedSinceMs(recordingId).catch(() => undefined);
        if (waitedMs !== undefined) {
          const wait = { recordingId, name: 'line.wait', key: `wait ${fence}`, parentKey: DOOR };
          tracer.record({ ...wait, startMs: waitedMs, endMs: startMs });
        }
        attempts.set(recordingId, key);
        const attributes = { 'sluice.failed_attempts': attempt.recording.failedAttempts };
        const span = { recordingId, name: 'attempt', key, parentKey: DOOR, startMs, attributes };
        try {
          return await during(tracer, span, () => flight.run(attempt));
        } finally {
          attempts.delete(recordingId);
        }
      },
    };
  };
}

/** Traces attempts to deliver announcements. */
export function traceSite(
  site: Pick<Site, 'announce'>,
  options: { tracer: Tracer; deliveries: Ledger['deliveries'] },
): Pick<Site, 'announce'> {
  return {
    async announce(input) {
      const delivery = await options.deliveries.get(input.id);
      if (delivery === undefined) return await site.announce(input);
      const span = {
        recordingId: delivery.recordingId,
        name: 'delivery',
        key: `delivery ${input.id} ${delivery.attempts}`,
        parentKey: DOOR,
        kind: 'client' as const,
        startMs: Date.now(),
        attributes: {
          'sluice.delivery.type': delivery.type,
          'sluice.delivery.attempt': delivery.attempts + 1,
        },
      };
      await during(options.tracer, span, () => site.announce(input));
    },
  };
}

/** Records a span for as long as something takes, and how it ended. */
async function during<T>(
  tracer: Tracer,
  span: Omit<TracedSpan, 'endMs' | 'error'>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    const result = await work();
    tracer.record({ ...span, endMs: Date.now() });
    return result;
  } catch (error) {
    tracer.record({ ...span, endMs: Date.now(), error: summarize(error) });
    throw error;
  }
}
