import type { Site } from '../clients/site.ts';
import { summarize } from '../domain/errors.ts';
import type { Stage } from '../domain/recording.ts';
import type { EventType } from '../ledger/events.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { TracedSpan, Tracer } from '../lib/tracer.ts';
import { type AnyTask, createPipeline, type Pipeline, type PipelineOptions } from '../tasks/pipeline.ts';
import type { Task } from '../tasks/task.ts';
import type { Intake } from './intake.ts';

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

/** Creates pipelines that trace attempts and their stages; at most one of a recording is under way in a process. */
export function createTracedPipeline({ tracer, history }: { tracer: Tracer; history: Ledger['history'] }) {
  /** The keys of the attempts that are under way, by recording. */
  const attempts = new Map<string, string>();

  async function waitedSinceMs(recordingId: string): Promise<number | undefined> {
    const { events } = await history.ofRecording(recordingId, EVENTS_LOOKED_AT);
    return events.findLast(({ type }) => WAITS_AFTER.includes(type))?.atMs;
  }

  function traced<S extends Stage>(task: Task<S>): Task<S> {
    return {
      ...task,
      run(context) {
        const { id: recordingId } = context.recording;
        const parentKey = attempts.get(recordingId) ?? DOOR;
        const span = {
          recordingId,
          name: `stage.${task.stage}`,
          key: `${parentKey} ${task.stage}`,
          parentKey,
          startMs: Date.now(),
          attributes: { 'sluice.stage': task.stage },
        };
        return during(tracer, span, () => task.run(context));
      },
    };
  }

  return (options: PipelineOptions): Pipeline => {
    const all = (tasks: readonly AnyTask[]) => tasks.map((task) => traced(task as Task<Stage>) as AnyTask);
    const pipeline = createPipeline({
      ...options,
      fetch: traced(options.fetch),
      uploads: all(options.uploads),
      afterwards: all(options.afterwards),
    });
    return {
      ...pipeline,
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
          await during(tracer, span, () => pipeline.run(attempt));
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
