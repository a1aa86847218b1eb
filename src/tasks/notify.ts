import { publishedBody } from '../domain/announcement.ts';
import type { Deliveries } from '../ledger/deliveries.ts';
import type { Recordings } from '../ledger/recordings.ts';
import { requireFact, type Task } from './task.ts';

/**
 * Writes the announcement to the outbox, from where it is delivered in its own time.
 *
 * Safe to repeat: the outbox keeps one announcement per recording and type, with the id and the body of the first.
 */
export function createNotifyTask(options: {
  deliveries: Pick<Deliveries, 'add'>;
  recordings: Pick<Recordings, 'stageTimes'>;
  cdnHost: string | undefined;
  /** Called when there is something to deliver. */
  onAdded: () => void;
}): Task<'notify'> {
  return {
    stage: 'notify',
    async run({ recording, facts, checkLease }) {
      const body = publishedBody({
        recording,
        facts: {
          fetch: requireFact(facts, 'fetch'),
          archive: requireFact(facts, 'archive'),
          publish: requireFact(facts, 'publish'),
        },
        times: await options.recordings.stageTimes(recording.id),
        cdnHost: options.cdnHost,
        nowMs: Date.now(),
      });
      await checkLease();
      const { id } = await options.deliveries.add({
        recordingId: recording.id,
        type: 'recording.published',
        body,
      });
      options.onAdded();
      return { deliveryId: id };
    },
  };
}
